"""What an account may do, asked by becoming it.

    attempt("www-data", lambda: connect(path))   # "yes", or why not: "EACCES"

NOTEBOOK_TRIES is a cell that does the same from within a run.
"""

from __future__ import annotations

import ctypes
import errno
import os
import pwd
import socket
from typing import Callable

import accounts
import processes

PTRACE_SEIZE = 0x4206
PTRACE_DETACH = 17
SYS_PIDFD_GETFD = 438

_libc = ctypes.CDLL(None, use_errno=True)

Action = Callable[[], object]


def attempt(account: str, action: Action) -> str:
    """Does it in a child of that account; "yes" when it worked, else the name of the errno."""
    receiving, sending = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            accounts.become(account)
            os.umask(0o007)
            os.write(sending, _outcome(action).encode())
            os._exit(0)
        finally:
            os._exit(1)
    os.close(sending)
    with os.fdopen(receiving, "rb") as stream:
        answer = stream.read().decode()
    assert os.waitpid(child, 0)[1] == 0, f"the child that became {account} failed"
    return answer


def _outcome(action: Action) -> str:
    try:
        action()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    return "yes"


def connect(path: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.connect(path)


def read(path: str) -> None:
    with open(path, "rb") as file:
        file.read(1)


def write(path: str) -> None:
    os.close(os.open(path, os.O_WRONLY))


def create_in(folder: str) -> None:
    path = os.path.join(folder, "made-by-a-test")
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o660))
    os.unlink(path)


def enter(folder: str) -> None:
    os.chdir(folder)


def listen_in(folder: str) -> None:
    path = os.path.join(folder, "posing.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as posing:
        posing.bind(path)
    os.unlink(path)


def trace(pid: int) -> None:
    if _libc.ptrace(PTRACE_SEIZE, pid, None, None) != 0:
        raise OSError(ctypes.get_errno(), "ptrace")
    _libc.ptrace(PTRACE_DETACH, pid, None, None)


def take_descriptor(pid: int) -> None:
    handle = os.pidfd_open(pid)
    if _libc.syscall(SYS_PIDFD_GETFD, handle, 0, 0) < 0:
        raise OSError(ctypes.get_errno(), "pidfd_getfd")


LOOKS: dict[str, Callable[[int], object]] = {
    "trace": trace,
    "take a descriptor": take_descriptor,
    "list descriptors": lambda pid: os.listdir(f"/proc/{pid}/fd"),
    "read memory": lambda pid: read(f"/proc/{pid}/mem"),
    "read the environment": lambda pid: read(f"/proc/{pid}/environ"),
}


def status_of(pid: int) -> dict[str, str]:
    """/proc/PID/status; empty when the process is gone."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
            return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    except (FileNotFoundError, ProcessLookupError):
        return {}


def below(root: int) -> list[tuple[str, str, dict[str, str]]]:
    """Name, account and status of every process below one."""
    found = []
    for process in processes.descendants([root]):
        status = status_of(process.pid)
        if status:
            uids = {int(word) for word in status["Uid"].split()}
            names = "/".join(sorted(pwd.getpwuid(uid).pw_name for uid in uids))
            found.append((status["Name"], names, status))
    return found


# Leaves "looks" (name of one of the processes that play it, look, outcome) and "places" (name of a try, outcome).
NOTEBOOK_TRIES = r'''
import ctypes, errno, os, socket
libc = ctypes.CDLL(None, use_errno=True)

def outcome(action, *arguments):
    try:
        result = action(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno]
    return "yes" if result is None or result else "nothing"

def checked(function, *arguments):
    if function(*arguments) < 0:
        raise OSError(ctypes.get_errno(), "refused")

def connect(path):
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(path)

def read(path):
    with open(path, "rb") as file:
        file.read(1)

def create_in(folder):
    with open(folder + "/by-a-notebook", "w"):
        pass

def enter(folder):
    here = os.getcwd()
    os.chdir(folder)
    os.chdir(here)

look = {
    "trace": lambda pid: checked(libc.ptrace, 0x4206, pid, None, None),
    "take a descriptor": lambda pid: checked(libc.syscall, 438, os.pidfd_open(pid), 0, 0),
    "list descriptors": lambda pid: os.listdir(f"/proc/{pid}/fd"),
    "read memory": lambda pid: read(f"/proc/{pid}/mem"),
    "read the environment": lambda pid: read(f"/proc/{pid}/environ"),
}
def status_of(pid):
    with open(f"/proc/{pid}/status") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)

# Its ancestors are those that play it; other processes of the account may come and go.
looks, pid = [], os.getppid()
while pid > 0 and status_of(pid)["Name"].startswith("nbhook"):
    status = status_of(pid)
    looks += [[status["Name"], name, outcome(try_, pid)] for name, try_ in look.items()]
    pid = int(status["PPid"])
job = f"{state}/pipeline_executions/{job_folder}"
places = {
    "http.sock": outcome(connect, f"{run}/http.sock"),
    "admin.sock": outcome(connect, f"{run}/admin.sock"),
    "runner.sock": outcome(connect, f"{run}/runner.sock"),
    "fcgi.sock": outcome(connect, f"{run}/fcgi.sock"),
    "api.sock": outcome(connect, f"{run}/api.sock"),
    "enter j": outcome(enter, f"{run}/j"),
    "enter k": outcome(enter, f"{run}/k"),
    "the store": outcome(read, f"{state}/nbhook.db"),
    "versions": outcome(os.listdir, f"{state}/versions"),
    "the jobs": outcome(os.listdir, f"{state}/pipeline_executions"),
    "another request": outcome(read, f"{job}/request"),
    "another response": outcome(read, f"{job}/response"),
    "another outcome": outcome(read, f"{job}/outcome"),
    "the state folder": outcome(create_in, state),
    "another job's folder": outcome(create_in, job),
    "beside itself": outcome(create_in, os.getcwd()),
    "become root": outcome(os.setuid, 0),
}
'''
