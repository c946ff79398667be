"""Fork servers and executors that are kept ready: what a run sees of them, and what they survive."""

from __future__ import annotations

import json
import os
import re
import signal
from typing import Any, Callable, Iterator

import pytest

from executor import Bench, Run, code, notebook, receive_frame, send_frame
from scripted import ScriptedKernels
from test_runner import Child, Runner, eventually

ON_DEMAND = {"ready": "0", "preload": "json"}
BEFOREHAND = {"ready": "2", "preload": "json"}


class KeptRunner(Runner):
    """A runner that keeps python3 ready."""

    def kernel(self) -> dict[str, Any]:
        """What it says of python3."""
        send_frame(self.connection, {"id": 1, "op": "kernel.list"})
        reply, _ = receive_frame(self.connection)
        return next(each for each in reply["kernels"] if each["name"] == "python3")

    def settled(self) -> dict[str, Any]:
        """The same when its fork server and all executors are ready."""
        assert eventually(lambda: self.is_settled(self.kernel()), 60), self.kernel()
        return self.kernel()

    @staticmethod
    def is_settled(kernel: dict[str, Any]) -> bool:
        return kernel["fork_server"] in ("ready", None) and kernel["ready"] == kernel["wanted"]

    def play(self, *cells: Any, **members: Any) -> Run:
        run = self.bench.play(notebook(*cells), run=self.take(), **members).finish()
        assert run.outcome["status"] == "succeed", run.outcome
        return run

    def said(self, text: str) -> bool:
        self.log.seek(0)
        return text in self.log.read()


@pytest.fixture
def make_runner() -> Iterator[Callable[..., KeptRunner]]:
    made: list[KeptRunner] = []

    def make(kept: dict[str, str], *arguments: str, **settings: str) -> KeptRunner:
        runner = KeptRunner(Bench(kept=kept, **settings), *arguments)
        made.append(runner)
        return runner

    yield make
    for runner in made:
        runner.close()
        runner.bench.close()


def children(pid: int) -> list[int]:
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                if int(file.read().rsplit(")", 1)[1].split()[1]) == pid:
                    found.append(int(name))
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found


def fork_server(runner: KeptRunner) -> int:
    """The pid of the one fork server."""
    found = []
    for pid in children(runner.process.pid):
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            if b"forkserver.py" in file.read():
                found.append(pid)
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("namespaces", ["auto", "off"])
@pytest.mark.parametrize("kept", [ON_DEMAND, BEFOREHAND], ids=["on-demand", "beforehand"])
def test_a_run_gets_a_fork_where_it_wants_to_be(make_runner: Any, kept: dict, namespaces: str) -> None:
    runner = make_runner(kept, namespaces=namespaces)
    runner.settled()
    run = runner.play("import os, sys, json", "print(json.dumps([os.getcwd(), sys.path, dict(os.environ)]))")
    assert "as a fork" in run.log
    folder, path, environment = json.loads(run.text())
    assert folder == path[0] == str(runner.bench.folder / "work")
    assert environment["NAAS_URL"] == "http://127.0.0.1:1"
    assert environment["NAAS_TOKEN"] == "k" * 60
    assert "NBHOOK_FORK_SERVER" not in environment


@pytest.mark.parametrize("kept", [ON_DEMAND, BEFOREHAND], ids=["on-demand", "beforehand"])
def test_nothing_that_a_run_did_is_seen_by_the_next(make_runner: Any, kept: dict) -> None:
    runner = make_runner({**kept, "preload": "numpy"}, namespaces="off")
    runner.settled()
    seen = []
    for _ in range(4):
        run = runner.play("import os, random, uuid, sys, json, numpy\n"
                          "print(json.dumps([os.getpid(), random.random(), str(uuid.uuid4()), "
                          "float(numpy.random.random()), 'mine' in globals(), hasattr(sys, 'mine'), "
                          "'MINE' in os.environ, get_ipython().execution_count]))",
                          "mine = sys.mine = 1; os.environ['MINE'] = '1'")
        assert "as a fork" in run.log
        seen.append(json.loads(run.text()))
    for column in range(4):
        assert len({row[column] for row in seen}) == 4
    # the cells before it are those that nbhook puts in
    assert [row[4:] for row in seen] == [[False, False, False, 3]] * 4


def test_a_fork_begins_with_the_memory_that_a_rehearsal_has_written_to(make_runner: Any) -> None:
    runner = make_runner(ON_DEMAND)
    runner.settled()
    assert runner.said("fork server"), "log_level"
    runner.log.seek(0)
    kib = int(re.search(r"each kernel begins with (\d+) KiB of its own", runner.log.read()).group(1))
    assert 1024 < kib < 64 * 1024
    assert "as a fork" in runner.play("1").log


def loud(source: str) -> dict[str, Any]:
    return code(source, tags=["loud"])


def printed(run: Run) -> list[str]:
    """What each of these cells has printed."""
    return ["".join("".join(output["text"]) for output in cell["outputs"]) for cell in run.executed["cells"]
            if "loud" in cell["metadata"].get("tags", [])]


def test_what_a_cell_writes_to_a_descriptor_is_its_own(make_runner: Any) -> None:
    """ipykernel reads the descriptors in threads, and sleeps after each cell so that it comes in time. Forks do not
    sleep, and lose nothing, of the last cell least of all."""
    runner = make_runner(ON_DEMAND)
    runner.settled()
    run = runner.play(*(loud(f"import os; n = os.write({1 + number % 2}, b'{number}\\n')") for number in range(60)))
    assert "as a fork" in run.log
    assert printed(run) == [f"{number}\n" for number in range(60)]


def test_ipykernel_waits_while_others_than_the_cell_may_print(make_runner: Any) -> None:
    """For threads and children of the notebook, and from then on for forks, which may have children of their own."""
    runner = make_runner(ON_DEMAND)
    runner.settled()
    waits = loud("import ipykernel.kernelbase\nprint(not ipykernel.kernelbase.time.sleep.__self__.is_alone())")
    run = runner.play(
        waits, "import os, threading\ngo = threading.Event()\n"
               "thread = threading.Thread(target=go.wait)\nthread.start()",
        waits, "go.set()\nthread.join()",
        waits, "import subprocess\nchild = subprocess.Popen(['cat'], stdin=subprocess.PIPE)",
        waits, "child.stdin.close()\nn = child.wait()",
        waits, "from IPython.display import HTML\nHTML('x' * 200000)",  # pyzmq makes a thread for the buffer
        waits, "child = os.fork()\nif child == 0:\n    print('of a child')\n    os._exit(0)\nn = os.waitpid(child, 0)",
        waits)
    assert printed(run) == [f"{waited}\n" for waited in (False, True, False, True, False, False, True)]
    assert "of a child" in run.text()


def test_ipykernel_flushes_streams_that_a_notebook_has_changed(make_runner: Any) -> None:
    runner = make_runner(ON_DEMAND)
    runner.settled()
    run = runner.play("import sys\nkept, write, flush = [], sys.stdout.write, sys.stdout.flush\n"
                      "def release():\n    write(''.join(kept))\n    kept.clear()\n    flush()\n"
                      "sys.stdout.write, sys.stdout.flush = kept.append, release",
                      loud("print(1)"), loud("print(2)"))
    assert printed(run) == ["1\n", "2\n"]


def test_the_packages_are_changed_for_a_start_and_then_as_they_were(make_runner: Any) -> None:
    """Of Debian's versions all is known. What requests are read with stays, and gives what dateutil would give."""
    runner = make_runner(ON_DEMAND)
    runner.settled()
    assert not runner.said("slower than they could be")
    run = runner.play(
        "import json, logging, sys, IPython.core.shellapp, traitlets.config.application, traitlets.traitlets\n"
        "from dateutil import tz\nkernel = get_ipython().kernel\n"
        "print(json.dumps(['__dir__' in vars(traitlets.traitlets.MetaHasDescriptors),\n"
        "                  'set' in vars(IPython.core.shellapp),\n"
        "                  traitlets.config.application.dictConfig is not logging.config.dictConfig,\n"
        "                  logging.getLogger('IPKernelApp').level != logging.DEBUG,\n"
        "                  not {'sys', 'ipykernel.kernelapp', 'IPython'} <= get_ipython()._sys_modules_keys,\n"
        "                  kernel.get_parent()['header']['date'].tzinfo is not tz.UTC]))")
    assert json.loads(run.text()) == [False] * 6


def test_threads_are_named_as_in_a_kernel_that_was_started(make_runner: Any) -> None:
    """matplotlib makes one when it is imported: the fork server has had it, and each kernel counts it."""
    name = "import threading; print(threading.Thread().name)"
    names = []
    for preload in ("off", "numpy pandas matplotlib"):
        runner = make_runner({"ready": "0", "preload": preload})
        if preload != "off":
            runner.settled()
        run = runner.play(name, "import numpy, pandas", name, "import matplotlib.pyplot", name)
        assert ("as a fork" in run.log) == (preload != "off")
        names.append(run.text())
    assert names[0] == names[1] and names[0].count("Thread-") == 3


def test_a_signal_that_whoever_starts_the_runner_ignores_is_not_ignored(make_runner: Any) -> None:
    before = signal.signal(signal.SIGQUIT, signal.SIG_IGN)  # as a shell does for what it starts in the background
    try:
        runner = make_runner(ON_DEMAND)
    finally:
        signal.signal(signal.SIGQUIT, before)
    runner.settled()
    run = runner.play("import signal; print(signal.getsignal(signal.SIGQUIT) == signal.SIG_DFL)")
    assert "as a fork" in run.log and run.text() == "True\n"


def test_the_pool_is_filled_again(make_runner: Any) -> None:
    runner = make_runner(BEFOREHAND)
    runner.settled()
    first = {runner.take().process.pid, runner.take().process.pid}
    runner.settled()
    assert not first & {runner.take().process.pid, runner.take().process.pid}


def test_executors_that_wait_end_with_the_runner(make_runner: Any) -> None:
    runner = make_runner(BEFOREHAND)
    runner.settled()
    waiting = children(runner.process.pid)
    os.kill(runner.process.pid, signal.SIGKILL)
    runner.process.wait()
    assert eventually(lambda: not any(Child(pid).is_alive() for pid in waiting))


def test_an_executor_that_dies_while_it_waits_is_replaced(make_runner: Any) -> None:
    runner = make_runner(BEFOREHAND)
    runner.settled()
    for pid in children(runner.process.pid):
        with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
            if file.read() == "nbhook-ready\n":
                os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: runner.kernel()["ready"] < 2 or runner.said("has ended"))
    runner.settled()
    runner.play("1")


def test_a_kernel_that_floods_while_its_executor_waits_is_given_up(make_runner: Any, open_folder: str) -> None:
    kernels = ScriptedKernels(open_folder)
    kernels.add("python3", 'on kernel_info_request "repeat 20K send stream 1K*\\"x\\"; reply"')
    runner = make_runner({"ready": "1", "preload": "off"}, kernel_path=kernels.path, output_limit="8K")
    assert eventually(lambda: runner.said("sends faster than can be read"), 20)


def test_a_fork_server_that_is_killed_disturbs_nobody(make_runner: Any) -> None:
    runner = make_runner(ON_DEMAND, namespaces="off")
    runner.settled()
    run = runner.bench.play(notebook("import time; time.sleep(3)", "print('on')"), run=runner.take())
    run.watch_until(lambda event: event["state"] == "playing")
    os.kill(fork_server(runner), signal.SIGKILL)
    assert eventually(lambda: runner.said("has ended; its kernels go on"))
    meanwhile = runner.play("print('cold')")
    assert meanwhile.text() == "cold\n"
    assert run.finish().text() == "on\n"
    assert "as a fork" in run.log
    assert runner.settled()["fork_server"] == "ready"
    assert "as a fork" in runner.play("1").log


def test_an_order_that_is_under_way_when_the_fork_server_dies_becomes_a_cold_start(make_runner: Any) -> None:
    runner = make_runner(ON_DEMAND)
    runner.settled()
    server = fork_server(runner)
    os.kill(server, signal.SIGSTOP)
    taken = runner.take()
    os.kill(server, signal.SIGKILL)
    run = runner.bench.play(notebook("print('answered')"), run=taken).finish()
    assert run.text() == "answered\n"
    assert "it is no fork" in run.log


@pytest.mark.parametrize("kept", [ON_DEMAND, BEFOREHAND], ids=["on-demand", "beforehand"])
def test_a_plot_is_a_png(make_runner: Any, kept: dict) -> None:
    runner = make_runner({**kept, "preload": "matplotlib"})
    assert "matplotlib" in runner.settled()["preloaded"]
    run = runner.play("import matplotlib.pyplot as plt", "plt.plot([1, 2]); plt.show()")
    assert "as a fork" in run.log
    assert any("image/png" in output.get("data", {}) for output in run.outputs())


# A module in a folder that the kernelspec's environment names.
MODULES = {
    "starts_a_thread": ("import threading, time\n"
                        "threading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n",
                        "it starts a thread"),
    "raises": ("raise ValueError('no way')\n", "ValueError: no way"),
    "kills": ("import os\nos.kill(os.getpid(), 9)\n", "ended while it imported it"),
    "missing": (None, "it is not installed"),
}


def kernelspec(folder: str, name: str, **members: Any) -> None:
    os.makedirs(os.path.join(folder, "kernels", name), exist_ok=True)
    with open(os.path.join(folder, "kernels", name, "kernel.json"), "w", encoding="utf-8") as file:
        json.dump({"argv": ["/usr/bin/python3", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
                   "display_name": name, "language": "python", **members}, file)


@pytest.mark.parametrize("name", MODULES)
def test_a_module_that_may_not_be_preloaded_is_left_out(make_runner: Any, open_folder: str, name: str) -> None:
    source, reason = MODULES[name]
    if source is not None:
        with open(os.path.join(open_folder, f"{name}.py"), "w", encoding="utf-8") as file:
            file.write(source)
    kernelspec(open_folder, "python3", env={"PYTHONPATH": open_folder})
    runner = make_runner({"ready": "1", "preload": f"json {name} csv"}, kernel_path=open_folder)
    assert runner.settled()["preloaded"] == ["json", "csv"]
    assert runner.said(f"the module {name} is not preloaded: ") and runner.said(reason)
    assert "as a fork" in runner.play("import os; os.getpid()").log


SLOW_TO_SHOW = ("import time\nfrom IPython.core.formatters import DisplayFormatter\nshow = DisplayFormatter.format\n"
                "def slowly(*words, **names):\n    time.sleep(3)\n    return show(*words, **names)\n"
                "DisplayFormatter.format = slowly\n")


def test_an_executor_sleeps_while_its_kernel_gets_ready(make_runner: Any, open_folder: str) -> None:
    with open(os.path.join(open_folder, "slow_to_show.py"), "w", encoding="utf-8") as file:
        file.write(SLOW_TO_SHOW)
    kernelspec(open_folder, "python3", env={"PYTHONPATH": open_folder})
    runner = make_runner({"ready": "1", "preload": "slow_to_show"}, kernel_path=open_folder)
    runner.settled()
    with open(f"/proc/{runner.take().process.pid}/stat", encoding="utf-8") as file:
        ticks = sum(map(int, file.read().rsplit(")", 1)[1].split()[11:13]))
    assert ticks / os.sysconf("SC_CLK_TCK") < 1.5, "seconds of CPU"


# In what is forked, where there is no gate to wait at: the rehearsal.
NEVER_STOPS_WRITING = """
import os, threading
def write(home, said):
    open(said, "w").close()
    while True:
        os.makedirs(os.path.join(home, "again"), exist_ok=True)
def begin():
    threading.Thread(target=write, args=(os.environ["TMPDIR"], os.environ["SAID"]), daemon=True).start()
os.register_at_fork(after_in_child=begin)
"""


def test_a_runner_that_ends_during_a_rehearsal_leaves_nothing(make_runner: Any, open_folder: str) -> None:
    with open(os.path.join(open_folder, "never_stops.py"), "w", encoding="utf-8") as file:
        file.write(NEVER_STOPS_WRITING)
    said = os.path.join(open_folder, "said")
    kernelspec(open_folder, "python3", env={"PYTHONPATH": open_folder, "SAID": said})
    os.chmod(open_folder, 0o777)
    runner = make_runner({"ready": "0", "preload": "never_stops"}, kernel_path=open_folder)
    assert eventually(lambda: os.path.exists(said))
    assert runner.kernel()["fork_server"] == "starts"  # it waits for its rehearsal
    runner.close()
    assert runner.bench.folders() == []


def test_an_interpreter_that_is_missing_harms_nobody(make_runner: Any, open_folder: str) -> None:
    kernelspec(open_folder, "python3", argv=["/nonexistent/python3", "-m", "ipykernel_launcher", "-f",
                                             "{connection_file}"])
    runner = make_runner({"ready": "0", "preload": "json"}, kernel_path=open_folder)
    assert eventually(lambda: runner.said("its fork server could not be started"))
    assert runner.process.poll() is None
    assert runner.bench.folders() == []


def test_a_changed_module_renews_the_fork_server(make_runner: Any, open_folder: str) -> None:
    def write(version: int) -> None:
        with open(os.path.join(open_folder, "upgraded.py"), "w", encoding="utf-8") as file:
            file.write(f"VERSION = {version}\n")

    def plays() -> str:
        run = runner.play("import upgraded; print(upgraded.VERSION)")
        assert "as a fork" in run.log
        return run.text()

    write(1)
    kernelspec(open_folder, "python3", env={"PYTHONPATH": open_folder, "PYTHONDONTWRITEBYTECODE": "1"})
    runner = make_runner({"ready": "1", "preload": "upgraded"}, kernel_path=open_folder)
    runner.settled()
    first = fork_server(runner)
    assert plays() == "1\n"
    write(2)
    assert eventually(lambda: runner.said("modules have been changed"))
    assert eventually(lambda: first not in children(runner.process.pid), 60)
    runner.settled()
    assert plays() == "2\n"


def test_short_memory_empties_the_pool_and_calls_are_answered(make_runner: Any, open_folder: str) -> None:
    def available(kib: int) -> None:
        with open(os.path.join(open_folder, "new"), "w", encoding="ascii") as file:
            file.write(f"MemTotal: 1600000 kB\nMemAvailable: {kib} kB\n")
        os.rename(os.path.join(open_folder, "new"), os.path.join(open_folder, "meminfo"))

    available(800000)
    runner = make_runner(BEFOREHAND, "--proc", open_folder)
    runner.settled()
    available(1000)
    assert eventually(lambda: runner.kernel()["ready"] == 0)
    assert runner.said("memory is short")
    run = runner.play("print('answered')")
    assert run.text() == "answered\n" and "was started as a fork" in run.log
    assert runner.kernel()["ready"] == 0
    available(800000)
    runner.settled()
    assert runner.said("memory is no longer short")
