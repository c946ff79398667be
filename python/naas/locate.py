"""Finding the notebook that a call is made from.

A kernel does not know its notebook; whoever started it may. Asked in this order: VS Code, which
leaves a variable in the kernel; the Jupyter server's list of sessions, which knows of a renaming;
JPY_SESSION_NAME, which a Jupyter server sets when it starts a kernel and which stays as it was.
"""

from __future__ import annotations

import glob
import json
import os
import re
from typing import Any, Dict, Iterator, Optional

from .errors import NaasError

TIMEOUT_SECONDS = 2


def _shell() -> Any:
    """The IPython shell that runs us, or None."""
    import sys

    if "IPython" not in sys.modules:
        return None
    from IPython import get_ipython
    return get_ipython()


def absolute(path: str) -> str:
    """The absolute path of a file, its folder without links: one notebook has one path."""
    folder, name = os.path.split(path)
    if name in ("", os.curdir, os.pardir):
        return os.path.realpath(path)
    return os.path.join(os.path.realpath(folder), name)


def _notebook_file(path: str) -> Optional[str]:
    """The absolute path, if it is a notebook that exists."""
    path = re.sub(r"-jvsc-[-0-9a-f]*$", "", path)
    if path.endswith(".ipynb") and os.path.isfile(path):
        return absolute(path)
    return None


def _from_vscode() -> Optional[str]:
    shell = _shell()
    path = shell.user_ns.get("__vsc_ipynb_file__") if shell is not None else None
    return _notebook_file(path) if isinstance(path, str) else None


def _connection_file() -> Optional[str]:
    """The connection file of the kernel that we run in; it names the kernel's id."""
    shell = _shell()
    if shell is None or not hasattr(shell, "kernel"):
        return None
    try:
        from ipykernel.connect import get_connection_file
        return get_connection_file()
    except (ImportError, RuntimeError):
        return None


def _running_servers(runtime_folder: str) -> Iterator[Dict[str, Any]]:
    """What the Jupyter servers that keep their files in this folder say about themselves."""
    for pattern in ("jpserver-*.json", "nbserver-*.json"):
        for path in glob.glob(os.path.join(glob.escape(runtime_folder), pattern)):
            try:
                with open(path, encoding="utf-8") as file:
                    server = json.load(file)
                os.kill(int(server["pid"]), 0)
            except PermissionError:
                pass
            except (OSError, ValueError, KeyError, TypeError):
                continue
            yield server


def _sessions(server: Dict[str, Any]) -> Any:
    """The sessions of a Jupyter server; none if it does not answer us."""
    from http.client import HTTPException
    from urllib.request import Request, urlopen

    token = server.get("token") or os.environ.get("JUPYTERHUB_API_TOKEN", "")
    headers = {"Authorization": f"token {token}"} if token else {}
    try:
        request = Request(server["url"].rstrip("/") + "/api/sessions", headers=headers)
        with urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
            return json.load(answer)
    except (OSError, HTTPException, ValueError, KeyError):
        return []


def _from_sessions() -> Optional[str]:
    connection_file = _connection_file()
    if connection_file is None:
        return None
    name = os.path.basename(connection_file)
    kernel_id = re.sub(r"^kernel-|\.json$", "", name)
    for server in _running_servers(os.path.dirname(connection_file)):
        root = server.get("root_dir") or server.get("notebook_dir") or ""
        for session in _sessions(server):
            if session.get("kernel", {}).get("id") == kernel_id:
                path = session.get("path") or session.get("notebook", {}).get("path", "")
                return _notebook_file(os.path.join(root, path))
    return None


def _from_session_name() -> Optional[str]:
    name = os.environ.get("JPY_SESSION_NAME", "")
    return _notebook_file(name) or _notebook_file(os.path.basename(name))


def calling_notebook() -> str:
    """The absolute path of the notebook whose kernel runs us. Raises NaasError if nobody knows."""
    for source in (_from_vscode, _from_sessions, _from_session_name):
        path = source()
        if path is not None:
            return path
    raise NaasError("cannot tell which notebook this is called from; "
                    "name it: path=\"my-notebook.ipynb\"")
