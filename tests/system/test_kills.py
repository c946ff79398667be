"""kill -9 at any moment: what was accepted runs once, ends honestly, and its caller can fetch the result."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections import Counter
from typing import Callable

import pytest

from counts import is_soak, soak, times
from notebooks import notebook
from running import COLD, Hook, RunningSite
from test_restarts import COUNTS, Caller, begun

SHORT = COUNTS.replace("time.sleep(2)", "time.sleep(0.8)")
LONGEST_S = 2.0  # of such a call, and a little more, so that some die after their end
EARLY_S = 0.06  # until such a call plays in a kernel that was ready: each state gets its share
ESCAPES = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execve("/bin/sleep", ["sleep", "600"], os.environ)
    os._exit(0)
"""


def playing(site: RunningSite, job: str) -> bool:
    return site.job_status(job)["started"] is not None


def ended(site: RunningSite, job: str) -> bool:
    return site.job_status(job)["ended"] is not None


def state_of_last(site: RunningSite, hook: Hook) -> str:
    """How far the webhook's one job has come, as its status file says."""
    parent = site.layout.path("state", "pipeline_executions")
    name = max(os.listdir(parent), key=lambda each: os.stat(os.path.join(parent, each)).st_ctime_ns,
               default="")
    try:
        with open(os.path.join(parent, name, "status.json"), encoding="utf-8") as file:
            document = json.load(file)
    except OSError:
        return "arriving"
    if document["notebook"] not in hook.path:
        return "arriving"
    if document["status"] == "active":
        return "playing" if document["started"] is not None else "starting"
    return document["status"]


def kill_daemon_during_a_call(site: RunningSite, after_s: float) -> str:
    """One call; the daemon is killed so long after it came. Gives how far it had come."""
    hook = site.add(notebook(["1", SHORT]))
    before = site.supervised.pid("nbhookd")
    caller = Caller(site, hook)
    time.sleep(after_s)
    state = state_of_last(site, hook)
    site.supervised.kill("nbhookd", signal.SIGKILL)
    answer = caller.result()
    assert site.supervised.pid("nbhookd") != before
    assert (answer.status_code, answer.text) == (200, "kept"), answer.text
    assert begun(site, hook) == 1
    assert_kept_once(site, hook, answer.headers["X-Nbhook-Job"])
    return state


def assert_kept_once(site: RunningSite, hook: Hook, job: str) -> None:
    """The webhook has this one job; store and file agree about it, and its result can be fetched."""
    assert [document["jobId"] for document in site.jobs_of(hook)] == [job]
    assert site.wait_for_results(f"{hook.url}/results/{job}").text == "kept"
    document = site.job_status(job)
    assert document["status"] == "completed"
    site.wait_until(lambda: site.status(job) == document, f"status.json is {document}", 5)


@soak
def test_the_daemon_dies_at_random_moments_of_a_call(make_site: Callable[..., RunningSite]) -> None:
    site = make_site(http={"daemon_wait": "30"})  # what dies often is started again after five seconds
    seed = random.randrange(1 << 30)
    moments = random.Random(seed)
    states: Counter[str] = Counter()
    for number in range(times(12, 50)):
        after_s = moments.uniform(0, EARLY_S if number % 2 else LONGEST_S)
        print(f"seed {seed}, kill {number} after {after_s:.3f} s")
        states[kill_daemon_during_a_call(site, after_s)] += 1
    print(f"the job was {dict(states)}")
    assert not is_soak() or {"starting", "playing", "completed"} <= set(states)


def test_a_job_that_waits_outlives_the_daemon(make_site: Callable[..., RunningSite]) -> None:
    site = make_site(jobs={"concurrency": "1"})
    first = site.begin(site.add(notebook(["import time; time.sleep(2)"])))
    hook = site.add(notebook([SHORT]))
    second = site.begin(hook)
    assert site.job_status(second)["status"] == "pending"
    site.supervised.kill("nbhookd", signal.SIGKILL)
    site.wait_until(lambda: ended(site, first) and ended(site, second), "both have ended")
    assert site.job_status(first)["status"] == "completed"
    assert site.job_status(second)["status"] == "completed"
    assert begun(site, hook) == 1


def test_a_daemon_that_died_takes_progress_and_stop_up_again(make_site: Callable[..., RunningSite]) -> None:
    site = make_site()
    hook = site.add(notebook(["import os, time", "while not os.path.exists('gate'): time.sleep(0.05)",
                              "time.sleep(600)"]))
    job = site.begin(hook)
    site.wait_until(lambda: site.job_status(job)["progress"]["done"] == 1, "one cell is done")
    site.supervised.kill("nbhookd", signal.SIGKILL)
    folder = site.layout.path("state", "production") + os.path.dirname(hook.path)
    with open(os.path.join(folder, "gate"), "x", encoding="utf-8"):
        pass
    site.wait_until(lambda: site.job_status(job)["progress"] == {"done": 2, "total": 3}, "two cells are done")
    site.cli("stop", job)
    site.wait_until(lambda: ended(site, job), "the run has ended", 5)
    assert site.job_status(job)["reason"] == "stopped_by_user"
    assert site.job_status(job)["attempts"] == 1


@pytest.mark.parametrize("namespaces", ["auto", "off"])
def test_a_dead_executor_is_lost_within_two_seconds_and_leaves_nothing(
        make_site: Callable[..., RunningSite], namespaces: str) -> None:
    site = make_site(kernels={"namespaces": namespaces})
    job = site.begin(site.add(notebook([ESCAPES, "time.sleep(600)"])))
    site.wait_until(lambda: site.job_status(job)["progress"]["done"] == 1, "its child has escaped")
    assert len(site.of_runs()) >= 2
    executor, = site.executors()
    before = time.monotonic()
    os.kill(executor, signal.SIGKILL)
    site.wait_until(lambda: ended(site, job), "the run has ended", 2)
    site.wait_until(lambda: not site.of_runs(), "nothing of it lives", 2)
    assert time.monotonic() - before < 2.5
    document = site.job_status(job)
    assert (document["status"], document["reason"]) == ("failed", "lost")
    assert document["attempts"] == 1


def test_an_executor_that_dies_before_the_first_cell_is_replaced(
        make_site: Callable[..., RunningSite]) -> None:
    site = make_site(**COLD)  # which leaves time for it
    hook = site.add(notebook([SHORT]))
    caller = Caller(site, hook)
    site.wait_until(lambda: bool(site.executors()), "there is an executor", 5)
    os.kill(site.executors()[0], signal.SIGKILL)
    assert caller.result().text == "kept"
    assert begun(site, hook) == 1
    assert site.jobs_of(hook)[0]["attempts"] == 2


def test_the_runner_dies_while_runs_start_and_play(make_site: Callable[..., RunningSite]) -> None:
    site = make_site()
    hooks = [site.add(notebook([SHORT])) for _ in range(4)]
    callers = []
    for hook in hooks:
        callers.append(Caller(site, hook))
        time.sleep(0.3)
    site.supervised.kill("nbhook-runner", signal.SIGKILL)
    assert [caller.result().text for caller in callers] == ["kept"] * 4
    assert [begun(site, hook) for hook in hooks] == [1] * 4
    assert site.get(hooks[0]).text == "kept"
    site.wait_until(lambda: not site.of_runs(), "no kernel is left", 5)


def test_a_retry_joins_the_run_whose_call_died_with_nbhook_fcgi(
        make_site: Callable[..., RunningSite]) -> None:
    site = make_site(pool_size=1)
    hook = site.add(notebook([COUNTS]))
    headers = {"Idempotency-Key": '"one"'}
    caller = Caller(site, hook, headers=headers)
    site.wait_until(lambda: begun(site, hook) == 1, "the run began")
    site.supervised.kill("nbhook-fcgi@1", signal.SIGKILL)
    assert caller.result().status_code in (502, 503)
    again = site.get(hook, headers=headers)
    assert (again.status_code, again.text) == (200, "kept")
    assert begun(site, hook) == 1
    assert len(site.jobs_of(hook)) == 1
