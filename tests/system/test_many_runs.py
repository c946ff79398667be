"""Many runs, one after the other: each has a kernel process of its own, and nothing of them stays."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import struct
import threading
from dataclasses import dataclass, field
from typing import Iterator

from counts import soak, times
from notebooks import notebook
from running import KEPT, RunningSite, running_site

LONG_LIVED = ("nbhookd", "nbhook-runner", "nbhook.fcgi")
# Of one program, between the first runs and the last. A sanitizer keeps what is freed for a while; and each thread of
# nbhook.fcgi has a connection to the daemon, from its first request on.
GROWTH_KIB = times(65536, 4096)
GROWTH_DESCRIPTORS = 8


@dataclass
class Counter:
    """Whoever connects is counted by the id that its process has here, outside of all namespaces, and when it
    began, since ids are used again."""

    path: str
    seen: list[tuple[int, str]] = field(default_factory=list)

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.path)
            os.chmod(self.path, 0o777)
            listener.listen()
            thread = threading.Thread(target=self._serve, args=(listener,), daemon=True)
            thread.start()
            yield
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                caller, _ = listener.accept()
            except OSError:
                return
            with caller:
                size = struct.calcsize("3i")
                pid = struct.unpack("3i", caller.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))[0]
                with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
                    self.seen.append((pid, file.read().rsplit(")", 1)[1].split()[19]))
                caller.sendall(b"counted")


@dataclass
class Use:
    """What a program uses."""

    rss_kib: int
    descriptors: int

    @classmethod
    def of(cls, pid: int) -> Use:
        with open(f"/proc/{pid}/status", encoding="utf-8") as file:
            rss = next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))
        return cls(rss, len(os.listdir(f"/proc/{pid}/fd")))


def is_at_rest(site: RunningSite) -> bool:
    """No run is left, and all executors that are to be ready are."""
    kernel = next(each for each in json.loads(site.cli("kernels", "--json").stdout) if each["name"] == "python3")
    return not site.of_runs() and kernel["ready"] == kernel["wanted"] > 0


def uses(site: RunningSite) -> dict[int, Use]:
    """Of the programs that stay."""
    site.wait_until(lambda: is_at_rest(site), "all is at rest", 60)
    fork_server, = re.findall(r"fork server (\d+) is ready", site.log("nbhook-runner"))
    pids = [int(fork_server)] + [pid for name in LONG_LIVED for pid in site.processes_named(name)]
    return {pid: Use.of(pid) for pid in pids}


@soak
def test_each_run_has_a_kernel_of_its_own_and_leaves_nothing(open_folder: str) -> None:
    counter = Counter(os.path.join(open_folder, "count"))
    connects = (f"import naas, socket\nwith socket.socket(socket.AF_UNIX) as caller:\n"
                f"    caller.connect({counter.path!r})\n"
                "    naas.webhook.respond_text(caller.recv(16).decode())")
    count = times(30, 1000)
    with running_site(dict(KEPT)) as site, counter.listening():
        hook = site.add(notebook([connects]))
        warm = times(5, 100)
        for _ in range(warm):
            assert site.get(hook).text == "counted"
        before = uses(site)
        for _ in range(count - warm):
            assert site.get(hook).text == "counted"
        after = uses(site)
        assert len(counter.seen) == count
        assert len(set(counter.seen)) == count
        assert set(after) == set(before), "a program was started anew"
        for pid, use in after.items():
            assert use.descriptors <= before[pid].descriptors + GROWTH_DESCRIPTORS, (pid, before[pid], use)
            assert use.rss_kib <= before[pid].rss_kib + GROWTH_KIB, (pid, before[pid], use)
        print(f"{count} runs; {before} after the first {warm} and {after} at the end")
