"""nbhook-runner, asked as the daemon asks it."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import time
from typing import Iterator

import pytest

from executor import Bench, Run, become, eventually, notebook, program, receive_frame, send_frame

ESCAPE = """
import os, time
if os.fork() == 0:
    os.setsid()
    time.sleep(600)
"""


class Runner:
    """A runner on a bench, and a connection to it."""

    def __init__(self, bench: Bench, *arguments: str):
        self.bench = bench
        path = str(bench.folder / "runner.sock")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(8)
        command = ["/bin/sh", "-c", 'LISTEN_PID=$$ exec "$0" "$@"', str(program("nbhook-runner")),
                   "--config", str(bench.config), "--exec", str(program("nbhook-exec")), *arguments]
        ready_path = str(bench.folder / "ready.sock")
        self.ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.ready.bind(ready_path)
        os.chmod(ready_path, 0o777)
        self.log = open(bench.folder / "runner.log", "w+")
        self.process = subprocess.Popen(
            command, pass_fds=[3], preexec_fn=lambda: os.dup2(listener.fileno(), 3), stderr=self.log,
            env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LISTEN_FDS": "1",
                 "TMPDIR": str(bench.folder / "tmp"),
                 "LISTEN_FDNAMES": "runner", "NOTIFY_SOCKET": ready_path, "SECRET_OF_THE_HOST": "x"},
            **become(bench.user))
        listener.close()
        self.ready.settimeout(10)
        assert self.ready.recv(100) == b"READY=1"
        self.connection = socket.socket(socket.AF_UNIX)
        self.connection.connect(path)

    def take(self) -> Run:
        send_frame(self.connection, {"id": 5, "op": "executor.take", "kernel": "python3"})
        reply, fds = receive_frame(self.connection)
        assert reply["id"] == 5 and reply["fds"] == ["executor"]
        folder = self.bench.folder / f"run-{reply['pid']}"
        folder.mkdir()
        return Run(folder, Child(reply["pid"]), socket.socket(fileno=fds[0]), f"test:{folder.name}")

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            assert self.process.wait(10) == 0
        self.log.close()


class Child:
    """An executor, which is the runner's child and not ours."""

    def __init__(self, pid: int):
        self.pid = pid

    def is_alive(self) -> bool:
        try:
            with open(f"/proc/{self.pid}/stat") as file:
                return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
        except (FileNotFoundError, ProcessLookupError):
            return False

    def wait(self, seconds: float) -> int:
        assert eventually(lambda: not self.is_alive(), seconds)
        return 0


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench(namespaces="off")  # where orphans can outlive their keeper
    yield made
    made.close()


@pytest.fixture
def runner(bench: Bench) -> Iterator[Runner]:
    made = Runner(bench)
    yield made
    made.close()


def test_an_executor_of_the_runner_plays(runner: Runner) -> None:
    run = runner.bench.play(notebook("import os, json; print(json.dumps(dict(os.environ)))"),
                            run=runner.take()).finish()
    assert run.outcome["status"] == "succeed"
    environment = json.loads(run.text())
    assert "SECRET_OF_THE_HOST" not in environment and "GLIBC_TUNABLES" not in environment


def test_executors_ask_for_huge_pages(runner: Runner) -> None:
    run = runner.take()
    if os.geteuid() != 0:
        pytest.skip("an executor is not dumpable: only root sees its environment")
    assert eventually(lambda: os.readlink(f"/proc/{run.process.pid}/exe").endswith("nbhook-exec"))
    with open(f"/proc/{run.process.pid}/environ", "rb") as file:
        assert b"GLIBC_TUNABLES=glibc.malloc.hugetlb=1" in file.read().split(b"\0")


def test_every_executor_is_another_one(runner: Runner) -> None:
    assert len({runner.take().process.pid for _ in range(3)}) == 3


def called(pid: int) -> str:
    """A process's name; "" when there is none."""
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def parent(pid: int) -> int:
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        return int(file.read().rsplit(")", 1)[1].split()[1])


def zygotes(runner: Runner) -> list[int]:
    return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc")))
            if called(pid) == "nbhook-zygote" and parent(pid) == runner.process.pid]


def test_executors_are_forks_of_one_process_and_children_of_the_runner(runner: Runner) -> None:
    runs = [runner.take() for _ in range(2)]
    assert len(zygotes(runner)) == 1
    for run in runs:
        assert called(run.process.pid) in ("nbhook-exec", "nbhook-ready")
        assert parent(run.process.pid) == runner.process.pid
    ask = notebook("header = get_ipython().kernel.get_parent('shell')['header']",
                   "print(header['session'], header['msg_id'])")
    texts = [runner.bench.play(ask, run=run).finish().text().split() for run in runs]
    assert len({word for text in texts for word in text}) == 4, "what is random is so in each"


def test_the_end_of_that_process_disturbs_nothing_and_another_one_follows(runner: Runner) -> None:
    playing = runner.bench.play(notebook("import time; time.sleep(1)", "print('on')"), run=runner.take())
    first = zygotes(runner)
    os.kill(first[0], signal.SIGKILL)
    assert eventually(lambda: not zygotes(runner))
    run = runner.bench.play(notebook("print(1)"), run=runner.take()).finish()
    assert run.outcome["status"] == "succeed"
    assert playing.finish().text() == "on\n"
    assert len(zygotes(runner)) == 1 and zygotes(runner) != first
    runner.log.seek(0)
    assert f"zygote of executors, process {first[0]}, has ended" in runner.log.read()


def test_without_that_process_executors_are_programs(bench: Bench) -> None:
    wrapper = bench.folder / "nbhook-exec"
    wrapper.write_text('#!/bin/sh\ncase "$*" in *--zygote*) exit 1;; esac\n'
                       f'exec {shlex.quote(str(program("nbhook-exec")))} "$@"\n')
    wrapper.chmod(0o755)
    begun = time.monotonic()
    runner = Runner(bench, "--exec", str(wrapper))
    assert time.monotonic() - begun < 4, "it is not waited for"
    for _ in range(2):
        run = runner.bench.play(notebook("print(1)"), run=runner.take()).finish()
        assert run.outcome["status"] == "succeed"
    runner.log.seek(0)
    assert runner.log.read().count("is started as a program, not as a fork") == 1
    runner.close()


def test_an_executor_that_nobody_knows_plays_nothing(bench: Bench) -> None:
    """That process dies when it has forked and before it has said so."""
    wrapper = bench.folder / "nbhook-exec"
    wrapper.write_text('#!/bin/sh\ncase "$*" in *--zygote*) '
                       'exec strace -o /dev/null -e trace=sendmsg -e inject=sendmsg:signal=KILL:when=2 '
                       f'{shlex.quote(str(program("nbhook-exec")))} "$@";; esac\n'
                       f'exec {shlex.quote(str(program("nbhook-exec")))} "$@"\n')
    wrapper.chmod(0o755)
    runner = Runner(bench, "--exec", str(wrapper))
    for _ in range(3):
        run = runner.bench.play(notebook("print(1)"), run=runner.take()).finish()
        assert run.outcome["status"] == "succeed"
    runner.log.seek(0)
    log = runner.log.read()
    assert "is started as a program, not as a fork" in log and "ends without a run" in log
    runner.close()


def test_nothing_is_left_of_that_process(bench: Bench) -> None:
    runner = Runner(bench)
    runner.take()
    pids = zygotes(runner)
    runner.close()
    assert pids and not called(pids[0])


def test_an_executor_has_no_descriptor_of_the_runner(runner: Runner) -> None:
    run = runner.take()
    if os.geteuid() != 0:
        pytest.skip("an executor is not dumpable: only root sees its descriptors")
    assert eventually(lambda: os.readlink(f"/proc/{run.process.pid}/exe").endswith("nbhook-exec"))
    time.sleep(0.3)
    kinds = [os.readlink(f"/proc/{run.process.pid}/fd/{name}")
             for name in os.listdir(f"/proc/{run.process.pid}/fd") if int(name) > 2]
    assert len([kind for kind in kinds if kind.startswith("socket:")]) == 1, kinds


def test_what_a_killed_executor_leaves_is_ended(runner: Runner) -> None:
    run = runner.bench.play(notebook(ESCAPE, "import time; time.sleep(600)"), run=runner.take())
    run.watch_until(lambda event: event["progress"]["done"] == 1)
    keeper = only_child(run.process.pid)
    os.kill(run.process.pid, signal.SIGSTOP)
    os.kill(keeper, signal.SIGKILL)  # what the keeper kept falls to the executor
    os.kill(run.process.pid, signal.SIGKILL)  # and then to the runner
    assert eventually(lambda: runner.bench.processes() == [])


@pytest.mark.parametrize("namespaces", ["auto", "off"])
def test_the_folders_of_a_killed_executor_are_removed(namespaces: str) -> None:
    bench = Bench(namespaces=namespaces)
    runner = Runner(bench)
    try:
        lives, dies = (bench.play(notebook("import time; time.sleep(600)"), run=runner.take())
                       for _ in range(2))
        for run in (lives, dies):
            run.watch_until(lambda event: event["state"] == "playing")
        assert len(bench.folders()) == 4
        os.kill(dies.process.pid, signal.SIGKILL)
        assert eventually(lambda: len(bench.folders()) == 2)
        lives.stop("stopped_by_user")
        lives.finish()
        assert eventually(lambda: bench.folders() == [])
    finally:
        runner.close()
        bench.close()


def test_a_new_runner_removes_what_is_left_and_only_that(bench: Bench) -> None:
    run = bench.play(notebook("import time; time.sleep(2)", "import os; print(os.listdir(os.environ['HOME']) != [])"))
    run.watch_until(lambda event: event["state"] == "playing")
    for path in ("k/abcdef", "tmp/nbhook-run-abcdef", "tmp/of-another-abcdef"):
        (bench.folder / path).mkdir()
        (bench.folder / path / "file").touch()
        bench.give(bench.folder / path)
    Runner(bench).close()
    assert len(bench.folders()) == 3
    assert "of-another-abcdef" in bench.folders()
    assert run.finish().text() == "True\n"


def only_child(pid: int) -> int:
    children = []
    for name in os.listdir("/proc"):
        try:
            if name.isdigit():
                with open(f"/proc/{name}/stat") as file:
                    if int(file.read().rsplit(")", 1)[1].split()[1]) == pid:
                        children.append(int(name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    assert len(children) == 1
    return children[0]


def test_the_end_of_the_runner_leaves_a_playing_executor(runner: Runner) -> None:
    run = runner.bench.play(notebook("import time; time.sleep(2)", "print('on')"), run=runner.take())
    run.watch_until(lambda event: event["state"] == "playing")
    runner.process.terminate()
    assert runner.process.wait(10) == 0
    assert run.finish().outcome["status"] == "succeed"
    assert run.text() == "on\n"


def test_an_executor_that_cannot_be_started_is_said(bench: Bench) -> None:
    runner = Runner(bench, "--exec", "/nonexistent/nbhook-exec")
    send_frame(runner.connection, {"id": 1, "op": "executor.take"})
    reply, _ = receive_frame(runner.connection)
    assert reply["error"]["code"] == "internal"
    runner.close()


def test_it_needs_its_socket() -> None:
    bench = Bench()
    refused = subprocess.run([program("nbhook-runner"), "--config", bench.config], capture_output=True,
                             text=True, env={"PATH": "/usr/bin:/bin"}, **become(bench.user))
    bench.close()
    assert refused.returncode == 1
    assert "LISTEN_FDS" in refused.stderr


def test_an_executor_is_ended_by_its_number_and_nobody_else_is(runner: Runner) -> None:
    run = runner.take()
    for pid, answer in ((run.process.pid, {"id": 6}), (os.getpid(), None), (0, None), (-1, None)):
        send_frame(runner.connection, {"id": 6, "op": "executor.end", "pid": pid})
        reply, _ = receive_frame(runner.connection)
        assert reply == answer if answer else reply["error"]["code"] == "not_found", reply
    assert run.process.wait(5) == 0
