"""More calls than the host can play: they wait in their order, and what is too many is told when to come again."""

from __future__ import annotations

import json
import os
from typing import Callable

import pytest
import requests

from notebooks import notebook
from running import Hook, RunningSite
from scripted import ScriptedKernels

ASYNC = {"Prefer": "respond-async"}


@pytest.fixture
def crowded(make_site: Callable[..., RunningSite], open_folder: str) -> RunningSite:
    """One run at a time; two calls of a webhook may wait, and four of the host."""
    kernels = ScriptedKernels(open_folder)
    return make_site(kernels={"kernel_path": kernels.path},
                     jobs={"concurrency": "1", "webhook_queue_limit": "2", "queue_limit": "4"})


def add(site: RunningSite, script: str) -> Hook:
    return site.add(notebook([script], kernel="scripted"))


def begin_one_that_stays(site: RunningSite) -> str:
    job = site.begin(add(site, "sleep 600"))
    site.wait_until(lambda: site.job_status(job)["started"] is not None, "it plays")
    return job


def assert_refused(answer: requests.Response, code: int, setting: str) -> int:
    """Gives after how many seconds the caller may come again."""
    assert answer.status_code == code, answer.text
    assert setting in answer.json()["error"]
    return int(answer.headers["Retry-After"])


def test_a_webhook_and_the_host_have_only_so_many_places(crowded: RunningSite) -> None:
    first = begin_one_that_stays(crowded)
    hooks = [add(crowded, 'respond "$n"') for _ in range(3)]
    accepted = []
    for hook in hooks[:2]:
        for number in range(2):
            answer = crowded.get(hook, params={"n": f"{number}"}, headers=ASYNC)
            assert answer.status_code == 202
            accepted.append((answer.json()["results_url"], f"{number}"))
        if hook is hooks[0]:
            soon = assert_refused(crowded.get(hook), 429, "webhook_queue_limit")
    later = assert_refused(crowded.get(hooks[2]), 503, "queue_limit")
    assert 1 <= soon < later <= 3600, "more are ahead"
    assert crowded.get(hooks[0], "/status/" + first).status_code == 404
    assert crowded.api("GET", "/job").status_code == 200
    crowded.cli("stop", first)
    for url, number in accepted:
        assert crowded.wait_for_results(url).text == number
    assert crowded.get(hooks[2], params={"n": "at last"}).text == "at last"


def test_those_who_wait_begin_in_their_order(crowded: RunningSite) -> None:
    first = begin_one_that_stays(crowded)
    hooks = [add(crowded, f'append {crowded.layout.path("state", "production")}/order "{number}"')
             for number in range(4)]
    urls = [crowded.get(hook, headers=ASYNC).json()["results_url"] for hook in hooks]
    crowded.cli("stop", first)
    for url in urls:
        assert crowded.wait_for_results(url).status_code == 200
    with open(crowded.layout.path("state", "production", "order"), encoding="utf-8") as file:
        assert file.read() == "0123"


def test_a_kernel_may_have_a_ceiling_of_its_own(make_site: Callable[..., RunningSite], open_folder: str) -> None:
    kernels = ScriptedKernels(open_folder)
    site = make_site(kernels={"kernel_path": kernels.path}, jobs={"queue_limit": "1"},
                     **{"kernel scripted": {"max": "1"}})
    first = begin_one_that_stays(site)
    second = site.begin(add(site, 'respond "second"'))
    assert_refused(site.get(add(site, "sleep 0")), 503, "queue_limit")
    assert site.get(site.add(notebook(["import naas; naas.webhook.respond_text('python')"]))).text == "python"
    assert site.job_status(second)["status"] == "pending"
    told = next(each for each in json.loads(site.cli("kernels", "--json").stdout) if each["name"] == "scripted")
    assert (told["playing"], told["max"], told["waiting"]) == (1, 1, 1)
    site.cli("stop", first)
    site.wait_until(lambda: site.job_status(second)["status"] == "completed", "it had its turn")


def test_a_caller_waits_for_a_daemon_that_is_starting_and_not_for_ever(
        make_site: Callable[..., RunningSite]) -> None:
    site = make_site(http={"daemon_wait": "1.5"})
    hook = site.add(notebook(["1"]))
    site.supervised.hold("nbhookd")
    answer = site.get(hook)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1
    assert 1.5 <= answer.elapsed.total_seconds() < 3
    assert os.listdir(site.layout.path("state", "pipeline_executions")) == [".spare"]
