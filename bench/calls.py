"""Whole calls: through nginx, durable, a fresh kernel for each, beside what a user could pick instead."""

from __future__ import annotations

import contextlib
import ctypes
import http.client
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Iterator

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(TOP, "tools"), os.path.join(TOP, "tests", "system")]

import accounts  # noqa: E402
import processes  # noqa: E402
from notebooks import notebook  # noqa: E402
from running import Hook, RunningSite  # noqa: E402

TRIVIAL = ["1 + 1"]
MANY = TRIVIAL * 200
TABLE = ["import pandas as pd, naas\n"
         "df = pd.DataFrame({'n': range(1000), 'square': [n * n for n in range(1000)], 'name': 'row'})",
         "naas.webhook.respond_html(df.to_html())"]
PLOT = ["import matplotlib.pyplot as plt\nfig, ax = plt.subplots()\n"
        "ax.plot([n * n for n in range(1000)], label='square')\nax.legend()\nplt.show()"]
SLEEP_S = 5
HANG_S = 60.0
FAILURES_ALLOWED = 2
READY_LIMIT_S = 120.0
QUIET_S = 3.0
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def call(site: RunningSite, hook: Hook) -> float:
    """Seconds of one call, its connection included."""
    return request(site.layout.port, "GET", f"/webhook/{hook.token}")


def request(port: int, method: str, path: str, body: str = "", limit_s: float = 300) -> float:
    begin = time.perf_counter()
    connection = http.client.HTTPConnection("localhost", port, timeout=limit_s)
    with contextlib.closing(connection):
        connection.request(method, path, body or None)
        answer = connection.getresponse()
        content = answer.read()
    seconds = time.perf_counter() - begin
    assert answer.status == 200, content[:1000]
    return seconds


def python_kernel(site: RunningSite) -> dict[str, Any]:
    kernels = json.loads(site.cli("kernels", "--json").stdout)
    return next(kernel for kernel in kernels if kernel["name"] == "python3")


def wait_until_ready(site: RunningSite) -> None:
    """Until all is there that calls find in a quiet moment."""
    deadline = time.monotonic() + READY_LIMIT_S
    while True:
        kernel = python_kernel(site)
        if kernel["ready"] == kernel["wanted"] and kernel["fork_server"] in ("ready", None):
            return
        assert time.monotonic() < deadline, kernel
        time.sleep(0.02)


def module_folder(site: RunningSite) -> str:
    """Where the module naas is."""
    return next(parent for parent, names, _ in os.walk(site.layout.prefix) if "naas" in names)


def nbconvert(site: RunningSite, text: str) -> float:
    """Seconds of its command line, in a home of its own."""
    script = ("import os, subprocess, sys, tempfile, time\n"
              "with tempfile.TemporaryDirectory() as home:\n"
              "    os.environ.update(HOME=home, IPYTHONDIR=home, PYTHONPATH=sys.argv[2])\n"
              "    start = time.monotonic()\n"
              "    subprocess.run([sys.executable, '-m', 'nbconvert', '--execute', '--stdin',\n"
              "                    '--to', 'notebook', '--stdout'], input=sys.argv[1].encode(),\n"
              "                   check=True, stdout=subprocess.DEVNULL,\n"
              "                   stderr=subprocess.DEVNULL)\n"
              "    print(time.monotonic() - start)\n")
    return float(site.run_as(site.accounts.runner,
                             ["/usr/bin/python3", "-B", "-c", script, text,
                              module_folder(site)]).stdout)


class Others:
    """The programs of others.py, as the account of notebooks."""

    def __init__(self, stage: str, site: RunningSite) -> None:
        self.script = os.path.join(stage, "others.py")
        shutil.copy(os.path.join(TOP, "bench", "others.py"), self.script)
        self.site = site
        self.started: dict[str, subprocess.Popen] = {}
        self.ports: dict[str, int] = {}
        for word in ("nbclient-server", "kernel-server"):
            self.ports[word] = int(self._start(word).stdout.readline())
        for word in ("python", "fork", "forked-kernel"):
            self._start(word)

    def _start(self, word: str) -> subprocess.Popen:
        self.started[word] = subprocess.Popen(
            ["/usr/bin/python3", "-B", self.script, word], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, cwd="/",
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONPATH": module_folder(self.site)},
            preexec_fn=lambda: accounts.become(self.site.accounts.runner))
        return self.started[word]

    def server(self, word: str, cells: list[str]) -> float:
        """An nbclient that misses a message of its kernel waits for ever, and one whose kernel finds a port taken gives
        up; then it is asked again."""
        body = json.dumps(cells)
        for _ in range(FAILURES_ALLOWED):
            try:
                return request(self.ports[word], "POST", "/", body, HANG_S)
            except (TimeoutError, http.client.RemoteDisconnected) as failure:
                print(f"bench: the {word} has not answered: {failure!r}", file=sys.stderr, flush=True)
        return request(self.ports[word], "POST", "/", body, HANG_S)

    def line(self, word: str, cells: list[str]) -> float:
        process = self.started[word]
        process.stdin.write(json.dumps(cells) + "\n")
        process.stdin.flush()
        seconds = process.stdout.readline()
        assert seconds, f"others.py {word} has ended"
        return float(seconds)

    def close(self) -> None:
        for process in self.started.values():
            process.stdin.close()
        for process in self.started.values():
            process.wait(30)


def sustained(one: Callable[[], float], callers: int, seconds: float) -> tuple[float, list[float]]:
    """Calls by so many at a time: how many a second, and the seconds of each."""
    took: list[float] = []
    begin = time.monotonic()

    def repeat(_: int) -> None:
        while time.monotonic() - begin < seconds:
            took.append(one())

    with ThreadPoolExecutor(callers) as pool:
        list(pool.map(repeat, range(callers)))
    return len(took) / (time.monotonic() - begin), sorted(took)


def at_once(one: Callable[[], float], callers: int) -> float:
    """The seconds of the slowest of calls that begin together."""
    gate = threading.Barrier(callers)

    def begin_together(_: int) -> float:
        gate.wait()
        return one()

    with ThreadPoolExecutor(callers) as pool:
        return max(pool.map(begin_together, range(callers)))


# Programs and what they use, as /proc has it.

def ours(site: RunningSite) -> Iterator[int]:
    """The processes of all our programs and their kernels."""
    names = ("nbhook", "forkserver", "ipykernel")
    for process in processes.descendants([site.supervised.child.pid]):
        words = " ".join(processes.command_line(process.pid))
        if any(name in words for name in names) and "nginx" not in words:
            yield process.pid


def host_cpu_seconds() -> float:
    """What all processors have been busy with, whoever it was for, but this program and those that it has waited
    for."""
    with open("/proc/stat", encoding="utf-8") as file:
        user, nice, system, _, _, irq, softirq = map(int, file.readline().split()[1:8])
    return (user + nice + system + irq + softirq) * TICK_S - sum(os.times()[:4])


def cpu_seconds(site: RunningSite) -> float:
    """What they have used, and those that they have waited for. A kernel in a PID namespace is not among these: it
    ends with the namespace, which nobody waits for."""
    ticks = 0
    for pid in ours(site):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
                ticks += sum(map(int, file.read().rsplit(")", 1)[1].split()[11:15]))
    return ticks * TICK_S


def cpu_of_runs(site: RunningSite, others: Others, rounds: int, count: int) -> tuple[list, list, list, list]:
    """Seconds of a trivial run, by rounds of so many: of all processes of the host, and of those that are not ours,
    its kernel above all (which is in a PID namespace); of ipykernel in a fork of a process with its shell, and of a
    bare shell in one, that execute the same cells."""
    hook = site.add(trivial())
    whole, rest, kernel, shell = [], [], [], []
    for word in ("forked-kernel", "fork"):  # they have all that they need now
        others.line(word, TRIVIAL)
    wait_until_ready(site)
    busy = host_cpu_seconds()
    time.sleep(QUIET_S)
    quiet = (host_cpu_seconds() - busy) / QUIET_S  # a second, when nobody calls
    for _ in range(rounds):
        wait_until_ready(site)
        begin, busy, used = time.monotonic(), host_cpu_seconds(), cpu_seconds(site)
        for _ in range(count):
            call(site, hook)
        wait_until_ready(site)
        whole.append((host_cpu_seconds() - busy - quiet * (time.monotonic() - begin)) / count)
        rest.append(whole[-1] - (cpu_seconds(site) - used) / count)
        for _ in range(count):
            kernel.append(others.line("forked-kernel", TRIVIAL))
            shell.append(others.line("fork", TRIVIAL))
    return whole, rest, kernel, shell


def kernels(pids: list[int]) -> list[int]:
    return [pid for pid in pids if "ipykernel_launcher" in " ".join(processes.command_line(pid))]


def keeper(kernel: int) -> int:
    """Its parent."""
    with open(f"/proc/{kernel}/stat", encoding="utf-8", errors="replace") as file:
        return int(file.read().rsplit(")", 1)[1].split()[1])


def pss_bytes(pid: int) -> int:
    with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:"))


def peak_bytes(pid: int) -> int:
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return next((int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM:")), 0)


def programs(site: RunningSite) -> list[int]:
    """Our programs without their kernels."""
    return [pid for pid in ours(site)
            if os.path.basename("".join(processes.command_line(pid)[:1])).startswith("nbhook")]


def executors(pids: list[int]) -> list[int]:
    return [pid for pid in pids if "nbhook-exec" in " ".join(processes.command_line(pid)[:1])]


def trivial() -> dict[str, Any]:
    return notebook(TRIVIAL)


# The host.

CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 1 << 18


def have_run_in_memory() -> None:
    """Where systemd starts a host, /run is in memory; where it does not, it is for this process alone."""
    kind = subprocess.run(["stat", "--file-system", "--format=%T", "/run"], check=True, capture_output=True, text=True)
    if os.geteuid() != 0 or kind.stdout.strip() == "tmpfs":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if (libc.unshare(CLONE_NEWNS) != 0 or libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) != 0
            or libc.mount(b"none", b"/run", b"tmpfs", 0, b"mode=0755") != 0):
        print(f"bench: /run is on the disk: {os.strerror(ctypes.get_errno())}", file=sys.stderr)
