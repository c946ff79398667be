"""/job as the original naas client speaks it: the requests that it makes, in its order and with its words."""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
from typing import Any, Iterator, Optional

import pytest
import requests

from notebooks import notebook
from running import RunningSite

JOB_KEYS = {"id", "type", "value", "path", "status", "params", "lastUpdate", "lastRun", "runs"}
ECHO = notebook(["import naas; naas.webhook.respond_json({'said': said})"])


class Client:
    """The requests of the original client. It asks for a job's token before it adds, and makes one itself
    when there is none; it builds its URLs from the token."""

    def __init__(self, site: RunningSite, user: str = "ada-2elovelace") -> None:
        self.site = site
        self.headers = {"Authorization": f"token {site.key}"}
        self.base = f"{site.layout.url}/{base64.b64encode(user.encode()).decode()}"

    def probe(self) -> requests.Response:
        return self._ask("GET", "/env")

    def value_of(self, path: str) -> requests.Response:
        return self._ask("GET", "/job", params={"path": path, "type": "notebook", "light": True})

    def add(self, path: str, params: Optional[dict[str, Any]] = None, content: Any = ECHO,
            token: Optional[str] = None) -> requests.Response:
        known = self.value_of(path)
        status = "edited" if known.ok else "installed"
        file = {"filename": os.path.basename(path),
                "data": base64.b64encode(json.dumps(content).encode()).decode("ascii")}
        return self.post({
            "type": "notebook", "status": status, "path": path, "params": params or {},
            "value": known.json()["value"] if known.ok else token or os.urandom(30).hex(),
            "file": file})

    def delete(self, path: str) -> requests.Response:
        return self.post({"type": "notebook", "path": path, "params": {}, "file": None, "value": None,
                          "status": "delete"})

    def clear(self, path: str, **query: str) -> requests.Response:
        return self._ask("DELETE", "/job", params={"path": path, "type": "notebook", **query})

    def currents(self) -> list[dict[str, Any]]:
        return [job for job in self._ask("GET", "/job").json()
                if job["type"] == "notebook" and job["status"] != "delete"]

    def url(self, token: str) -> str:
        return f"{self.base}/notebook/{token}"

    def post(self, content: dict[str, Any]) -> requests.Response:
        return self._ask("POST", "/job", json=content)

    def _ask(self, method: str, path: str, **arguments: Any) -> requests.Response:
        return self.site.request(method, self.site.layout.url + path, headers=self.headers, **arguments)


@pytest.fixture(scope="module")
def client(site: RunningSite) -> Iterator[Client]:
    yield Client(site)


@pytest.fixture
def path() -> str:
    return f"/home/author/{secrets.token_hex(4)}/notebook.ipynb"


def test_the_probe_says_healthy(client: Client) -> None:
    answer = client.probe()
    assert answer.status_code == 200
    assert answer.json()["status"] == "healthy" and answer.json()["version"]


def test_a_job_that_is_not_there(client: Client, path: str) -> None:
    answer = client.value_of(path)
    assert answer.status_code == 404
    assert (answer.json()["status"], answer.json()["error"]) == ("error", "job not found")


def test_the_token_is_the_clients_and_its_url_answers(client: Client, path: str) -> None:
    token = secrets.token_hex(30)
    answer = client.add(path, {"said": "one"}, token=token).json()
    assert answer["status"] == "installed" and answer["id"]
    job = next(job for job in answer["data"] if job["path"] == path)
    assert JOB_KEYS <= set(job)
    assert (job["value"], job["status"]) == (token, "installed")
    found = client.value_of(path).json()
    assert JOB_KEYS <= set(found) and "file" not in found
    assert found["value"] == token
    played = client.site.request("GET", client.url(token))
    assert (played.status_code, played.json()) == (200, {"said": "one"})
    assert client.site.request("GET", f"{client.site.layout.url}/webhook/{token}").json() == {"said": "one"}


def test_adding_again_is_edited_and_keeps_the_token(client: Client, path: str) -> None:
    client.add(path, {"said": "one"})
    token = client.value_of(path).json()["value"]
    answer = client.add(path, {"said": "two"}).json()
    assert answer["status"] == "edited"
    job = next(job for job in answer["data"] if job["path"] == path)
    assert (job["value"], job["status"], job["params"]) == (token, "edited", {"said": "two"})
    assert client.site.request("GET", client.url(token)).json() == {"said": "two"}


@pytest.mark.parametrize("user", ["ada", "a", "ab", "ada-40example-2eorg", "x" * 200])
def test_any_users_segment_leads_to_the_webhook(site: RunningSite, client: Client, user: str) -> None:
    path = "/home/author/segments/notebook.ipynb"
    client.add(path, {"said": user})
    token = client.value_of(path).json()["value"]
    other = Client(site, user)
    assert site.request("GET", other.url(token)).json() == {"said": user}
    asked = site.request("POST", other.url(token), json={"said": "posted"})
    assert asked.json() == {"said": "posted"}
    results = f"{other.url(token)}/results/{asked.headers['X-Nbhook-Job']}"
    assert site.request("GET", results).json() == {"said": "posted"}


def test_currents_lists_the_jobs_with_their_runs(client: Client, path: str) -> None:
    client.add(path, {"said": "listed"})
    token = client.value_of(path).json()["value"]
    client.site.request("GET", client.url(token))
    job = next(job for job in client.currents() if job["path"] == path)
    assert (job["value"], job["status"], len(job["runs"])) == (token, "healthy", 1)
    assert set(job["runs"][0]) == {"id", "duration", "date", "status"}


def test_deleting_and_then_clearing(client: Client, path: str) -> None:
    client.add(path, {"said": "one"})
    client.add(path, {"said": "two"})
    token = client.value_of(path).json()["value"]
    client.site.request("GET", client.url(token))
    deleted = client.delete(path)
    assert (deleted.status_code, deleted.json()["status"]) == (200, "delete")
    assert path not in [job["path"] for job in deleted.json()["data"]]
    assert client.site.request("GET", client.url(token)).status_code == 404
    versions = client.clear(path, histo="all")
    assert (versions.status_code, versions.json()["status"]) == (200, "healthy")
    folder = re.escape(os.path.dirname(path))
    assert len(versions.json()["data"]) == 2 and versions.json()["files"] == []
    for each in versions.json()["data"]:
        assert re.fullmatch(folder + r"/\d{20}___notebook\.ipynb", each)
    outputs = client.clear(path, histo="all", mode="output").json()
    assert [re.fullmatch(folder + r"/\d{20}___output__notebook\.ipynb", each) is not None
            for each in outputs["data"]] == [True]
    for again in ({"histo": "all"}, {"histo": "all", "mode": "output"}):
        nothing = client.clear(path, **again)
        assert (nothing.status_code, nothing.json()["data"]) == (200, [])
    client.add(path, {"said": "anew"})
    assert client.value_of(path).json()["value"] != token


def test_clearing_leaves_the_version_in_production(client: Client, path: str) -> None:
    client.add(path, {"said": "one"})
    client.add(path, {"said": "two"})
    answer = client.clear(path).json()
    assert len(answer["data"]) == len(answer["files"]) == 1
    assert set(answer["files"][0]) == {"timestamp", "filepath"}
    assert answer["files"][0]["timestamp"] in answer["files"][0]["filepath"]
    token = client.value_of(path).json()["value"]
    assert client.site.request("GET", client.url(token)).json() == {"said": "two"}


def test_a_token_that_is_not_well_formed_is_refused(client: Client, path: str) -> None:
    for token in ("short", "g" * 60, "a" * 59, "a" * 61):
        answer = client.add(path, token=token)
        assert (answer.status_code, answer.json()["status"]) == (400, "error"), token
        assert "60 hex digits" in answer.json()["error"]
    assert client.value_of(path).status_code == 404


def test_another_webhooks_token_is_refused(client: Client, path: str) -> None:
    token = secrets.token_hex(30)
    client.add(path, {"said": "mine"}, token=token)
    for stolen in (token, token.upper()):
        answer = client.add(path + ".other.ipynb", token=stolen)
        assert answer.status_code == 409
        assert answer.json()["error"] == "this value is the token of another webhook"
    assert client.site.request("GET", client.url(token)).json() == {"said": "mine"}


def test_a_deleted_webhooks_token_does_not_come_back_by_itself(client: Client, path: str) -> None:
    token = secrets.token_hex(30)
    client.add(path, {"said": "x"}, token=token)
    client.delete(path)
    assert client.value_of(path).status_code == 404
    assert client.delete(path).status_code == 404


@pytest.mark.parametrize("missing", ["path", "type", "params", "value", "status", "file"])
def test_missing_keys_are_named(client: Client, path: str, missing: str) -> None:
    content = {"path": path, "type": "notebook", "params": {}, "value": None, "status": "installed",
               "file": None}
    del content[missing]
    answer = client.post(content)
    assert answer.status_code == 400
    said = answer.json()
    assert (said["status"], said["error"], said["data"]) == ("error", "missing keys", [missing])
    assert said["id"]


@pytest.mark.parametrize("kind", ["asset", "scheduler", "secret"])
def test_types_that_are_not_offered_say_so(client: Client, path: str, kind: str) -> None:
    answer = client.post({"path": path, "type": kind, "params": {}, "value": None,
                          "status": "installed", "file": None})
    assert (answer.status_code, answer.json()["status"]) == (422, "error")
    assert kind in answer.json()["error"]


def test_installing_without_a_file_is_refused(client: Client, path: str) -> None:
    answer = client.post({"path": path, "type": "notebook", "params": {}, "value": None,
                          "status": "installed", "file": None})
    assert answer.status_code == 422
    assert "file" in answer.json()["error"]


@pytest.mark.parametrize("light, has_file", [
    (None, True), ("", True), ("0", True), ("false", True), ("False", True), ("no", True),
    ("1", False), ("true", False), ("True", False), ("yes", False)])
def test_only_a_true_light_leaves_the_file_out(client: Client, path: str, light: Optional[str],
                                               has_file: bool) -> None:
    client.add(path)
    answer = client._ask("GET", "/job", params={"path": path, "type": "notebook", "light": light})
    assert answer.status_code == 200
    assert ("file" in answer.json()) == has_file


@pytest.mark.parametrize("name", ["a b", "params", "class", "print", "1st"])
def test_a_param_that_can_be_no_variable_is_refused(client: Client, path: str, name: str) -> None:
    answer = client.add(path, {name: 1})
    assert answer.status_code == 400
    assert f'"{name}" can be no variable' in answer.json()["error"]
    assert client.value_of(path).status_code == 404


def test_too_many_params_are_refused(client: Client, path: str) -> None:
    answer = client.add(path, {"text": "x" * 70_000})
    assert answer.status_code == 413
    assert "max_params" in answer.json()["error"]


@pytest.mark.parametrize("path", [
    "/home/../etc/x.ipynb", "/home/./x.ipynb", "/home//x.ipynb", "home/x.ipynb", "/", "", "/home/x/",
    "/home/" + "y" * 300 + "/x.ipynb"])
def test_a_path_that_is_none_is_refused(client: Client, path: str) -> None:
    answer = client.add(path)
    assert answer.status_code in (400, 403), answer.text
    assert answer.json()["status"] == "error" and "path" in answer.json()["error"]


def test_the_key_as_a_password(client: Client, path: str) -> None:
    site = client.site
    client.add(path, {"said": "basic"})
    address = site.layout.url.replace("http://", f"http://x:{site.key}@")
    answer = site.request("GET", f"{address}/job", params={"path": path, "type": "notebook", "light": True})
    assert (answer.status_code, answer.json()["path"]) == (200, path)
    wrong = site.request("GET", site.layout.url.replace("http://", "http://x:wrong@") + "/job")
    assert (wrong.status_code, wrong.json()["status"]) == (401, "error")


@pytest.mark.parametrize("authorization", [None, "token", "token ", "token wrong", "Bearer wrong",
                                           "Digest abc", "token a b", "Basic !!!"])
def test_without_a_key_nothing_is_told(site: RunningSite, authorization: Optional[str]) -> None:
    headers = {"Authorization": authorization} if authorization is not None else {}
    for method in ("GET", "POST", "DELETE"):
        answer = site.request(method, site.layout.url + "/job", headers=headers,
                              params={"path": "/x", "type": "notebook"}, json={})
        assert answer.status_code == 401, (method, answer.text)
        assert answer.json()["status"] == "error" and "nbhook key add" in answer.json()["error"]
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_neither_key_nor_token_reaches_a_log(client: Client, path: str) -> None:
    token = secrets.token_hex(30)
    client.add(path, {"said": "quiet"}, token=token)
    client.site.request("GET", client.url(token))
    client.clear(path)
    folder = client.site.layout.path("log")
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
            text = file.read()
        assert token not in text and client.site.key not in text, name
