"""Sees every status document that is published, and holds it against the schema and the rules of
nbhook-status(7).

Run as a program it watches a folder of executions until its standard input ends and then prints its
findings. It is a process of its own that only reads at once and judges when nothing happens, so that no
test waits for it; where two documents follow each other faster than it reads it sees the later one twice.
"""

from __future__ import annotations

import collections
import contextlib
import ctypes
import json
import os
import select
import struct
import subprocess
import sys
from typing import Any, Iterator, Optional

NAME = "status.json"
GONE = ".gone-"  # folders on their way out
ENDS = ("completed", "failed", "stopped")
CONSTANT = ("jobId", "pipeline", "notebook", "version", "accepted")
IN_MOVED_TO, IN_CREATE, IN_Q_OVERFLOW, IN_ONLYDIR = 0x80, 0x100, 0x4000, 0x01000000
EVENT = struct.Struct("iIII")
LONGEST_END_S = 120.0


class StatusWatch:
    """The other process, as a site has it."""

    def __init__(self, executions: str, schema: str) -> None:
        self.child = subprocess.Popen(
            [sys.executable, "-B", os.path.abspath(__file__), executions, schema],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
        assert self.child.stdout.readline() == "ready\n", "the watch over status documents did not start"

    def end(self) -> dict[str, Any]:
        """What it saw: {"documents": how many, "findings": [what is wrong…]}."""
        report, _ = self.child.communicate(timeout=LONGEST_END_S)
        return json.loads(report)


class Inotify:
    """inotify(7) of one folder and the folders in it."""

    def __init__(self, top: str) -> None:
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.fd = self.libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        self.top = top
        self.folders: dict[int, str] = {}
        self.watch(top)

    def watch(self, folder: str) -> None:
        number = self.libc.inotify_add_watch(self.fd, os.fsencode(folder),
                                             IN_MOVED_TO | IN_CREATE | IN_ONLYDIR)
        if number >= 0:
            self.folders[number] = folder
        elif os.path.isdir(folder):
            raise OSError(ctypes.get_errno(), "inotify_add_watch", folder)

    def events(self) -> Iterator[tuple[str, str, int]]:
        """What has happened: folder, name, mask."""
        with contextlib.suppress(BlockingIOError):
            while True:
                got, at = os.read(self.fd, 65536), 0
                while at < len(got):
                    number, mask, _, length = EVENT.unpack_from(got, at)
                    name = got[at + EVENT.size:at + EVENT.size + length].rstrip(b"\0")
                    at += EVENT.size + length
                    yield self.folders.get(number, self.top), os.fsdecode(name), mask


class Judge:
    """The rules for one document, and for one that follows another of its job."""

    def __init__(self, schema: dict[str, Any]) -> None:
        import jsonschema
        self.validator = jsonschema.Draft202012Validator(schema)
        self.last: dict[str, tuple[Optional[str], Optional[dict[str, Any]]]] = {}
        self.findings: list[str] = []
        self.documents = 0

    def take(self, folder: str, text: Optional[str]) -> None:
        """Without a text the folder is a new one: a call that began again after the daemon's death."""
        if text is None:
            self.last.pop(folder, None)
            return
        before_text, before = self.last.get(folder, (None, None))
        if text == before_text:
            return
        self.documents += 1
        self.last[folder] = (text, before)
        try:
            document = json.loads(text)
        except ValueError as error:
            self.findings.append(f"{folder}: it is no JSON ({error}): {text[:200]!r}")
            return
        faults = [f"{error.json_path}: {error.message}" for error in self.validator.iter_errors(document)]
        if not faults:
            faults = own_faults(folder, document)
        if not faults and before is not None:
            faults = faults_between(before, document)
        if faults:
            self.findings.append(f"{folder}: {'; '.join(faults)}; it was {before_text} and became {text}")
        self.last[folder] = (text, document)


def own_faults(folder: str, document: dict[str, Any]) -> list[str]:
    faults = []
    progress = document["progress"]
    if progress["done"] > progress["total"]:
        faults.append("more cells are done than there are")
    if not folder.endswith(document["jobId"].rsplit(":", 1)[1]):
        faults.append("it is of another job")
    return faults


def faults_between(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    faults = [f"{name} changed" for name in CONSTANT if before[name] != after[name]]
    if before["status"] in ENDS and before != after:
        faults.append("it changed after the end")
    if before["attempts"] == after["attempts"] and before["progress"]["done"] > after["progress"]["done"]:
        faults.append("done became smaller")
    return faults


class Watcher:
    def __init__(self, executions: str, schema: str) -> None:
        with open(schema, encoding="utf-8") as file:
            self.judge = Judge(json.load(file))
        self.inotify = Inotify(executions)
        self.unjudged: collections.deque[tuple[str, Optional[str]]] = collections.deque()
        self.look_around()

    def look_around(self) -> None:
        with os.scandir(self.inotify.top) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(GONE):
                    self.enter(entry.path)

    def enter(self, folder: str) -> None:
        self.inotify.watch(folder)
        self.read(folder)

    def read(self, folder: str) -> None:
        with contextlib.suppress(OSError):
            with open(os.path.join(folder, NAME), encoding="utf-8", errors="replace") as file:
                self.unjudged.append((folder, file.read()))

    def notice(self) -> None:
        for folder, name, mask in self.inotify.events():
            if mask & IN_Q_OVERFLOW:
                self.look_around()
            elif folder == self.inotify.top:
                if not name.startswith(GONE):
                    self.unjudged.append((os.path.join(folder, name), None))
                    self.enter(os.path.join(folder, name))
            elif name == NAME:
                if mask & IN_CREATE:
                    self.judge.findings.append(f"{folder}: {NAME} was written in its place")
                self.read(folder)

    def judge_one(self) -> None:
        self.judge.take(*self.unjudged.popleft())

    def run(self) -> None:
        ended = False
        while not ended:
            ready, _, _ = select.select([self.inotify.fd, 0], [], [], 0 if self.unjudged else None)
            ended = 0 in ready
            self.notice()
            if not ready and self.unjudged:
                self.judge_one()
        self.look_around()
        while self.unjudged:
            self.judge_one()


def main(executions: str, schema: str) -> None:
    watcher = Watcher(executions, schema)
    os.nice(19)
    print("ready", flush=True)
    watcher.run()
    print(json.dumps({"documents": watcher.judge.documents, "findings": watcher.judge.findings}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
