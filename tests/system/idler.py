"""A program for the supervisor's tests: says what it was given, as a line of JSON, and waits.

    idler.py [deaf] [late] [forks] [lingers] [dies]
"""

import ctypes
import json
import os
import signal
import socket
import sys
import threading
import time

SYS_EXIT = {"x86_64": 60}.get(os.uname().machine, 93)  # of one thread


def say_ready() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
        notices.connect(os.environ["NOTIFY_SOCKET"])
        notices.send(b"READY=1")


def hide_a_process() -> None:
    """Leaves a grandchild in a session of its own, whose parent is gone, and that ignores SIGTERM."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() != 0:
            os._exit(0)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(1000)
        os._exit(0)
    os.wait()


def linger() -> None:
    """At SIGTERM the first thread ends, and the other only later. A child says that it got one, too."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    if os.fork() == 0:
        signal.sigwait([signal.SIGTERM])
        print(json.dumps({"told": "the child"}), flush=True)
        os._exit(0)
    told = threading.Event()

    def end_late() -> None:
        told.wait()
        time.sleep(0.2)
        os._exit(0)

    threading.Thread(target=end_late).start()
    say_ready()
    signal.sigwait([signal.SIGTERM])
    told.set()
    ctypes.CDLL(None).syscall(SYS_EXIT, 0)


def descriptors() -> dict[int, str]:
    found = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            found[int(name)] = os.readlink(f"/proc/self/fd/{name}")
        except FileNotFoundError:
            pass  # that of the listing itself
    return found


def listener_names() -> list[str]:
    names = os.environ.get("LISTEN_FDNAMES", "").split(":")
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return []
    count = int(os.environ["LISTEN_FDS"])
    return [socket.socket(fileno=os.dup(3 + i)).getsockname() + f" {names[i]}" for i in range(count)]


print(json.dumps({
    "pid": os.getpid(), "uids": os.getresuid(), "gids": os.getresgid(),
    "groups": sorted(os.getgroups()), "environment": dict(os.environ), "umask": os.umask(0o007),
    "descriptors": descriptors(), "listeners": listener_names(), "session": os.getsid(0),
    "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "cwd": os.getcwd(),
}), flush=True)
if "deaf" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if "forks" in sys.argv:
    hide_a_process()
if "lingers" in sys.argv:
    linger()
if "dies" in sys.argv:
    sys.exit(3)
if "NOTIFY_SOCKET" in os.environ and "late" not in sys.argv:
    say_ready()
while True:
    time.sleep(1000)
