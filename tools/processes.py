"""Processes as /proc shows them, and how to end them without ever hitting a stranger.

A pid alone is not an identity: it is used again. A Process is a pid with its start time, and a signal
goes through a pidfd that was opened before the start time was compared.
"""

from __future__ import annotations

import ctypes
import os
import signal
import time
from dataclasses import dataclass
from typing import Iterable, Optional

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38

# Loaded here, because a forked child should do as little as possible.
_libc = ctypes.CDLL(None, use_errno=True)


def prctl(option: int, argument: int) -> None:
    if _libc.prctl(option, ctypes.c_ulong(argument), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option}) failed")


@dataclass(frozen=True)
class Process:
    """One process for as long as it lives; `start` is in clock ticks since the machine's boot."""

    pid: int
    start: int

    def lives(self) -> bool:
        now = read_stat(self.pid)
        return now is not None and now.start == self.start and now.alive

    def send(self, sig: int) -> None:
        """Sends a signal; nothing happens if the process is gone."""
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        try:
            if self.lives():
                signal.pidfd_send_signal(handle, sig)
        except ProcessLookupError:
            pass
        finally:
            os.close(handle)


@dataclass(frozen=True)
class Stat:
    pid: int
    parent: int
    state: str
    threads: int
    start: int

    @property
    def alive(self) -> bool:
        """A process whose first thread has ended is a zombie by name, but lives while others do; until
        the last is gone, its children are not handed on."""
        return self.state != "Z" or self.threads > 1

    @property
    def process(self) -> Process:
        return Process(self.pid, self.start)


def read_stat(pid: int) -> Optional[Stat]:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            text = file.read()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command's name stands in parentheses and may itself hold any byte.
    fields = text[text.rindex(")") + 2:].split()
    return Stat(pid=pid, state=fields[0], parent=int(fields[1]), threads=int(fields[17]),
                start=int(fields[19]))


def all_stats() -> list[Stat]:
    stats = (read_stat(int(name)) for name in os.listdir("/proc") if name.isdigit())
    return [stat for stat in stats if stat is not None]


def identify(pid: int) -> Process:
    stat = read_stat(pid)
    if stat is None:
        raise ProcessLookupError(f"process {pid} is gone")
    return stat.process


def children(pid: int) -> list[Process]:
    return [stat.process for stat in all_stats() if stat.parent == pid and stat.alive]


def descendants(roots: Iterable[int]) -> list[Process]:
    """The living processes below `roots` (without them), parents before children."""
    below: dict[int, list[Stat]] = {}
    for stat in all_stats():
        below.setdefault(stat.parent, []).append(stat)
    found: list[Process] = []
    waiting = list(roots)
    while waiting:
        for stat in below.get(waiting.pop(0), []):
            waiting.append(stat.pid)
            if stat.alive:
                found.append(stat.process)
    return found


def command_line(pid: int) -> list[str]:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read().split(b"\0")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return []
    return [os.fsdecode(word) for word in words]


def owner(pid: int) -> Optional[int]:
    """The real user id of a process; the owner of /proc/PID itself is root's where it is not dumpable."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("Uid:"):
                    return int(line.split()[1])
    except (FileNotFoundError, ProcessLookupError):
        pass
    return None


def boot_id() -> str:
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def reap() -> list[tuple[int, int]]:
    """Takes the children that have ended: (pid, wait status) of each."""
    ended = []
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        ended.append((pid, status))


def end_all(find, limit_s: float = 20.0) -> None:
    """Kills what `find()` names, with everything below it, until it names nothing more.

    A process may fork between the look and the kill, so one look is never enough."""
    deadline = time.monotonic() + limit_s
    while True:
        reap()
        found = find()
        if not found:
            return
        for process in found + descendants(process.pid for process in found):
            process.send(signal.SIGKILL)
        if time.monotonic() > deadline:
            pids = " ".join(str(process.pid) for process in found)
            raise TimeoutError(f"these processes survive SIGKILL: {pids}")
        time.sleep(0.005)


def end_own_descendants() -> None:
    """Leaves this process without a descendant. With PR_SET_CHILD_SUBREAPER, none can hide."""
    end_all(lambda: descendants([os.getpid()]))
    reap()
