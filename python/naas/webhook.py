"""naas.webhook: a notebook and its URL."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, List, Optional

from . import respond, show
from .client import call, job_url, jobs_in
from .environment import is_production, published_path
from .errors import NaasError
from .locate import absolute, calling_notebook
from .offer import NotOffered

KIND = "notebook"

# Calls of the original package's webhook that are not offered here.
NOT_OFFERED = frozenset((
    "list", "list_output", "get", "get_output", "clear", "clear_output", "run"))


def _resolve(path: Optional[str]) -> str:
    """The absolute path that the server knows a notebook by."""
    if path is not None:
        path = os.fspath(path)
    if is_production():
        return published_path(path)
    return calling_notebook() if path is None else absolute(path)


def _read_file(path: str) -> Dict[str, str]:
    """A file as /job takes it."""
    from base64 import b64encode

    with open(path, "rb") as file:
        return {"filename": os.path.basename(path), "data": b64encode(file.read()).decode("ascii")}


def _plain_params(params: Optional[Dict[str, Any]]) -> Dict[str, Any]:
    """params as nothing but JSON types."""
    if params is None:
        return {}
    if not isinstance(params, dict):
        raise TypeError(f"params must be a dict, not a {type(params).__name__}")
    try:
        return json.loads(json.dumps(params, default=respond.to_json_type, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise type(error)(f"params: {error}") from None


def _find(path: str, debug: bool = False) -> Optional[str]:
    """The URL of the notebook at an absolute path, or None."""
    try:
        job = call("GET", "/job", {"path": path, "type": KIND, "light": "1"}, debug=debug)
    except NaasError as error:
        if error.status == 404:
            return None
        raise
    return None if job["status"] == "delete" else job_url(job)


def _find_from_run(path: str, debug: bool = False) -> Optional[str]:
    """As _find; says so, and is None, when the run's key does not reach as far as that notebook, and when
    nothing that can answer is reached: a run does not fail for that."""
    try:
        return _find(path, debug)
    except NaasError as error:
        print(f"This run may not know the URL of {path}." if error.status == 403 else
              f"This run does not learn the URL of {path}: {error}")
        return None


def _own_jobs() -> List[Dict[str, Any]]:
    """What the server says of the notebook of this run: a list of one, or of none."""
    try:
        job = call("GET", "/job", {"path": published_path(None), "type": KIND, "light": "1"})
    except NaasError as error:
        if error.status != 404:
            raise
        return []
    return jobs_in([job], KIND)


def _clear(path: str, query: Dict[str, str], debug: bool) -> None:
    """Remove what is kept of a notebook; that nothing is kept is no error."""
    try:
        call("DELETE", "/job", {"path": path, "type": KIND, **query}, debug=debug)
    except NaasError as error:
        if error.status != 404:
            raise


class Webhook:
    """The calls of naas.webhook.

    path is a notebook's path, absolute or relative to the current folder; without one it is the
    notebook that the call is made from. All calls raise NaasError when the server refuses.
    """

    def __getattr__(self, name: str) -> NotOffered:
        if name in NOT_OFFERED:
            return NotOffered(f"naas.webhook.{name}")
        raise AttributeError(f"naas.webhook has no {name}")

    def add(self, path: Optional[str] = None, params: Optional[Dict[str, Any]] = None,
            debug: bool = False) -> Optional[str]:
        """Publish the notebook as it was saved last, and return its URL.

        A notebook that is published already keeps its URL. params: notif_down and notif_up
        (addresses for mails after a failed or a successful run, which are kept: this version sends
        none), next_url (where callers are sent
        after a run), inline (show the response rather than download it), methods ("GET", "POST" or a
        list of them: what else is refused), signature (take signed calls only, as in {"scheme":
        "github", "secret": ...}), respond_async (answer before the run), unredacted_headers (a list of
        headers with credentials that the notebook is to see); any other key becomes a variable of the
        notebook. debug prints the request and the answer, and lets the error
        responses of the webhook carry tracebacks. In production nothing changes, and a run knows
        the URL of its own notebook only; for another path it gets None, and so it does where the server
        cannot be reached from there.
        """
        full_path = _resolve(path)
        if is_production():
            print("In production: nothing was published.")
            return _find_from_run(full_path, debug)
        content = {"path": full_path, "type": KIND, "params": _plain_params(params), "value": None,
                   "status": "installed", "file": _read_file(full_path), "debug": bool(debug)}
        answer = call("POST", "/job", content=content, debug=debug)
        jobs = [job for job in jobs_in(answer["data"], KIND) if job["path"] == full_path]
        if not jobs:
            raise NaasError(f"the server did not say the URL of {full_path}")
        url = job_url(jobs[0])
        print(f"{os.path.basename(full_path)} is published"
              f"{' again' if answer['status'] == 'edited' else ''}. To take it down: "
              "the same line with delete instead of add.")
        show.link(url)
        return url

    def find(self, path: Optional[str] = None) -> Optional[str]:
        """The URL of a published notebook, or None.

        A production run knows the URL of its own notebook only; for another it says so, and gets
        None, as it does where the server cannot be reached from there.
        """
        full_path = _resolve(path)
        return _find_from_run(full_path) if is_production() else _find(full_path)

    def delete(self, path: Optional[str] = None, all: bool = True, debug: bool = False) -> None:
        """Take the webhook down: from then on its URL answers 404, and a later add makes a new one.

        all also removes its earlier versions and the outputs of its runs. In production nothing
        changes.
        """
        if is_production():
            print("In production: nothing was deleted.")
            return
        full_path = _resolve(path)
        call("POST", "/job", debug=debug,
             content={"path": full_path, "type": KIND, "params": {}, "value": None,
                      "status": "delete", "file": None})
        if all:
            _clear(full_path, {"histo": "all"}, debug)
            _clear(full_path, {"histo": "all", "mode": "output"}, debug)
        print(f"{os.path.basename(full_path)} is no longer published.")

    def currents(self, raw: bool = False) -> Any:
        """All published notebooks: a DataFrame of path and url (a list of dicts without pandas).

        raw gives the server's list of dicts: id, type, value, path, status, params, lastUpdate,
        lastRun, runs, url. A production run sees its own notebook only.
        """
        if is_production():
            print("In production: of all published notebooks only this one is shown.")
            jobs = _own_jobs()
        else:
            jobs = jobs_in(call("GET", "/job"), KIND)
        if raw:
            return jobs
        return show.table([{"path": job["path"], "url": job_url(job)} for job in jobs],
                          ["path", "url"])

    def respond_json(self, data: Any) -> None:
        """Respond with a JSON value. NumPy scalars, dates and exact Decimals are converted.

        Raises ValueError for NaN and infinity, and TypeError for what has no JSON form.
        """
        respond.json_response(data)

    def respond_html(self, data: Any) -> None:
        """Respond with HTML: a text, or an object that shows itself so, such as a DataFrame."""
        respond.html_response(data)

    def respond_text(self, data: Any) -> None:
        """Respond with plain text; what is no text is turned into one by str()."""
        respond.text_response(data)

    def respond_image(self, data: Any = None, filename: Any = None) -> None:
        """Respond with an image of any type: its bytes, an open file, or the name of its file.

        What draws itself as an image (a picture of PIL, for one) will do as well.
        """
        respond.image_response(data, filename)

    def respond_svg(self, data: Any) -> None:
        """Respond with an SVG: its text, or the name of its file."""
        respond.svg_response(data)

    def respond_markdown(self, data: Any) -> None:
        """Respond with Markdown: the caller gets it as a page, or as it is if it asks for that."""
        respond.markdown_response(data)

    def respond_csv(self, data: Any) -> None:
        """Respond with CSV: a text as it is, a DataFrame, or rows that are dicts or lists."""
        respond.csv_response(data)

    def respond_file(self, path: Any) -> None:
        """Respond with a file, as it is when the run ends.

        It has to be in the folder of the notebook, or in another that the server allows.
        """
        respond.file_response(path)

    def respond_notebook(self) -> None:
        """Respond with the executed notebook: a page, or the notebook itself if a caller asks."""
        respond.notebook_response()
