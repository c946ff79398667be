"""What a supervisor is to run: folders, listening sockets, programs, and the folder of the sockets."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import signal
from dataclasses import dataclass, field

RUN_FOLDER = re.compile(r"^(/run|/tmp)/nb[a-z0-9]{4}$")


@dataclass(frozen=True)
class Folder:
    path: str
    owner: str
    group: str
    mode: int


@dataclass(frozen=True)
class Listener:
    """A listening Unix socket below the run folder."""

    name: str  # as LISTEN_FDNAMES says it
    path: str
    owner: str
    group: str
    mode: int


@dataclass(frozen=True)
class Program:
    name: str
    command: list[str]
    account: str
    listeners: list[str] = field(default_factory=list)  # names
    environment: dict[str, str] = field(default_factory=dict)
    notifies: bool = False  # says READY=1 when it is ready
    stays_root: bool = False  # drops its rights itself, as nginx does
    death_signal: int = signal.SIGKILL  # what it gets when the supervisor is killed


@dataclass(frozen=True)
class Plan:
    run_dir: str
    log_dir: str
    record: str  # a file that the next start reads
    installed: str  # a folder: programs that run from there are ours, see leftovers.py
    folders: list[Folder]
    listeners: list[Listener]
    programs: list[Program]
    ports: list[tuple[str, int]] = field(default_factory=list)  # accept connections when ready
    users: list[str] = field(default_factory=list)  # whose processes a clean-up may end
    stop_limit_s: float = 4.0  # from SIGTERM to SIGKILL

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self))

    @staticmethod
    def from_json(text: str) -> "Plan":
        plan = json.loads(text)
        plan["folders"] = [Folder(**each) for each in plan["folders"]]
        plan["listeners"] = [Listener(**each) for each in plan["listeners"]]
        plan["programs"] = [Program(**each) for each in plan["programs"]]
        plan["ports"] = [(host, port) for host, port in plan["ports"]]
        return Plan(**plan)


def make_run_dir(private: bool) -> str:
    """Makes a new folder for sockets and gives its path, which is as short as /run/nbhook: libzmq and
    some kernels refuse long socket names."""
    parent = "/run" if os.geteuid() == 0 else "/tmp"
    alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"
    while True:
        path = f"{parent}/nb{''.join(alphabet[byte % 36] for byte in os.urandom(4))}"
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:
            continue
        os.chmod(path, 0o700 if private else 0o755)
        return path


def remove_run_dir(path: str) -> None:
    """Removes such a folder if it is one, and ours."""
    try:
        info = os.lstat(path)
    except FileNotFoundError:
        return
    if RUN_FOLDER.match(path) and info.st_uid == os.geteuid() and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
