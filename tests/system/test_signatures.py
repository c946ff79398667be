"""Webhooks that take signed calls only: who gets in, what is left of who does not, and where the secret is."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import time
from typing import Any, Callable

import pytest

from notebooks import notebook
from rawhttp import Reply, send
from running import Hook, RunningSite

SECRET = "it is a secret to everybody"
WHSEC = "whsec_" + base64.b64encode(SECRET.encode()).decode()
JSON = {"Content-Type": "application/json"}
TELLS = notebook(["import naas", "naas.webhook.respond_json({'body': body, 'headers': headers})"])

Signer = Callable[[bytes, int], dict[str, str]]


def mac(text: bytes) -> bytes:
    return hmac.new(SECRET.encode(), text, hashlib.sha256).digest()


def b64(value: bytes) -> str:
    return base64.b64encode(value).decode()


# Each as its sender's documentation has it.
SIGNERS: dict[str, Signer] = {
    "standard": lambda body, now: {
        "webhook-id": f"msg_{now}_{len(body)}", "webhook-timestamp": str(now), "webhook-signature":
        "v1,AAAA v1," + b64(mac(f"msg_{now}_{len(body)}.{now}.".encode() + body))},
    "github": lambda body, now: {"X-Hub-Signature-256": "sha256=" + mac(body).hex()},
    "gitlab": lambda body, now: {"X-Gitlab-Token": SECRET},
    "stripe": lambda body, now: {
        "Stripe-Signature": f"t={now},v0=00,v1={mac(f'{now}.'.encode() + body).hex()}"},
    "slack": lambda body, now: {
        "X-Slack-Request-Timestamp": str(now),
        "X-Slack-Signature": "v0=" + mac(f"v0:{now}:".encode() + body).hex()},
    "shopify": lambda body, now: {"X-Shopify-Hmac-Sha256": b64(mac(body))},
    "hmac": lambda body, now: {"X-Auth-Sum": mac(body).hex()},
}
TIMED = ("standard", "stripe", "slack")


def signed_hook(site: RunningSite, scheme: str, **params: Any) -> Hook:
    secret = WHSEC if scheme == "standard" else SECRET
    more = {"header": "X-Auth-Sum"} if scheme == "hmac" else {}
    signature = {"scheme": scheme, "secrets": ["bm90IHRoaXMgb25l", secret], **more}
    return site.add(TELLS, params={"signature": signature, **params})


def call(site: RunningSite, hook: Hook, body: bytes, headers: dict[str, str]) -> Reply:
    return send(site, "POST", f"/webhook/{hook.token}", {**JSON, **headers}, body)


def executions(site: RunningSite) -> set[str]:
    return set(os.listdir(site.layout.path("state", "pipeline_executions")))


def refused(site: RunningSite, answer: Reply, says: str, before: set[str]) -> None:
    assert answer.status == 401, answer.body
    assert answer.headers["WWW-Authenticate"].startswith("Signature")
    assert says in answer.json()["error"]
    assert SECRET not in answer.body.decode()
    site.wait_until(lambda: executions(site) == before, "nothing is left of the call")


@pytest.mark.parametrize("scheme", SIGNERS)
def test_who_signs_gets_in(site: RunningSite, scheme: str) -> None:
    hook, sign, now = signed_hook(site, scheme), SIGNERS[scheme], int(time.time())
    body = json.dumps({"scheme": scheme, "text": "née"}).encode()
    began = time.monotonic()
    answer = call(site, hook, body, sign(body, now))
    assert answer.status == 202, answer.body
    assert time.monotonic() - began < 2
    assert "Preference-Applied" not in answer.headers
    result = site.wait_for_results(answer.headers["Content-Location"])
    assert result.json()["body"] == json.loads(body)
    for name in sign(body, now):
        if "id" not in name and "imestamp" not in name:
            assert result.json()["headers"][name.lower()] == "[redacted]"

    before = executions(site)
    refused(site, call(site, hook, body, {}), "is missing", before)
    refused(site, send(site, "GET", f"/webhook/{hook.token}"), "is missing", before)
    wrong = {name: value[:-3] + ("000" if value[-3:] != "000" else "111")
             for name, value in sign(body, now).items()}
    refused(site, call(site, hook, body, wrong), "", before)
    if scheme != "gitlab":
        refused(site, call(site, hook, body + b" ", sign(body, now)), "does not match", before)
    if scheme in TIMED:
        refused(site, call(site, hook, body, sign(body, now - 302)), "ago", before)
        refused(site, call(site, hook, body, sign(body, now + 310)), "in the future", before)


def test_how_long_it_waits(site: RunningSite) -> None:
    body, sign = b"{}", SIGNERS["github"]
    waits = signed_hook(site, "github", respond_async=False)
    assert call(site, waits, body, sign(body, 0)).status == 200
    hook = signed_hook(site, "github")
    assert call(site, hook, body, {**sign(body, 0), "Prefer": "wait=30"}).status == 200
    unsigned = site.add(TELLS, params={"respond_async": True})
    page = site.get(unsigned, headers={"Accept": "text/html,*/*;q=0.8"})
    assert (page.status_code, page.headers["Content-Type"]) == (202, "text/html; charset=utf-8")
    assert page.headers["X-Nbhook-Job"] in page.text
    assert site.get(unsigned).status_code == 202


def test_slack_asks_whether_the_url_is_right(site: RunningSite) -> None:
    hook, before = signed_hook(site, "slack"), executions(site)
    body = json.dumps({"type": "url_verification", "challenge": "3eZbrw1aBm2rZg", "token": "x"}).encode()
    answer = call(site, hook, body, SIGNERS["slack"](body, int(time.time())))
    assert (answer.status, answer.body) == (200, b"3eZbrw1aBm2rZg")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    refused(site, call(site, hook, body, {}), "is missing", before)


def test_what_is_signed_is_what_was_sent(site: RunningSite) -> None:
    """A multipart body with a file, and a body that cannot be parsed."""
    hook, sign = signed_hook(site, "github", respond_async=False), SIGNERS["github"]
    body = (b"--b\r\nContent-Disposition: form-data; name=f; filename=x\r\n\r\n" + b"\xff" * 200_000
            + b"\r\n--b--\r\n")
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = send(site, "POST", f"/webhook/{hook.token}", {**kind, **sign(body, 0)}, body)
    assert answer.json()["body"]["files"][0]["size"] == 200_000
    before = executions(site)
    refused(site, send(site, "POST", f"/webhook/{hook.token}", {**kind, **sign(b"x", 0)}, body),
            "does not match", before)
    refused(site, call(site, hook, b"{", sign(b"x", 0)), "does not match", before)
    assert call(site, hook, b"{", sign(b"{", 0)).status == 400


def test_a_repeated_delivery_joins_the_first_run(site: RunningSite) -> None:
    hook, now, body = signed_hook(site, "standard"), int(time.time()), b"{}"
    jobs = {call(site, hook, body, SIGNERS["standard"](body, now)).headers["X-Nbhook-Job"]
            for _ in range(3)}
    assert len(jobs) == 1


def test_the_secret_is_in_the_store_alone(site: RunningSite) -> None:
    hook, body = signed_hook(site, "hmac"), b"{}"
    job = call(site, hook, body, SIGNERS["hmac"](body, 0)).headers["X-Nbhook-Job"]
    site.wait_for_results(f"/webhook/{hook.token}/results/{job}")
    texts = [site.api("GET", "/job").text, site.cli("currents", "--json").stdout,
             site.cli("status", "--json", job).stdout, site.cli("jobs", "--json").stdout]
    listed, = [each for each in json.loads(texts[0]) if each["path"] == hook.path]
    assert listed["params"] == {"respond_async": True, "signature": {
        "scheme": "hmac", "header": "x-auth-sum", "algorithm": "sha256", "secrets": 2}}
    found = []
    for folder in ("log", "state", "run"):
        for parent, _, names in os.walk(site.layout.path(folder)):
            for path in (os.path.join(parent, name) for name in names):
                if os.path.isfile(path):
                    with open(path, "rb") as file:
                        found += [os.path.basename(path)] if SECRET.encode() in file.read() else []
    assert not [text[:200] for text in texts if SECRET in text]
    assert found and all(name.startswith("nbhook.db") for name in found)


def test_publishing_again(site: RunningSite, open_folder: str) -> None:
    """From the command line, with the secret in a file; a run by hand needs no signature and keeps it."""
    path = os.path.join(open_folder, "signed.ipynb")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(TELLS, file)
    words = os.path.join(open_folder, "signature.json")
    with open(words, "w", encoding="utf-8") as file:
        json.dump({"scheme": "github", "secret": SECRET}, file)
    url = site.cli("add", "--signature", words, path).stdout.strip()
    hook, body, before = Hook(path, url), b"{}", executions(site)
    assert call(site, hook, body, SIGNERS["github"](body, 0)).status == 202
    assert json.loads(site.cli("run", path).stdout)["body"] == {"str": ""}
    site.wait_until(lambda: len(executions(site)) == len(before) + 2, "both runs")
    before = executions(site)
    refused(site, call(site, hook, body, {}), "is missing", before)
    with open(words, "w", encoding="utf-8") as file:
        json.dump({"scheme": "github", "secret": "another one"}, file)
    assert site.cli("add", "--signature", words, path).stdout.strip() == url
    refused(site, call(site, hook, body, SIGNERS["github"](body, 0)), "does not match", before)


@pytest.mark.parametrize("signature, says", [
    ({"scheme": "github", "secret": ""}, "not empty"),
    ({"scheme": "github", "secrets": 2}, "1 to 10"),
    ({"scheme": "rot13", "secret": "x"}, "standard, svix, github"),
    ([], "must be an object")])
def test_what_is_no_signature_is_refused(site: RunningSite, signature: Any, says: str) -> None:
    answer = site.publish("/home/author/x.ipynb", json.dumps(TELLS).encode(), {"signature": signature})
    assert answer.status_code == 400
    assert says in answer.json()["error"]
