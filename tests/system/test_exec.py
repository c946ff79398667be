"""nbhook exec: a notebook file played by hand, by an ordinary account, without any configuration."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, Iterator

import pytest

from executor import account, become, code, notebook, program
from running import open_folder

NO_CONFIGURATION = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LANG": "C.UTF-8"}


class Desk:
    """A folder of an ordinary account, and nbhook exec in it."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.user = account()
        self.work = folder / "work"
        self.work.mkdir()
        if self.user is not None:
            os.chown(self.work, self.user.pw_uid, self.user.pw_gid)

    def write(self, name: str, *cells: Any, **members: Any) -> Path:
        path = self.work / name
        path.write_text(json.dumps(notebook(*cells, **members)))
        return path

    def start(self, *words: str, **options: Any) -> subprocess.Popen:
        return subprocess.Popen([str(program("nbhook")), "exec", *words], cwd=self.work,
                                **{"env": NO_CONFIGURATION, "stdin": subprocess.DEVNULL,
                                   "stdout": subprocess.PIPE, "stderr": subprocess.PIPE,
                                   "encoding": "utf-8", **become(self.user), **options})

    def exec(self, *words: str, stdin: str = "", **options: Any) -> subprocess.CompletedProcess:
        process = self.start(*words, stdin=subprocess.PIPE, **options)
        out, err = process.communicate(stdin, timeout=120)
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def read(self, name: str) -> dict:
        return json.loads((self.work / name).read_text())

    def processes(self) -> list[str]:
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and os.readlink(entry / "cwd") == str(self.work):
                    found.append(entry.name)
            except OSError:
                continue
        return found


@pytest.fixture
def desk() -> Iterator[Desk]:
    with open_folder() as folder:
        yield Desk(Path(folder))


def printed(executed: dict) -> str:
    return "".join("".join(output["text"]) for cell in executed["cells"]
                   for output in cell.get("outputs", []) if output["output_type"] == "stream")


def test_the_executed_notebook_is_beside_it(desk: Desk) -> None:
    desk.write("a.ipynb", "import os; print(os.getcwd())", "6 * 7")
    before = (desk.work / "a.ipynb").read_bytes()
    done = desk.exec("a.ipynb")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "a.executed.ipynb: succeed, 2 of 2 cells" in done.stderr
    executed = desk.read("a.executed.ipynb")
    assert printed(executed) == f"{desk.work}\n"
    assert executed["cells"][1]["outputs"][0]["data"]["text/plain"] == ["42"]
    assert (desk.work / "a.ipynb").read_bytes() == before
    assert sorted(os.listdir(desk.work)) == ["a.executed.ipynb", "a.ipynb"]


def test_it_is_a_filter(desk: Desk) -> None:
    content = desk.write("a.ipynb", "print('hi')").read_text()
    done = desk.exec("-q", "-", stdin=content)
    assert (done.returncode, done.stderr) == (0, "")
    assert printed(json.loads(done.stdout)) == "hi\n"


def test_it_replaces_a_file_as_a_whole_and_keeps_its_mode(desk: Desk) -> None:
    path = desk.write("a.ipynb", "print('hi')")
    if desk.user is not None:
        os.chown(path, desk.user.pw_uid, desk.user.pw_gid)
    path.chmod(0o640)
    (desk.work / "link.ipynb").symlink_to("a.ipynb")
    assert desk.exec("a.ipynb", "-o", "link.ipynb").returncode == 0
    assert (desk.work / "link.ipynb").is_symlink()
    assert printed(desk.read("a.ipynb")) == "hi\n"
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_device_is_written_into(desk: Desk) -> None:
    desk.write("a.ipynb", "1")
    assert desk.exec("a.ipynb", "-o", "/dev/null").returncode == 0
    assert Path("/dev/null").is_char_device()


def test_where_nothing_can_be_written_nothing_is_played(desk: Desk) -> None:
    desk.write("a.ipynb", "open('played', 'w')")
    for output in ("/nonexistent/x.ipynb", "/proc/x.ipynb", "."):
        done = desk.exec("a.ipynb", "-o", output)
        assert done.returncode == 1 and done.stderr.startswith("nbhook: writing to"), done.stderr
    assert not (desk.work / "played").exists()


def test_params(desk: Desk) -> None:
    desk.write("a.ipynb", code("a = b = c = 0", tags=["parameters"]), "print(repr([a, b, c]))")
    done = desk.exec("-p", "a", '[1, null, "x"]', "-r", "b", "8001", "-p", "c=1e2", "a.ipynb")
    assert done.returncode == 0, done.stderr
    executed = desk.read("a.executed.ipynb")
    assert printed(executed) == "[[1, None, 'x'], '8001', 100.0]\n"
    assert [cell["metadata"].get("tags") for cell in executed["cells"]] == [
        ["parameters"], ["injected-parameters"], None]


def test_a_name_that_is_code_is_refused(desk: Desk) -> None:
    desk.write("a.ipynb", "1")
    done = desk.exec("a.ipynb", "-p", "x;import os", "1")
    assert done.returncode == 1 and "is no name" in done.stderr
    assert desk.exec("a.ipynb", "-p", "x").returncode == 2


def test_a_failure_is_told_and_kept(desk: Desk) -> None:
    desk.write("a.ipynb", "print('before')", "def f():\n    1/0\nf()", "print('after')")
    done = desk.exec("a.ipynb")
    assert done.returncode == 1
    assert "In cell 1, In [2]:\n    def f():\n        1/0\n    f()\n" in done.stderr
    assert "\x1b" not in done.stderr
    assert done.stderr.splitlines()[-1] == (
        "nbhook: a.ipynb failed: ZeroDivisionError: division by zero (cell 1)")
    executed = desk.read("a.executed.ipynb")
    assert printed(executed) == "before\n"
    assert [output["ename"] for cell in executed["cells"] for output in cell.get("outputs", [])
            if output["output_type"] == "error"] == ["ZeroDivisionError"]


def test_a_kernel_that_dies_is_told(desk: Desk) -> None:
    desk.write("a.ipynb", "import os; os.kill(os.getpid(), 9)")
    done = desk.exec("a.ipynb")
    assert done.returncode == 1
    assert "signal 9" in done.stderr and "os.kill" in done.stderr


def test_json(desk: Desk) -> None:
    desk.write("a.ipynb", "1", "boom")
    done = desk.exec("--json", "a.ipynb")
    outcome = json.loads(done.stdout)
    assert (done.returncode, outcome["status"], outcome["reason"]) == (1, "failed", "cell_error")
    assert outcome["progress"] == {"done": 1, "total": 2}
    assert desk.exec("--json", "a.ipynb", "-o", "-").returncode == 2


def test_what_is_no_notebook(desk: Desk) -> None:
    (desk.work / "a.ipynb").write_text("{}")
    done = desk.exec("a.ipynb")
    assert done.returncode == 1 and "nbformat" in done.stderr
    assert desk.exec("missing.ipynb").returncode == 1
    assert desk.exec(".").returncode == 1
    assert sorted(os.listdir(desk.work)) == ["a.ipynb"]


def test_kernels(desk: Desk) -> None:
    desk.write("a.ipynb", "print(1)", kernel="conda-env-base-py")
    done = desk.exec("a.ipynb")
    assert done.returncode == 0 and 'no kernel "conda-env-base-py"' in done.stderr
    done = desk.exec("a.ipynb", "--kernel", "nosuch")
    assert done.returncode == 1 and "nosuch" in done.stderr and "python3" in done.stderr
    assert desk.exec("a.ipynb", "--kernel", "python3").returncode == 0


def test_a_timeout(desk: Desk) -> None:
    desk.write("a.ipynb", "print('on')", "import time; time.sleep(600)")
    begun = time.monotonic()
    done = desk.exec("a.ipynb", "--timeout", "3")
    assert done.returncode == 1 and "run_timeout" in done.stderr
    assert time.monotonic() - begun < 15
    assert printed(desk.read("a.executed.ipynb")) == "on\n"
    assert desk.processes() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_and_leaves_nothing(desk: Desk, number: int) -> None:
    desk.write("a.ipynb", "import subprocess, time\nsubprocess.Popen(['sleep', '600'])\nprint('on')\n"
               "open('here', 'w')\ntime.sleep(600)")
    folders = set(os.listdir("/tmp"))
    process = desk.start("a.ipynb")
    while not (desk.work / "here").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 128 + number, err
    assert "stopped by a signal" in err
    assert printed(desk.read("a.executed.ipynb")) == "on\n"
    assert desk.processes() == []
    assert not {name for name in set(os.listdir("/tmp")) - folders if len(name) == 7 and name[0] == "n"}


def test_a_bar_on_a_terminal(desk: Desk) -> None:
    desk.write("a.ipynb", "1", "2", "3")
    ours, theirs = pty.openpty()
    process = desk.start("a.ipynb", stderr=theirs)
    os.close(theirs)
    assert process.wait(60) == 0
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert "of 3 cells" in shown and "\r" in shown and "succeed, 3 of 3 cells" in shown


def test_root_is_told_what_to_do(desk: Desk, as_root: None) -> None:
    desk.write("a.ipynb", "1")
    done = desk.exec("a.ipynb", user=0)
    assert done.returncode == 1 and "runuser" in done.stderr
