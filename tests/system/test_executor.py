"""nbhook-exec and a real ipykernel: what a run leaves behind, and that it leaves nothing else."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Iterator

import pytest

from executor import Bench, Run, account, code, eventually, heeds, notebook, program, receive_frame, send_frame

ESCAPEE = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.setsid()
        os.closerange(0, 1000)
        time.sleep(600)
    os._exit(0)
os.wait()
"""


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.close()


@pytest.fixture(params=["auto", "off"])
def either_bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """With a PID namespace for each run, and without."""
    made = Bench(namespaces=request.param)
    yield made
    made.close()


def test_a_notebook_plays_and_everything_is_written(either_bench: Bench) -> None:
    run = either_bench.run("print('hello', 1 + 1)", "6 * 7")
    assert [line["mark"] for line in run.outcome_lines] == ["started", "ended"]
    assert run.outcome["status"] == "succeed"
    assert run.outcome["progress"] == {"done": 2, "total": 2}
    assert run.outcome["outputs_complete"] is True
    assert 0 < run.outcome["seconds"] < 30
    assert "error" not in run.outcome and "response" not in run.outcome
    assert run.text() == "hello 2\n"
    assert run.outputs()[1]["data"]["text/plain"] == ["42"]
    assert run.executed["metadata"]["nbhook"]["status"] == "succeed"
    assert run.executed["metadata"]["language_info"]["name"] == "python"


def test_nothing_is_left_behind(either_bench: Bench) -> None:
    either_bench.run("import tempfile; tempfile.mkdtemp(); open(tempfile.gettempdir() + '/x', 'w')")
    assert either_bench.folders() == []
    assert either_bench.processes() == []


def test_the_run_socket_tells_state_and_progress(bench: Bench) -> None:
    run = bench.run("1", "2", "# a comment is a cell", "", code("3", tags=["skip-execution"]))
    assert [event["state"] for event in run.events][0] == "starting"
    assert [event["state"] for event in run.events][-1] == "ended"
    assert {event["event"] for event in run.events} == {"state"}
    assert {event["progress"]["total"] for event in run.events} == {3}
    done = [event["progress"]["done"] for event in run.events]
    assert done == sorted(done) and done[-1] == 3


def test_a_late_connection_begins_with_the_present_state(bench: Bench) -> None:
    run = bench.play(notebook("1", "import time; time.sleep(600)"))
    run.watch_until(lambda event: event["progress"]["done"] == 1)
    run.watcher.close()
    run.watcher = None
    late = run.connect()
    event, _ = receive_frame(late)
    assert event == {"event": "state", "state": "playing", "progress": {"done": 1, "total": 2}}
    run.stop("stopped_by_user")
    run.finish()
    with pytest.raises(ConnectionRefusedError):
        run.connect()


def test_a_snapshot_is_written_where_it_is_told_to(bench: Bench) -> None:
    run = bench.play(notebook("print('first')", "import time; time.sleep(2)",
                              "print('second', flush=True); time.sleep(600)"))
    run.watcher = run.connect()
    times, snapshots = [], []
    while not snapshots or printed(snapshots[-1]) != [["first\n"], ["second\n"]]:
        wait_for_snapshot(run, "wanted")
        times.append(time.monotonic())
        with open(run.folder / "snapshot", "wb") as file:
            send_frame(run.watcher, {"op": "run.snapshot", "fds": ["executed"]}, (file.fileno(),))
        wait_for_snapshot(run, "written")
        snapshots.append(json.loads((run.folder / "snapshot").read_text()))
    assert len(times) > 1
    assert all(later - earlier >= 0.99 for earlier, later in zip(times, times[1:]))
    assert {each["metadata"]["nbhook"]["status"] for each in snapshots} == {"active"}
    assert "ended" not in snapshots[0]["metadata"]["nbhook"]
    assert printed(snapshots[0]) == [["first\n"]]
    run.stop("stopped_by_user")
    run.finish()
    assert run.executed["metadata"]["nbhook"]["status"] == "stopped"


def printed(document: dict) -> list[list[str]]:
    return [cell["outputs"][0]["text"] for cell in document["cells"] if cell.get("outputs")]


def wait_for_snapshot(run: Run, state: str) -> None:
    while True:
        event, _ = receive_frame(run.watcher)
        if event.get("event") == "snapshot":
            assert event == {"event": "snapshot", "state": state}
            return


def test_the_parameters_are_there(bench: Bench) -> None:
    content = notebook("print(name, params, body, count)")
    run = bench.play(content, b'POST /?name=Ada HTTP/1.1\r\ncontent-type: application/json\r\n'
                     b'content-length: 12\r\n\r\n{"count": 3}', params={"count": 1}).finish()
    assert run.text() == "Ada {'name': 'Ada'} {'count': 3} 3\n"


def test_the_response_is_written(bench: Bench) -> None:
    run = bench.run("from IPython.display import display\n"
                    "display({'text/html': '<b>hi</b>'}, raw=True,"
                    " metadata={'text/html': {'naas_api': True}})")
    assert run.outcome["response"]["kind"] == "html"
    assert run.outcome["response"]["size"] == 9
    assert run.outcome["response"]["filename"] == "hello.html"
    assert run.response == b"<b>hi</b>"


def test_an_error_stops_the_run_and_is_kept_in_place(bench: Bench) -> None:
    markdown = {"cell_type": "markdown", "metadata": {}, "source": "words"}
    run = bench.run("1", markdown, "raise ValueError('no')", "print('never')")
    assert run.outcome["status"] == "failed"
    assert run.outcome["reason"] == "cell_error"
    error = run.outcome["error"]
    assert (error["ename"], error["evalue"]) == ("ValueError", "no")
    assert error["cell"]["index"] == 2
    assert error["cell"]["execution_count"] > 0
    assert any("ValueError" in line for line in error["traceback"])
    assert run.outcome["progress"] == {"done": 1, "total": 3}
    cells = run.executed["cells"]
    failing = next(cell for cell in cells if "raise ValueError" in "".join(cell["source"]))
    assert failing["outputs"][0]["ename"] == "ValueError"
    assert "never" not in run.text()
    assert cells[0]["metadata"]["tags"] == ["nbhook-error"]
    assert '<a href="#nbhook-error-cell">' in "".join(cells[0]["source"])
    anchor = cells[cells.index(failing) - 1]
    assert 'id="nbhook-error-cell"' in "".join(anchor["source"])
    assert run.executed["metadata"]["nbhook"]["exception"]["ename"] == "ValueError"


def test_an_executed_notebook_can_be_played_again(bench: Bench) -> None:
    failed = bench.run("raise ValueError('no')")
    again = bench.play(failed.executed).finish()
    tags = [cell["metadata"].get("tags", []) for cell in again.executed["cells"]]
    assert tags.count(["nbhook-error"]) == 2
    assert again.outcome["error"]["ename"] == "ValueError"


def test_an_expected_exception_is_none(bench: Bench) -> None:
    run = bench.run(code("raise ValueError('no')", tags=["raises-exception"]), "print('on')")
    assert run.outcome["status"] == "succeed"
    assert run.text() == "on\n"


def test_exit_ends_the_run_successfully(bench: Bench) -> None:
    run = bench.run("print('one')", "exit()", "print('never')")
    assert run.outcome["status"] == "succeed"
    assert run.text() == "one\n"


@pytest.mark.parametrize("death, words", [
    ("os.kill(os.getpid(), 9)", "signal 9"),
    ("os._exit(3)", "exit code 3"),
    ("import ctypes; ctypes.string_at(0)", "signal 11"),
])
def test_a_dead_kernel_ends_the_run_at_once(either_bench: Bench, death: str, words: str) -> None:
    run = either_bench.play(notebook("import os", death, "1"))
    run.watch_until(lambda event: event["progress"]["done"] == 1)
    before = time.monotonic()
    run.finish()
    assert time.monotonic() - before < 2
    assert run.outcome["status"] == "failed"
    assert run.outcome["reason"] == "kernel_died"
    assert words in run.outcome["error"]["evalue"]
    assert run.outcome["error"]["cell"]["index"] == 1


def test_what_was_printed_before_the_death_is_kept(bench: Bench) -> None:
    run = bench.run("import os, sys, time\nprint('last words', flush=True)\n"
                    "time.sleep(0.3)\nos.kill(os.getpid(), 9)")
    assert run.text() == "last words\n"


def test_a_double_forked_child_of_a_session_of_its_own_is_dead_afterwards(either_bench: Bench) -> None:
    run = either_bench.play(notebook(ESCAPEE, "import time; time.sleep(0.5)"))
    run.watch_until(lambda event: event["progress"]["done"] == 1)
    assert len(either_bench.processes()) >= 2
    run.finish()
    assert either_bench.processes() == []


def test_everything_dies_with_a_killed_executor(either_bench: Bench) -> None:
    run = either_bench.play(notebook(ESCAPEE, "import time; time.sleep(600)"))
    run.watch_until(lambda event: event["progress"]["done"] == 1)
    assert len(either_bench.processes()) >= 2
    run.process.kill()
    run.process.wait()
    assert eventually(lambda: either_bench.processes() == [])
    with pytest.raises(ConnectionRefusedError):
        run.connect()
    assert [line["mark"] for line in run.outcome_lines] == ["started"]


def test_a_namespace_hides_everybody_else(bench: Bench) -> None:
    run = bench.run("import os\nprint(os.getuid(), os.getppid())",
                    "print(sorted(int(name) for name in os.listdir('/proc') if name.isdigit())"
                    " == [1, os.getpid()])",
                    code("os.kill(-1, 0)", tags=["raises-exception"]))
    user = account()
    assert run.text() == f"{user.pw_uid if user else os.getuid()} 1\nTrue\n"
    assert run.outputs()[-1]["ename"] == "ProcessLookupError"


def test_kill_all_hurts_only_its_own_run(bench: Bench) -> None:
    other = bench.play(notebook("import time; time.sleep(2)", "print('alive')"))
    other.watch_until(lambda event: event["state"] == "playing")
    bench.run("import os, signal\nos.kill(-1, signal.SIGKILL)", "1")
    assert other.finish().outcome["status"] == "succeed"


@pytest.mark.parametrize("what", ["fd", "environ", "mem"])
def test_keeper_and_executor_cannot_be_looked_into(either_bench: Bench, what: str) -> None:
    look = f"""
import os
def look(pid):
    try:
        os.listdir(f"/proc/{{pid}}/fd") if {what!r} == "fd" else open(f"/proc/{{pid}}/{what}", "rb")
        return "open"
    except OSError as error:
        return type(error).__name__
print(look(os.getpid()), look(os.getppid()))
"""
    run = either_bench.start()
    either_bench.play(notebook(look, f"print(look({run.process.pid}))"), run=run).finish()
    assert run.text().splitlines()[0] == "open PermissionError"
    assert run.text().splitlines()[1] in ("PermissionError", "FileNotFoundError")


# The kernel's own end drops what its reader does not take in time; so it keeps all, and what is missing we lost.
KEEPS_ALL = """
import threading, zmq
thread, kept = get_ipython().kernel.iopub_thread, threading.Event()
thread.schedule(lambda: (thread.socket.set(zmq.SNDHWM, 0), kept.set()))
kept.wait()
"""


@pytest.mark.parametrize("flush", ["False", "True"])
def test_sixty_thousand_prints_are_all_there(bench: Bench, flush: str) -> None:
    run = bench.run(KEEPS_ALL, *(f"for i in range({n}, {n + 10000}): print(i, flush={flush})"
                                 for n in range(0, 60000, 10000)))
    assert run.outcome["status"] == "succeed"
    assert run.text() == "".join(f"{i}\n" for i in range(60000))


def test_a_flood_is_ended_at_output_limit() -> None:
    bench = Bench(output_limit="200K")
    try:
        run = bench.run("while True: print('x' * 1000, flush=True)", "1")
        assert run.outcome["status"] == "failed"
        assert run.outcome["reason"] == "output_limit"
        assert "output_limit" in run.outcome["error"]["evalue"]
        assert 0 < len(run.text()) <= 200 * 1024
        assert bench.processes() == []
    finally:
        bench.close()


def test_a_stop_interrupts(either_bench: Bench) -> None:
    run = either_bench.play(notebook("import time", "time.sleep(600)", "print('never')"))
    run.watch_until(lambda event: event["progress"]["done"] == 1)
    time.sleep(0.5)  # until it sleeps
    before = time.monotonic()
    run.stop("stopped_by_user")
    run.finish()
    assert time.monotonic() - before < 2
    assert run.outcome["status"] == "stopped"
    assert run.outcome["reason"] == "stopped_by_user"
    assert run.outcome["error"]["cell"]["index"] == 1
    assert [output["ename"] for output in run.outputs()] == ["KeyboardInterrupt"]


def test_a_stop_ends_a_kernel_that_ignores_interrupts(bench: Bench) -> None:
    stubborn = "while True:\n    try: time.sleep(1)\n    except KeyboardInterrupt: pass"
    run = bench.play(notebook("import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)", stubborn))
    run.watch_until(lambda event: event["progress"]["done"] == 1)
    time.sleep(0.5)  # until it is in its loop
    run.stop("stopped_by_user")
    before = time.monotonic()
    run.finish()
    assert 4 <= time.monotonic() - before < 7
    assert run.outcome["status"] == "stopped"
    assert bench.processes() == []


@pytest.mark.parametrize("moment", range(5))
def test_a_stop_between_two_cells_is_not_lost(bench: Bench, moment: int) -> None:
    run = bench.play(notebook("import time", "time.sleep(600)"))
    run.watch_until(lambda event: event["progress"]["done"] == 1)
    time.sleep(moment / 1000)
    before = time.monotonic()
    run.stop("stopped_by_user")
    assert run.finish().outcome["status"] == "stopped"
    assert time.monotonic() - before < 1.9  # before SIGTERM


def test_a_kernel_that_survives_its_interrupt_does_not_play_on(bench: Bench) -> None:
    caught = "try:\n    time.sleep(600)\nexcept KeyboardInterrupt:\n    pass"
    run = bench.play(notebook("import time", caught, "print('played on')"))
    run.watch_until(lambda event: event["progress"]["done"] == 1)
    run.stop("stopped_by_user")
    assert run.finish().outcome["status"] == "stopped"
    assert "played on" not in run.text()


def test_sigterm_stops_the_run(bench: Bench) -> None:
    run = bench.play(notebook("import time; time.sleep(600)"))
    run.watch_until(lambda event: event["state"] == "playing")
    run.process.send_signal(signal.SIGTERM)
    run.finish()
    assert run.outcome["status"] == "stopped"
    assert run.outcome["reason"] == "stopped"


def test_a_run_may_take_so_long_and_no_longer() -> None:
    bench = Bench(run_timeout="1")
    try:
        run = bench.run("import time; time.sleep(600)")
        assert run.outcome["status"] == "failed"
        assert run.outcome["reason"] == "timed_out"
        assert "run_timeout" in run.outcome["error"]["evalue"]
    finally:
        bench.close()


def test_an_unknown_kernel_is_said(bench: Bench) -> None:
    run = bench.play(notebook("1"), kernel="gone", language="cobol").finish()
    assert [line["mark"] for line in run.outcome_lines] == ["ended"]
    assert run.outcome["status"] == "failed"
    assert "gone" in run.outcome["error"]["evalue"]


def test_a_missing_folder_is_said(bench: Bench) -> None:
    run = bench.play(notebook("1"), cwd=str(bench.folder / "gone")).finish()
    assert run.outcome["reason"] == "kernel_failed"
    assert "working directory" in run.outcome["error"]["evalue"]
    assert bench.folders() == []


def test_a_notebook_that_is_none(bench: Bench) -> None:
    run = bench.play({"nothing": 1}).finish()
    assert run.outcome["reason"] == "bad_notebook"
    assert bench.processes() == []


def test_the_environment_is_built_and_not_inherited(bench: Bench) -> None:
    run = bench.start(environment={"SECRET_OF_THE_HOST": "x", "LC_TIME": "C"})
    bench.play(notebook("import os, json; print(json.dumps(dict(os.environ)))"), run=run).finish()
    environment = json.loads(run.text())
    assert "SECRET_OF_THE_HOST" not in environment and "JPY_PARENT_PID" not in environment
    assert environment["LC_TIME"] == "C"
    assert environment["NAAS_TOKEN"] == "k" * 60
    assert environment["NAAS_URL"] == "http://127.0.0.1:1"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to make a small disk")
def test_a_full_disk_is_said_as_such(bench: Bench) -> None:
    run = bench.start()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k,mode=0755", "none", run.folder], check=True)
    try:
        bench.play(notebook("print('x' * 1000000)"), run=run).finish()
        assert (run.outcome["status"], run.outcome["reason"]) == ("failed", "disk_full")
        assert run.outcome["error"].get("ename") is None
        assert "No space left" in run.outcome["error"]["evalue"]
    finally:
        subprocess.run(["umount", "--lazy", run.folder], check=True)


def test_a_run_needs_no_home_and_warns_of_nothing(bench: Bench) -> None:
    run = bench.run("import IPython; IPython.get_ipython().history_manager.hist_file")
    assert run.outputs()[0]["data"]["text/plain"] == ["':memory:'"]
    assert "arning" not in run.log and "kernel.json" not in run.log


def test_a_daemon_that_goes_before_the_run_ends_its_executor(bench: Bench) -> None:
    run = bench.start()
    run.daemon.close()
    assert run.process.wait(5) == 1


def test_an_executor_that_waits_ends_by_sigterm(bench: Bench) -> None:
    run = bench.start()
    assert eventually(lambda: heeds(run.process.pid, signal.SIGTERM))
    run.process.terminate()
    assert run.process.wait(5) == 0


def test_a_run_without_its_descriptors_is_refused(bench: Bench) -> None:
    run = bench.start()
    send_frame(run.daemon, {"id": 3, "op": "run.play", "job": "a", "path": "b", "cwd": "/"})
    reply, _ = receive_frame(run.daemon)
    assert reply["id"] == 3
    assert reply["error"]["code"] == "bad_request"
    assert run.process.wait(5) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to show that root is refused")
@pytest.mark.parametrize("name", ["nbhook-exec", "nbhook-runner"])
def test_root_is_refused(name: str) -> None:
    refused = subprocess.run([program(name)], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert refused.returncode == 2
    assert "never run as root" in refused.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to make a host that refuses namespaces")
def test_a_host_without_user_namespaces_is_lived_with_and_said(bench: Bench) -> None:
    run = start_without_namespaces(bench)
    bench.play(notebook("import os; print(os.getppid() != 1)"), run=run).finish()
    assert run.outcome["status"] == "succeed"
    assert run.text() == "True\n"
    assert "user.max_user_namespaces = 0" in run.log


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to make a host that refuses a new /proc")
def test_a_host_without_a_proc_of_ones_own_is_lived_with_and_said(bench: Bench) -> None:
    user = account()
    covered = ("unshare", "-m", "sh", "-c", "mount -t tmpfs none /proc/driver && exec setpriv "
               f'--reuid {user.pw_uid} --regid {user.pw_gid} --clear-groups "$0" "$@"')
    run = bench.start(wrapper=covered)
    bench.play(notebook("import os; print(os.getppid() != 1)"), run=run).finish()
    assert run.text() == "True\n"
    assert "mounting /proc" in run.log


def start_without_namespaces(bench: Bench) -> Run:
    """An executor in a user namespace in which user.max_user_namespaces is 0."""
    ready, go = os.pipe(), os.pipe()
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        assert ctypes.CDLL(None, use_errno=True).unshare(0x10000000) == 0
        os.write(ready[1], b"x")
        os.read(go[0], 1)
        Path("/proc/sys/user/max_user_namespaces").write_text("0")
        user = account()
        os.setgroups([])
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)
        theirs.set_inheritable(True)
        environment = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LANG": "C.UTF-8"}
        os.execve(program("nbhook-exec"), ["nbhook-exec", "--socket", str(theirs.fileno()), "--config",
                                           str(bench.config)], environment)
    os.read(ready[0], 1)
    for name in ("uid_map", "gid_map"):
        Path(f"/proc/{child}/{name}").write_text("0 0 65536\n")
    os.write(go[1], b"x")
    theirs.close()
    folder = bench.folder / "without"
    folder.mkdir()
    return Run(folder, Waited(child), ours, "test:without")


class Waited:
    """The part of Popen that a Run needs, for a process that was forked by hand."""

    def __init__(self, pid: int):
        self.pid = pid

    def wait(self, timeout: float) -> int:
        assert eventually(lambda: self.poll() is not None, timeout)
        return self.code

    def poll(self):
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        self.code = os.waitstatus_to_exitcode(status) if pid else None
        return self.code
