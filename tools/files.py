"""Small files."""

from __future__ import annotations

import contextlib
import os
from typing import Optional


def replace_file(path: str, text: str, mode: int = 0o600,
                 owner: Optional[tuple[int, int]] = None) -> None:
    """Writes a file that is there whole or not at all, with its mode and owner from the start."""
    temporary = f"{path}.{os.getpid()}"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary)
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        file.write(text)
        if owner is not None:
            os.fchown(file.fileno(), *owner)
        os.fchmod(file.fileno(), mode)
    os.replace(temporary, path)


def tail(path: str, lines: int = 15) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return "".join(file.readlines()[-lines:]).rstrip()
    except FileNotFoundError:
        return ""
