"""What bad input gets: one table, each row with its exact code and message. Nothing is run, nothing is left,
and after each row the server still answers.

What nginx lets nobody send is in test_cgi.py (a body that is shorter than announced, a line break in a
header); what a full host says, in test_queues.py and test_http_errors.py; after retention, where retention
is tested. (One file because it is one table.)"""

from __future__ import annotations

import base64
import gzip
import json
import os
from dataclasses import dataclass, field
from typing import Any, Iterator, Optional

import pytest

import running
from notebooks import notebook
from rawhttp import Reply, send
from running import Hook, RunningSite

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
TEXT = {"Content-Type": "text/plain"}
BYTES = {"Content-Type": "application/octet-stream"}
PARTS = {"Content-Type": "multipart/form-data; boundary=b"}
GZIP = {"Content-Encoding": "gzip"}
UUID = "672a8b0e-c0b0-486e-bb2b-4571b0805f29"
UNKNOWN_JOB = f"hello:{UUID}"
END = b"\r\n--b--\r\n"

# The ceilings of the site that all rows are sent to.
SETTINGS = {"http": {"max_body": "4M", "max_parsed_body": "4K", "max_file": "1500K", "max_parts": "3",
                     "max_json_depth": "10", "max_headers": "2K", "max_uri": "1K", "max_gzip_ratio": "10",
                     "max_params": "1K", "max_values": "100"},
            "kernels": {"max_notebook": "16K"}}


def part(head: bytes, content: bytes = b"x") -> bytes:
    return b"--b\r\n" + head + b"\r\n\r\n" + content


def disposition(words: bytes) -> bytes:
    return b"Content-Disposition: form-data; " + words


def job(content: Any = None, **changes: Any) -> bytes:
    """What naas's client posts to publish a notebook, with changes."""
    content = notebook(["1"]) if content is None else content
    encoded = content if isinstance(content, bytes) else json.dumps(content).encode()
    return json.dumps({
        "path": "/home/author/bad/notebook.ipynb", "type": "notebook", "params": {}, "value": None,
        "status": "installed",
        "file": {"filename": "notebook.ipynb", "data": base64.b64encode(encoded).decode()},
        **changes}).encode()


def version(major: int) -> dict[str, Any]:
    return {**notebook(["1"]), "nbformat": major}


@dataclass
class Bad:
    """A request that is refused."""

    name: str
    code: int
    says: str
    target: str = ""  # behind the URL of a webhook, or one of its own
    method: str = "GET"
    headers: dict[str, str] = field(default_factory=dict)
    body: Optional[bytes] = None


def post(name: str, code: int, says: str, headers: dict[str, str], body: bytes) -> Bad:
    return Bad(name, code, says, "", "POST", headers, body)


def publish(name: str, code: int, says: str, body: bytes) -> Bad:
    return Bad(name, code, says, "/job", "POST", {**JSON, "Authorization": "Bearer {key}"}, body)


def ask(name: str, code: int, says: str, target: str, method: str = "GET") -> Bad:
    return Bad(name, code, says, target, method, {"Authorization": "Bearer {key}"})


ROWS = [
    # The URL and its query.
    Bad("broken percent-encoding in the query", 400,
         'the query has a broken percent-encoding at byte 2, in the value of "a"', "?a=%zz"),
    Bad("a cut percent-encoding in the query", 400,
         'the query has a broken percent-encoding at byte 2, in the value of "a"', "?a=%4"),
    Bad("a percent sign alone", 400,
         "the query has a broken percent-encoding at byte 4, in a name", "?a=1&%"),
    Bad("NUL in the query", 400, 'the query has a NUL at byte 3, in the value of "a"', "?a=b%00"),
    Bad("NUL in a name of the query", 400, "the query has a NUL at byte 5, in a name", "?x=1&a%00=b"),
    Bad("invalid UTF-8 in the query", 400,
         'the query has invalid UTF-8 at byte 2, in the value of "a"', "?a=%ff"),
    Bad("half a character in the query", 400,
         'the query has invalid UTF-8 at byte 2, in the value of "a"', "?a=%d0"),
    Bad("a surrogate in the query", 400,
         'the query has invalid UTF-8 at byte 2, in the value of "a"', "?a=%ed%a0%80"),
    Bad("a slash in more bytes than it needs", 400,
         'the query has invalid UTF-8 at byte 2, in the value of "a"', "?a=%c0%af"),
    Bad("broken percent-encoding in the path", 400, "The request is not valid HTTP.", "/results/%zz"),
    Bad("NUL in the path", 400, "The request is not valid HTTP.", "/results/%00"),
    Bad("invalid UTF-8 in the path", 400,
         "the path of the URL is broken: percent signs must be followed by two hex digits, and the"
         " decoded text must be UTF-8 without NUL", "/results/%ff"),
    Bad("a URI that is too long", 414,
         "the URI has 1070 bytes, more than the setting max_uri allows (1024)", "?" + "a" * 1000),
    # Headers.
    Bad("headers that are too large", 400,
         "the request headers have 2525 bytes, more than the setting max_headers allows (2048)",
         "", "GET", {"X-Long": "a" * 2500}),
    Bad("an empty key", 400,
         "the request header idempotency-key is empty", "", "GET", {"Idempotency-Key": '""'}),
    Bad("a key that is too long", 400,
         "the request header idempotency-key is longer than 255 bytes",
         "", "GET", {"Idempotency-Key": "k" * 256}),
    Bad("a key with one quote", 400,
         "the request header idempotency-key is no quoted string: its second quote is missing or "
         "not at its end", "", "GET", {"Idempotency-Key": '"k'}),
    Bad("a key with a tab", 400,
         "the request header webhook-id holds a control character", "", "GET", {"webhook-id": "a\tb"}),
    Bad("an empty id of GitHub's", 400,
         "the request header x-github-delivery is empty", "", "GET", {"X-GitHub-Delivery": " "}),
    post("a key for another body", 422,
         "this delivery's key was used for another request before: a key belongs to one request",
         {**JSON, "Idempotency-Key": "the-same"}, b'{"a": 2}'),
    post("a key for another query", 422,
         "this delivery's key was used for another request before: a key belongs to one request",
         {**JSON, "Idempotency-Key": "the-same"}, b"{}"),
    # Signatures.
    Bad("no signature", 401,
         "this webhook takes signed calls only, and the header x-hub-signature-256 is missing",
         "{signed}", "POST", JSON, b"{}"),
    Bad("a GET without a signature", 401,
         "this webhook takes signed calls only, and the header x-hub-signature-256 is missing",
         "{signed}"),
    Bad("a signature that is none", 401,
         "the header x-hub-signature-256 holds no signature of the scheme github",
         "{signed}", "POST", {"X-Hub-Signature-256": "x"}, b"{}"),
    Bad("a signature of something else", 401,
         "the signature does not match: this webhook has another secret, or the body is not the on"
         "e that was signed",
         "{signed}", "POST",
        {"X-Hub-Signature-256": "sha256=" + "0" * 64}, b"{}"),
    Bad("a prefetch", 403,
         "a prefetch does not run a notebook; nothing was run",
         "", "GET", {"Sec-Purpose": "prefetch;prerender"}),
    Bad("a prefetch of old browsers", 403,
         "a prefetch does not run a notebook; nothing was run", "", "GET", {"Purpose": "prefetch"}),
    Bad("a prefetch of an old Firefox", 403,
         "a prefetch does not run a notebook; nothing was run", "", "GET", {"X-Moz": "prefetch"}),
    # Methods.
    Bad("PUT", 405,
         "this webhook does not take that method; it takes GET, HEAD, POST, OPTIONS", "", "PUT", TEXT, b"x"),
    Bad("DELETE", 405, "this webhook does not take that method; it takes GET, HEAD, POST, OPTIONS", "", "DELETE"),
    Bad("PATCH", 405,
         "this webhook does not take that method; it takes GET, HEAD, POST, OPTIONS", "", "PATCH", TEXT, b"x"),
    Bad("a method that the webhook does not take", 405,
         "this webhook does not take that method; it takes POST, OPTIONS",
         "{post_only}"),
    Bad("a method of nobody's", 405,
         "this webhook does not take that method; it takes GET, HEAD, POST, OPTIONS", "", "FROB"),
    Bad("POST to results", 405,
         "this URL does not take that method; it takes GET, HEAD, OPTIONS",
         f"/results/{UNKNOWN_JOB}", "POST", TEXT, b"x"),
    Bad("POST to status", 405,
         "this URL does not take that method; it takes GET, HEAD, OPTIONS",
         f"/status/{UNKNOWN_JOB}", "POST", TEXT, b"x"),
    # Forms.
    post("broken percent-encoding in a form", 400,
         'the form has a broken percent-encoding at byte 2, in the value of "a"', FORM, b"a=%zz"),
    post("NUL in a form", 400, 'the form has a NUL at byte 2, in the value of "a"', FORM, b"a=%00"),
    post("a NUL as it is in a form", 400, 'the form has a NUL at byte 2, in the value of "a"', FORM, b"a=\0"),
    post("invalid UTF-8 in a form", 400,
         'the form has invalid UTF-8 at byte 7, in the value of "a"', FORM, b"ok=1&a=%ff"),
    post("invalid UTF-8 in a name of a form", 400,
         "the form has invalid UTF-8 at byte 0, in a name", FORM, b"%ff=1"),
    post("a form in another charset", 415,
         'the charset "windows-1251" of the body is not offered for forms: send it as UTF-8',
         {"Content-Type": "application/x-www-form-urlencoded; charset=windows-1251"}, b"a=1"),
    post("a form that is too large", 413,
         "the body has 5002 bytes or more, more than max_parsed_body allows (4096)",
         FORM, b"a=" + b"a" * 5000),
    # JSON.
    post("JSON of nothing", 400,
         "the body: the JSON is broken at byte 1: the text ends too early", JSON, b" "),
    post("truncated JSON", 400,
         "the body: the JSON is broken at byte 7: the text ends too early", JSON, b'{"a": 1'),
    post("trailing JSON", 400,
         "the body: the JSON is broken at byte 3: something stands behind the value", JSON, b"{} {}"),
    post("a comma too many", 400,
         "the body: the JSON is broken at byte 3: not a JSON value (NaN and Infinity are none)",
         JSON, b"[1,]"),
    post("NaN", 400,
         "the body: the JSON is broken at byte 1: not a JSON value (NaN and Infinity are none)",
         JSON, b"[NaN]"),
    post("infinity", 400,
         "the body: the JSON is broken at byte 2: not a JSON value (NaN and Infinity are none)",
         JSON, b"[-Infinity]"),
    post("apostrophes for quotes", 400,
         "the body: the JSON is broken at byte 1: a member's name in quotes is missing", JSON, b"{'a': 1}"),
    post("a comment in JSON", 400,
         "the body: the JSON is broken at byte 1: a member's name in quotes is missing", JSON, b"{/* */}"),
    post("a line break in a string of JSON", 400,
         "the body: the JSON is broken at byte 1: a control character in a string", JSON, b'"\n"'),
    post("invalid UTF-8 in JSON", 400,
         "the body: the JSON is broken at byte 1: not UTF-8, or a NUL", JSON, b'"\xff"'),
    post("a NUL behind JSON", 400,
         "the body: the JSON is broken at byte 2: not UTF-8, or a NUL", JSON, b"{}\0"),
    post("JSON that is too deep", 400,
         "the body: the JSON is nested deeper than 10 at byte 10 (for requests, max_json_depth is "
         "the setting)", JSON, b"[" * 11 + b"]" * 11),
    post("JSON with too many values", 413,
         "the body: the JSON has more values than max_values allows (100)", JSON,
         b"[" + b"1," * 99 + b"1]"),
    post("JSON with too many objects", 413,
         "the body: the JSON has more values than max_values allows (100)", JSON, b"[" + b"{}," * 19 + b"{}]"),
    post("a form with too many fields", 413,
         "the form has 4 fields, more than the setting max_parts allows (3)", FORM, b"&a=1&" * 4),
    Bad("PUT of a webhook that is none", 404, "there is no webhook at this URL",
         "/webhook/" + "0" * 60, "PUT", TEXT, b"x"),
    post("JSON in another charset", 415,
         'the charset "utf-16" of the body is not offered for JSON: send it as UTF-8',
         {"Content-Type": "application/json; charset=utf-16"}, b"{}"),
    post("JSON that is too large", 413,
         "the body has 5002 bytes or more, more than max_parsed_body allows (4096)",
         JSON, b'"' + b"a" * 5000 + b'"'),
    # Texts and other bytes.
    post("invalid UTF-8 in a text", 400, "the body has invalid UTF-8 at byte 3", TEXT, b"caf\xe9"),
    post("a NUL in a text", 400, "the body has a NUL at byte 1", TEXT, b"a\0b"),
    post("a text that is not in its charset", 400,
         'the body is not in its charset "shift_jis"', {"Content-Type": "text/plain; charset=shift_jis"},
         b"\x81"),
    post("a charset of nobody's", 415,
         'the charset "klingon" of the body is not offered for text: send it as UTF-8',
         {"Content-Type": "text/plain; charset=klingon"}, b"x"),
    post("a text that is too large", 413,
         "the body has 5000 bytes or more, more than max_parsed_body allows (4096)", TEXT, b"a" * 5000),
    post("bytes that are too many for a file", 413,
         'the file "body" is larger than the setting max_file allows (1536000 bytes)',
         BYTES, b"\xff" * 1_600_000),
    post("a body that is too large", 413,
         "the request body is larger than the setting max_body allows (4194304 bytes)", TEXT, b"a" * 4_300_000),
    # Content-Encoding.
    post("brotli", 415,
         'the Content-Encoding "br" is not offered: send the body as it is, or as gzip',
         {**TEXT, "Content-Encoding": "br"}, b"x"),
    post("two encodings", 415,
         'the Content-Encoding "gzip, gzip" is not offered: send the body as it is, or as gzip',
         {**TEXT, "Content-Encoding": "gzip, gzip"}, b"x"),
    post("no gzip", 400,
         "the body is no valid gzip, as its Content-Encoding says: broken data at about byte 0",
         {**TEXT, **GZIP}, b"hello"),
    post("gzip that is cut off", 400,
         "the body is no valid gzip, as its Content-Encoding says: it is cut off at about byte 21",
         {**TEXT, **GZIP}, gzip.compress(b"hello", mtime=0)[:-4]),
    post("gzip with a wrong checksum", 400,
         "the body is no valid gzip, as its Content-Encoding says: broken data at about byte 0",
         {**TEXT, **GZIP},
         gzip.compress(b"hello", mtime=0)[:-8] + bytes(8)),
    post("garbage behind gzip", 400,
         "the body is no valid gzip, as its Content-Encoding says: broken data at about byte 25",
         {**TEXT, **GZIP}, gzip.compress(b"hello", mtime=0) + b"garbage"),
    post("gzip of much text", 413,
         "the body has 65536 bytes or more, more than max_parsed_body allows (4096)",
         {**TEXT, **GZIP}, gzip.compress(b"a" * 100_000, mtime=0)),
    post("gzip that grows too much", 413,
         "the body grows more than 10-fold when it is unpacked, more than the setting max_gzip_ratio allows",
         {**BYTES, **GZIP}, gzip.compress(b"\xff" * 3_000_000, mtime=0)),
    # Multipart.
    post("no boundary", 400,
         "the Content-Type of a multipart body must have a boundary of 1 to 70 letters, digits and"
         " characters that RFC 2046 allows", {"Content-Type": "multipart/form-data"}, b"x"),
    post("a boundary that is none", 400,
         "the Content-Type of a multipart body must have a boundary of 1 to 70 letters, digits and"
         " characters that RFC 2046 allows", {"Content-Type": 'multipart/form-data; boundary="a\x80"'}, b"x"),
    post("a boundary that is too long", 400,
         "the Content-Type of a multipart body must have a boundary of 1 to 70 letters, digits and"
         " characters that RFC 2046 allows",
         {"Content-Type": "multipart/form-data; boundary=" + "b" * 71}, b"x"),
    post("no line with the boundary", 400,
         "the multipart body has no line with the boundary that its Content-Type names", PARTS, b"hello"),
    post("no final boundary", 400,
         "the multipart body ends without its final boundary, after 1 parts have begun",
         PARTS, part(disposition(b"name=a")) + b"\r\n"),
    post("the end within the headers", 400,
         "the multipart body ends without its final boundary, after 0 parts have begun",
         PARTS, b"--b\r\nContent-Dispo"),
    post("a broken header line", 400,
         "part 1 of the body has a broken header line", PARTS, part(b"hello") + END),
    post("a NUL in a part's headers", 400,
         "part 1 of the body has a NUL in its headers", PARTS, part(b"X: \0") + END),
    post("a part without a name", 400,
         'part 1 of the body has no header "Content-Disposition: form-data; name=…"',
         PARTS, part(disposition(b"filename=x")) + END),
    post("a part without a disposition", 400,
         'part 1 of the body has no header "Content-Disposition: form-data; name=…"',
         PARTS, part(b"X: 1") + END),
    post("a field called files", 400,
         'part 1 of the body is a field with the name under which the notebook gets the files ("files")',
         PARTS, part(disposition(b"name=files")) + END),
    post("invalid UTF-8 in a field", 400,
         'the field "a" of the body has invalid UTF-8 at byte 0',
         PARTS, part(disposition(b"name=a"), b"\xff") + END),
    post("a NUL in a field", 400,
         'the field "a" of the body has a NUL at byte 1', PARTS, part(disposition(b"name=a"), b"x\0") + END),
    post("a part in base64", 415,
         "part 1 of the body has a Content-Transfer-Encoding that is not offered: send its bytes "
         'as they are ("base64")', PARTS,
         part(disposition(b"name=a") + b"\r\nContent-Transfer-Encoding: base64") + END),
    post("headers of a part that are too large", 413,
         "part 1 of the body has headers of more than 16384 bytes", PARTS, part(b"X: " + b"a" * 17000) + END),
    post("a file that is too large", 413,
         'the file "x" is larger than the setting max_file allows (1536000 bytes)', PARTS,
         part(disposition(b"name=f; filename=x"), b"a" * 1_600_000) + END),
    post("fields that are too large", 413,
         "the fields of the body are together larger than the setting max_parsed_body allows (4096 bytes)",
         PARTS, part(disposition(b"name=a"), b"a" * 5000) + END),
    post("too many parts", 413, "the body has more parts than the setting max_parts allows (3)", PARTS,
         b"\r\n".join(part(disposition(b"name=%d" % i)) for i in range(4)) + END),
    # What is asked about jobs.
    Bad("no job id", 400,
         "that is no job id: one looks like batch:672a8b0e-c0b0-486e-bb2b-4571b0805f29", "/results/nonsense"),
    Bad("a job id without a uuid", 400,
         "that is no job id: one looks like batch:672a8b0e-c0b0-486e-bb2b-4571b0805f29", "/status/hello:"),
    Bad("a job id with half a uuid", 400,
         "that is no job id: one looks like batch:672a8b0e-c0b0-486e-bb2b-4571b0805f29",
         f"/status/hello:{UUID[:-1]}"),
    Bad("a job id without a name", 400,
         "that is no job id: one looks like batch:672a8b0e-c0b0-486e-bb2b-4571b0805f29",
         f"/results/:{UUID}"),
    Bad("a job id with a path", 400,
         "that is no job id: one looks like batch:672a8b0e-c0b0-486e-bb2b-4571b0805f29",
         f"/results/..%2f:{UUID}"),
    Bad("an unknown job", 404, "there is no such job of this webhook", f"/results/{UNKNOWN_JOB}"),
    Bad("the status of an unknown job", 404,
         "there is no such job of this webhook", f"/status/{UNKNOWN_JOB}"),
    Bad("another webhook's job", 404, "there is no such job of this webhook", "/results/{other_job}"),
    Bad("an unknown token", 404, "there is no webhook at this URL", "/webhook/" + "0" * 60),
    Bad("no token", 404, "there is no webhook at this URL", "/webhook/hello"),
    Bad("a token in capitals", 404, "there is no webhook at this URL", "/webhook/" + "A" * 60),
    Bad("more than a token", 404, "there is nothing at this URL", "/nonsense"),
    Bad("results of no job", 404, "there is nothing at this URL", "/results"),
    # Who may not.
    Bad("no key", 401,
         'this needs an API key: send "Authorization: Bearer KEY" (nbhook key add makes one)', "/job"),
    Bad("a wrong key", 401,
         'an API key is needed ("nbhook key add NAME" makes one); this one is not valid',
         "/job", "GET", {"Authorization": "Bearer wrong"}),
    Bad("a key with more", 401,
         'an API key is needed ("nbhook key add NAME" makes one); this one is not valid',
         "/job", "GET", {"Authorization": "Bearer {key}x"}),
    Bad("another scheme", 401,
         'this needs an API key: send "Authorization: Bearer KEY" (nbhook key add makes one)',
         "/job", "GET", {"Authorization": "Digest {key}"}),
    Bad("no key of the API", 401,
         'this needs an API key: send "Authorization: Bearer KEY"', "/api/v1/nothing"),
    ask("nothing of the API", 404, "there is nothing at this URL", "/api/v1/nothing"),
    ask("a method of /job", 405,
         "this URL does not take that method; it takes GET, HEAD, POST, DELETE, OPTIONS", "/job", "PUT"),
    ask("POST to /env", 405,
         "this URL does not take that method; it takes GET, HEAD, OPTIONS", "/env", "POST"),
    # Publishing.
    publish("a job that is no JSON", 400, "the JSON is broken at byte 1: the text ends too early", b"{"),
    publish("a job that is no object", 400, "the JSON is no object at its top level", b"[]"),
    publish("a job without its keys", 400, "missing keys", b"{}"),
    publish("a path that leaves its root", 403,
         'the path has a ".."; give the absolute path itself', job(path="/home/../../etc/x.ipynb")),
    publish("a path that is no text", 400, "path must be text without NUL", job(path=1)),
    publish("a path with a NUL", 400, "path must be text without NUL", job(path="/a\0b.ipynb")),
    publish("an empty path", 400,
         "a path must be absolute, UTF-8, and have at most 1024 bytes", job(path="")),
    publish("a type that is not offered", 422,
         'this server does not offer jobs of the type "scheduler"; it offers: notebook',
         job(type="scheduler")),
    publish("params that are no object", 422, "params must be an object or null", job(params=[1])),
    publish("params that are too large", 413,
         "the params have 2008 bytes, more than the setting max_params allows (1024)",
         job(params={"a": "a" * 2000})),
    publish("a value that is no token", 400,
         "value, the token of the webhook, must be 60 hex digits, or null for a new one", job(value="abc")),
    publish("an unknown status", 422,
         'status must be "installed", "edited" or "delete"', job(status="started")),
    publish("no file", 422,
         'file must be {"filename", "data"}: there is nothing to publish without it', job(file=None)),
    publish("broken base64", 400,
         "file.data is not base64 text: it must be the bytes of the notebook, padded and without "
         "line breaks", job(file={"filename": "a", "data": "e3*="})),
    publish("bytes that are no notebook", 422,
         "not a notebook: the JSON is broken at byte 0: not a JSON value (NaN and Infinity are none)",
         job(b"hello")),
    publish("JSON that is no notebook", 422, "not a notebook: it has no member nbformat", job({})),
    publish("nbformat 1", 422,
         "the notebook has format 1, which is too old: open it in Jupyter and save it, or run: "
         "jupyter nbconvert --to notebook", job(version(1))),
    publish("nbformat 2", 422,
         "the notebook has format 2, which is too old: open it in Jupyter and save it, or run: "
         "jupyter nbconvert --to notebook", job(version(2))),
    publish("nbformat from the future", 422,
         "the notebook has format 5, which is newer than this program knows: save it as format 4",
         job(version(5))),
    publish("an unknown kernel", 422,
         'there is no kernel "no-such-kernel" and none for the language klingon; installed: '
         "{kernels}",
         job(notebook(["1"], kernel="no-such-kernel", language="klingon"))),
    publish("a notebook that is too large", 413,
         "the notebook has 17293 bytes, more than the setting max_notebook allows (16384)",
         job(notebook(["#" * 17000]))),
    publish("a next_url that is none", 400,
         "the param next_url must be an absolute http or https URL of at most 8000 characters; what is not"
         " ASCII in it has to be percent-encoded", job(params={"next_url": "javascript:alert(1)"})),
    publish("methods that are none", 400,
         'the param methods must be "GET", "POST" or a list of them', job(params={"methods": ["FROB"]})),
    publish("headers to show that are none", 400,
         "the param unredacted_headers must be a list of names of headers",
         job(params={"unredacted_headers": ["a b"]})),
    ask("a notebook that is not there", 404, "job not found", "/job?path=/no/such.ipynb&type=notebook"),
    ask("a query without a type", 400, "the query must name both path and type", "/job?path=/a.ipynb"),
    ask("a query without a path", 400, "the query must name both path and type", "/job?type=notebook"),
    ask("a query that leaves its root", 403,
         'the path has a ".."; give the absolute path itself', "/job?path=/a/../../b.ipynb&type=notebook"),
    ask("invalid UTF-8 in the query of a job", 400,
         'the query has invalid UTF-8 at byte 16, in the value of "type"', "/job?path=%25zz&type=%ff"),
]


@dataclass
class Scene:
    """A site with low ceilings, a webhook, a job of another webhook, and a call that can be repeated."""

    site: RunningSite
    hook: Hook
    words: dict[str, str]  # what stands for {…} in a target or a sentence

    def send(self, bad: Bad) -> Reply:
        target = bad.target
        for word, text in self.words.items():
            target = target.replace("{%s}" % word, text)
        if not target.startswith(("/webhook/", "/job", "/env", "/api/")):
            target = f"/webhook/{self.hook.token}{target}"
        headers = {name: value.replace("{key}", self.site.key) for name, value in bad.headers.items()}
        return send(self.site, bad.method, target, headers, bad.body)

    def call_again(self) -> Reply:
        """The same delivery each time: it goes all the way, and runs nothing but once."""
        return send(self.site, "POST", f"/webhook/{self.hook.token}",
                    {**JSON, "Idempotency-Key": "the-same"}, b'{"a": 1}')

    def folders(self) -> set[str]:
        return set(os.listdir(self.site.layout.path("state", "pipeline_executions")))


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with running.running_site(SETTINGS) as site:
        hook = site.add(notebook(["import naas; naas.webhook.respond_json(body)"]))
        post_only = site.add(notebook(["1"]), {"methods": "POST"})
        signed = site.add(notebook(["1"]), {"signature": {"scheme": "github", "secret": "s3cret"}})
        listed = json.loads(site.cli("kernels", "--json").stdout)
        made = Scene(site, hook, {
            "kernels": ", ".join(f"{each['name']} ({each['language']})" for each in listed),
            "other_job": site.post(post_only).headers["X-Nbhook-Job"],
            "post_only": f"/webhook/{post_only.token}", "signed": f"/webhook/{signed.token}"})
        assert made.call_again().json() == {"a": 1}
        yield made


def message_of(answer: Reply) -> str:
    """The sentence, in the shape of the URL's family, which is looked at."""
    said = answer.json()
    if answer.headers["Content-Type"] == "application/problem+json":
        assert (said["status"], said["detail"], said["id"]) == (answer.status, said["error"], None)
        return said["error"]
    assert answer.headers["Content-Type"] == "application/json"
    if isinstance(said["error"], dict):
        assert set(said["error"]) == {"code", "message", "details"}
        return said["error"]["message"]
    assert said["status"] == "error" and "id" in said
    return said["error"]


def test_the_table_is_whole() -> None:
    assert len(ROWS) >= 80
    assert len({row.name for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("bad", ROWS, ids=lambda row: row.name)
def test_a_bad_request(scene: Scene, bad: Bad) -> None:
    before, published = scene.folders(), scene.site.api("GET", "/job").json()
    answer = scene.send(bad)
    assert (answer.status, message_of(answer)) == (bad.code, bad.says.replace("{kernels}", scene.words["kernels"]))
    assert scene.hook.token not in answer.body.decode() and scene.site.key not in answer.body.decode()
    assert answer.headers["Cache-Control"] == "no-store"
    assert ("Allow" in answer.headers) == (bad.code == 405)
    assert ("WWW-Authenticate" in answer.headers) == (bad.code == 401)
    again = scene.call_again()
    assert (again.status, again.json()) == (200, {"a": 1})
    scene.site.wait_until(lambda: scene.folders() == before, "nothing is left of the request")
    assert scene.site.api("GET", "/job").json() == published
