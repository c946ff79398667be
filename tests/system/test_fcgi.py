"""nbhook.fcgi as a process: it ends without losing a caller, and outlives the daemon's restarts."""

from __future__ import annotations

import os
import signal
import socket
import struct
import threading
import time
from typing import Callable, Optional

import requests

from notebooks import notebook
from running import Hook, RunningSite

SLEEPS = "import time, naas; time.sleep(4); naas.webhook.respond_text('slept')"
QUICK = "import naas; naas.webhook.respond_text('quick')"


class Caller(threading.Thread):
    """A call on its way."""

    def __init__(self, site: RunningSite, hook: Hook) -> None:
        super().__init__(daemon=True)
        self.site, self.hook = site, hook
        self.answer: Optional[requests.Response] = None
        self.start()

    def run(self) -> None:
        self.answer = self.site.get(self.hook)

    def result(self) -> requests.Response:
        self.join(60)
        assert self.answer is not None
        return self.answer


def wait_until_playing(site: RunningSite, count: int) -> None:
    parent = site.layout.path("state", "pipeline_executions")
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        jobs = [name for name in os.listdir(parent)
                if os.path.exists(os.path.join(parent, name, "status.json"))]
        if len(jobs) >= count:
            return
        time.sleep(0.05)
    raise AssertionError(f"{count} jobs were not accepted within 20 s")


def test_sigterm_finishes_what_was_taken(make_site: Callable[..., RunningSite]) -> None:
    site = make_site(pool_size=1)
    slow, quick = site.add(notebook([SLEEPS])), site.add(notebook([QUICK]))
    callers = [Caller(site, slow) for _ in range(3)]
    wait_until_playing(site, 3)
    before = site.supervised.pid("nbhook-fcgi@1")
    site.supervised.kill("nbhook-fcgi@1", signal.SIGTERM)
    late = Caller(site, quick)  # its connection waits at the socket for the next process
    for caller in callers:
        answer = caller.result()
        assert (answer.status_code, answer.text) == (200, "slept")
    assert (late.result().status_code, late.result().text) == (200, "quick")
    site.supervised.wait_ready()
    assert site.supervised.pid("nbhook-fcgi@1") != before


def test_a_process_that_finishes_what_it_has_delays_no_other_call(
        make_site: Callable[..., RunningSite]) -> None:
    site = make_site()
    slow, quick = site.add(notebook(["import time; time.sleep(8)", QUICK])), site.add(notebook([QUICK]))
    site.supervised.hold("nbhook-fcgi@2")
    caller = Caller(site, slow)
    wait_until_playing(site, 1)
    site.supervised.release("nbhook-fcgi@2")
    ending = site.supervised.pid("nbhook-fcgi@1")
    os.kill(ending, signal.SIGTERM)
    for _ in range(3):
        answer = site.get(quick)
        assert (answer.status_code, answer.text) == (200, "quick")
    assert site.supervised.pid("nbhook-fcgi@1") == ending, "it still has its call"
    assert caller.is_alive()
    assert (caller.result().status_code, caller.result().text) == (200, "quick")


def test_a_restarted_daemon_answers_who_waits(make_site: Callable[..., RunningSite]) -> None:
    site = make_site()
    caller = Caller(site, site.add(notebook([SLEEPS])))
    wait_until_playing(site, 1)
    site.supervised.kill("nbhookd", signal.SIGKILL)
    answer = caller.result()
    assert (answer.status_code, answer.text) == (200, "slept")
    wait_until_playing(site, 1)


def test_calls_outlive_a_daemon_that_dies_at_any_moment(
        make_site: Callable[..., RunningSite]) -> None:
    """A call is answered, or refused with 503 before it is accepted; it never runs twice."""
    site = make_site()
    counter = site.layout.path("state", "production")
    hook = site.add(notebook(["open('runs', 'a').write('x')", QUICK]))
    answers = []
    for _ in range(4):
        callers = [Caller(site, hook) for _ in range(4)]
        time.sleep(0.05)
        site.supervised.kill("nbhookd", signal.SIGKILL)
        answers += [caller.result() for caller in callers]
    assert {answer.status_code for answer in answers} <= {200, 503}
    runs = os.path.join(counter, os.path.dirname(hook.path).lstrip("/"), "runs")
    answered = sum(answer.status_code == 200 for answer in answers)
    assert answered > 0
    assert answered <= os.path.getsize(runs) <= len(answers)


def test_a_silent_connection_holds_up_nobody(site: RunningSite) -> None:
    path = os.path.join(site.plan.run_dir, "api.sock")
    # more than wait for connections in all processes at once
    silent = [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) for _ in range(40)]
    try:
        for each in silent:
            each.connect(path)
            each.sendall(b"\x01\x01\x00\x01")  # half a record
        begun = time.monotonic()
        assert site.request("GET", f"{site.layout.url}/env").status_code == 200
        assert time.monotonic() - begun < 1
    finally:
        for each in silent:
            each.close()


def record(kind: int, content: bytes) -> bytes:
    """A record of FastCGI 1.0, of request 1."""
    return struct.pack(">BBHHBx", 1, kind, 1, len(content), 0) + content


def test_an_answer_waits_for_no_body(site: RunningSite) -> None:
    """A web server that passes bodies on as they come may have none yet, and no length to say so."""
    params = {"REQUEST_METHOD": "POST", "REQUEST_URI": "/env", "HTTP_TRANSFER_ENCODING": "chunked"}
    pairs = b"".join(bytes([len(name), len(value)]) + name.encode() + value.encode()
                     for name, value in params.items())
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
        peer.settimeout(5)
        peer.connect(os.path.join(site.plan.run_dir, "api.sock"))
        peer.sendall(record(1, struct.pack(">HB5x", 1, 0)) + record(4, pairs) + record(4, b""))
        answer = b""
        while b"Status: 405" not in answer:
            part = peer.recv(4096)
            assert part, answer
            answer += part


def test_deep_bodies_fit_the_stacks_of_all_threads(make_site: Callable[..., RunningSite]) -> None:
    site = make_site(http={"max_json_depth": "500"})
    hook = site.add(notebook([QUICK]))
    for depth, status in ((500, 200), (501, 400)):
        body = '{"a":' * (depth - 1) + "[1.5]" + "}" * (depth - 1)
        answer = requests.post(hook.url, data=body, headers={"Content-Type": "application/json"}, timeout=60)
        assert answer.status_code == status, answer.text


def test_the_request_file_holds_no_secret(site: RunningSite) -> None:
    hook = site.add(notebook([QUICK]))
    secrets = {"Authorization": "Bearer s3cret-1", "Cookie": "a=s3cret-2", "X-Signature": "s3cret-3"}
    answer = site.get(hook, headers={"Referer": hook.url, "X-Kept": "yes", **secrets},
                      params={"back": hook.token})
    assert answer.status_code == 200
    folder = site.execution(answer.headers["X-Nbhook-Job"])
    with open(os.path.join(folder, "request"), encoding="utf-8") as file:
        text = file.read()
    assert "x-kept: yes" in text
    assert "s3cret" not in text
    assert hook.token not in text
