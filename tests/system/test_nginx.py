"""nginx with nbhook's files, and a responder in the place of nbhook.fcgi."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import socket
import time
from dataclasses import dataclass
from typing import Callable, Iterator, Optional

import pytest
import requests

import accounts
import layout
import processes
import running
from plan import Plan
from responder import Asked, Responder
from supervised import Supervised

TOKEN = "0123456789abcdef" * 3 + "0123456789ab"
OK = b"Content-Type: text/plain\r\n\r\nfine\n"


@dataclass
class Nginx:
    site: layout.Site
    plan: Plan
    supervised: Supervised

    def path(self, name: str) -> str:
        return os.path.join(self.plan.run_dir, name)

    def request(self, method: str, path: str, **arguments) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False
            return session.request(method, self.site.url + path, timeout=10, allow_redirects=False,
                                   **arguments)

    def get(self, path: str, **arguments) -> requests.Response:
        return self.request("GET", path, **arguments)

    def raw(self, text: bytes, then_close: bool = False) -> bytes:
        """What comes back for these very bytes, and possibly the end of them."""
        with socket.create_connection(("127.0.0.1", self.site.port), timeout=10) as caller:
            caller.sendall(text)
            if then_close:
                caller.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionResetError):
                return b"".join(iter(lambda: caller.recv(65536), b""))

    def logged(self, count: int) -> list[str]:
        """The access log when it has so many lines: nginx writes one after its answer."""
        deadline = time.monotonic() + 10
        while True:
            with open(self.site.path("log", "access.log"), encoding="utf-8") as file:
                lines = file.read().splitlines()
            if len(lines) >= count:
                return lines
            assert time.monotonic() < deadline, lines
            time.sleep(0.01)

    def logs(self) -> str:
        text = ""
        for name in ("access", "error", "nginx"):
            with open(self.site.path("log", f"{name}.log"), encoding="utf-8") as file:
                text += file.read()
        return text

    @contextlib.contextmanager
    def responder(self, name: str, respond: Callable[[Asked], Optional[bytes]] = lambda asked: OK
                  ) -> Iterator[Responder]:
        made = Responder(self.path(f"{name}.sock"), respond)
        try:
            yield made
        finally:
            made.close()


@pytest.fixture
def nginx() -> Iterator[Nginx]:
    """nginx alone, as quickstart starts it; no sockets."""
    if os.geteuid() == 0:
        accounts.ensure()
    with running.open_folder() as folder:
        site = layout.Site(folder, "/nonexistent", layout.free_port(), accounts.find())
        plan = site.prepare()
        alone = dataclasses.replace(
            plan, listeners=[], programs=[each for each in plan.programs if each.name == "nginx"])
        with Supervised(alone) as supervised:
            yield Nginx(site, plan, supervised)


@pytest.mark.parametrize("path", [f"/webhook/{TOKEN}", f"/notebook/{TOKEN}",
                                  f"/amFuZUBleGFtcGxlLm9yZw==/notebook/{TOKEN}"])
def test_calls_and_what_is_asked_about_them_go_to_different_processes(nginx, path):
    with nginx.responder("fcgi") as calls, nginx.responder("api") as api:
        assert nginx.get(path).text == "fine\n"
        assert nginx.get(f"{path}/status/x:1").text == "fine\n"
        assert nginx.get(f"{path}/results/x:1").text == "fine\n"
        assert [asked.params["REQUEST_URI"] for asked in calls.asked] == [path]
        assert [asked.params["REQUEST_URI"] for asked in api.asked] == [
            f"{path}/status/x:1", f"{path}/results/x:1"]


@pytest.mark.parametrize("path", ["/job", "/env", "/api/v1/webhooks", "/api/webhook/x"])
def test_the_api_has_its_own_processes(nginx, path):
    with nginx.responder("fcgi") as calls, nginx.responder("api") as api:
        assert nginx.get(path).text == "fine\n"
        assert (len(calls.asked), len(api.asked)) == (0, 1)


def test_a_request_arrives_whole(nginx):
    with nginx.responder("fcgi") as calls:
        body = os.urandom(300_000)
        nginx.request("POST", f"/webhook/{TOKEN}?a=1&b=%C3%BC", data=body,
                      headers={"X-Own": "yes", "Proxy": "http://evil", "Content-Type": "image/png"})
    asked = calls.asked[0]
    assert asked.body == body
    assert not asked.keeps_connection
    params = asked.params
    assert params["QUERY_STRING"] == "a=1&b=%C3%BC"
    assert params["REQUEST_METHOD"] == "POST"
    assert params["CONTENT_TYPE"] == "image/png"
    assert params["CONTENT_LENGTH"] == "300000"
    assert params["HTTP_X_OWN"] == "yes"
    assert not params.get("HTTP_PROXY")
    assert params["REMOTE_ADDR"] in ("127.0.0.1", "::1")
    assert params["HTTP_HOST"] == f"localhost:{nginx.site.port}"
    assert params["REQUEST_SCHEME"] == "http"


def test_a_chunked_body_arrives_whole(nginx):
    with nginx.responder("fcgi") as calls:
        assert nginx.request("POST", f"/webhook/{TOKEN}", data=iter([b"one", b"two"])).text == "fine\n"
    assert calls.asked[0].body == b"onetwo"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_call_is_never_sent_twice(nginx, method):
    with nginx.responder("fcgi", lambda asked: None) as calls:
        answer = nginx.request(method, f"/webhook/{TOKEN}")
    assert answer.status_code == 502
    assert len(calls.asked) == 1


def test_a_request_that_is_no_http_is_a_problem(nginx):
    lines = nginx.raw(f"GET /webhook/{TOKEN} HTTP/1.1\r\nHost: a b\r\n\r\n".encode()).splitlines()
    assert b" 400 " in lines[0]
    assert b"Content-Type: application/problem+json" in lines


@pytest.mark.parametrize("path", [f"/webhook/{TOKEN}", f"/webhook/{TOKEN}/results/x:1", "/elsewhere"])
def test_what_nginx_refuses_by_itself_is_a_problem(nginx, path):
    host = f"Host: localhost:{nginx.site.port}\r\nConnection: close\r\n"
    for code, text in ((405, f"TRACE {path} HTTP/1.1\r\n{host}\r\n"),
                       (501, f"POST {path} HTTP/1.1\r\n{host}Transfer-Encoding: gzip\r\n\r\n"),
                       (505, f"GET {path} HTTP/3.0\r\n{host}\r\n")):
        head, _, body = nginx.raw(text.encode()).partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        assert f" {code} ".encode() in lines[0]
        assert b"Content-Type: application/problem+json" in lines, lines
        assert json.loads(body)["status"] == code


def test_our_own_errors_pass_as_they_are(nginx):
    output = b"Status: 500 No\r\nContent-Type: text/plain\r\nRetry-After: 7\r\n\r\nours\n"
    with nginx.responder("fcgi", lambda asked: output):
        answer = nginx.get(f"/webhook/{TOKEN}")
    assert (answer.status_code, answer.text, answer.headers["Retry-After"]) == (500, "ours\n", "7")


def assert_problem(answer: requests.Response, status: int) -> None:
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["error"] == problem["detail"] and problem["detail"].endswith(".")
    assert problem["id"] is None
    assert problem["title"]


def test_no_fastcgi_program_is_502_in_the_shape_of_each_family(nginx):
    answer = nginx.get(f"/webhook/{TOKEN}")
    assert_problem(answer, 502)
    assert answer.headers["Retry-After"] == "5"
    job = nginx.get("/job")
    assert (job.status_code, job.headers["Retry-After"]) == (502, "5")
    assert set(job.json()) == {"id", "status", "error"}
    assert job.json()["status"] == "error"
    api = nginx.get("/api/v1/webhooks")
    assert api.status_code == 502
    assert api.json()["error"]["code"] == "unavailable"
    assert nginx.request("POST", f"/webhook/{TOKEN}", data="x" * 100_000).status_code == 502


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def test_a_browser_gets_a_page(nginx):
    page = nginx.get(f"/webhook/{TOKEN}", headers={"Accept": BROWSER})
    assert_page(page, 502, "Bad Gateway")
    assert page.headers["Retry-After"] == "5"
    assert 'http-equiv="refresh"' not in page.text, "that would call again"
    assert_page(nginx.get(f"/webhook/{TOKEN}?q={'a' * 9000}", headers={"Accept": BROWSER}), 414,
                "URI Too Long")
    for what in ("status", "results"):
        page = nginx.get(f"/webhook/{TOKEN}/{what}/x:1", headers={"Accept": BROWSER})
        assert_page(page, 502, "Bad Gateway")
        assert '<meta http-equiv="refresh" content="3">' in page.text
    assert nginx.get("/job", headers={"Accept": BROWSER}).json()["status"] == "error"


@pytest.mark.parametrize("accept", ["application/json, text/html;q=0.5", "*/*", "text/htmlx", ""])
def test_who_does_not_prefer_a_page_gets_a_problem(nginx, accept):
    answer = nginx.get(f"/webhook/{TOKEN}", headers={"Accept": accept})
    assert_problem(answer, 502)
    assert answer.headers["Vary"] == "Accept"


def assert_page(answer: requests.Response, status: int, title: str) -> None:
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Vary"] == "Accept"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none';")
    assert f"<h1>{title}</h1>" in answer.text
    assert "$" not in answer.text and TOKEN not in answer.text


def test_what_is_too_large_is_said_as_a_problem(nginx):
    with nginx.responder("fcgi") as calls:
        assert_problem(nginx.get(f"/webhook/{TOKEN}", headers={"X-A": "a" * 70_000}), 431)
        assert_problem(nginx.get(f"/webhook/{TOKEN}", headers={
            "X-A": "a" * 40_000, "X-B": "b" * 40_000}), 431)
        assert_problem(nginx.get(f"/webhook/{TOKEN}?q={'a' * 9000}"), 414)
        assert_problem(nginx.get(f"/webhook/{TOKEN}?q={'a' * 40_000}"), 414)
        head = f"POST /webhook/{TOKEN} HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\n\r\n"
        assert b" 413 " in nginx.raw(head.encode(), then_close=True).splitlines()[0]
        assert calls.asked == []


def test_as_many_headers_as_nginx_takes_reach_the_program(nginx):
    """URI and Content-Type are in the FastCGI record more than once, and each name is longer there."""
    several = {f"X-{index}": "a" * 60 for index in range(300)}
    with nginx.responder("fcgi") as calls:
        uri = f"/webhook/{TOKEN}?q="
        uri += "q" * (8192 - len(uri))
        answer = nginx.get(uri, headers={"Content-Type": "t" * 12_000, "X-A": "a" * 12_000})
        assert answer.text == "fine\n"
        assert nginx.get(uri, headers=several).text == "fine\n"
        assert nginx.get(f"/webhook/{TOKEN}", headers={"X-A": "a" * 13_000}).status_code == 431
    assert len(calls.asked) == 2


def test_what_nginx_cannot_do_is_its_own_error(nginx):
    """A body that nginx cannot put on its disk. (A file stands in the place of the folder.)"""
    bodies = nginx.site.path("nginx", "body")
    os.rmdir(bodies)
    with open(bodies, "wb"):
        pass
    with nginx.responder("fcgi") as calls, nginx.responder("api"):
        answer = nginx.request("POST", f"/webhook/{TOKEN}", data="x" * 200_000)
        job = nginx.request("POST", "/job", data="x" * 200_000)
    assert_problem(answer, 500)
    assert "nginx" in answer.json()["detail"] and "temporary files" in answer.json()["detail"]
    assert (job.status_code, job.json()["status"]) == (500, "error")
    assert calls.asked == []


def test_a_retry_is_safe_only_for_a_call_with_a_key(nginx):
    assert "if this call had an Idempotency-Key" in nginx.get(f"/webhook/{TOKEN}").json()["detail"]


SECRET_PATHS = [
    f"/webhook/{TOKEN}", f"/webhook/{TOKEN}?key={TOKEN}", f"/notebook/{TOKEN}/status/x:1?{TOKEN}",
    f"/bmFtZQ==/notebook/{TOKEN}", f"//webhook/{TOKEN}", f"/x/../webhook/{TOKEN}",
    f"/./webhook/{TOKEN}", f"/web%68ook/{TOKEN}", f"/webhook/{TOKEN}/status/../{TOKEN}",
    f"/webhok/{TOKEN}", f"/webhook/%30{TOKEN[1:]}", f"/job?value={TOKEN}", f"/?x={TOKEN}",
    f"/nbhook-files/{TOKEN}", f"/{TOKEN}.html",
]


@pytest.mark.parametrize("served", [True, False])
def test_no_log_knows_a_token(nginx, served):
    with contextlib.ExitStack() as stack:
        if served:
            stack.enter_context(nginx.responder("fcgi"))
            stack.enter_context(nginx.responder("api"))
        for path in SECRET_PATHS:
            for headers in ("", f"Referer: http://localhost/webhook/{TOKEN}\r\n"):
                # The error log of /job is for errors of the API; its queries hold no token.
                if served or not path.startswith("/job"):
                    nginx.raw(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}"
                              "Connection: close\r\n\r\n".encode())
        nginx.raw(f"GET /webhook/{TOKEN} HTTP/1.1\r\nHost: a b\r\nX\0: 1\r\n\r\n".encode())
        nginx.raw(f"GET /webhook/{TOKEN}{'x' * 300_000} HTTP/1.1\r\n\r\n".encode())
        nginx.raw(f"POST /webhook/{TOKEN} HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc".encode(),
                  then_close=True)
    nginx.logged(2 * len(SECRET_PATHS))
    text = nginx.logs()
    assert TOKEN[:12] not in text
    assert TOKEN[-12:] not in text
    assert '"GET /webhook/- HTTP/1.1"' in text


def test_the_access_log_keeps_what_helps(nginx):
    output = b"X-Nbhook-Job: hello:1\r\nContent-Type: text/plain\r\n\r\nfine\n"
    with nginx.responder("fcgi", lambda asked: output), nginx.responder("api"):
        nginx.get(f"/webhook/{TOKEN}")
        nginx.get(f"/webhook/{TOKEN}/results/hello:1")
        nginx.get("/job?path=/x")
    lines = nginx.logged(3)
    assert '"GET /webhook/- HTTP/1.1" 200 ' in lines[0] and lines[0].endswith(" hello:1")
    assert '"GET /webhook/-/results/hello:1 HTTP/1.1" 200' in lines[1]
    assert '"GET /job HTTP/1.1" 200' in lines[2]


def response_file(nginx: Nginx, name: str, content: bytes) -> str:
    """A response as the daemon leaves it; gives the address that nbhook.fcgi would name."""
    folder = nginx.site.path("state", "pipeline_executions", "2020-10-08_10-11-12-x")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(content)
    who = nginx.site.accounts
    for each in (folder, os.path.dirname(folder)):
        os.chown(each, *accounts.ids(who.daemon, who.daemon_group))
        os.chmod(each, 0o711)
    os.chown(path, *accounts.ids(who.daemon, who.web_group))
    os.chmod(path, 0o640)
    return f"/nbhook-files/2020-10-08_10-11-12-x/{name}"


def test_a_response_file_is_sent_with_our_headers(nginx):
    address = response_file(nginx, "response", b"0123456789")
    output = (f"X-Accel-Redirect: {address}\r\nContent-Type: image/x-own\r\nX-Nbhook-Job: a:1\r\n"
              "Content-Disposition: attachment; filename=\"x.own\"\r\nCache-Control: no-store\r\n"
              "Content-Security-Policy: sandbox\r\nReferrer-Policy: no-referrer\r\n"
              "X-Content-Type-Options: nosniff\r\nContent-Location: /webhook/x/results/a:1\r\n\r\n")
    with nginx.responder("fcgi", lambda asked: output.encode()):
        answer = nginx.get(f"/webhook/{TOKEN}")
        part = nginx.get(f"/webhook/{TOKEN}", headers={"Range": "bytes=2-4"})
    assert (answer.status_code, answer.content) == (200, b"0123456789")
    assert answer.headers["Content-Type"] == "image/x-own"
    assert answer.headers["Content-Disposition"] == "attachment; filename=\"x.own\""
    assert answer.headers["X-Nbhook-Job"] == "a:1"
    assert answer.headers["Content-Security-Policy"] == "sandbox"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Location"] == "/webhook/x/results/a:1"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "ETag" in answer.headers
    assert (part.status_code, part.content) == (206, b"234")


def test_response_files_are_not_to_be_had_directly_nor_through_a_link(nginx):
    address = response_file(nginx, "response", b"secret")
    assert nginx.get(address).status_code == 404
    link = os.path.join(nginx.site.path("state", "pipeline_executions"), "link")
    os.symlink("2020-10-08_10-11-12-x", link)
    output = b"X-Accel-Redirect: /nbhook-files/link/response\r\n\r\n"
    with nginx.responder("fcgi", lambda asked: output):
        answer = nginx.get(f"/webhook/{TOKEN}")
    assert answer.status_code in (403, 404)
    assert b"secret" not in answer.content


def test_the_front_page_says_what_this_is(nginx):
    answer = nginx.get("/")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "Jupyter notebooks answer at URLs" in " ".join(answer.text.split())


@pytest.mark.usefixtures("as_root")
def test_nginx_works_as_its_own_account(nginx):
    nginx.get("/elsewhere")  # when a worker has answered, it has become who it is to be
    master = nginx.supervised.pid("nginx")
    owners = {processes.owner(each.pid) for each in processes.descendants([master])}
    assert accounts.ids("www-data", "root")[0] in owners
    running.RunningSite.wait_until(
        lambda: {processes.owner(each.pid) for each in processes.descendants([master])}
        == {accounts.ids("www-data", "root")[0]}, "all workers are its account's")
