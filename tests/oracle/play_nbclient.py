"""Plays notebooks with Debian's nbclient, as people do: play_nbclient.py (IN OUT)…

A cell that fails ends a notebook, which is written as it is then."""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from pathlib import Path

import nbclient
import nbformat
from nbclient.exceptions import CellExecutionError, DeadKernelError


def play(source: Path, target: Path) -> None:
    notebook = nbformat.read(source, as_version=4)
    client = nbclient.NotebookClient(notebook, resources={"metadata": {"path": str(source.parent)}})
    try:
        client.execute()
    except (CellExecutionError, DeadKernelError):
        pass
    except Exception:  # nbclient itself has given up; the comparison says what that means
        target.with_suffix(".gave-up").write_text(traceback.format_exc())
    temporary = target.with_suffix(".part")
    try:
        nbformat.write(notebook, temporary)
    except Exception:
        target.with_suffix(".gave-up").write_text(traceback.format_exc())
        temporary.write_text("")
    os.replace(temporary, target)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for given, wanted in zip(sys.argv[1::2], sys.argv[2::2]):
        play(Path(given), Path(wanted))
