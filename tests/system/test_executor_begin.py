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
from typing import Callable, Iterator

import pytest

from executor import Bench, eventually, notebook, receive_frame, send_frame


@pytest.fixture
def make_bench() -> Iterator[Callable[..., Bench]]:
    with contextlib.ExitStack() as stack:
        yield lambda **settings: stack.enter_context(contextlib.closing(Bench(**settings)))


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    return make_bench()


def waiting_bytes(sock: socket.socket) -> int:
    """What the other end has not read yet."""
    found = array.array("i", [0])
    fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, found)
    return found[0]


def test_nothing_of_the_authors_is_played_before_the_run_may_begin(bench: Bench) -> None:
    run = bench.play(notebook("print(open('began', 'w').write('x'))"), begins=False)
    assert eventually(lambda: "was started" in run.log)
    watcher = run.connect()
    watcher.settimeout(2)  # many times what all that may come before takes
    assert receive_frame(watcher)[0]["state"] == "starting"
    with pytest.raises(TimeoutError):
        receive_frame(watcher)
    assert run.outcome_lines == [] and not (bench.folder / "work/began").exists()
    run.begin()
    run.finish()
    assert [line["mark"] for line in run.outcome_lines] == ["started", "ended"]
    assert run.text() == "1\n"


def test_a_run_of_which_nobody_knows_is_not_played(bench: Bench) -> None:
    run = bench.play(notebook("open('began', 'w')"), begins=False)
    assert eventually(lambda: bench.processes())
    run.daemon.close()
    assert run.process.wait(10) == 1
    assert run.outcome_lines == [] and not (bench.folder / "work/began").exists()
    assert eventually(lambda: not bench.processes()) and bench.folders() == []


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


def test_the_limits_of_time_count_from_when_a_run_may_begin(make_bench: Callable[..., Bench]) -> None:
    run = make_bench(run_timeout="1", cell_timeout="1").play(notebook("1"), begins=False)
    watcher = run.connect()
    watcher.settimeout(10)
    assert receive_frame(watcher)[0]["state"] == "starting"
    with pytest.raises(TimeoutError):
        receive_frame(watcher)
    run.begin()
    assert run.finish().outcome["status"] == "succeed"


def test_a_run_that_cannot_start_says_so_before_it_may_begin(bench: Bench) -> None:
    run = bench.play(notebook("1"), begins=False, cwd=str(bench.folder / "nowhere"))
    assert run.process.wait(30) == 0
    assert [line["mark"] for line in run.outcome_lines] == ["ended"]
