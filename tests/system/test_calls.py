"""Calling a webhook: what goes in, where it goes, and what comes out."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from notebooks import cell, notebook
from running import Hook, RunningSite

ECHO = ["import naas, json\n"
        "naas.webhook.respond_json({'params': params, 'body': body, 'value': globals().get('value', 'missing'),\n"
        "                           'type': type(globals().get('value')).__name__})"]


@pytest.fixture(scope="module")
def echo(site: RunningSite) -> Hook:
    return site.add(notebook(ECHO), {"inline": True})


@pytest.mark.parametrize("value, kind", [
    (None, "NoneType"), (True, "bool"), (False, "bool"), (0, "int"), (-7, "int"), (10**25, "int"),
    (1.5, "float"), (1e300, "float"), ("", "str"), ("text", "str"), ("Привет, 世界 😀", "str"),
    ("'; import os; os._exit(1) #", "str"), ("\\", "str"), ("a\nb\r\0c\u2028", "str"), ([], "list"),
    ([1, [2, [None]], {"a": []}], "list"), ({}, "dict"), ({"ключ": {"deep": [10**30, -0.0]}}, "dict"),
])
def test_a_json_value_arrives_as_it_is(site: RunningSite, echo: Hook, value: Any, kind: str) -> None:
    answer = site.post(echo, json={"value": value})
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"params": {}, "body": {"value": value}, "value": value, "type": kind}


def test_numbers_come_back_byte_for_byte(site: RunningSite, echo: Hook) -> None:
    body = b'{"value": [10000000000000000000000000, 1.50, 0.1, 123456789012345678]}'
    answer = site.post(echo, data=body, headers={"Content-Type": "application/json"})
    assert b"10000000000000000000000000" in answer.content
    assert answer.json()["value"][3] == 123456789012345678


def test_a_query_becomes_params_and_variables(site: RunningSite, echo: Hook) -> None:
    answer = site.get(echo, params={"value": "ä & b", "not-a-name": "x", "class": "y"})
    assert answer.json() == {"params": {"value": "ä & b", "not-a-name": "x", "class": "y"},
                             "body": {"str": ""}, "value": "ä & b", "type": "str"}


def test_a_form_wins_over_the_query_and_the_query_over_what_is_registered(site: RunningSite) -> None:
    hook = site.add(notebook(["import naas; naas.webhook.respond_json([a, b, c])"]),
                    {"a": "registered", "b": "registered", "c": "registered"})
    answer = site.post(hook, params={"b": "query", "c": "query"}, data={"c": "form"})
    assert answer.json() == ["registered", "query", "form"]


def test_a_body_of_a_megabyte(site: RunningSite, echo: Hook) -> None:
    value = {"text": "x" * 500_000, "list": list(range(70_000)), "ü": "ß" * 20_000}
    answer = site.post(echo, json={"value": value})
    assert answer.status_code == 200, answer.text[:300]
    assert answer.json()["value"] == value


def test_text_becomes_str(site: RunningSite, echo: Hook) -> None:
    answer = site.post(echo, data="plain words".encode(), headers={"Content-Type": "text/plain"})
    assert answer.json()["body"] == {"str": "plain words"}


def test_headers_are_there_and_credentials_are_not(site: RunningSite) -> None:
    hook = site.add(notebook(["import naas; naas.webhook.respond_json(headers)"]))
    seen = site.get(hook, headers={"X-Some-Thing": "yes", "Authorization": "Bearer secret-of-mine",
                                   "Cookie": "session=secret-of-mine"}).json()
    assert seen["x-some-thing"] == "yes"
    assert "secret-of-mine" not in json.dumps(seen)


def test_parameters_stand_behind_the_tagged_cell(site: RunningSite) -> None:
    hook = site.add(notebook([
        "first = 'unchanged'", cell("value = 'default'", tags=["parameters"]),
        "import naas; naas.webhook.respond_text(first + ' ' + value)"]))
    assert site.get(hook).text == "unchanged default"
    answer = site.get(hook, params={"value": "given"})
    assert answer.text == "unchanged given"
    job = answer.headers["X-Nbhook-Job"]
    with open(os.path.join(site.execution(job), "webhook.notebook.ipynb"), encoding="utf-8") as file:
        tags = [each["metadata"].get("tags") for each in json.load(file)["cells"]]
    assert tags == [["naas-injected"], None, ["parameters"], ["injected-parameters"], None]


@pytest.mark.parametrize("source, content_type, body, extension", [
    ("respond_json({'b': [1, None], 'a': 'é'})", "application/json", {"b": [1, None], "a": "é"}, "json"),
    ("respond_html('<h1>Grüße</h1>')", "text/html; charset=utf-8", "<h1>Grüße</h1>", "html"),
    ("respond_text('two\\nlines ☃')", "text/plain; charset=utf-8", "two\nlines ☃", "txt"),
])
def test_each_response(site: RunningSite, source: str, content_type: str, body: Any,
                       extension: str) -> None:
    hook = site.add(notebook(["import naas", f"naas.webhook.{source}", "print('more')"]))
    answer = site.get(hook)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == content_type
    assert (answer.json() if isinstance(body, dict) else answer.content.decode()) == body
    assert answer.headers["Content-Disposition"].startswith(
        f'attachment; filename="notebook.{extension}"')
    job = answer.headers["X-Nbhook-Job"]
    assert answer.headers["Content-Location"] == f"/webhook/{hook.token}/results/{job}"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    policy = "sandbox allow-scripts allow-popups allow-downloads" if extension == "html" else None
    assert answer.headers.get("Content-Security-Policy") == policy


def test_the_first_response_in_cell_order_counts(site: RunningSite) -> None:
    hook = site.add(notebook(["import naas; naas.webhook.respond_text('first')",
                              "naas.webhook.respond_json('second')"]))
    assert site.get(hook).text == "first"


def test_no_response_is_done(site: RunningSite) -> None:
    answer = site.get(site.add(notebook(["1 + 1"])))
    assert answer.status_code == 200
    assert answer.json()["status"] == "Done"
    assert answer.json()["id"] == answer.headers["X-Nbhook-Job"]
    assert 0 <= answer.json()["time"] < 60


def test_inline_is_no_attachment(site: RunningSite) -> None:
    hook = site.add(notebook(["import naas; naas.webhook.respond_text('x')"]), {"inline": True})
    assert not site.get(hook).headers.get("Content-Disposition", "").startswith("attachment")


def test_a_long_next_url_arrives(site: RunningSite) -> None:
    url = "https://example.org/" + "x" * 7980
    hook = site.add(notebook(["1"]), params={"next_url": url})
    answer = site.get(hook)
    assert (answer.status_code, answer.headers["Location"]) == (302, url)
    content = json.dumps(notebook(["1"])).encode()
    refused = site.publish(hook.path, content, {"next_url": url + "x"})
    assert refused.status_code == 400
    assert "at most 8000 characters" in refused.text


def test_next_url_redirects_after_a_success_only(site: RunningSite) -> None:
    params = {"next_url": "https://example.org/done?x=1"}
    answer = site.get(site.add(notebook(["1"]), params))
    assert (answer.status_code, answer.headers["Location"]) == (302, "https://example.org/done?x=1")
    assert site.get(site.add(notebook(["1/0"]), params)).status_code == 500


def test_a_failing_cell(site: RunningSite) -> None:
    hook = site.add(notebook([cell("# A title", kind="markdown"), "fine = 1",
                              "raise ValueError('no such thing')", "never = 1"]))
    answer = site.get(hook)
    assert answer.status_code == 500
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["id"] == answer.headers["X-Nbhook-Job"]
    assert problem["error"] == "ValueError: no such thing"
    assert (problem["reason"], problem["ename"], problem["evalue"]) == (
        "cell_error", "ValueError", "no such thing")
    assert problem["cell"]["index"] == 2 and problem["cell"]["id"]
    assert "traceback" not in problem
    status = site.status(problem["id"])
    assert (status["status"], status["reason"]) == ("failed", "cell_error")
    assert status["progress"] == {"done": 1, "total": 3}


def test_debug_lets_the_traceback_out(site: RunningSite) -> None:
    path, content = "/home/author/debug/notebook.ipynb", json.dumps(notebook(["1/0"])).encode()
    posted = site.publish(path, content, {}, debug=True).json()
    url = next(job["url"] for job in posted["data"] if job["path"] == path)
    assert "ZeroDivisionError" in "".join(site.request("GET", url).json()["traceback"])


def test_a_dead_kernel_ends_the_run_at_once(site: RunningSite) -> None:
    answer = site.get(site.add(notebook(["import os, signal; os.kill(os.getpid(), signal.SIGKILL)"])))
    assert answer.status_code == 500
    assert answer.json()["reason"] == "kernel_died"
    assert answer.elapsed.total_seconds() < 10


def test_the_limit_answers_while_the_run_goes_on(make_site: Any) -> None:
    site = make_site(http={"response_limit": "1.5"})
    hook = site.add(notebook(["import time, naas; time.sleep(4); naas.webhook.respond_text('late')"]))
    answer = site.get(hook)
    assert answer.status_code == 500
    assert 1.5 <= answer.elapsed.total_seconds() < 2.5
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert int(answer.headers["Retry-After"]) > 0
    problem = answer.json()
    assert problem["status_url"].endswith(f"/webhook/{hook.token}/status/{problem['id']}")
    assert problem["results_url"].endswith(f"/webhook/{hook.token}/results/{problem['id']}")
    assert site.status(problem["id"])["status"] in ("pending", "active")
    results = site.wait_for_results(problem["results_url"])
    assert (results.status_code, results.text) == (200, "late")
    assert site.status(problem["id"])["status"] == "completed"


def test_the_old_path_and_a_leading_segment_are_the_same_webhook(site: RunningSite) -> None:
    hook = site.add(notebook(["import naas; naas.webhook.respond_text('here')"]))
    for path in (f"/notebook/{hook.token}", f"/YWRh/notebook/{hook.token}", f"/YWRh/webhook/{hook.token}"):
        assert site.request("GET", site.layout.url + path).text == "here"


def test_a_run_sees_its_folder_and_its_dependencies(site: RunningSite) -> None:
    folder = site.layout.path("state", "production", "home", "author", "withdata")
    hook = site.add(notebook(["import naas; naas.webhook.respond_text(open('data.txt').read())"]),
                    path="/home/author/withdata/notebook.ipynb")
    site.run_as(site.accounts.runner, ["/bin/sh", "-c", f"echo beside > {folder}/data.txt"])
    assert site.get(hook).text == "beside\n"


def test_runs_share_nothing(site: RunningSite) -> None:
    hook = site.add(notebook([
        "import os, random, uuid, naas\n"
        "seen = 'leak' in globals() or 'LEAK' in os.environ; leak = 1; os.environ['LEAK'] = '1'\n"
        "naas.webhook.respond_json([seen, random.random(), str(uuid.uuid4()), os.getcwd()])"]))
    one, other = site.get(hook).json(), site.get(hook).json()
    assert one[0] is other[0] is False
    assert one[1] != other[1] and one[2] != other[2]


def test_add_in_production_returns_its_url_and_changes_nothing(site: RunningSite) -> None:
    hook = site.add(notebook(["import naas\nurl = naas.webhook.add()",
                              "naas.webhook.delete()",
                              "naas.webhook.respond_json([url, naas.webhook.find(), naas.is_production()])"]))
    assert site.get(hook).json() == [hook.url, hook.url, True]
    assert site.get(hook).json() == [hook.url, hook.url, True]


def test_publishing_again_keeps_the_url_and_plays_the_new_version(site: RunningSite) -> None:
    path = "/home/author/again/notebook.ipynb"
    first = site.add(notebook(["import naas; naas.webhook.respond_text('one')"]), path=path)
    assert site.get(first).text == "one"
    second = site.add(notebook(["import naas; naas.webhook.respond_text('two')"]), path=path)
    assert second.url == first.url
    assert site.get(first).text == "two"


def test_deleting_makes_the_url_unknown_and_adding_again_makes_a_new_one(site: RunningSite) -> None:
    path = "/home/author/gone/notebook.ipynb"
    hook = site.add(notebook(["1"]), path=path)
    answer = site.api("POST", "/job", json={"path": path, "type": "notebook", "params": {}, "value": None,
                                            "status": "delete", "file": None})
    assert answer.json()["status"] == "delete"
    assert site.get(hook).status_code == 404
    assert site.add(notebook(["1"]), path=path).url != hook.url


def test_an_execution_folder_tells_the_story(site: RunningSite) -> None:
    hook = site.add(notebook(["import naas; print('told'); naas.webhook.respond_json(params)"]))
    answer = site.get(hook, params={"q": "1"}, headers={"Authorization": "Bearer hidden"})
    folder = site.execution(answer.headers["X-Nbhook-Job"])
    with open(os.path.join(folder, "request"), "rb") as file:
        request = file.read()
    assert request.startswith(b"GET /webhook/-?q=1 ")
    assert hook.token.encode() not in request and b"hidden" not in request
    with open(os.path.join(folder, "response"), "rb") as file:
        assert file.read() == answer.content
    site.wait_until(lambda: not [name for name in os.listdir(folder) if name.startswith(".")],
                    "the last status file is in place")
    assert site.status(answer.headers["X-Nbhook-Job"])["status"] == "completed"
