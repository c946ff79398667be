"""How a kernel that is kept ready gets to its run, and what a fork is made of."""

from __future__ import annotations

import os
import subprocess
from typing import Any

import pytest

from executor import become, code, notebook
from scripted import ScriptedKernels
from test_forkserver import (  # noqa: F401
    BEFOREHAND, ON_DEMAND, KeptRunner, children, fork_server, make_runner)
from test_runner import eventually


def test_a_kernel_that_cannot_be_put_in_its_place_gives_way_to_another(make_runner: Any, open_folder: str) -> None:
    kernels = ScriptedKernels(open_folder)
    kernels.add("python3")  # which understands nothing of what is asked of it
    runner = make_runner({"ready": "1", "preload": "off"}, kernel_path=kernels.path)
    runner.settled()
    run = runner.play('append marks "1"; send stream "hi"')
    assert run.text() == "hi"
    assert (runner.bench.folder / "work" / "marks").read_text() == "1"
    assert "python3 was ready" in run.log and "python3 was started" in run.log
    assert [line["mark"] for line in run.outcome_lines] == ["started", "ended"]


def test_a_stop_on_the_way_to_its_place_is_not_lost(make_runner: Any, open_folder: str) -> None:
    kernels = ScriptedKernels(open_folder)
    # It answers when it is warmed, and not when it is told where to go.
    kernels.add("python3", 'on execute_request "reply"; on execute_request "sleep forever"')
    runner = make_runner({"ready": "1", "preload": "off"}, kernel_path=kernels.path)
    runner.settled()
    run = runner.bench.play(notebook('append marks "1"'), run=runner.take())
    run.watch_until(lambda event: event["state"] == "playing")
    run.stop("stopped_by_user")
    run.finish()
    assert (run.outcome["status"], run.outcome["reason"]) == ("stopped", "stopped_by_user")
    assert not (runner.bench.folder / "work" / "marks").exists()


@pytest.mark.parametrize("tags", [[], ["parameters"]])
def test_the_authors_cells_are_not_played_when_ours_fail(make_runner: Any, tags: list[str]) -> None:
    runner = make_runner({"ready": "2", "preload": "off"})
    runner.settled()
    work = runner.bench.folder / "work"
    (work / "naas.py").write_text("open('tries', 'a').write('x'); raise RuntimeError('this is no naas')")
    run = runner.bench.play(notebook(code("open('marks', 'w')", tags=tags)), run=runner.take()).finish()
    assert "was ready" in run.log
    assert run.outcome["status"] == "failed"
    assert run.outcome["error"]["ename"] == "RuntimeError"
    assert not (work / "marks").exists() and (work / "tries").read_text() == "x"


def test_the_folder_of_a_run_has_gone(make_runner: Any) -> None:
    runner = make_runner(BEFOREHAND)
    runner.settled()
    run = runner.bench.play(notebook("open('/tmp/never', 'x')"), run=runner.take(), cwd="/gone").finish()
    assert (run.outcome["status"], run.outcome["reason"]) == ("failed", "kernel_failed")
    assert "its working directory: No such file" in run.outcome["error"]["evalue"]
    assert not os.path.exists("/tmp/never")


def test_between_a_fork_and_its_executor_is_a_small_program(make_runner: Any) -> None:
    runner = make_runner(BEFOREHAND)
    runner.settled()
    run = runner.bench.play(notebook("import time; time.sleep(60)"), run=runner.take())
    run.watch_until(lambda event: event["state"] == "playing")
    assert eventually(lambda: len(keepers(runner)) == 3)  # two more wait
    for pid in keepers(runner):
        with open(f"/proc/{pid}/status", encoding="utf-8") as file:
            status = dict(line.split(":\t", 1) for line in file.read().splitlines())
        assert int(status["VmRSS"].split()[0]) < 4096
        assert int(status["CapPrm"], 16) == 0
    run.stop("stopped_by_user")
    run.finish()


LOOK_INTO = """
import os, sys
while not os.path.exists(sys.argv[2]):
    try:
        os.open(f"/proc/{sys.argv[1]}/mem", os.O_RDWR)
        sys.exit("it can be looked into")
    except PermissionError:
        pass
"""


def test_a_fork_server_cannot_be_looked_into_while_it_makes_kernels(make_runner: Any) -> None:
    runner = make_runner(ON_DEMAND)
    runner.settled()
    done = runner.bench.folder / "done"
    looker = subprocess.Popen(["/usr/bin/python3", "-c", LOOK_INTO, str(fork_server(runner)), str(done)],
                              **become(runner.bench.user))
    for _ in range(15):
        assert "as a fork" in runner.play("1").log
    done.touch()
    assert looker.wait(10) == 0


def keepers(runner: KeptRunner) -> list[int]:
    found = []
    for pid in children(fork_server(runner)):
        with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
            if file.read() == "nbhook-keeper\n":
                found.append(pid)
    return found


def test_a_fork_knows_the_processor_it_is_on(make_runner: Any) -> None:
    runner = make_runner(ON_DEMAND)
    runner.settled()
    run = runner.play("import ctypes, os\n"
                      "for each in sorted(os.sched_getaffinity(0)) * 2:\n"
                      "    os.sched_setaffinity(0, {each})\n"
                      "    print(ctypes.CDLL(None).sched_getcpu() == each)")
    assert "as a fork" in run.log
    assert set(run.text().split()) == {"True"}


INTERRUPTED = """
import signal
from IPython.display import display
def interrupt(*ignored):
    raise KeyboardInterrupt
signal.signal(signal.SIGALRM, interrupt)
for turn in range(100):
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.003 + turn * 0.00001)
        for _ in range(100):
            display(turn)
    except BaseException:  # whatever an interrupt leads to in ipykernel
        pass
signal.setitimer(signal.ITIMER_REAL, 0) and None
"""


def test_an_interrupt_cuts_no_message(make_runner: Any) -> None:
    runner = make_runner(ON_DEMAND)
    runner.settled()
    run = runner.bench.play(notebook(INTERRUPTED), run=runner.take()).finish()
    assert "as a fork" in run.log and "left out" not in run.log
    numbers = [int("".join(output["data"]["text/plain"])) for output in run.outputs() if "data" in output]
    assert numbers == sorted(numbers)
    assert len(set(numbers)) > 20


SHARED = """
rows = [row.split() for row in open("/proc/self/maps") if "/memfd:nbhook-forks" in row]
spans = [[int(text, 16) for text in row[0].split("-")] for row in rows]
shell = id(get_ipython())
print({row[1] for row in rows}, sum(end - start for start, end in spans) > 8 << 20,
      any(start <= shell < end for start, end in spans))
"""


def test_a_fork_maps_the_memory_of_its_fork_server_for_itself(make_runner: Any) -> None:
    runner = make_runner(BEFOREHAND)
    runner.settled()
    assert runner.play(SHARED).text() == "{'rw-p'} True True\n"


HEARD = """
import logging
heard = []
class Ear(logging.Handler):
    def emit(self, record):
        heard.append(record.getMessage())
logging.getLogger('IPKernelApp')."""


@pytest.mark.parametrize("listen", ["addHandler(Ear())", "addFilter(lambda record: heard.append(record.getMessage()))"])
def test_what_ipykernel_logs_is_heard_by_who_listens(make_runner: Any, listen: str) -> None:
    runner = make_runner(BEFOREHAND)
    runner.settled()
    cells = HEARD + listen, "print(any('execute_request' in message for message in heard))"
    forked = runner.play(*cells)
    assert "as a fork" in forked.log
    assert forked.text() == runner.bench.run(*cells).text() == "True\n"


@pytest.mark.parametrize("kept", [BEFOREHAND, ON_DEMAND], ids=["beforehand", "on-demand"])
def test_a_fork_gets_to_its_place_with_its_first_cell(make_runner: Any, kept: dict) -> None:
    runner = make_runner(kept)
    runner.settled()
    run = runner.play("import os\nkernel = get_ipython().kernel\nprint(os.getcwd())\n"
                      "for kind in ('execute_request', 'kernel_info_request'):\n"
                      "    print(kernel.shell_handlers[kind] == getattr(kernel, kind))")
    assert "as a fork" in run.log
    assert run.text() == f"{runner.bench.folder}/work\nTrue\nTrue\n"  # no handler of ours waits for it any more
