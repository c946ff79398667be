"""Plays notebooks with Debian's nbclient, as people do: play_nbclient.py (IN OUT)…

A cell that fails ends a notebook, which is written as it is then. Each notebook is played by a process of its
own: nbclient now and then waits for ever for a message that has come already. Then it is tried again, and
what never ends is what nbclient gives up on."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
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


LIMIT_S = 30
TRIES = 2
PR_SET_CHILD_SUBREAPER = 36


def play_apart(source: Path, target: Path) -> bool:
    """Whether a process that plays it has ended within the limit."""
    child = os.fork()
    if child == 0:
        play(source, target)
        os._exit(0)
    deadline = time.monotonic() + LIMIT_S
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if time.monotonic() > deadline:
            break
        time.sleep(0.02)
    end_descendants()
    return target.exists()


def end_descendants() -> None:
    """Kills what is left: the process itself, and the kernels that fall to this one."""
    while True:
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
            children = [int(pid) for pid in file.read().split()]
        if not children:
            return
        for pid in children:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def main(paths: list[Path]) -> None:
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    warnings.simplefilter("ignore")
    for source, target in zip(paths[::2], paths[1::2]):
        if not any(play_apart(source, target) for _ in range(TRIES)):
            target.with_suffix(".gave-up").write_text(f"it has not ended within {LIMIT_S} s, {TRIES} times\n")
            target.touch()


if __name__ == "__main__":
    main([Path(word) for word in sys.argv[1:]])
