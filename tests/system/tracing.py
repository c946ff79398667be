"""What programs ask of the kernel, in which order: strace, and its output read.

    with Tracing([pid, …], file) as trace:
        …
    assert trace.syncs("/status.json.tmp")[0].ended_before(trace.renames("status.json")[0])

A call is an interval: it begins where strace shows it first and ends where it shows its result. Two
calls are in order only if one has ended before the other begins.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import Any, Iterator, Optional

STRACE = "/usr/bin/strace"
CALLS = ("fsync,fdatasync,write,pwrite64,writev,pwritev,sendmsg,sendto,"
         "rename,renameat,renameat2")
LONGEST_STRING = 1 << 16

_LINE = re.compile(r"^(\d+) +(.*)$")
_WHOLE = re.compile(r"^(\w+)\((.*)\) += (-?\d+)")
_BEGUN = re.compile(r"^(\w+)\((.*?) <unfinished \.\.\.>$")
_RESUMED = re.compile(r"^<\.\.\. (\w+) resumed>(.*)\) += (-?\d+)")
_PATH = re.compile(r"^\d+<([^>]*)>")


@dataclass(frozen=True)
class Call:
    name: str
    text: str  # the arguments as strace prints them
    result: int
    begin: int
    end: int

    @property
    def path(self) -> str:
        """Of the descriptor that comes first."""
        match = _PATH.match(self.text)
        return match.group(1) if match else ""

    def ended_before(self, other: "Call") -> bool:
        return self.end < other.begin


def read_calls(lines: Iterator[str]) -> list[Call]:
    """The calls that succeeded, by their end."""
    calls: list[Call] = []
    begun: dict[str, tuple[str, str, int]] = {}
    for number, line in enumerate(lines):
        match = _LINE.match(line.rstrip("\n"))
        if match is None:
            continue
        thread, said = match.groups()
        call = _read_call(said, thread, number, begun)
        if call is not None and call.result >= 0:
            calls.append(call)
    return calls


def _read_call(said: str, thread: str, number: int,
               begun: dict[str, tuple[str, str, int]]) -> Optional[Call]:
    match = _BEGUN.match(said)
    if match is not None:
        begun[thread] = (match.group(1), match.group(2), number)
        return None
    match = _RESUMED.match(said)
    if match is not None and thread in begun:
        name, text, begin = begun.pop(thread)
        return Call(name, text + match.group(2), int(match.group(3)), begin, number)
    match = _WHOLE.match(said)
    if match is not None:
        return Call(match.group(1), match.group(2), int(match.group(3)), number, number)
    return None


class Tracing:
    """strace, attached to processes and to what they start, for as long as the block lasts."""

    def __init__(self, pids: list[int], file: str) -> None:
        self.pids = pids
        self.file = file
        self.calls: list[Call] = []

    def __enter__(self) -> "Tracing":
        command = [STRACE, "-f", "-yy", "-s", str(LONGEST_STRING), "-e", f"trace={CALLS}",
                   "-e", "signal=none", "-o", self.file]
        for pid in self.pids:
            command += ["-p", str(pid)]
        self.messages = open(self.file + ".messages", "w+", encoding="utf-8")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=self.messages)
        deadline = time.monotonic() + 20
        while self._said().count(" attached") < len(self.pids):
            if self.process.poll() is not None or time.monotonic() > deadline:
                said = self._said()
                self._end()
                raise PermissionError(
                    "strace cannot attach to the programs, so nobody sees in which order they "
                    f"write; this test needs a host that allows ptrace. strace says:\n{said}")
            time.sleep(0.02)
        return self

    def __exit__(self, *ignored: Any) -> None:
        self._end()
        self.messages.close()
        with open(self.file, encoding="utf-8", errors="replace") as lines:
            self.calls = read_calls(iter(lines))

    def _said(self) -> str:
        with open(self.messages.name, encoding="utf-8") as file:
            return "".join(line for line in file if not line.endswith(" detached\n"))

    def _end(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(20)

    # What was seen.

    def syncs(self, path_end: str) -> list[Call]:
        return [call for call in self.calls
                if call.name in ("fsync", "fdatasync") and call.path.endswith(path_end)]

    def writes(self, path_end: str, *words: str) -> list[Call]:
        """Writes to a file whose bytes hold all the words."""
        return [call for call in self.calls
                if call.name in ("write", "pwrite64", "writev", "pwritev")
                and call.path.endswith(path_end) and all(word in call.text for word in words)]

    def sends(self, *words: str) -> list[Call]:
        """Messages that hold all the words."""
        return [call for call in self.calls
                if call.name in ("sendmsg", "sendto") and all(word in call.text for word in words)]

    def renames(self, name: str) -> list[Call]:
        return [call for call in self.calls
                if call.name.startswith("rename") and re.search(f'"{re.escape(name)}"[^"]*$', call.text)]


def in_json(text: str) -> str:
    """A piece of JSON as strace prints it."""
    return text.replace('"', '\\"')


def compile_preload(source: str, folder: str) -> str:
    """Makes a shared object to be preloaded from a C file of this folder."""
    name = os.path.splitext(source)[0] + ".so"
    made = os.path.join(folder, name)
    subprocess.run(["/usr/bin/cc", "-shared", "-fPIC", "-O1", "-o", made,
                    os.path.join(os.path.dirname(os.path.abspath(__file__)), source)], check=True)
    os.chmod(made, 0o755)
    return made
