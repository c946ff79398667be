"""One minute, and then: the limit, preferences, the state and the results."""

from __future__ import annotations

import http.client
import os
import re
import socket
import subprocess
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Callable, Iterator, Optional

import pytest
import requests

import running
from counts import soak, times
from notebooks import notebook
from running import Hook, RunningSite

JOB = re.compile(r"[-_.A-Za-z0-9]+:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
TIME = re.compile(r'"time":[0-9.e-]+')
LIMIT_S = 2.0
# They carry the time at which a run ended; ranges belong to the results alone.
OF_A_FILE = ("ETag", "Last-Modified", "Accept-Ranges")

# The same notebook, fast and slow.
PAUSE = "import time, naas; time.sleep(float(params.get('pause', 0)))"


@pytest.fixture(scope="module", autouse=True)
def real_minute(site: RunningSite) -> Iterator[Future]:
    """A call that takes longer than a minute, on its way while the other tests run."""
    hook = site.add(notebook([PAUSE, "naas.webhook.respond_text('late')"]))
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(site.get, hook, params={"pause": "63"})


@pytest.fixture(scope="module")
def short() -> Iterator[RunningSite]:
    """A site with a limit of two seconds."""
    with running.running_site({"http": {"response_limit": str(LIMIT_S)}}) as made:
        yield made


@pytest.fixture(scope="module")
def hook(short: RunningSite) -> Hook:
    return short.add(notebook([PAUSE, "naas.webhook.respond_html('<p>Grüße</p>')"]))


def without_names(answer: requests.Response) -> tuple[int, dict[str, str], str]:
    """What two answers of the same notebook have in common."""
    headers = {name: JOB.sub("JOB", value) for name, value in answer.headers.items()
               if name not in ("Date", "Content-Length", *OF_A_FILE)}
    text = TIME.sub('"time":0', JOB.sub("JOB", answer.content.decode()))
    assert int(answer.headers.get("Content-Length", 0)) == len(answer.content)
    return answer.status_code, headers, text


def assert_says_where_to_look(answer: requests.Response, hook: Hook) -> None:
    job = answer.headers["X-Nbhook-Job"]
    where = answer.json()
    assert where["id"] == job
    assert where["status_url"] == f"{hook.url}/status/{job}"
    assert where["results_url"] == f"{hook.url}/results/{job}"
    assert answer.headers["Link"] == (f'<{where["status_url"]}>; rel="status", '
                                      f'<{where["results_url"]}>; rel="results"')
    assert int(answer.headers["Retry-After"]) > 0


def call_at_once(url: str, count: int) -> list[tuple[int, float, str]]:
    """Twenty at a time, by one process that has nothing else to do: status, seconds, job of each."""
    said = subprocess.run(
        ["/usr/bin/curl", "--noproxy", "*", "-sS", "--parallel", "--parallel-immediate", "--parallel-max", "20",
         "-o", "/dev/null", "-w", "%{http_code} %{time_total} %header{x-nbhook-job}\\n", f"{url}&n=[1-{count}]"],
        capture_output=True, text=True, check=True, timeout=300).stdout
    answers = [line.split() for line in said.splitlines()]
    return [(int(status), float(seconds), job) for status, seconds, job in answers]


def test_the_answer_at_the_limit_says_where_to_look(short: RunningSite, hook: Hook) -> None:
    answer = short.get(hook, params={"pause": "3"})
    assert answer.status_code == 500
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Vary"] == "Accept"
    assert_says_where_to_look(answer, hook)


@soak
def test_many_are_answered_at_the_limit_and_every_run_ends(short: RunningSite, hook: Hook) -> None:
    fast = without_names(short.wait_for_results(short.get(hook).headers["Content-Location"]))
    count = times(20, 100)
    answers = call_at_once(f"{hook.url}?pause=3", count)
    assert [status for status, _, _ in answers] == [500] * count
    assert [seconds for _, seconds, _ in answers if not LIMIT_S <= seconds < LIMIT_S + 0.5] == []
    jobs = {job for _, _, job in answers}
    assert len(jobs) == count
    for job in jobs:
        assert without_names(short.wait_for_results(f"{hook.url}/results/{job}")) == fast


KINDS = {
    "html": (["naas.webhook.respond_html('<h1>ä</h1>')"], {"inline": True}, 200),
    "json": (["naas.webhook.respond_json({'n': 10**30, 'x': 1.50})"], {}, 200),
    "text": (["naas.webhook.respond_text('two\\nlines')"], {}, 200),
    "nothing": (["1"], {}, 200),
    "a redirect": (["1"], {"next_url": "https://example.org/done?x=1"}, 302),
    "a failure": (["1/0"], {}, 500),
}


@pytest.mark.parametrize("name", KINDS)
def test_results_are_the_very_answer(short: RunningSite, name: str) -> None:
    cells, params, code = KINDS[name]
    hook = short.add(notebook([PAUSE, *cells]), params)
    direct = short.get(hook)
    if direct.status_code == 500 and "reason" not in direct.json():  # a slow machine
        direct = short.wait_for_results(direct.json()["results_url"])
    assert direct.status_code == code
    accepted = short.get(hook, params={"pause": "1"}, headers={"Prefer": "respond-async"})
    assert accepted.status_code == 202
    results = short.wait_for_results(accepted.json()["results_url"])
    assert without_names(results) == without_names(direct)
    same = short.get(hook, f"/results/{direct.headers['X-Nbhook-Job']}")
    for answer in (same, direct):
        del answer.headers["Date"]
    assert (same.status_code, same.headers, same.content) == (
        direct.status_code, direct.headers, direct.content)


@pytest.mark.parametrize("prefer, code, applied, seconds", [
    (["respond-async"], 202, "respond-async", 0.0),
    (["Respond-ASYNC; a=b"], 202, "respond-async", 0.0),
    (["wait=1"], 202, "wait=1", 1.0),
    (['handling=lenient, WAIT = "1"'], 202, "wait=1", 1.0),
    (["respond-async, wait=1"], 202, "respond-async, wait=1", 1.0),
    (["wait=1", "respond-async"], 202, "respond-async, wait=1", 1.0),
    (["wait=0"], 202, "wait=0", 0.0),
    (["respond-async, wait=100"], 202, "respond-async", LIMIT_S),
    (["wait=100"], 500, None, LIMIT_S),
    (["wait=soon"], 500, None, LIMIT_S),
    (["wait=-1, respond-async=no"], 500, None, LIMIT_S),
    (['foo="respond-async, wait=1'], 500, None, LIMIT_S),
])
def test_preferences(short: RunningSite, hook: Hook, prefer: list[str], code: int,
                     applied: Optional[str], seconds: float) -> None:
    begun = time.monotonic()
    status, headers, _ = raw_get(short, hook, [("Prefer", each) for each in prefer])
    took = time.monotonic() - begun
    assert (status, headers.get("Preference-Applied")) == (code, applied)
    assert seconds <= took < seconds + 0.7
    job = headers["X-Nbhook-Job"]
    assert headers.get("Location") == (f"{hook.url}/status/{job}" if code == 202 else None)
    short.wait_for_results(f"{hook.url}/results/{job}")


def raw_get(site: RunningSite, hook: Hook, headers: list[tuple[str, str]]
            ) -> tuple[int, Any, bytes]:
    """With header fields that come more than once."""
    connection = http.client.HTTPConnection("localhost", site.layout.port, timeout=30)
    try:
        connection.putrequest("GET", f"/webhook/{hook.token}?pause=3")
        for name, value in headers:
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def test_who_prefers_not_to_wait_is_told_where_to_look(short: RunningSite, hook: Hook) -> None:
    answer = short.get(hook, headers={"Prefer": "respond-async"})
    assert answer.headers["Content-Type"] == "application/json"
    assert set(answer.json()) == {"id", "status_url", "results_url"}
    assert_says_where_to_look(answer, hook)


def test_a_short_wait_for_a_fast_notebook_is_its_answer(site: RunningSite) -> None:
    hook = site.add(notebook(["import naas; naas.webhook.respond_text('fast')"]))
    answer = site.get(hook, headers={"Prefer": "wait=30"})
    assert (answer.status_code, answer.text) == (200, "fast")
    assert "Preference-Applied" not in answer.headers


def test_results_before_there_are_any(short: RunningSite, hook: Hook) -> None:
    accepted = short.get(hook, params={"pause": "3"}, headers={"Prefer": "respond-async"})
    running = short.request("GET", accepted.json()["results_url"])
    assert running.status_code == 202
    assert running.headers["Vary"] == "Accept"
    assert running.json()["status"] in ("pending", "active")
    assert set(running.json()["progress"]) == {"done", "total"}
    assert_says_where_to_look(running, hook)
    head = short.request("HEAD", accepted.json()["results_url"])
    assert (head.status_code, head.content) == (202, b"")
    assert short.wait_for_results(accepted.json()["results_url"]).status_code == 200


@pytest.mark.parametrize("what", ["status", "results"])
def test_head_is_get_without_a_body(short: RunningSite, hook: Hook, what: str) -> None:
    accepted = short.get(hook, headers={"Prefer": "respond-async"})
    job = accepted.json()["id"]
    short.wait_for_results(accepted.json()["results_url"])
    url = f"{hook.url}/{what}/{job}"
    got, head = short.request("GET", url), short.request("HEAD", url)
    assert head.content == b""
    assert got.headers["Cache-Control"] == "no-store"
    for answer in (got, head):
        del answer.headers["Date"]
    assert (head.status_code, head.headers) == (got.status_code, got.headers)


def test_a_job_of_another_name_is_unknown(short: RunningSite, hook: Hook) -> None:
    accepted = short.get(hook, headers={"Prefer": "respond-async"})
    short.wait_for_results(accepted.json()["results_url"])
    uuid = accepted.json()["id"].rsplit(":", 1)[1]
    for what in ("status", "results"):
        assert short.get(hook, f"/{what}/other:{uuid}").status_code == 404


def test_a_response_that_is_no_longer_kept_is_gone(short: RunningSite, hook: Hook) -> None:
    accepted = short.get(hook, headers={"Prefer": "respond-async"}).json()
    assert short.wait_for_results(accepted["results_url"]).status_code == 200
    os.unlink(os.path.join(short.execution(accepted["id"]), "response"))
    answer = short.request("GET", accepted["results_url"])
    assert answer.status_code == 410
    assert answer.json()["id"] == accepted["id"]


def test_a_caller_who_hangs_up_frees_its_place_and_the_run_goes_on(
        make_site: Callable[..., RunningSite]) -> None:
    site = make_site(http={"wait_slots": "1"}, pool_size=1)
    hook = site.add(notebook([PAUSE, "naas.webhook.respond_text('kept')"]))
    caller = socket.create_connection(("localhost", site.layout.port))
    caller.sendall(f"GET /webhook/{hook.token}?pause=4 HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())

    def executions() -> list[str]:
        names = os.listdir(site.layout.path("state", "pipeline_executions"))
        return [name for name in names if not name.startswith(".")]
    site.wait_until(lambda: len(executions()) == 1, "the call was accepted")
    assert site.get(hook).status_code == 503
    caller.close()
    answers: list[requests.Response] = []

    def has_room() -> bool:
        answers.append(site.get(hook, headers={"Prefer": "respond-async"}))
        return answers[-1].status_code == 202
    site.wait_until(has_room, "the place is free", 2)
    uuid = executions()[0][20:]
    uuids = sorted(name[20:] for name in executions())
    assert len(uuids) == 2 and uuid in uuids
    for each in uuids:
        answer = site.wait_for_results(f"{hook.url}/results/notebook:{each}")
        assert (answer.status_code, answer.text) == (200, "kept")


@soak
def test_a_real_minute(real_minute: Future, site: RunningSite) -> None:
    answer = real_minute.result(90)
    assert answer.status_code == 500
    assert 60.0 <= answer.elapsed.total_seconds() < 61.0
    results = site.wait_for_results(answer.json()["results_url"])
    assert (results.status_code, results.text) == (200, "late")
