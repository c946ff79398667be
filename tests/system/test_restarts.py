"""Programs that die while calls are on their way: what was accepted is kept and runs once."""

from __future__ import annotations

import datetime
import os
import signal
import threading
import time
from typing import Any, Callable, Optional

import pytest
import requests

from notebooks import notebook
from running import Hook, RunningSite

COUNTS = """
import os, time, naas
with open("begun", "a") as file:
    file.write("x")
time.sleep(2)
naas.webhook.respond_text("kept")
"""


class Caller(threading.Thread):
    """A call on its way."""

    def __init__(self, site: RunningSite, hook: Hook, **arguments: Any) -> None:
        super().__init__(daemon=True)
        self.site, self.hook, self.arguments = site, hook, arguments
        self.answer: Any = None
        self.start()

    def run(self) -> None:
        self.answer = self.site.get(self.hook, **self.arguments)

    def result(self) -> requests.Response:
        self.join(60)
        assert self.answer is not None, "the call was never answered"
        return self.answer


def begun(site: RunningSite, hook: Hook) -> int:
    path = site.layout.path("state", "production") + os.path.dirname(hook.path)
    try:
        return os.path.getsize(os.path.join(path, "begun"))
    except FileNotFoundError:
        return 0


@pytest.mark.parametrize("name", ["nbhookd", "nbhook-runner"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_run_outlives_the_daemon_and_the_runner(
        make_site: Callable[..., RunningSite], name: str, number: int) -> None:
    site = make_site()
    hook = site.add(notebook([COUNTS]))
    caller = Caller(site, hook)
    site.wait_until(lambda: begun(site, hook) == 1, "the run began")
    site.supervised.kill(name, number)
    answer = caller.result()
    assert (answer.status_code, answer.text) == (200, "kept")
    assert begun(site, hook) == 1
    assert site.get(site.add(notebook(["import naas; naas.webhook.respond_text('next')"]))).text == "next"


def test_a_dead_executor_is_lost_at_once_and_leaves_no_kernel(make_site: Callable[..., RunningSite]) -> None:
    site = make_site()
    hook = site.add(notebook([COUNTS, "time.sleep(60)"]))
    caller = Caller(site, hook)
    site.wait_until(lambda: begun(site, hook) == 1, "the run began")
    executors = site.executors()
    assert executors
    for pid in executors:
        os.kill(pid, signal.SIGKILL)
    answer = caller.result()
    assert (answer.status_code, answer.json()["reason"]) == (500, "lost")
    site.wait_until(lambda: not site.of_runs(), "the kernel has ended")
    assert begun(site, hook) == 1


def test_without_a_daemon_the_answer_is_503_at_once(make_site: Callable[..., RunningSite]) -> None:
    site = make_site()
    hook = site.add(notebook(["1"]))
    site.supervised.hold("nbhookd")
    os.unlink(os.path.join(site.plan.run_dir, "http.sock"))
    answer = site.get(hook)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.elapsed.total_seconds() < 1


def test_a_status_file_that_a_crash_took_is_written_again(make_site: Callable[..., RunningSite]) -> None:
    site = make_site()
    job = site.get(site.add(notebook(["1"]))).headers["X-Nbhook-Job"]
    path = os.path.join(site.execution(job), "status.json")
    site.wait_until(lambda: site.status(job)["status"] == "completed", "the job has ended")
    before = site.status(job)
    os.unlink(path)
    site.supervised.kill("nbhookd", signal.SIGKILL)
    site.wait_until(lambda: os.path.exists(path), "the status file is there again")
    assert site.status(job) == before


@pytest.mark.parametrize("undone", ["executed", "response", "status", "empty", "executed response status"])
def test_what_a_crash_left_of_an_end_is_done(make_site: Callable[..., RunningSite], undone: str) -> None:
    site = make_site()
    job = site.get(site.add(notebook(["import naas; naas.webhook.respond_text('x')"]))).headers["X-Nbhook-Job"]
    folder = site.execution(job)
    site.wait_until(lambda: site.status(job)["status"] == "completed", "the job has ended")
    site.supervised.hold("nbhookd")
    before = set(os.listdir(folder))
    executed = next(name for name in before if name.endswith(".ipynb"))
    head = os.path.join(folder, "response.json")
    open(os.path.join(folder, ".new-outcome"), "xb").close()
    for name, left in (("executed", ".executed"), ("response", ".response"), ("status", ".end")):
        if name in undone.split():
            last = executed if name == "executed" else f"{name}.json"
            os.rename(os.path.join(folder, last), os.path.join(folder, left))
    if undone == "empty":
        os.truncate(head, 0)
    site.supervised.release("nbhookd")
    site.wait_until(lambda: set(os.listdir(folder)) == before and os.path.getsize(head) > 0,
                    "all is there, and nothing else")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, None], ids=["kill", "term", "gone until the end"])
def test_when_a_run_began_is_kept(make_site: Callable[..., RunningSite], number: Optional[int]) -> None:
    site = make_site()
    hook = site.add(notebook(["open('begun', 'a').write('x')", "import time; time.sleep(2)"]))
    caller = Caller(site, hook)
    site.wait_until(lambda: begun(site, hook) == 1, "the run began")
    before = time.time()
    if number is None:
        site.supervised.hold("nbhookd")
        site.wait_until(lambda: not site.of_runs(), "the run has ended")
        site.supervised.release("nbhookd")
    else:
        site.supervised.kill("nbhookd", number)
    answer = caller.result()
    assert answer.status_code == 200
    started = datetime.datetime.fromisoformat(site.jobs_of(hook)[0]["started"].replace("Z", "+00:00"))
    assert before - 1 < started.timestamp() <= before
