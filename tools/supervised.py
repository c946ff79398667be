"""A Supervisor in a process of its own, and the words to steer it from another one.

Run as a program, this file reads a plan and then commands from standard input, a line of JSON each, and
answers each command with a line. When its standard input ends, for whatever reason, it ends everything.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from typing import Any, Callable, Optional

from plan import Plan, remove_run_dir
from supervisor import StartFailed, Supervisor


class Supervised:
    """A Supervisor in a child process, and the words to steer it.

        with Supervised(plan) as supervised:
            supervised.kill("nbhookd", signal.SIGKILL)
            supervised.wait_ready()
    """

    def __init__(self, plan: Plan, ready_limit_s: float = 60.0) -> None:
        self.plan = plan
        self.ready_limit_s = ready_limit_s
        self.wrapper: list[str] = []  # a command that the supervisor is started by
        self.child: Optional[subprocess.Popen] = None

    def __enter__(self) -> "Supervised":
        self.start()
        return self

    def __exit__(self, *ignored: Any) -> None:
        self.stop()

    def start(self) -> None:
        """Returns when everything is ready. Raises StartFailed."""
        self.child = subprocess.Popen(
            [*self.wrapper, sys.executable, "-B", os.path.abspath(__file__)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, start_new_session=True)
        self.child.stdin.write(self.plan.to_json() + "\n")
        self.child.stdin.flush()
        try:
            self._answer(self.ready_limit_s + 10)
        except StartFailed:
            self.stop()
            raise

    def stop(self) -> None:
        """Returns when nothing is left."""
        if self.child is None:
            remove_run_dir(self.plan.run_dir)  # it was made with the plan
            return
        self.child.stdin.close()
        self.child.stdout.close()
        status = self.child.wait(self.plan.stop_limit_s + 30)
        self.child = None
        if status != 0:
            raise RuntimeError(f"the supervisor ended with status {status}")

    def pid(self, name: str) -> int:
        """The process of a program, 0 while it has none."""
        return self._ask("pid", name=name)["pid"]

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """Sends a signal and returns when it has been sent; the supervisor starts it again."""
        self._ask("kill", name=name, signal=int(number))

    def restart(self, name: str) -> None:
        """Ends a program politely and returns when its successor is ready."""
        self._ask("restart", name=name)

    def wait_ready(self, limit_s: float = 30.0) -> None:
        """Returns when every program runs and is ready."""
        self._ask("wait_ready", limit_s=limit_s)

    def hold(self, name: str) -> None:
        """Ends a program and leaves it ended until release(); its sockets stay open."""
        self._ask("hold", name=name)

    def release(self, name: str) -> None:
        self._ask("release", name=name)

    def _ask(self, op: str, **members: Any) -> dict[str, Any]:
        self.child.stdin.write(json.dumps({"op": op, **members}) + "\n")
        self.child.stdin.flush()
        return self._answer(members.get("limit_s", 30.0) + 10)

    def _answer(self, limit_s: float) -> dict[str, Any]:
        with selectors.DefaultSelector() as selector:
            selector.register(self.child.stdout, selectors.EVENT_READ)
            if not selector.select(limit_s):
                raise TimeoutError("the supervisor says nothing")
        line = self.child.stdout.readline()
        if not line:
            raise StartFailed("the supervisor ended")
        answer = json.loads(line)
        if "error" in answer:
            raise StartFailed(answer["error"])
        return answer


class Steering:
    """The other end: obeys the commands, inside the supervisor's loop. One command at a time."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor = supervisor
        self.unread = b""
        self.waiting_for: Optional[Callable[[], bool]] = None
        self.deadline = 0.0
        supervisor.on_ready = lambda: answer({"ready": True})
        supervisor.on_turn = self.turn
        os.set_blocking(0, False)
        supervisor.selector.register(0, selectors.EVENT_READ, self.read)

    def read(self) -> None:
        got = os.read(0, 65536)
        if not got:
            self.supervisor.stopping = True
            return
        *lines, self.unread = (self.unread + got).split(b"\n")
        for line in lines:
            self.obey(json.loads(line))

    def obey(self, command: dict[str, Any]) -> None:
        name, op = command.get("name", ""), command["op"]
        if op == "pid":
            answer({"pid": self.supervisor.running[name].pid})
            return
        self.waiting_for = getattr(self, op)(name, command)
        self.supervisor.impatient = True
        self.deadline = time.monotonic() + command.get("limit_s", 30.0)

    # Each gives the condition that ends the command.

    def kill(self, name: str, command: dict[str, Any]) -> Callable[[], bool]:
        process = self.supervisor.running[name].process
        self.supervisor.signal(name, command["signal"])
        fatal = command["signal"] in (signal.SIGKILL, signal.SIGTERM)
        return lambda: not fatal or process is None or self.supervisor.running[
            name].process is not process

    def restart(self, name: str, command: dict[str, Any]) -> Callable[[], bool]:
        ended = self.kill(name, {"signal": signal.SIGTERM})
        return lambda: ended() and self.supervisor.all_ready()

    def wait_ready(self, name: str, command: dict[str, Any]) -> Callable[[], bool]:
        return self.supervisor.all_ready

    def hold(self, name: str, command: dict[str, Any]) -> Callable[[], bool]:
        self.supervisor.hold(name)
        return lambda: self.supervisor.running[name].process is None

    def release(self, name: str, command: dict[str, Any]) -> Callable[[], bool]:
        self.supervisor.release(name)
        return self.supervisor.all_ready

    def turn(self) -> None:
        if self.waiting_for is None:
            return
        happened = self.waiting_for()
        if not happened and time.monotonic() < self.deadline:
            return
        self.waiting_for = None
        self.supervisor.impatient = False
        answer({} if happened else {"error": "it did not happen in time"})


def answer(members: dict[str, Any]) -> None:
    os.write(1, (json.dumps(members) + "\n").encode())


def main() -> None:
    line = b""
    while not line.endswith(b"\n"):
        got = os.read(0, 1)
        if not got:
            return
        line += got
    supervisor = Supervisor(Plan.from_json(line.decode()),
                            say=lambda text: print(text, file=sys.stderr, flush=True))
    Steering(supervisor)
    try:
        supervisor.run()
    except StartFailed as error:
        answer({"error": str(error)})


if __name__ == "__main__":
    main()
