"""A retry of the same delivery joins the run of the first."""

from __future__ import annotations

import json
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Callable

import pytest
import requests

from counts import soak, times
from notebooks import notebook
from running import Hook, RunningSite
from scripted import ScriptedKernels

HEADERS = ["Idempotency-Key", "webhook-id", "X-GitHub-Delivery", "X-Gitlab-Event-UUID",
           "X-Shopify-Webhook-Id"]

COUNTS = """
import time, naas
with open("runs", "a") as file:
    file.write("x")
time.sleep(float(params.get("pause", 0)))
if params.get("fails") == "yes":
    raise ValueError("once more, please")
naas.webhook.respond_json(body)
"""


@pytest.fixture
def hook(site: RunningSite) -> Hook:
    return site.add(notebook([COUNTS]))


def runs(site: RunningSite, hook: Hook) -> int:
    """How often the notebook ran."""
    folder = site.layout.path("state", "production") + os.path.dirname(hook.path)
    try:
        return os.path.getsize(os.path.join(folder, "runs"))
    except FileNotFoundError:
        return 0


def assert_same_answer(one: requests.Response, other: requests.Response) -> None:
    for answer in (one, other):
        answer.headers.pop("Date", None)
    assert (one.status_code, one.headers, one.content) == (
        other.status_code, other.headers, other.content)


@pytest.mark.parametrize("header", HEADERS)
def test_a_retry_is_given_the_first_answer(site: RunningSite, hook: Hook, header: str) -> None:
    first, retry = (site.post(hook, json={"n": 10**30}, headers={header: "delivery-1"})
                    for _ in range(2))
    assert first.status_code == 200
    assert_same_answer(first, retry)
    other = site.post(hook, json={"n": 10**30}, headers={header: "delivery-2"})
    assert other.headers["X-Nbhook-Job"] != first.headers["X-Nbhook-Job"]
    assert runs(site, hook) == 2


@pytest.mark.parametrize("header", HEADERS)
def test_a_retry_waits_with_the_first(site: RunningSite, hook: Hook, header: str) -> None:
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(site.get, hook, params={"pause": "2"}, headers={header: "1"})
        site.wait_until(lambda: runs(site, hook) == 1, "the first run began")
        retry = pool.submit(site.get, hook, params={"pause": "2"}, headers={header: "1"})
        assert_same_answer(first.result(), retry.result())
    assert runs(site, hook) == 1


@soak
def test_pairs_at_the_same_instant_are_one_run_each(
        make_site: Callable[..., RunningSite], open_folder: str) -> None:
    kernels = ScriptedKernels(open_folder)
    site = make_site(kernels={"kernel_path": kernels.path},
                     jobs={"queue_limit": "4000", "webhook_queue_limit": "4000"})
    hook = site.add(notebook(['append runs "x"'], kernel="scripted"))
    pairs, jobs = times(50, 1000), []
    with ThreadPoolExecutor(2) as pool:
        for number in range(pairs):
            together = threading.Barrier(2)

            def call(_: int) -> requests.Response:
                together.wait()
                return site.get(hook, headers={"Idempotency-Key": f"pair-{number}",
                                               "Prefer": "respond-async"})
            one, other = pool.map(call, range(2))
            assert (one.status_code, other.status_code) == (202, 202)
            assert one.json() == other.json()
            jobs.append(one.json())
    for job in jobs:
        assert site.wait_for_results(job["results_url"]).status_code == 200
    assert len({job["id"] for job in jobs}) == pairs
    assert runs(site, hook) == pairs


def test_a_retry_after_a_failure_runs_again(site: RunningSite, hook: Hook) -> None:
    failing = {"params": {"fails": "yes"}, "headers": {"webhook-id": "msg_1"}}
    first, retry = site.get(hook, **failing), site.get(hook, **failing)
    assert (first.status_code, retry.status_code) == (500, 500)
    assert first.headers["X-Nbhook-Job"] != retry.headers["X-Nbhook-Job"]
    assert runs(site, hook) == 2


def test_a_retry_after_a_restart_is_the_first(make_site: Callable[..., RunningSite]) -> None:
    site = make_site()
    hook = site.add(notebook([COUNTS]))
    done = site.get(hook, headers={"Idempotency-Key": "done"})
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(site.get, hook, params={"pause": "4"}, headers={"Idempotency-Key": "late"})
        site.wait_until(lambda: runs(site, hook) == 2, "the slow run began")
        site.supervised.kill("nbhookd", signal.SIGKILL)
        assert_same_answer(done, site.get(hook, headers={"Idempotency-Key": "done"}))
        retry = site.get(hook, params={"pause": "4"}, headers={"Idempotency-Key": "late"})
        assert_same_answer(first.result(), retry)
    assert runs(site, hook) == 2


def test_a_retry_after_its_web_program_died_is_the_first(make_site: Callable[..., RunningSite]) -> None:
    site = make_site(pool_size=1)
    hook = site.add(notebook([COUNTS]))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(site.get, hook, params={"pause": "2"}, headers={"Idempotency-Key": "1"})
        site.wait_until(lambda: runs(site, hook) == 1, "the run began")
        site.supervised.kill("nbhook-fcgi@1", signal.SIGKILL)
        assert first.result().status_code == 502
    retry = site.get(hook, params={"pause": "2"}, headers={"Idempotency-Key": "1"})
    assert retry.status_code == 200
    assert runs(site, hook) == 1


@pytest.mark.parametrize("method, query, body", [
    ("POST", "?a=1", b'{"other": 1}'), ("POST", "?a=1", b""), ("POST", "?a=2", b'{"n": 1}'),
    ("GET", "?a=1", b""),
])
def test_one_key_for_two_calls_is_refused(site: RunningSite, hook: Hook, method: str, query: str,
                                          body: bytes) -> None:
    headers = {"Idempotency-Key": "used", "Content-Type": "application/json"}
    first = site.post(hook, "?a=1", data=b'{"n": 1}', headers=headers)
    assert first.status_code == 200
    if not body:
        del headers["Content-Type"]
    answer = site.request(method, hook.url + query, data=body, headers=headers)
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert runs(site, hook) == 1


@pytest.mark.parametrize("key, says", [
    ("", "empty"), ('""', "empty"), ("x" * 256, "255"), ('"open', "quoted"), ("a\tb", "control"),
])
def test_a_broken_key_is_refused(site: RunningSite, hook: Hook, key: str, says: str) -> None:
    answer = site.get(hook, headers={"Idempotency-Key": key})
    assert answer.status_code == 400
    assert "idempotency-key" in answer.json()["error"] and says in answer.json()["error"]
    assert runs(site, hook) == 0


def test_a_quoted_key_is_the_same_key(site: RunningSite, hook: Hook) -> None:
    jobs = {site.get(hook, headers={"Idempotency-Key": key}).headers["X-Nbhook-Job"]
            for key in ('"8e03978e-40d5"', "8e03978e-40d5")}
    assert len(jobs) == 1


def test_a_key_belongs_to_one_webhook(site: RunningSite, hook: Hook) -> None:
    other = site.add(notebook([COUNTS]))
    first, second = (site.get(each, headers={"Idempotency-Key": "mine"}) for each in (hook, other))
    assert first.headers["X-Nbhook-Job"] != second.headers["X-Nbhook-Job"]
    assert (runs(site, hook), runs(site, other)) == (1, 1)


def test_a_retry_may_prefer_not_to_wait(site: RunningSite, hook: Hook) -> None:
    first = site.get(hook, headers={"Idempotency-Key": "1"})
    retry = site.get(hook, headers={"Idempotency-Key": "1", "Prefer": "respond-async"})
    assert retry.status_code == 202
    assert retry.json()["id"] == first.headers["X-Nbhook-Job"]
    results = site.request("GET", retry.json()["results_url"])
    assert_same_answer(first, results)
    assert json.loads(results.content) == {"str": ""}
