"""Drives a real nbhook-exec as the daemon does: frames over a socketpair, descriptors, a run socket.

The program is found by $NBHOOK_BUILD (a build directory) or $NBHOOK_PREFIX (an installation). Started as
root, the executor runs as nbhook-run, or as nobody where that account does not exist.
"""

from __future__ import annotations

import array
import json
import os
import pwd
import shutil
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Optional

FILES = ("notebook", "request", "outcome", "executed", "response", "log")


def program(name: str) -> Path:
    """The built or installed program; a message that says how to name it where there is none."""
    candidates = []
    if "NBHOOK_BUILD" in os.environ:
        candidates.append(Path(os.environ["NBHOOK_BUILD"]) / name)
    if "NBHOOK_PREFIX" in os.environ:
        candidates += [Path(os.environ["NBHOOK_PREFIX"]) / place / name
                       for place in ("libexec/nbhook", "sbin", "bin")]
    for candidate in candidates:
        if candidate.exists():
            return candidate
    raise FileNotFoundError(f"no {name}: set NBHOOK_BUILD or NBHOOK_PREFIX")


def account() -> Optional[pwd.struct_passwd]:
    """Who notebooks run as; None for ourselves."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("nbhook-run")
    except KeyError:
        return pwd.getpwnam("nobody")


def become(user: Optional[pwd.struct_passwd]) -> dict[str, Any]:
    """The arguments of Popen for an account."""
    if user is None:
        return {}
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def send_frame(sock: socket.socket, body: dict, fds: tuple[int, ...] = ()) -> None:
    text = json.dumps(body).encode()
    data = struct.pack(">IBBxx", len(text), 1, len(fds)) + text
    if fds:
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))]
        data = data[sock.sendmsg([data], ancillary):]
    if data:  # who has all of it may have closed the socket
        sock.sendall(data)


def receive_exactly(sock: socket.socket, size: int) -> tuple[bytes, list[int]]:
    data, fds = b"", []
    while len(data) < size:
        part, new, _, _ = socket.recv_fds(sock, size - len(data), 12)
        if not part:
            raise EOFError("the other end has closed the socket")
        data += part
        fds += new
    return data, fds


def receive_frame(sock: socket.socket) -> tuple[dict, list[int]]:
    header, fds = receive_exactly(sock, 8)
    size, version, _ = struct.unpack(">IBBxx", header)
    assert version == 1
    text, more = receive_exactly(sock, size)
    return json.loads(text), fds + more


def code(source: str, **metadata: Any) -> dict:
    return {"cell_type": "code", "metadata": metadata, "source": source, "outputs": [],
            "execution_count": None}


def notebook(*cells: Any, kernel: str = "python3", language: str = "python") -> dict:
    """A notebook of format 4.4; strings are code cells."""
    return {"cells": [code(cell) if isinstance(cell, str) else cell for cell in cells],
            "metadata": {"kernelspec": {"name": kernel, "language": language, "display_name": kernel}},
            "nbformat": 4, "nbformat_minor": 4}


def eventually(condition: Callable[[], Any], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def heeds(pid: int, number: int) -> bool:
    """Whether a process has something to do at a signal, or reads it from a descriptor."""
    lines = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return bool((int(lines["SigCgt"], 16) | int(lines["SigBlk"], 16)) >> (number - 1) & 1)


class Run:
    """One run in an executor of its own."""

    def __init__(self, folder: Path, process: subprocess.Popen, daemon: socket.socket, job: str):
        self.folder, self.process, self.daemon, self.job = folder, process, daemon, job
        self.events: list[dict] = []
        self.watcher: Optional[socket.socket] = None
        self.begun = time.monotonic()
        self.ended_after: Optional[float] = None

    def begin(self) -> None:
        send_frame(self.daemon, {"op": "run.begin"})
        self.daemon.close()

    def connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(self.folder / "run.sock"))
        return connection

    def watch_until(self, wanted: Callable[[dict], bool]) -> dict:
        """Reads states until one is wanted; all else is passed over."""
        if self.watcher is None:
            self.watcher = self.connect()
            self.watcher.settimeout(90)
        while True:
            event, _ = receive_frame(self.watcher)
            if event.get("event") != "state":
                continue
            self.events.append(event)
            if wanted(event):
                return event

    def finish(self) -> "Run":
        """Waits for "ended" and for the executor's own end."""
        self.watch_until(lambda event: event["state"] == "ended")
        self.ended_after = time.monotonic() - self.begun
        self.watcher.close()  # the executor ends its kernel when nobody waits for an answer any more
        assert self.process.wait(30) == 0
        return self

    def stop(self, reason: str) -> None:
        send_frame(self.watcher or self.connect(), {"id": 1, "op": "run.stop", "reason": reason})

    @property
    def outcome_lines(self) -> list[dict]:
        text = (self.folder / "outcome").read_text()
        assert text == "" or text.endswith("\n")
        return [json.loads(line) for line in text.splitlines()]

    @property
    def outcome(self) -> dict:
        last = self.outcome_lines[-1]
        assert last["mark"] == "ended"
        return last

    @property
    def executed(self) -> dict:
        return json.loads((self.folder / "executed").read_text())

    @property
    def response(self) -> bytes:
        return (self.folder / "response").read_bytes()

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def outputs(self) -> list[dict]:
        """The outputs of the author's code cells, one after the other."""
        ours = {"naas-injected", "injected-parameters", "nbhook-error"}
        return [output for cell in self.executed["cells"]
                if cell["cell_type"] == "code" and not ours & set(cell["metadata"].get("tags", []))
                for output in cell["outputs"]]

    def text(self) -> str:
        """All that was printed."""
        return "".join("".join(output["text"]) for output in self.outputs()
                       if output["output_type"] == "stream")


class Bench:
    """A run_dir with a configuration, where executors are started; remove it with close(). A runner keeps none
    ready there unless kept says so."""

    def __init__(self, kept: Optional[dict[str, str]] = None, **settings: str):
        self.user = account()
        self.folder = Path(tempfile.mkdtemp(prefix="nbx-", dir="/tmp"))
        self.folder.chmod(0o755)
        self.runs: list[Run] = []
        for name in ("k", "work", "tmp"):
            (self.folder / name).mkdir(mode=0o700)
            self.give(self.folder / name)
        self.config = self.folder / "nbhook.conf"
        jobs = {name: settings.pop(name) for name in ("run_timeout",) if name in settings}
        groups = {"paths": {"run_dir": str(self.folder)}, "jobs": jobs,
                  "kernels": {"start_timeout": "30", **settings},
                  "kernel python3": kept or {"ready": "0", "preload": "off"}}
        self.config.write_text("".join(
            f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in members.items())
            for group, members in groups.items()))

    def give(self, path: Path) -> None:
        if self.user is not None:
            os.chown(path, self.user.pw_uid, self.user.pw_gid)

    def start(self, wrapper: tuple[str, ...] = (), environment: Optional[dict] = None) -> Run:
        """An executor that waits for its run."""
        ours, theirs = socket.socketpair()
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        command = [*wrapper, str(program("nbhook-exec")), "--socket", str(theirs.fileno()),
                   "--config", str(self.config)]
        # As nbhook-runner starts one, tunable of glibc included.
        env = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LANG": "C.UTF-8",
               "TMPDIR": str(self.folder / "tmp"), "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
               **(environment or {})}
        process = subprocess.Popen(command, pass_fds=[theirs.fileno()], env=env, cwd="/",
                                   stdin=subprocess.DEVNULL, **({} if wrapper else become(self.user)))
        theirs.close()
        run = Run(folder, process, ours, f"test:{folder.name}")
        self.runs.append(run)
        return run

    def play(self, content: dict, request: bytes = b"GET / HTTP/1.1\r\n\r\n",
             run: Optional[Run] = None, begins: bool = True, **members: Any) -> Run:
        """Hands a notebook to an executor, and lets it begin. The run socket listens before that, as the daemon's
        does."""
        run = run or self.start()
        contents = {"notebook": json.dumps(content).encode(), "request": request}
        fds = []
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(run.folder / "run.sock"))
        listener.listen(8)
        for name in FILES:
            (run.folder / name).write_bytes(contents.get(name, b""))
            fds.append(os.open(run.folder / name, os.O_RDWR))
        body = {"id": 7, "op": "run.play", "job": run.job, "path": "news/hello.ipynb",
                "cwd": str(self.folder / "work"), "kernel": "python3", "language": "python",
                "params": {}, "key": "k" * 60, "url": "http://127.0.0.1:1", "runtime": "",
                "fds": ["run", *FILES], **members}
        run.begun = time.monotonic()
        send_frame(run.daemon, body, (listener.fileno(), *fds))
        reply, _ = receive_frame(run.daemon)
        while "event" in reply:  # its kernel has become ready
            reply, _ = receive_frame(run.daemon)
        for fd in fds:
            os.close(fd)
        listener.close()
        assert reply == {"id": 7, "taken": True}
        if begins:
            run.begin()
        return run

    def run(self, *cells: Any, **members: Any) -> Run:
        """Plays a notebook of these cells to its end."""
        return self.play(notebook(*cells), **members).finish()

    def folders(self) -> list[str]:
        """The private folders of runs."""
        return sorted(os.listdir(self.folder / "k") + os.listdir(self.folder / "tmp"))

    def processes(self) -> list[str]:
        """The command lines of what runs in the work folder."""
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and os.readlink(entry / "cwd") == str(self.folder / "work"):
                    found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
        return found

    def close(self) -> None:
        for run in self.runs:
            if run.process.poll() is None:
                run.process.kill()
                run.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
