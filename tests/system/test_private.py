"""What a run has for itself, and what it sees of the others'."""

from __future__ import annotations

import json
import os
from typing import Iterator

import pytest

from executor import Bench, Run, notebook


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.close()


def test_what_a_run_keeps_for_itself_is_on_disk_and_its_own(bench: Bench) -> None:
    run = bench.run("import os, json; print(json.dumps(dict(os.environ)))",
                    "import stat; print(oct(stat.S_IMODE(os.stat(os.environ['HOME']).st_mode)))",
                    "os.path.isdir(os.environ['TMPDIR'])")
    printed, mode = run.text().splitlines()
    environment = json.loads(printed)
    home = environment["HOME"]
    assert os.path.dirname(home) == str(bench.folder / "tmp")
    assert {name: environment[name].startswith(home + "/")
            for name in ("MPLCONFIGDIR", "TMPDIR", "XDG_CACHE_HOME")} == {
                "MPLCONFIGDIR": True, "TMPDIR": True, "XDG_CACHE_HOME": True}
    assert mode == "0o700"
    assert run.outputs()[-1]["data"]["text/plain"] == ["True"]


def test_what_jupyter_and_ipython_keep_of_a_kernel_is_where_its_sockets_are(bench: Bench) -> None:
    run = bench.run("import os, sys",
                    "runtime = os.path.dirname(sys.argv[sys.argv.index('-f') + 1])",
                    "print(os.environ['JUPYTER_RUNTIME_DIR'] == runtime,"
                    " os.path.dirname(get_ipython().ipython_dir) == runtime,"
                    " os.path.isdir(get_ipython().profile_dir.security_dir), runtime)")
    *held, runtime = run.text().split()
    assert held == ["True", "True", "True"]
    assert not os.path.exists(runtime)


def test_without_tmpdir_it_is_below_var_tmp(bench: Bench) -> None:
    run = bench.start(environment={"TMPDIR": "not/absolute"})
    bench.play(notebook("import os; print(os.environ['HOME'])"), run=run).finish()
    home = run.text().strip()
    assert os.path.dirname(home) == "/var/tmp"
    assert not os.path.exists(home)


CONNECTIONS_OF_OTHERS = """
import glob, os, subprocess, sys
connection_file = sys.argv[sys.argv.index('-f') + 1]
k = os.path.dirname(os.path.dirname(connection_file))
def others():
    return [path for path in glob.glob(k + "/*/*") if not path.startswith(os.path.dirname(connection_file))]
"""


def connections_of_others(*lines: str) -> str:
    """A cell of lines that know the way to the other runs."""
    return "\n".join([CONNECTIONS_OF_OTHERS, *lines])


def playing(bench: Bench) -> Run:
    run = bench.play(notebook("import time; time.sleep(600)"))
    run.watch_until(lambda event: event["state"] == "playing")
    return run


def test_a_run_sees_no_connection_but_its_own(bench: Bench) -> None:
    other = playing(bench)
    run = bench.run(connections_of_others("print(others(), len(os.listdir(k)))"),
                    "%connect_info", "open(k + '/new', 'w')")
    assert run.text().startswith("[] 1\n")
    assert "signature_scheme" in run.text()
    assert run.outputs()[-1]["ename"] in ("OSError", "PermissionError")
    other.stop("stopped_by_user")
    other.finish()


def test_a_run_cannot_uncover_the_other_connections(bench: Bench) -> None:
    other = playing(bench)
    tries = ["umount -l {k}; ls {k}", "unshare --user --map-root-user --mount sh -c 'umount -l {k}; ls {k}'",
             "unshare --user --map-root-user --mount sh -c 'mount -t tmpfs none {k}; umount {k}; ls {k}'"]
    run = bench.run(connections_of_others(
        *(f"print(subprocess.run(f{line!r}, shell=True, text=True, capture_output=True).stdout.split() "
          "== [os.path.basename(os.path.dirname(connection_file))])" for line in tries)))
    assert run.text() == "True\n" * len(tries)
    other.stop("stopped_by_user")
    other.finish()


def test_without_namespaces_the_key_of_a_playing_kernel_is_not_to_be_read() -> None:
    bench = Bench(namespaces="off")
    try:
        other = playing(bench)
        run = bench.run(connections_of_others("print({os.path.basename(path) for path in others()})"))
        assert "s-1" in run.text() and "kernel.json" not in run.text()
        other.stop("stopped_by_user")
        other.finish()
    finally:
        bench.close()
