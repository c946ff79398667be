"""Where a notebook runs: on its author's desk, or in production.

A production run begins with an injected cell that sets n_env.current; nothing else ever does.
"""

from __future__ import annotations

import os
from typing import Any, Dict, Optional

__version__ = "0.1.0"


class Environment:
    """What the run says about itself.

    current has the members uid (of the run), path (the author's absolute path of the notebook),
    env ("RUNNER") and runtime in production; it is empty elsewhere.
    """

    def __init__(self) -> None:
        self.current: Dict[str, Any] = {}
        self.version = __version__


n_env = Environment()


def is_production() -> bool:
    """Whether this is a production run of a published notebook."""
    return n_env.current.get("env") == "RUNNER"


def published_path(path: Optional[str]) -> str:
    """The author's path for a path that a notebook in production names.

    None means the notebook itself. Relative paths start at its folder. In production that folder
    is copied below a root of the server's: a path below this root is the author's without it.
    """
    own = str(n_env.current["path"])
    if path is None:
        return own
    folder = os.path.dirname(own)
    full = os.path.normpath(os.path.join(folder, path))
    working = os.getcwd()
    if folder != "/" and working.endswith(folder):
        root = working[:-len(folder)]
        if root and full.startswith(root + "/"):
            return full[len(root):]
    return full
