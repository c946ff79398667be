"""Plays notebooks with Debian's nbclient, as people do: play_nbclient.py (IN OUT)…

A cell that fails ends a notebook, which is written as it is then. Each notebook is played by a process of its
own, with a limit of time; what reaches it is what nbclient gives up on."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
import traceback
import warnings
from pathlib import Path
from queue import Empty
from typing import Any, Optional

import nbclient
import nbformat
from nbclient.exceptions import CellExecutionError, DeadKernelError


class Client(nbclient.NotebookClient):
    """nbclient itself, but that it looks for a reply twice a second: when it has sent the state of an output
    widget to the kernel while it waits, ZeroMQ does not wake it for a reply that has come already."""

    async def async_start_new_kernel_client(self, **arguments: Any) -> Any:
        client = await super().async_start_new_kernel_client(**arguments)
        receive = client.shell_channel.get_msg

        async def get_msg(timeout: Optional[float] = None) -> dict:
            while timeout is None:
                try:
                    return await receive(timeout=0.5)
                except Empty:
                    pass
            return await receive(timeout=timeout)

        client.shell_channel.get_msg = get_msg
        return client


def play(source: Path, target: Path) -> None:
    notebook = nbformat.read(source, as_version=4)
    client = Client(notebook, resources={"metadata": {"path": str(source.parent)}})
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


LIMIT_S = 60
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
        if not play_apart(source, target):
            target.with_suffix(".gave-up").write_text(f"it has not ended within {LIMIT_S} s\n")
            target.touch()


if __name__ == "__main__":
    main([Path(word) for word in sys.argv[1:]])
