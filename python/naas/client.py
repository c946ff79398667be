"""Talking HTTP to the server, with the key of its user.

The server and the key are those of NAAS_URL and NAAS_TOKEN; what is not set there comes from the
first client file that exists: ~/.config/nbhook/client.json, then /etc/nbhook/client.json, each an
object with "url" and "token". A key goes only to the server that it belongs to: a client file's
token is never sent to another NAAS_URL, and no redirection is followed.
"""

from __future__ import annotations

import json
import os
from typing import Any, Dict, List, NamedTuple, Optional

from .errors import NaasError
from .show import shorten

CLIENT_FILES = ("~/.config/nbhook/client.json", "/etc/nbhook/client.json")
TIMEOUT_SECONDS = 60

HOW_TO = ("set NAAS_URL and NAAS_TOKEN, or write {\"url\": …, \"token\": …} to "
          "~/.config/nbhook/client.json; `nbhook key add NAME` makes a key")


class Server(NamedTuple):
    """A server's address, without a final slash, and a key for it."""

    url: str
    token: str


def read_client_file() -> Dict[str, str]:
    """The first client file that exists, as a dictionary; empty if there is none."""
    for name in CLIENT_FILES:
        path = os.path.expanduser(name)
        try:
            with open(path, encoding="utf-8") as file:
                content = json.load(file)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise NaasError(f"{path} cannot be read: {error.strerror}; {HOW_TO}") from error
        except ValueError as error:
            raise NaasError(f"{path} is not JSON: {error}") from error
        if not isinstance(content, dict) or not all(
                isinstance(content.get(key, ""), str) for key in ("url", "token")):
            raise NaasError(f"{path} must be an object with the texts \"url\" and \"token\"")
        return content
    return {}


def find_server() -> Server:
    """The server to talk to. Raises NaasError, which says how to name one, if there is none."""
    url = os.environ.get("NAAS_URL", "").strip().rstrip("/")
    token = os.environ.get("NAAS_TOKEN", "").strip()
    if not url or not token:
        content = read_client_file()
        file_url = content.get("url", "").strip().rstrip("/")
        if not token and url in ("", file_url):
            token = content.get("token", "").strip()
        url = url or file_url
    if not url:
        raise NaasError(f"no server is known: {HOW_TO}")
    if not url.startswith(("http://", "https://")):
        raise NaasError(f"the server's address \"{url}\" must start with http:// or https://")
    if not token:
        raise NaasError(f"no key for {url} is known: {HOW_TO}")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise NaasError(f"the key for {url} has characters that no key has; {HOW_TO}")
    return Server(url, token)


def _opener() -> Any:
    """A urllib opener that leaves redirections alone: they would carry the key elsewhere."""
    from urllib.request import HTTPRedirectHandler, build_opener

    class NoRedirection(HTTPRedirectHandler):
        def redirect_request(self, *_args: Any) -> None:
            return None

    return build_opener(NoRedirection)


def _reason(status: int, phrase: str, body: bytes) -> str:
    """The sentence of an error answer: /job says "error", a problem document "detail"."""
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if isinstance(answer, dict):
        for key in ("error", "detail", "title"):
            if isinstance(answer.get(key), str) and answer[key]:
                return answer[key]
    return f"{status} {phrase}".strip()


def _refusal(server: Server, error: Any) -> NaasError:
    """The error for an answer that is not 2xx."""
    reason = _reason(error.code, str(error.reason), error.read())
    if error.code in (301, 302, 303, 307, 308):
        target = error.headers.get("Location")
        reason = f"it redirects to {target}; NAAS_URL must be the final address"
    elif error.code == 401 and "nbhook key add" not in reason:
        reason = f"{reason} (`nbhook key add NAME` makes a key)"
    return NaasError(f"{server.url} refused: {reason}", error.code)


def _show_request(method: str, address: str, content: Optional[Dict[str, Any]]) -> None:
    """Print a request for debug=True, without its key and the secrets of a signature, and with the file's
    size for its content."""
    if content is not None and content.get("file"):
        size = len(content["file"]["data"]) * 3 // 4
        content = {**content, "file": {**content["file"], "data": f"<about {size} bytes>"}}
    params = content.get("params") if content is not None else None
    if isinstance(params, dict) and params.get("signature"):
        content = {**content, "params": {**params, "signature": "<not shown>"}}
    shown = "" if content is None else " " + shorten(json.dumps(content, ensure_ascii=False))
    print(f"{method} {address}{shown}")


def call(method: str, path: str, query: Optional[Dict[str, str]] = None,
         content: Optional[Dict[str, Any]] = None, debug: bool = False) -> Any:
    """Ask the server and return its answer's JSON value.

    query and content (sent as JSON) are optional; debug prints what was sent and answered.
    Raises NaasError with the server's own sentence when it refuses or cannot be reached.
    """
    from http.client import HTTPException
    from urllib.error import HTTPError, URLError
    from urllib.parse import urlencode
    from urllib.request import Request

    server = find_server()
    address = server.url + path + ("?" + urlencode(query) if query else "")
    headers = {"Authorization": f"token {server.token}", "Accept": "application/json"}
    data = None
    if content is not None:
        data = json.dumps(content).encode("ascii")
        headers["Content-Type"] = "application/json"
    if debug:
        _show_request(method, address, content)
    try:
        request = Request(address, data=data, headers=headers, method=method)
        with _opener().open(request, timeout=TIMEOUT_SECONDS) as answer:
            status, body = answer.status, answer.read()
    except HTTPError as error:
        refusal = _refusal(server, error)
        if debug:
            print(f"{refusal.status} {refusal}")
        raise refusal from None
    except (URLError, HTTPException, OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise NaasError(f"no answer from {server.url}: {reason}") from error
    if debug:
        print(f"{status} {shorten(body.decode('utf-8', 'replace'))}")
    try:
        return json.loads(body)
    except ValueError as error:
        raise NaasError(f"{server.url} is no nbhook server: its answer to {method} {path} "
                        "is not JSON", status) from error


def jobs_in(answer: Any, kind: str) -> List[Dict[str, Any]]:
    """The jobs of one type in a list of jobs, without the deleted ones."""
    return [job for job in answer if job["type"] == kind and job["status"] != "delete"]


def job_url(job: Dict[str, Any]) -> str:
    """The URL of a job: as the server says, or as it would be at the server we talk to."""
    return job.get("url") or f"{find_server().url}/webhook/{job['value']}"
