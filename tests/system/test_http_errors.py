"""What is wrong with more than one request, beside the table of test_bad_input.py: nothing is run, and the
sentence says what is wrong."""

from __future__ import annotations

import base64
import http.client
import json
import os
import secrets
import time
from typing import Any, Callable, Iterator

import pytest
import requests

from notebooks import notebook
from rawhttp import send
from running import Hook, RunningSite

UNKNOWN_JOB = "hello:672a8b0e-c0b0-486e-bb2b-4571b0805f29"


def accepted_jobs(site: RunningSite) -> set[str]:
    """The folders of jobs that were accepted: those have a status file."""
    parent = site.layout.path("state", "pipeline_executions")
    return {name for name in os.listdir(parent)
            if os.path.exists(os.path.join(parent, name, "status.json"))}


def path_of(hook: Hook) -> str:
    return f"/webhook/{hook.token}"


@pytest.fixture(scope="module")
def hook(site: RunningSite) -> Iterator[Hook]:
    yield site.add(notebook(["import naas", "naas.webhook.respond_json({'ran': True})"]))


@pytest.mark.parametrize("target", ["/webhook/{}/%zz", "/webhook/{}/%00", "/webhook/{}/%ff"])
def test_a_broken_path_is_refused(site: RunningSite, hook: Hook, target: str) -> None:
    answer = send(site, "GET", target.format(hook.token))
    assert answer.status == 400
    assert answer.json()["status"] == 400
    assert hook.token not in site.log("error")


def test_a_good_call_runs(site: RunningSite, hook: Hook) -> None:
    before = accepted_jobs(site)
    answer = send(site, "GET", path_of(hook) + "?a=%C3%A9+1")
    assert (answer.status, answer.json()) == (200, {"ran": True})
    assert len(accepted_jobs(site) - before) == 1


def test_head_options_and_previews_run_nothing(site: RunningSite, hook: Hook) -> None:
    before = accepted_jobs(site)
    head = send(site, "HEAD", path_of(hook))
    assert (head.status, head.body) == (200, b"")
    options = send(site, "OPTIONS", path_of(hook))
    assert (options.status, options.body) == (204, b"")
    assert options.headers["Allow"] == "GET, HEAD, POST, OPTIONS"
    for unknown in ("/webhook/" + "0" * 60, "/webhook/short"):
        assert send(site, "HEAD", unknown).status == 404
        assert send(site, "OPTIONS", unknown).status == 404
    for robot in ("Slackbot-LinkExpanding 1.0", "TelegramBot (like TwitterBot)", "WhatsApp/2.23",
                  "Mozilla/5.0 (Windows NT 6.1) SkypeUriPreview Preview/0.5", "LinkedInBot/1.0",
                  "Mozilla/5.0 (compatible; Discordbot/2.0)", "facebookexternalhit/1.1"):
        page = send(site, "GET", path_of(hook), {"User-Agent": robot})
        assert page.status == 200
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        assert b"<title>" in page.body
    assert accepted_jobs(site) == before


def test_a_post_under_the_name_of_a_preview_is_a_call(site: RunningSite, hook: Hook) -> None:
    answer = send(site, "POST", path_of(hook), {"User-Agent": "Mattermost-Bot/1.1"}, b"text=hello")
    assert (answer.status, answer.json()) == (200, {"ran": True})


def test_all_tokens_that_are_none_look_the_same(site: RunningSite) -> None:
    gone = site.add(notebook(["1"]))
    assert site.api("POST", "/job", json={
        "path": gone.path, "type": "notebook", "params": {}, "value": None, "status": "delete",
        "file": None}).status_code == 200
    answers = [send(site, "GET", f"/webhook/{token}")
               for token in (gone.token, secrets.token_hex(30), "0", "%C3%A9")]
    assert {answer.status for answer in answers} == {404}
    assert len({answer.body for answer in answers}) == 1
    assert "no webhook at this URL" in answers[0].json()["error"]


def test_urls_that_are_none(site: RunningSite) -> None:
    for target in ("/webhook", "/webhook/", "/webhook/a/b", "/a/b/webhook/c"):
        assert send(site, "GET", target).status == 404, target


@pytest.mark.parametrize("what", ["status", "results"])
def test_jobs_that_are_none(site: RunningSite, hook: Hook, what: str) -> None:
    other = site.add(notebook(["1"]))
    job = site.get(other).headers["X-Nbhook-Job"]
    assert site.get(other, f"/{what}/{job}").status_code == 200
    for named, code, says in [
            ("nonsense", 400, "no job id"), ("hello:", 400, "no job id"),
            ("hello:672a8b0e-c0b0-486e-bb2b-4571b0805f2", 400, "no job id"),
            (UNKNOWN_JOB, 404, "no such job"), (job, 404, "no such job")]:
        answer = site.get(hook, f"/{what}/{named}")
        assert answer.status_code == code, named
        assert says in answer.json()["error"]
    answer = site.post(other, f"/{what}/{job}")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")


def test_a_host_without_free_places_says_so_before_it_accepts(
        make_site: Callable[..., RunningSite]) -> None:
    site = make_site(http={"wait_slots": "1", "response_limit": "3"}, pool_size=1)
    slow = site.add(notebook(["import time; time.sleep(20)"]))
    connection = http.client.HTTPConnection("127.0.0.1", site.layout.port, timeout=30)
    connection.request("GET", path_of(slow))
    deadline = time.monotonic() + 10
    while not accepted_jobs(site) and time.monotonic() < deadline:
        time.sleep(0.05)
    answer = site.get(slow)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert "wait_slots" in answer.json()["error"]
    assert connection.getresponse().status == 500
    connection.close()
    assert len(accepted_jobs(site)) == 1


# /job and /api.


def job_of(**changes: Any) -> dict[str, Any]:
    content = changes.pop("content", json.dumps(notebook(["1"])))
    encoded = content if isinstance(content, bytes) else content.encode()
    return {"path": f"/home/author/{secrets.token_hex(4)}/notebook.ipynb", "type": "notebook",
            "params": {}, "value": None, "status": "installed",
            "file": {"filename": "notebook.ipynb", "data": base64.b64encode(encoded).decode()},
            **changes}


def refused(answer: requests.Response, code: int, says: str) -> None:
    assert answer.status_code == code, answer.text
    body = answer.json()
    assert body["status"] == "error"
    assert says in body["error"]
    assert "id" in body
    assert answer.headers["Content-Type"] == "application/json"


def test_missing_keys_are_named(site: RunningSite) -> None:
    answer = site.api("POST", "/job", json={"path": "/a.ipynb", "type": "notebook"})
    refused(answer, 400, "missing keys")
    assert answer.json()["data"] == ["file", "params", "status", "value"]


def test_queries_for_jobs_that_are_none(site: RunningSite) -> None:
    for query, code, says in [
            ("path=/no/such.ipynb&type=notebook&light=1", 404, "job not found"),
            ("path=/no/such.ipynb&type=notebook", 404, "job not found"),
            ("path=/a.ipynb", 400, "type"), ("type=notebook", 400, "path"),
            ("path=/a.ipynb&type=asset", 422, "asset"), ("path=%25zz&type=%ff", 400, "UTF-8"),
            ("path=/a/../../b.ipynb&type=notebook", 403, "..")]:
        refused(site.api("GET", f"/job?{query}"), code, says)


def test_a_notebook_over_its_ceiling(make_site: Callable[..., RunningSite]) -> None:
    site = make_site(kernels={"max_notebook": "4K"})
    refused(site.api("POST", "/job", json=job_of(content=json.dumps(notebook(["#" * 5000])))),
            413, "max_notebook")
    refused(site.api("POST", "/job", json=job_of(content=b"#" * 1_200_000)), 413, "max_notebook")


def test_a_key_is_needed(site: RunningSite) -> None:
    basic = base64.b64encode(f"x:{site.key}".encode()).decode()
    for header in (f"Bearer {site.key}", f"token {site.key}", f"Basic {basic}"):
        answer = site.request("GET", f"{site.layout.url}/job", headers={"Authorization": header})
        assert answer.status_code == 200, header
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Digest {site.key}"},
                    {"Authorization": f"Bearer {site.key}x"}):
        for method in ("GET", "POST", "DELETE"):
            answer = site.request(method, f"{site.layout.url}/job?path=/a.ipynb&type=notebook",
                                  headers=headers)
            refused(answer, 401, "key")
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_the_environment_needs_no_key(site: RunningSite) -> None:
    answer = site.request("GET", f"{site.layout.url}/env")
    assert answer.status_code == 200
    assert answer.json()["status"] == "healthy"
    assert answer.json()["version"]


def test_methods_of_job(site: RunningSite) -> None:
    answer = site.api("PATCH", "/job")
    refused(answer, 405, "GET, HEAD, POST, DELETE, OPTIONS")
    assert answer.headers["Allow"] == "GET, HEAD, POST, DELETE, OPTIONS"


def test_the_api_has_its_own_shape(site: RunningSite) -> None:
    without = site.request("GET", f"{site.layout.url}/api/v1/nothing")
    assert without.status_code == 401
    assert without.json()["error"]["code"] == "unauthorized"
    answer = site.api("GET", "/api/v1/nothing")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"
    assert answer.json()["error"]["message"]
