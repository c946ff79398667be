"""Runs that end before their time, and notebooks that do not want to."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from typing import Any, Callable, Optional

import pytest
import requests

from counts import soak, times
from notebooks import notebook
from running import COLD, Hook, RunningSite, running_site

STUBBORN = """
import signal, time
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
open("stubborn", "w").close()
while True:
    time.sleep(1)
"""
GOOD = "import time, naas\ntime.sleep(1)\nnaas.webhook.respond_text('undisturbed')"

# Each begins with a child or two that look like nothing of ours, and ends as badly as it can.
FORK = """
import os, signal, socket, sys, time
def child(*steps):
    if os.fork() == 0:
        for step in steps:
            step()
        os.execve("/bin/sleep", ["sleep", "600"], os.environ)
def deaf():
    for number in range(1, 32):
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_IGN)
def again():
    if os.fork() != 0:
        os._exit(0)
child(again)
child(os.setsid, again, os.setsid)
child(deaf, os.setsid, again)
child(lambda: os.closerange(0, 1000), os.setsid, again)
time.sleep(0.2)
"""
BAD = {
    "leaves": "1",
    "bombs": "import threading\nwhile True:\n    try: os.fork()\n    except OSError: pass",
    "kills all": "os.kill(-1, 9)",
    "kills itself": "os.kill(os.getpid(), 9)\ntime.sleep(600)",
    "kills its parent": "os.kill(os.getppid(), 9)\ntime.sleep(600)",
    "closes its sockets": "os.closerange(3, 1000)\ntime.sleep(600)",
    "stops itself": "os.kill(os.getpid(), signal.SIGSTOP)\ntime.sleep(600)",
    "ignores": STUBBORN,
    "hangs": "while True: pass",
    "errs": "raise ValueError('no')",
}
NEVER_END = ("bombs", "kills its parent", "closes its sockets", "stops itself", "ignores", "hangs")
HONEST = {"kernel_died", "kernel_failed", "lost", "timed_out", "cell_error"}


def playing(site: RunningSite, job: str) -> bool:
    return site.job_status(job)["started"] is not None


def ended(site: RunningSite, job: str) -> bool:
    return site.job_status(job)["ended"] is not None


def begin_playing(site: RunningSite, hook: Hook) -> str:
    job = site.begin(hook)
    site.wait_until(lambda: playing(site, job), "the run plays")
    return job


def nothing_lives(site: RunningSite, limit_s: float = 5.0) -> None:
    site.wait_until(lambda: not site.of_runs(), "nothing of theirs lives", limit_s)


def test_a_stop_interrupts_at_once(site: RunningSite) -> None:
    hook = site.add(notebook(["import time; time.sleep(600)"]))
    job = begin_playing(site, hook)
    time.sleep(0.3)  # until it sleeps
    before = time.monotonic()
    site.cli("stop", job)
    site.wait_until(lambda: ended(site, job), "the run has ended", 3)
    assert time.monotonic() - before < 3
    document = site.job_status(job)
    assert (document["status"], document["reason"]) == ("stopped", "stopped_by_user")
    answer = site.wait_for_results(f"{hook.url}/results/{job}")
    assert answer.status_code == 500
    assert answer.json()["reason"] == "stopped_by_user"


def test_a_notebook_that_ignores_signals_is_killed_on_the_last_rung(site: RunningSite) -> None:
    hook = site.add(notebook([STUBBORN]))
    job = begin_playing(site, hook)
    folder = site.layout.path("state", "production") + os.path.dirname(hook.path)
    site.wait_until(lambda: os.path.exists(os.path.join(folder, "stubborn")), "it ignores signals")
    before = time.monotonic()
    site.cli("stop", job, "--reason", "enough")
    site.wait_until(lambda: ended(site, job), "the run has ended", 10)
    assert 3.5 <= time.monotonic() - before < 8
    assert site.job_status(job)["reason"] == "enough"
    log = site.cli("logs", job).stdout
    rungs = [log.index(f"the kernel is {word}") for word in
             ("interrupted\n", "interrupted again", "sent SIGTERM", "killed")]
    assert rungs == sorted(rungs)
    nothing_lives(site)


def test_a_job_that_waits_for_its_turn_does_not_begin_when_it_is_stopped(
        make_site: Callable[..., RunningSite]) -> None:
    site = make_site(jobs={"concurrency": "1"})
    first = begin_playing(site, site.add(notebook(["import time; time.sleep(600)"])))
    hook = site.add(notebook(["open('begun', 'w')"]))
    second = site.begin(hook)
    assert site.job_status(second)["status"] == "pending"
    site.cli("stop", second)
    site.wait_until(lambda: ended(site, second), "the second has ended", 2)
    assert site.job_status(second)["attempts"] == 0
    site.cli("stop", first)
    site.wait_until(lambda: ended(site, first), "the first has ended", 5)
    folder = site.layout.path("state", "production") + os.path.dirname(hook.path)
    assert not os.path.exists(os.path.join(folder, "begun"))
    assert site.get(site.add(notebook(["1"]))).status_code == 200


def test_run_timeout_ends_a_run(make_site: Callable[..., RunningSite]) -> None:
    site = make_site(jobs={"run_timeout": "1"})
    for cell in ("import time; time.sleep(600)", STUBBORN):
        answer = site.get(site.add(notebook([cell])))
        assert answer.status_code == 500
        assert answer.json()["reason"] == "timed_out"
        assert "run_timeout" in answer.json()["error"]
        assert answer.elapsed.total_seconds() < 10
    nothing_lives(site)


def test_a_caller_hangs_up_and_the_run_goes_on(site: RunningSite) -> None:
    hook = site.add(notebook(["import time, naas", "time.sleep(2)", "naas.webhook.respond_text('here')"]))
    with pytest.raises(requests.exceptions.Timeout):
        site.get(hook, timeout=1)
    job = site.jobs_of(hook)[0]["jobId"]
    assert not ended(site, job)
    assert site.wait_for_results(f"{hook.url}/results/{job}").text == "here"


class Run(threading.Thread):
    """A call whose answer is looked at later; one that never ends by itself is stopped."""

    def __init__(self, site: RunningSite, hook: Hook, stop_after_s: Optional[float]) -> None:
        super().__init__(daemon=True)
        self.site, self.hook, self.stop_after_s = site, hook, stop_after_s
        self.job = site.begin(hook)
        self.answer: Any = None
        self.start()

    def run(self) -> None:
        if self.stop_after_s is not None:
            self.site.wait_until(lambda: playing(self.site, self.job) or ended(self.site, self.job),
                                 "it plays", 60)
            time.sleep(self.stop_after_s)
            self.site.cli("stop", self.job, check=False)
        self.answer = self.site.wait_for_results(f"{self.hook.url}/results/{self.job}")

    def result(self) -> requests.Response:
        self.join(90)
        assert self.answer is not None, f"{self.job} has not ended"
        return self.answer


def let_them_loose(site: RunningSite, rounds: int) -> tuple[list[Run], list[Run]]:
    """Plays bad notebooks, each beside good ones; gives the bad runs and the good ones."""
    bad_hooks = {name: site.add(notebook([FORK, cell])) for name, cell in BAD.items()}
    good_hook = site.add(notebook([GOOD]))
    bad, good = [], []
    for _ in range(rounds):
        batch = []
        for name, hook in bad_hooks.items():
            batch.append(Run(site, hook, 1.0 if name in NEVER_END else None))
            if len(batch) % 3 == 0:
                good.append(Run(site, good_hook, None))
        for run in batch:
            run.result()
        bad += batch
    return bad, good


def rounds_of_bad_ones() -> int:
    return times(1, 100 // len(BAD))


@soak
def test_bad_notebooks_leave_nothing_and_disturb_nobody(make_site: Callable[..., RunningSite]) -> None:
    site = make_site(kernels={"max_processes": "200"}, jobs={"concurrency": "8"})
    assert_namespaces(site)
    bad, good = let_them_loose(site, rounds_of_bad_ones())
    nothing_lives(site)
    assert [run.result().text for run in good] == ["undisturbed"] * len(good)
    assert_honest(bad)
    assert site.get(site.add(notebook([GOOD]))).text == "undisturbed"


def assert_namespaces(site: RunningSite) -> None:
    """Without them the notebooks below would kill everything that the account has."""
    hook = site.add(notebook(["import naas, os; naas.webhook.respond_json(os.listdir('/proc'))"]))
    pids = [name for name in site.get(hook).json() if name.isdigit()]
    assert len(pids) == 2, "this host refuses user namespaces"


@soak
def test_without_namespaces_all_is_back_soon(as_root: None) -> None:
    settings = {"kernels": {"max_processes": "100", "namespaces": "off"}, "jobs": {"concurrency": "8"}}
    with running_site(settings, change=RunningSite.isolate) as site:
        all_is_back_soon(site)


def all_is_back_soon(site: RunningSite) -> None:
    runner = site.supervised.pid("nbhook-runner")
    bad, good = let_them_loose(site, rounds_of_bad_ones())
    nothing_lives(site)
    assert site.supervised.pid("nbhook-runner") != runner, "one of them has killed the runner"
    assert_honest(bad)
    for run in good:
        answer = run.result()
        assert answer.text == "undisturbed" or answer.json()["reason"] in HONEST, answer.text
    answer = site.get(site.add(notebook([GOOD])))
    assert answer.text == "undisturbed"
    assert answer.elapsed.total_seconds() < 5


def assert_honest(bad: list[Run]) -> None:
    """Each has an end with a reason that fits."""
    for run in bad:
        answer = run.result()
        if answer.status_code != 200:
            assert answer.json()["reason"] in HONEST | {"stopped_by_user"}, answer.text


def test_a_run_cannot_have_more_processes_than_allowed(make_site: Callable[..., RunningSite]) -> None:
    site = make_site(kernels={"max_processes": "64"})
    count = """
import os, time, naas
n = 0
try:
    while n < 200:
        if os.fork() == 0:
            time.sleep(600)
        n += 1
except OSError as error:
    why = type(error).__name__
naas.webhook.respond_json([n, why])
"""
    first, second = Run(site, site.add(notebook([count])), None), Run(site, site.add(notebook([count])), None)
    for run in (first, second):
        n, why = run.result().json()
        assert why == "BlockingIOError"
        assert 30 <= n < 64
    nothing_lives(site)


def test_a_process_of_a_run_cannot_have_more_memory_than_allowed(make_site: Callable[..., RunningSite]) -> None:
    site = make_site(kernels={"max_memory": "512M"})
    answer = site.get(site.add(notebook(["kept = bytearray(300_000_000)", "bytearray(600_000_000)"])))
    assert (answer.status_code, answer.json()["reason"], answer.json()["cell"]["index"]) == (500, "cell_error", 1)
    assert answer.json()["error"] == "MemoryError: a process of a run may have 512M (the setting max_memory)"
    arrays = site.get(site.add(notebook(["import numpy", "numpy.ones(600_000_000)"])))
    assert "Unable to allocate" in arrays.json()["error"]
    assert arrays.json()["error"].endswith("a process of a run may have 512M (the setting max_memory)")


def test_runs_are_nice(make_site: Callable[..., RunningSite]) -> None:
    site = make_site(kernels={"nice": "7"})
    asks = "import os, subprocess, naas; naas.webhook.respond_json([os.nice(0), subprocess.getoutput('nice')])"
    level = max(7, os.nice(0))  # nobody but root goes back from what the tests have already
    assert site.get(site.add(notebook([asks]))).json() == [level, str(level)]


def test_the_next_runner_ends_what_nobody_else_can(make_site: Callable[..., RunningSite]) -> None:
    site = make_site(kernels={"namespaces": "off"}, **COLD)
    lost = begin_playing(site, site.add(notebook([FORK, "time.sleep(600)"])))
    site.wait_until(lambda: len(site.of_runs()) >= 4, "its children live")
    doomed = [site.supervised.pid("nbhook-runner"), *site.processes_named("nbhook-exec")]
    kept = begin_playing(site, site.add(notebook([FORK, "time.sleep(3)"])))
    for pid in doomed:
        with contextlib.suppress(ProcessLookupError):  # the zygote of executors ends with the runner
            os.kill(pid, signal.SIGKILL)
    site.wait_until(lambda: ended(site, lost), "the run has ended", 5)
    assert site.job_status(lost)["reason"] == "lost"
    site.wait_until(lambda: ended(site, kept), "the other run has ended", 10)
    assert site.job_status(kept)["status"] == "completed"
    nothing_lives(site)
    assert "was left behind by a run" in site.log("nbhook-runner")


def test_nothing_is_left_when_everything_is_killed_at_once(make_site: Callable[..., RunningSite]) -> None:
    """The runner and all executors at the same moment: the keepers do it alone."""
    for namespaces in ("auto", "off"):
        site = make_site(kernels={"namespaces": namespaces})
        job = begin_playing(site, site.add(notebook([FORK, "time.sleep(600)"])))
        site.wait_until(lambda: len(site.of_runs()) >= 4, "its children live")
        runner = site.supervised.pid("nbhook-runner")
        for pid in [runner, *site.executors()]:
            os.kill(pid, signal.SIGKILL)
        nothing_lives(site)
        site.wait_until(lambda: ended(site, job), "the run has ended", 5)
        assert site.job_status(job)["reason"] == "lost"
