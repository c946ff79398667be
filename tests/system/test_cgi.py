"""nbhook.fcgi as a plain CGI program: the same answers as through FastCGI, and what only an environment
can say."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
from typing import Any, Iterator, Optional

import pytest

import accounts
from notebooks import notebook
from rawhttp import send
from running import Hook, RunningSite

JOB = re.compile(rb"[-_.A-Za-z0-9]+:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
# (nginx says that it has ranges, also where a call does not take them.)
VARYING = {"date", "server", "connection", "transfer-encoding", "keep-alive", "etag", "last-modified",
           "accept-ranges"}
SAME = """
import naas
naas.webhook.respond_json({"params": params, "body": body, "type": headers.get("content-type")})
"""


def program(site: RunningSite) -> str:
    return os.path.join(site.layout.prefix, "libexec", "nbhook", "nbhook.fcgi")


def cgi(site: RunningSite, method: str, target: str, body: bytes = b"", conf: Optional[str] = None,
        **variables: str) -> tuple[int, dict[str, str], bytes]:
    """Runs the program as the web server's account; status, headers and body."""
    environment = {
        "GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": method, "REQUEST_URI": target,
        "QUERY_STRING": target.partition("?")[2], "CONTENT_LENGTH": str(len(body)),
        "NBHOOK_CONF": conf or site.layout.conf, "HTTP_HOST": "localhost", **variables}
    done = subprocess.run(
        [program(site)], env=environment, input=body, capture_output=True, timeout=60, cwd="/",
        preexec_fn=lambda: accounts.become(site.accounts.web))
    assert done.returncode == 0, done.stderr
    head, _, rest = done.stdout.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
    return int(headers.pop("Status").split(" ")[0]), headers, rest


@pytest.fixture(scope="module")
def hook(site: RunningSite) -> Iterator[Hook]:
    yield site.add(notebook([SAME]))


def comparable(status: int, headers: Any, body: bytes) -> tuple[int, dict[str, str], bytes]:
    """Without what differs between any two requests."""
    plain = {name.lower(): JOB.sub(b"JOB", value.encode()).decode()
             for name, value in headers.items() if name.lower() not in VARYING}
    return status, plain, JOB.sub(b"JOB", body)


FORM = "application/x-www-form-urlencoded"
CALLS: list[tuple[str, str, str, bytes]] = [
    ("GET", "?a=1&b=%C3%A9", "", b""),
    ("POST", "?a=1", FORM, b"x=1&y=%20"),
    ("POST", "", "application/json", b'{"n": 10000000000000000000000000}'),
    ("POST", "", "text/plain", "h\u00e9llo".encode()),
    ("GET", "?a=%zz", "", b""),
    ("POST", "", "application/json", b"[NaN]"),
    ("PUT", "", "text/plain", b"x"),
    ("OPTIONS", "", "", b""),
]


@pytest.mark.parametrize("method, query, kind, body", CALLS)
def test_cgi_answers_as_fastcgi_does(site: RunningSite, hook: Hook, method: str, query: str,
                                     kind: str, body: bytes) -> None:
    target = f"/webhook/{hook.token}{query}"
    headers = {"Content-Type": kind} if kind else {}
    through_nginx = send(site, method, target, headers, body)
    answer = cgi(site, method, target, body, CONTENT_TYPE=kind)
    assert comparable(*answer) == comparable(
        through_nginx.status, through_nginx.headers, through_nginx.body)


def test_the_rest_of_standard_input_is_not_the_body(site: RunningSite, hook: Hook) -> None:
    status, _, body = cgi(site, "POST", f"/webhook/{hook.token}", b"a=1&b=2",
                          CONTENT_LENGTH="3", CONTENT_TYPE=FORM)
    assert status == 200
    assert b'"a":"1"' in body.replace(b" ", b"")
    assert b'"b"' not in body


def test_a_body_shorter_than_announced(site: RunningSite, hook: Hook) -> None:
    status, headers, body = cgi(site, "POST", f"/webhook/{hook.token}", b"abc",
                                CONTENT_LENGTH="10", CONTENT_TYPE="text/plain")
    assert status == 400
    assert headers["Content-Type"] == "application/problem+json"
    assert b"ended after 3 bytes" in body
    assert "X-Nbhook-Job" not in headers


def test_a_body_in_chunks_has_no_length(site: RunningSite, hook: Hook) -> None:
    status, _, body = cgi(site, "POST", f"/webhook/{hook.token}", b"a=1&b=2", CONTENT_LENGTH="",
                          HTTP_TRANSFER_ENCODING="chunked", CONTENT_TYPE=FORM)
    assert status == 200
    assert b'"b":"2"' in body.replace(b" ", b"")


@pytest.mark.parametrize("length", ["-1", "1x", "99999999999999999999"])
def test_a_length_that_is_none(site: RunningSite, hook: Hook, length: str) -> None:
    status, _, body = cgi(site, "POST", f"/webhook/{hook.token}", b"abc", CONTENT_LENGTH=length)
    assert (status, b"Content-Length" in body) == (400, True)


def test_a_line_break_in_a_header(site: RunningSite, hook: Hook) -> None:
    status, _, body = cgi(site, "GET", f"/webhook/{hook.token}", HTTP_X_EVIL="a\r\nb: c")
    assert (status, b"x-evil" in body) == (400, True)


def test_a_program_below_a_path_of_its_own(site: RunningSite, hook: Hook) -> None:
    mount = "/cgi-bin/nbhook.fcgi"
    status, _, _ = cgi(site, "GET", f"{mount}/webhook/{hook.token}", SCRIPT_NAME=mount,
                       PATH_INFO=f"/webhook/{hook.token}")
    assert status == 200
    status, _, _ = cgi(site, "GET", "", REQUEST_URI="", PATH_INFO=f"/webhook/{hook.token}")
    assert status == 200


def test_nobody_listens(site: RunningSite, hook: Hook, open_folder: str) -> None:
    """No socket and one that nobody holds: 503 at once."""
    conf = os.path.join(open_folder, "nbhook.conf")
    with open(conf, "w", encoding="utf-8") as file:
        file.write(f"[paths]\nrun_dir = {open_folder}\n")
    os.chmod(conf, 0o644)
    for listener in (None, os.path.join(open_folder, "http.sock")):
        if listener is not None:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as gone:
                gone.bind(listener)
                os.chmod(listener, 0o666)
        begun = time.monotonic()
        for target in (f"/webhook/{hook.token}", "/env"):
            status, headers, body = cgi(site, "GET", target, conf=conf)
            assert status == 503
            assert int(headers["Retry-After"]) > 0
            assert b"not running" in body
            assert open_folder.encode() not in body
        assert time.monotonic() - begun < 4


def test_a_held_socket_that_nobody_answers(site: RunningSite, hook: Hook, open_folder: str) -> None:
    conf = os.path.join(open_folder, "nbhook.conf")
    with open(conf, "w", encoding="utf-8") as file:
        file.write(f"[paths]\nrun_dir = {open_folder}\n[http]\ndaemon_wait = 1\n")
    os.chmod(conf, 0o644)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as held:
        held.bind(os.path.join(open_folder, "http.sock"))
        held.listen(8)
        os.chmod(os.path.join(open_folder, "http.sock"), 0o666)
        begun = time.monotonic()
        status, headers, _ = cgi(site, "GET", f"/webhook/{hook.token}", conf=conf)
    assert status == 503
    assert int(headers["Retry-After"]) > 0
    assert 1 <= time.monotonic() - begun < 5


def test_under_fcgiwrap(site: RunningSite, hook: Hook, open_folder: str) -> None:
    """A CGI host between: fcgiwrap, asked by cgi-fcgi."""
    wrapper, asker = "/usr/sbin/fcgiwrap", "/usr/bin/cgi-fcgi"
    if not (os.access(wrapper, os.X_OK) and os.access(asker, os.X_OK)):
        pytest.skip("fcgiwrap and libfcgi-bin are not installed")
    path = os.path.join(open_folder, "wrap.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(path)
        listener.listen(8)
        os.chmod(path, 0o666)
        wrap = subprocess.Popen([wrapper], stdin=listener, cwd="/",
                                preexec_fn=lambda: accounts.become(site.accounts.web))
    try:
        done = subprocess.run(
            [asker, "-bind", "-connect", path], input=b"a=1", capture_output=True, timeout=60,
            env={"REQUEST_METHOD": "POST", "REQUEST_URI": f"/webhook/{hook.token}?q=2",
                 "SCRIPT_FILENAME": program(site), "CONTENT_LENGTH": "3", "CONTENT_TYPE": FORM,
                 "NBHOOK_CONF": site.layout.conf}, check=True)
    finally:
        wrap.terminate()
        wrap.wait(10)
    assert b'{"params":{"q":"2"},"body":{"a":"1"}' in done.stdout.replace(b" ", b"")
