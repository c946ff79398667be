"""Bodies of every kind: what a notebook gets of them, byte for byte."""

from __future__ import annotations

import email.message
import gzip
import hashlib
import http.client
import json
import os
import secrets
from typing import Any, Iterator, Optional

import pytest

from notebooks import notebook
from rawhttp import send
from running import Hook, RunningSite

BOUNDARY = "a-boundary"
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}

TELLS = """
import hashlib, json, naas, os
told = dict(body) if isinstance(body, dict) else {"value": body}
for file in told.get("files", []):
    with open(file["path"], "rb") as opened:
        content = opened.read()
    assert len(content) == file["size"] == os.path.getsize(file["path"])
    file["sha256"] = hashlib.sha256(content).hexdigest()
    file["folder"], file["path"] = os.path.split(file["path"])
    with open(os.path.join(file["folder"], file["path"]), "ab") as opened:
        opened.write(b"the kernel may change it")
told["lists"] = body_all
told["variables"] = sorted(name for name in ("a", "b", "files") if name in globals())
naas.webhook.respond_json(told)
"""


@pytest.fixture(scope="module")
def hook(site: RunningSite) -> Iterator[Hook]:
    yield site.add(notebook([TELLS]))


def part(name: str, content: bytes, filename: Optional[str] = None, kind: Optional[str] = None) -> bytes:
    disposition = f'form-data; name="{name}"'
    if filename is not None:
        disposition += f'; filename="{filename}"'
    head = f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n"
    head += f"Content-Type: {kind}\r\n" if kind is not None else ""
    return head.encode() + b"\r\n" + content + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def told(site: RunningSite, hook: Hook, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
    answer = send(site, "POST", f"/webhook/{hook.token}", headers, body)
    assert answer.status == 200, answer.body
    return answer.json()


def test_a_form_with_files(site: RunningSite, hook: Hook) -> None:
    bytes_of_all = bytes(range(256)) * 1000 + b"\r\n--a-boundar\r\n--"
    got = told(site, hook, form(
        part("a", "née".encode()), part("b", b"1"), part("b", b"2"),
        part("doc", bytes_of_all, "отчёт \\\"1\\\".bin", "application/octet-stream"),
        part("doc", b"x,y\n", "../../etc/отчёт.csv", "text/csv"),
        part("doc", b"", "отчёт.csv", "text/csv"), part("unused", b"", "")), FORM)
    assert (got["a"], got["b"]) == ("née", "2")
    assert got["lists"] == {"a": ["née"], "b": ["1", "2"]}
    assert got["variables"] == ["a", "b", "files"]
    folders = {file.pop("folder") for file in got["files"]}
    assert len(folders) == 1 and folders.pop().endswith("/files")
    assert got["files"] == [
        {"field": "doc", "name": "отчёт \"1\".bin", "path": "отчёт \"1\".bin",
         "type": "application/octet-stream", "size": len(bytes_of_all),
         "sha256": hashlib.sha256(bytes_of_all).hexdigest()},
        {"field": "doc", "name": "отчёт.csv", "path": "отчёт.csv", "type": "text/csv", "size": 4,
         "sha256": hashlib.sha256(b"x,y\n").hexdigest()},
        {"field": "doc", "name": "отчёт.csv", "path": "отчёт-2.csv", "type": "text/csv", "size": 0,
         "sha256": hashlib.sha256(b"").hexdigest()}]


def test_what_curl_and_requests_send(site: RunningSite, hook: Hook) -> None:
    """Another's encoder: the boundary is not ours."""
    content = secrets.token_bytes(100_000)
    answer = site.post(hook, files={"upload": ("naïve \"x\".bin", content, "image/png")}, data={"a": "1"})
    assert answer.status_code == 200, answer.text
    file = answer.json()["files"][0]
    assert (file["name"], file["type"], file["size"]) == ("naïve \"x\".bin", "image/png", len(content))
    assert file["sha256"] == hashlib.sha256(content).hexdigest()
    assert answer.json()["a"] == "1"


def test_a_mail_stays_as_it_is(site: RunningSite, hook: Hook) -> None:
    mail = email.message.EmailMessage()
    mail["Subject"] = "a mail"
    mail.set_content("text\n")
    mail.add_attachment(b"\0\xff", maintype="image", subtype="png", filename="x.png")
    content = mail.as_bytes().replace(b"\n", b"\r\n")
    got = told(site, hook, form(part("mail", content, "mail.eml", "message/rfc822")), FORM)
    assert got["files"][0]["sha256"] == hashlib.sha256(content).hexdigest()
    assert got["files"][0]["name"] == "mail.eml"


@pytest.mark.parametrize("kind, body, expected", [
    ("application/json", b"[1, 2.0, null]", {"value": [1, 2.0, None]}),
    ("application/json", b"12345678901234567890123", {"value": 12345678901234567890123}),
    ("application/json", b'"text"', {"value": "text"}),
    ("application/json", b"null", {"value": None}),
    ("text/plain", "née".encode(), {"str": "née"}),
    ("application/xml", b"<a/>", {"str": "<a/>"}),
    ("application/octet-stream", b"text", {"str": "text"}),
    ("multipart/form-data; boundary=x", b"", {"str": ""}),
    ("application/x-www-form-urlencoded", b"a=%C3%A9+&a=%2B", {"a": "+"}),
])
def test_bodies_without_files(
        site: RunningSite, hook: Hook, kind: str, body: bytes, expected: dict[str, Any]) -> None:
    for packed in (False, True):
        headers = {"Content-Type": kind, **({"Content-Encoding": "gzip"} if packed and body else {})}
        got = told(site, hook, gzip.compress(body) if packed and body else body, headers)
        got.pop("variables")
        assert got.pop("lists") == ({"a": ["é ", "+"]} if "a" in expected else {})
        assert got == expected


def test_other_bytes_are_one_file(site: RunningSite, hook: Hook) -> None:
    content = bytes(range(256))
    for packed in (False, True):
        headers = {"Content-Type": "image/png", "Content-Disposition": "attachment; filename=x.png",
                   **({"Content-Encoding": "gzip"} if packed else {})}
        got = told(site, hook, gzip.compress(content) if packed else content, headers)
        file, = got["files"]
        assert (file["name"], file["type"], file["size"]) == ("x.png", "image/png", 256)
        assert file["sha256"] == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("kind", ["message/rfc822", "application/pdf", "image/x-portable-pixmap"])
def test_what_is_no_text_by_its_type_is_a_file_whatever_its_bytes_are(
        site: RunningSite, hook: Hook, kind: str) -> None:
    for content in (b"Subject: seven bits\r\n\r\n", b"Subject: eight bits \xff\r\n\r\n"):
        file, = told(site, hook, content, {"Content-Type": kind})["files"]
        assert (file["name"], file["type"], file["size"]) == ("body", kind, len(content))


@pytest.mark.parametrize("kind", ["application/json", "image/png"])
def test_chunks(site: RunningSite, hook: Hook, kind: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", site.layout.port, timeout=30)
    content = b'{"a": "' + b"x" * 100_000 + b'"}' if kind == "application/json" else b"\xff" * 100_000
    pieces = [content[i:i + 999] for i in range(0, len(content), 999)]
    connection.request("POST", f"/webhook/{hook.token}", iter(pieces), {"Content-Type": kind},
                       encode_chunked=True)
    answer = connection.getresponse()
    got = json.loads(answer.read())
    connection.close()
    assert answer.status == 200, got
    if kind == "application/json":
        assert got["a"] == "x" * 100_000
    else:
        assert got["files"][0]["sha256"] == hashlib.sha256(content).hexdigest()


def test_the_request_file_does_not_hold_the_files_again(site: RunningSite, hook: Hook) -> None:
    answer = site.post(hook, files={"x": ("x.bin", b"\xff" * 300_000)}, data={"a": "1"})
    folder = site.execution(answer.headers["X-Nbhook-Job"])
    with open(os.path.join(folder, "request"), "rb") as file:
        head, _, value = file.read().partition(b"\r\n\r\n")
    assert json.loads(value) == {"body": {"a": "1", "files": [
        {"field": "x", "name": "x.bin", "path": "x.bin", "type": "application/octet-stream",
         "size": 300_000}]}, "body_all": {"a": ["1"]}}
    assert hook.token.encode() not in head
    assert os.listdir(os.path.join(folder, "files")) == ["x.bin"]


def peaks(site: RunningSite) -> dict[str, int]:
    """The most memory in KiB that each of our programs has used."""
    found: dict[str, int] = {}
    for word in ("nbhook.fcgi", "nbhookd", "nbhook-runner", "nbhook-exec"):
        for pid in site.processes_named(word):
            with open(f"/proc/{pid}/status", encoding="utf-8") as file:
                lines = dict(line.split(":", 1) for line in file.read().splitlines())
            found[f"{lines['Name'].strip()}-{pid}"] = int(lines.get("VmHWM", "0 kB").split()[0])
    return found


def test_a_large_upload_takes_no_memory(site: RunningSite, hook: Hook, open_folder: str) -> None:
    """300 MB as a file of a form, sent as it is read, to a notebook that looks at it in pieces. The
    executor is seen while the notebook waits."""
    waits = site.add(notebook([
        "import hashlib, naas, os, time\n"
        "checksum = hashlib.sha256()\n"
        "with open(files[0]['path'], 'rb') as opened:\n"
        "    while piece := opened.read(1 << 20):\n"
        "        checksum.update(piece)\n",
        "while not os.path.exists(a):\n    time.sleep(0.05)\n",
        "naas.webhook.respond_json({'sha256': checksum.hexdigest(), 'size': files[0]['size']})"]))
    piece, count = secrets.token_bytes(1 << 20), 286
    size = len(piece) * count
    assert size > 299_000_000
    flag = os.path.join(open_folder, "go on")
    begin = part("a", flag.encode()) + part("f", b"", "large.bin")[:-2]
    end = f"\r\n--{BOUNDARY}--\r\n".encode()

    def body() -> Iterator[bytes]:
        yield begin
        for _ in range(count):
            yield piece
        yield end

    connection = http.client.HTTPConnection("127.0.0.1", site.layout.port, timeout=120)
    connection.request("POST", f"/webhook/{waits.token}", body(), {
        **FORM, "Content-Length": str(len(begin) + size + len(end)), "Prefer": "respond-async"})
    answer = connection.getresponse()
    content = json.loads(answer.read())
    connection.close()
    assert answer.status == 202, content
    job = answer.headers["X-Nbhook-Job"]
    site.wait_until(lambda: site.job_status(job)["progress"]["done"] >= 1, "the file is read", 60)
    found = peaks(site)
    assert any(name.startswith("nbhook-exec") for name in found)
    # sanitizers take some themselves; a body in memory would show by its size
    assert max(found.values()) < 200_000, found
    with open(flag, "w", encoding="utf-8"):
        pass
    result = site.wait_for_results(f"/webhook/{waits.token}/results/{job}")
    assert result.json() == {"sha256": hashlib.sha256(piece * count).hexdigest(), "size": size}
