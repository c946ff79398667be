"""Keeps a set of programs running the way a service manager would, and leaves nothing behind.

It makes the folder of the sockets and the listening sockets with owner and mode, hands the sockets to
the programs (LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES; see sd_listen_fds(3)), starts each program as its
account with a clean environment, waits until each has said READY=1 (sd_notify(3)), and starts again
what died. The sockets stay open over a restart, so no caller is refused in between.

Whatever its programs start is its descendant, because it is a child subreaper. At its end, however that
comes about, it ends its programs, kills every descendant that is left and removes the folder. If it is
itself killed, its programs die with it (PR_SET_PDEATHSIG), and the next start removes the rest: the
record file names its processes with their start times, and the folder.

`Supervisor` is the loop, for a process of its own; supervised.py steers one from another process.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import selectors
import shutil
import signal
import socket
import struct
import time
from typing import Callable, Optional

import accounts
import leftovers
import processes
from files import tail
from plan import Listener, Plan, Program, remove_run_dir
from processes import Process

FIRST_PASSED_FD = 3
BACKLOG = 4096
UMASK = 0o007
QUICK_DEATH_S = 2.0
LONGEST_BACKOFF_S = 5.0
LOG_CEILING_BYTES = 8 << 20
NOTICES_A_TURN = 16  # from one socket, so that a flood keeps nothing else from being done


class StartFailed(Exception):
    """A program ended, or did not get ready, before everything was up."""


class Running:
    """A program and its present process."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.process: Optional[Process] = None
        self.ready = False
        self.started_at = 0.0
        self.start_at: Optional[float] = None  # when to start it again
        self.quick_deaths = 0
        self.held = False

    @property
    def pid(self) -> int:
        return self.process.pid if self.process is not None else 0


class Supervisor:
    """The loop. One to a process: it owns the process's signals and children."""

    def __init__(self, plan: Plan, say: Callable[[str], None]) -> None:
        self.plan = plan
        self.say = say
        self.running = {program.name: Running(program) for program in plan.programs}
        self.sockets: dict[str, socket.socket] = {}
        self.selector = selectors.DefaultSelector()
        self.ready = False
        self.stopping = False
        self.hurry = False
        self.impatient = False  # somebody waits for what raises no event
        self.on_ready: Callable[[], None] = lambda: None
        self.on_turn: Callable[[], None] = lambda: None  # after whatever happened

    # The life of the loop.

    def run(self, ready_limit_s: float = 60.0) -> None:
        """Starts everything and returns when it was told to stop and nothing is left. Raises
        StartFailed."""
        processes.prctl(processes.PR_SET_CHILD_SUBREAPER, 1)
        self._write_record()
        try:
            self._catch_signals()
            self._make_places()
            self._listen_for_notices()
            for running in self.running.values():
                self._start(running)
            self._loop(time.monotonic() + ready_limit_s)
        finally:
            self._end()

    def _loop(self, ready_deadline: float) -> None:
        while not self.stopping:
            self._start_due()
            for key, _ in self.selector.select(self._patience()):
                key.data()
            self.on_turn()
            if self.ready or self.stopping:
                continue
            if self._everything_ready():
                self.ready = True
                self.on_ready()
            elif time.monotonic() > ready_deadline:
                late = [each.program.name for each in self.running.values() if not each.ready]
                raise StartFailed(f"not ready in time: {' '.join(late) or 'the port'}")

    def _patience(self) -> Optional[float]:
        """How long the loop may sleep: for ever, but for programs to start and a port to try."""
        due = [each.start_at for each in self.running.values() if each.start_at is not None]
        waits = [max(0.0, at - time.monotonic()) for at in due]
        if not self.ready or self.impatient:
            waits.append(0.02)
        return min(waits, default=None)

    def _everything_ready(self) -> bool:
        if not all(each.ready and each.process for each in self.running.values()):
            return False
        return all(_accepts(host, port) for host, port in self.plan.ports)

    def _catch_signals(self) -> None:
        receiving, sending = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        receiving.setblocking(False)
        sending.setblocking(False)
        self._wakeup = (receiving, sending)
        signal.set_wakeup_fd(sending.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, lambda *ignored: None)
        self.selector.register(receiving, selectors.EVENT_READ, self._read_signals)

    def _read_signals(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                for number in self._wakeup[0].recv(256):
                    if number != signal.SIGCHLD:
                        self._told_to_stop()
        self._reap()

    def _told_to_stop(self) -> None:
        self.hurry = self.stopping
        if not self.stopping:
            self.say("ending; another signal makes it sudden")
        self.stopping = True

    # Folders and sockets.

    def _make_places(self) -> None:
        for folder in self.plan.folders:
            os.makedirs(folder.path, exist_ok=True)
            os.chown(folder.path, *accounts.ids(folder.owner, folder.group))
            os.chmod(folder.path, folder.mode)
        for listener in self.plan.listeners:
            self.sockets[listener.name] = _listen(listener)

    def _write_record(self) -> None:
        alive = [each.process for each in self.running.values() if each.process is not None]
        leftovers.write_record(self.plan, [processes.identify(os.getpid())] + alive)

    # Programs.

    def _start(self, running: Running) -> None:
        program = running.program
        log = _open_log(self.plan.log_dir, program.name)
        parent = os.getpid()
        child = os.fork()
        if child == 0:
            self._become(program, log, parent)
        os.close(log)
        running.process = processes.identify(child)
        running.ready = not program.notifies
        running.started_at = time.monotonic()
        running.start_at = None
        self._write_record()

    def _become(self, program: Program, log: int, parent: int) -> None:
        """The child, up to the program itself. Never returns."""
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD,
                           signal.SIGPIPE, signal.SIGXFSZ):
                signal.signal(number, signal.SIG_DFL)
            os.setsid()
            os.umask(UMASK)
            os.chdir("/")
            self._place_descriptors(program, log)
            if not program.stays_root:
                accounts.become(program.account)
                processes.prctl(processes.PR_SET_NO_NEW_PRIVS, 1)
            # A change of account clears it, so it comes after that.
            processes.prctl(processes.PR_SET_PDEATHSIG, program.death_signal)
            if os.getppid() == parent:
                os.execve(program.command[0], program.command, self._environment(program))
        except BaseException as error:  # the child must end here, whatever happened
            os.write(2, f"{program.name}: cannot start: {error}\n".encode())
        finally:
            os._exit(127)

    def _place_descriptors(self, program: Program, log: int) -> None:
        count = len(program.listeners)
        kept = [os.dup(log)] + [self.sockets[name].fileno() for name in program.listeners]
        # Out of the way first: one of them may stand where another has to go.
        high = [_duplicate_above(fd, FIRST_PASSED_FD + count) for fd in kept]
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(high[0], 1)
        os.dup2(high[0], 2)
        for index, fd in enumerate(high[1:]):
            os.dup2(fd, FIRST_PASSED_FD + index)
        os.closerange(FIRST_PASSED_FD + count, os.sysconf("SC_OPEN_MAX"))

    def _environment(self, program: Program) -> dict[str, str]:
        environment = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            "HOME": accounts.home(program.account),
            "USER": program.account,
            "LOGNAME": program.account,
        }
        if program.notifies:
            environment["NOTIFY_SOCKET"] = self._notify_path(program)
        if program.listeners:
            environment["LISTEN_PID"] = str(os.getpid())
            environment["LISTEN_FDS"] = str(len(program.listeners))
            environment["LISTEN_FDNAMES"] = ":".join(program.listeners)
        environment.update(program.environment)
        return environment

    def _start_due(self) -> None:
        for running in self.running.values():
            if running.start_at is not None and running.start_at <= time.monotonic():
                self._start(running)

    def _reap(self) -> None:
        by_pid = {each.pid: each for each in self.running.values() if each.process is not None}
        for pid, status in processes.reap():
            if pid in by_pid:
                self._died(by_pid[pid], status)

    def _died(self, running: Running, status: int) -> None:
        name, pid, how = running.program.name, running.pid, describe_status(status)
        lived_s = time.monotonic() - running.started_at
        running.process = None
        running.ready = False
        self._write_record()
        if self.stopping:
            return
        if not self.ready:
            raise StartFailed(f"{name} {how} before it was ready; the end of its log:\n"
                              + tail(self._log_path(name)))
        if running.held:
            return
        running.quick_deaths = running.quick_deaths + 1 if lived_s < QUICK_DEATH_S else 0
        again = running.quick_deaths - 1
        backoff_s = min(LONGEST_BACKOFF_S, 0.1 * 2 ** again) if again > 0 else 0.0
        running.start_at = time.monotonic() + backoff_s
        self.say(f"{name} (process {pid}) {how}; starting it again"
                 + (f" in {backoff_s:.1f} s" if backoff_s else ""))

    def _log_path(self, name: str) -> str:
        return os.path.join(self.plan.log_dir, f"{name}.log")

    # What programs say.

    def _notify_path(self, program: Program) -> str:
        return os.path.join(self.plan.run_dir, f"notify-{program.name}")

    def _listen_for_notices(self) -> None:
        """Each program has a socket of its own, which only its account can write to."""
        for running in self.running.values():
            if not running.program.notifies:
                continue
            path = self._notify_path(running.program)
            notices = _bind(socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, path)
            notices.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            shutil.chown(path, running.program.account)
            self.selector.register(notices, selectors.EVENT_READ,
                                   functools.partial(read_notices, notices, running))

    # What a program may be told from outside the loop.

    def signal(self, name: str, number: int) -> None:
        process = self.running[name].process
        if process is not None:
            process.send(number)

    def hold(self, name: str) -> None:
        """Ends a program and leaves it ended until release(); its sockets stay open."""
        self.running[name].held = True
        self.signal(name, signal.SIGTERM)

    def release(self, name: str) -> None:
        running = self.running[name]
        running.held = False
        if running.process is None:
            running.start_at = time.monotonic()

    def all_ready(self) -> bool:
        return self.ready and self._everything_ready()

    # The end.

    def _end(self) -> None:
        self.stopping = True
        try:
            self._end_politely()
        finally:
            processes.end_own_descendants()
            for each in self.sockets.values():
                each.close()
            remove_run_dir(self.plan.run_dir)
            leftovers.remove_record(self.plan)

    def _end_politely(self) -> None:
        """SIGTERM for every program, and for what comes to us when they end: executors that were
        playing get the chance to write their outcome. What is left after the limit is killed."""
        told: set[Process] = set()
        deadline = time.monotonic() + self.plan.stop_limit_s
        while not self.hurry and time.monotonic() < deadline:
            children = processes.children(os.getpid())
            if not children:
                return
            for child in set(children) - told:
                child.send(signal.SIGTERM)
            told.update(children)
            for key, _ in self.selector.select(0.05):
                if key.data == self._read_signals:
                    key.data()
                else:
                    self.selector.unregister(key.fileobj)


def _duplicate_above(fd: int, lowest: int) -> int:
    return fcntl.fcntl(fd, fcntl.F_DUPFD, lowest + 1)


def _bind(kind: int, path: str) -> socket.socket:
    # The mode is narrow from the first moment: chown and chmod come after bind.
    before = os.umask(0o177)
    try:
        bound = socket.socket(socket.AF_UNIX, kind)
        bound.bind(path)
    finally:
        os.umask(before)
    return bound


def _listen(listener: Listener) -> socket.socket:
    listening = _bind(socket.SOCK_STREAM, listener.path)
    os.chown(listener.path, *accounts.ids(listener.owner, listener.group))
    os.chmod(listener.path, listener.mode)
    listening.listen(BACKLOG)
    return listening


def _open_log(folder: str, name: str) -> int:
    path = os.path.join(folder, f"{name}.log")
    if os.path.exists(path) and os.path.getsize(path) > LOG_CEILING_BYTES:
        os.replace(path, path + ".1")
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)


def read_notices(notices: socket.socket, running: Running) -> None:
    """Some of what was sent; the selector tells of the rest again."""
    with contextlib.suppress(BlockingIOError):
        for _ in range(NOTICES_A_TURN):
            text, ancillary, _, _ = notices.recvmsg(4096, socket.CMSG_SPACE(12))
            if running.process is not None and _sender(ancillary) == running.pid:
                running.ready |= b"READY=1" in text.split(b"\n")


def _sender(ancillary: list) -> int:
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
            return struct.unpack("iII", data[:12])[0]
    return 0


def _accepts(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def describe_status(status: int) -> str:
    if os.WIFSIGNALED(status):
        return f"was ended by {signal.Signals(os.WTERMSIG(status)).name}"
    return f"ended with status {os.WEXITSTATUS(status)}"
