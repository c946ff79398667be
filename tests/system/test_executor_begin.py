"""An executor that has a run which may not begin yet: what it does meanwhile, and what it does not."""

from __future__ import annotations

import array
import contextlib
import fcntl
import os
import signal
import socket
import termios
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from executor import Bench, Run, eventually, notebook, receive_frame, send_frame
from test_forkserver import BEFOREHAND, KeptRunner, make_runner  # noqa: F401

BEGINS = "print(open('began', 'w').write('x'))"
MODULE = "open('imported', 'w')\nclass n_env: pass\n"


@pytest.fixture
def make_bench() -> Iterator[Callable[..., Bench]]:
    with contextlib.ExitStack() as stack:
        yield lambda **settings: stack.enter_context(contextlib.closing(Bench(**settings)))


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    return make_bench()


@pytest.fixture
def runner(make_runner: Callable[..., KeptRunner]) -> KeptRunner:  # noqa: F811
    made = make_runner(BEFOREHAND)
    made.settled()
    return made


def waiting_bytes(sock: socket.socket) -> int:
    """What the other end has not read yet."""
    found = array.array("i", [0])
    fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, found)
    return found[0]


def says_nothing_more(watcher: socket.socket, skip: int = 0) -> bool:
    """In many times what all takes that may come before; but for the first frames."""
    watcher.settimeout(2)
    for _ in range(skip):
        receive_frame(watcher)
    with contextlib.suppress(TimeoutError):
        receive_frame(watcher)
        return False
    return True


def held(run: Run) -> Run:
    """When it does no more than that."""
    watcher = run.connect()
    watcher.settimeout(30)
    assert receive_frame(watcher)[0]["state"] == "starting"
    assert says_nothing_more(watcher)
    return run


def test_nothing_of_the_authors_is_played_before_the_run_may_begin(runner: KeptRunner) -> None:
    run = held(runner.bench.play(notebook(BEGINS), run=runner.take(), begins=False))
    assert "was ready as a fork" in run.log
    assert run.outcome_lines == [] and not (runner.bench.folder / "work/began").exists()
    run.begin()
    run.finish()
    assert [line["mark"] for line in run.outcome_lines] == ["started", "ended"]
    assert run.text() == "1\n"


def test_a_fork_of_a_run_of_which_nobody_knows_is_ended(runner: KeptRunner) -> None:
    run = held(runner.bench.play(notebook(BEGINS), run=runner.take(), begins=False))
    assert eventually(runner.bench.processes)
    run.daemon.close()
    assert eventually(lambda: not runner.bench.processes())
    assert run.outcome_lines == [] and not (runner.bench.folder / "work/began").exists()


def test_the_limits_of_time_count_from_when_a_run_may_begin(make_runner: Any) -> None:  # noqa: F811
    runner = make_runner(BEFOREHAND, run_timeout="1", cell_timeout="1")
    runner.settled()
    run = held(runner.bench.play(notebook("1"), run=runner.take(), begins=False))
    run.begin()
    assert run.finish().outcome["status"] == "succeed"


def test_a_kernel_that_may_find_what_the_author_has_waits_until_the_run_may_begin(bench: Bench) -> None:
    (bench.folder / "work/naas.py").write_text(MODULE)
    run = bench.play(notebook(BEGINS), begins=False)
    assert says_nothing_more(run.connect())
    assert run.log == "" and not bench.processes()
    run.begin()
    run.finish()
    assert run.outcome["status"] == "succeed"
    assert (bench.folder / "work/imported").exists()  # it would have found it


def test_an_executor_whose_run_nobody_knows_ends(bench: Bench) -> None:
    run = bench.play(notebook(BEGINS), begins=False)
    run.daemon.close()
    assert run.process.wait(10) == 1
    assert run.outcome_lines == [] and bench.folders() == []


def test_an_executor_whose_run_may_not_begin_yet_ends_by_sigterm(bench: Bench) -> None:
    run = bench.play(notebook(BEGINS), begins=False)
    run.process.terminate()
    assert run.process.wait(10) == 1
    assert run.outcome_lines == [] and bench.folders() == []


def test_a_run_may_begin_before_its_executor_has_looked_at_it(bench: Bench) -> None:
    run = bench.start()
    os.kill(run.process.pid, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as pool:
        taken = pool.submit(bench.play, notebook("1"), run=run, begins=False)
        assert eventually(lambda: waiting_bytes(run.daemon))
        send_frame(run.daemon, {"op": "run.begin"})
        os.kill(run.process.pid, signal.SIGCONT)
        taken.result()
    run.daemon.close()
    run.finish()
    assert run.outcome["status"] == "succeed"


def cpu_seconds(pid: int) -> float:
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        return sum(map(int, file.read().rsplit(")", 1)[1].split()[11:13])) / os.sysconf("SC_CLK_TCK")


def test_a_fork_that_cannot_be_put_in_its_place_gives_way_when_the_run_may_begin(
        make_runner: Callable[..., KeptRunner]) -> None:  # noqa: F811
    runner = make_runner(BEFOREHAND, start_timeout="4")
    runner.settled()
    later = runner.bench.folder / "work/later"
    run = held(runner.bench.play(notebook(BEGINS), run=runner.take(), begins=False, cwd=str(later)))
    assert "was ready as a fork" in run.log and "was started" not in run.log
    used = cpu_seconds(run.process.pid)
    assert says_nothing_more(run.connect(), skip=1) and says_nothing_more(run.connect(), skip=1)
    assert cpu_seconds(run.process.pid) - used < 1  # after its start_timeout, too
    later.mkdir()
    runner.bench.give(later)
    run.begin()
    run.finish()
    assert "was started" in run.log
    assert (run.outcome["status"], run.text()) == ("succeed", "1\n")


def kernel_in(folder: Path) -> int:
    """The kernel that has been put there."""
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/{name}/cwd") == str(folder):
                return int(name)
    raise AssertionError(f"nothing works in {folder}")


def test_a_kernel_that_dies_before_the_run_may_begin_gives_way_to_another(runner: KeptRunner) -> None:
    run = held(runner.bench.play(notebook(BEGINS), run=runner.take(), begins=False))
    os.kill(kernel_in(runner.bench.folder / "work"), signal.SIGKILL)
    assert eventually(lambda: not runner.bench.processes())
    assert says_nothing_more(run.connect(), skip=1) and run.outcome_lines == []
    run.begin()
    run.finish()
    assert run.outcome["status"] == "succeed", run.log
    assert run.text() == "1\n"


def test_a_signal_before_the_run_may_begin_calls_it_off(runner: KeptRunner) -> None:
    run = held(runner.bench.play(notebook(BEGINS), run=runner.take(), begins=False))
    os.kill(run.process.pid, signal.SIGTERM)
    assert eventually(lambda: not runner.bench.processes())
    assert run.outcome_lines == []
