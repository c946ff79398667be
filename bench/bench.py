"""make bench: one run, one table. Each figure stands beside that of the least that does the same on the
same machine, measured in turns, and their ratio is what counts; the figures themselves are the machine's.

Everything runs as in the tests: a site below a folder of its own, real nginx, the accounts of an
installation when root starts it, loopback only. Nothing here fails when a goal is missed. On ext4 let some
minutes pass between two runs: the removal of the first one's many files slows down the making of files.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import shutil
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Callable, Optional

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(TOP, "tools"), os.path.join(TOP, "tests", "system")]

import accounts  # noqa: E402
import calls  # noqa: E402
import playing  # noqa: E402
import transfers  # noqa: E402
from notebooks import notebook  # noqa: E402
from plan import Listener, Program  # noqa: E402
from running import RunningSite, open_folder, running_site  # noqa: E402

CONNECTIONS = 16
ROUNDS = 15
TURN_S = 0.4
ACCEPT_ROUNDS = 3
ACCEPT_TURN_S = 1.5
CALLERS = (1, 8, 64)
LATENCY_ROUNDS = 9
CELL_ROUNDS = 5
NBCONVERT_ROUNDS = 3
FILE_MIB = 200
FILE_ROUNDS = 7
CALL_ROUNDS = 15
CALLERS_AT_ONCE = 8
SUSTAINED_S = 60.0
BESIDE_S = 20.0
CPU_ROUNDS, CPU_CALLS = 6, 20
COLD = {"ready": "0", "preload": "off"}
ON_DEMAND = {"ready": "0"}
QUEUE = {"queue_limit": "1000000", "webhook_queue_limit": "1000000", "concurrency": "1"}

ECHO_LOCATION = """
		location = /echo {
			include %(etc)s/nbhook-fastcgi.conf;
			fastcgi_pass unix:%(socket)s;
		}
"""

STATIC_LOCATION = """
		location = /large {
			root %(root)s;
		}
"""


@dataclass
class Series:
    """What was measured in several turns."""

    values: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def text(self, unit: str) -> str:
        digits = 0 if self.median >= 100 else 1 if self.median >= 10 else 3
        spread = f"{min(self.values):.{digits}f} to {max(self.values):.{digits}f}"
        return f"{self.median:.{digits}f} {unit} ({spread})"


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    figure: str
    ours: str
    other: str
    ratio: float
    goal: str = ""
    met: Optional[bool] = None


def compared(figure: str, ours: Series, other: Series, unit: str, other_name: str,
             at_least: Optional[float] = None, at_most: Optional[float] = None) -> Row:
    ratio = ours.median / other.median
    if at_least is not None:
        goal, met = f">= {at_least}", ratio >= at_least
    elif at_most is not None:
        goal, met = f"<= {at_most}", ratio <= at_most
    else:
        goal, met = "", None
    return Row(figure, ours.text(unit), f"{other.text(unit)} {other_name}", ratio, goal, met)


def faster(figure: str, ours: Series, other: Series, unit: str, other_name: str, goal: float) -> Row:
    """How many times as long the other takes."""
    ratio = other.median / ours.median
    return Row(figure, ours.text(unit), f"{other.text(unit)} {other_name}", ratio, f">= {goal}", ratio >= goal)


class Bench:
    """The programs of one build, installed and copied where all accounts reach them."""

    def __init__(self, build: str, prefix: str, stage: str) -> None:
        self.stage = stage
        self.prefix = stage + prefix
        self.rows: list[Row] = []
        subprocess.run(["make", "-s", "install", f"DESTDIR={stage}"], cwd=build, check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        os.environ["NBHOOK_PREFIX"] = self.prefix
        for name in ("accept-load", "commit-loop", "echo-fcgi", "load", "slow-fsync.so"):
            shutil.copy(os.path.join(build, "bench", name), self.program(name))
        self._make_kernelspec()

    def program(self, name: str) -> str:
        return os.path.join(self.stage, name)

    def _make_kernelspec(self) -> None:
        """The system's Python kernel, told where this copy of the module naas is."""
        folder = os.path.join(self.stage, "share", "kernels", "python3")
        found = next((parent for parent, names, _ in os.walk(self.prefix) if "naas" in names), "")
        os.makedirs(folder)
        with open(os.path.join(folder, "kernel.json"), "w", encoding="utf-8") as file:
            json.dump({"argv": ["python3", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
                       "display_name": "Python 3", "language": "python",
                       "env": {"PYTHONPATH": found}}, file)

    def settings(self, kernel: Optional[dict[str, str]] = None, **jobs: str) -> dict[str, dict[str, str]]:
        """Kernels are started as programs, unless `kernel` has other settings of python3."""
        return {"kernels": {"kernel_path": os.path.join(self.stage, "share")}, "jobs": jobs,
                "kernel python3": COLD if kernel is None else kernel, "log": {"log_level": "warning"}}

    def prepare(self, site: RunningSite, preload: str = "") -> None:
        """What a site of ours has beside that of the tests, or has not."""
        site.is_watched = False
        executor = os.path.join(self.prefix, "libexec", "nbhook", "nbhook-exec")
        for program in site.plan.programs:
            if program.name == "nbhook-runner":
                program.command.extend(["--exec", executor])
            if program.name == "nbhookd" and preload:
                program.environment["LD_PRELOAD"] = preload

    def measure(self, site: RunningSite, account: str, name: str, *words: object,
                preload: str = "") -> float:
        command = [self.program(name), *map(str, words)]
        if preload:
            command = ["/usr/bin/env", f"LD_PRELOAD={preload}", *command]
        return float(site.run_as(account, command).stdout)

    # Requests a second.

    def _add_echo(self, site: RunningSite) -> None:
        self.prepare(site)
        who = site.accounts
        path = os.path.join(site.plan.run_dir, "echo.sock")
        site.plan.listeners.append(Listener("echo", path, who.web, who.web_group, 0o660))
        site.plan.programs.insert(0, Program("echo", [self.program("echo-fcgi")], who.web, ["echo"]))
        self._insert(site, ECHO_LOCATION % {"etc": site.layout.path("etc"), "socket": path})

    @staticmethod
    def _insert(site: RunningSite, location: str) -> None:
        """Puts a location into nginx's configuration."""
        conf = site.layout.path("etc", "nginx.conf")
        with open(conf, encoding="utf-8") as file:
            text = file.read()
        before, found, after = text.rpartition("\t\tinclude")
        assert found, conf
        with open(conf, "w", encoding="utf-8") as file:
            file.write(before + location + found + after)

    def requests(self) -> None:
        with running_site(self.settings(), self._add_echo) as site:
            for _ in range(3):
                site.add(notebook(["1 + 1"]))
            asked = {
                "echo": (200, "/echo"),
                "404": (404, f"/webhook/{secrets.token_hex(30)}"),
                "GET /env": (200, "/env"),
                "GET /job": (200, "/job", f"Authorization: Bearer {site.key}"),
            }
            series = {name: Series() for name in asked}
            for _ in range(ROUNDS):
                for name, words in asked.items():
                    series[name].values.append(self.measure(
                        site, site.accounts.web, "load", site.layout.port, CONNECTIONS, TURN_S,
                        *words))
        # What a list costs grows with what is listed: it has no goal.
        for name, title, goal in (("404", "404, unknown token", 0.6), ("GET /env", "GET /env", 0.6),
                                  ("GET /job", "GET /job, three webhooks", None)):
            self.rows.append(compared(f"{title}, {CONNECTIONS} connections", series[name],
                                      series["echo"], "/s", "libfcgi echo", at_least=goal))

    # Accepted jobs a second.

    def _accept(self, site: RunningSite, callers: int, preload: str = "") -> float:
        waits = site.add(notebook(["import time", "time.sleep(3600)"]))
        socket = os.path.join(site.plan.run_dir, "http.sock")
        return self.measure(site, site.accounts.web, "accept-load", socket, waits.token, callers,
                            ACCEPT_TURN_S, preload=preload)

    def accepts(self) -> None:
        ours, bare = Series(), Series()
        with running_site(self.settings(**QUEUE), self.prepare) as site:
            file = site.layout.path("state", "commit-loop.db")
            for _ in range(ACCEPT_ROUNDS):
                os.sync()  # no turn pays for the one before
                bare.values.append(self.measure(
                    site, site.accounts.daemon, "commit-loop", file, ACCEPT_TURN_S))
                os.sync()
                ours.values.append(self._accept(site, CALLERS[-1]))
        self.rows.append(compared(f"accepted jobs, {CALLERS[-1]} callers", ours, bare, "/s",
                                  "bare SQLite commits", at_least=0.5))

    def slow_accepts(self) -> None:
        slow = self.program("slow-fsync.so")
        series = {callers: Series() for callers in CALLERS}
        with running_site(self.settings(**QUEUE), lambda site: self.prepare(site, slow)) as site:
            for _ in range(ACCEPT_ROUNDS):
                for callers in CALLERS:
                    os.sync()
                    series[callers].values.append(self._accept(site, callers, slow))
        for fewer, more in zip(CALLERS, CALLERS[1:]):
            ratio = series[more].median / series[fewer].median
            self.rows.append(Row(
                f"accepted jobs, every fsync 5 ms slower, {more} callers", series[more].text("/s"),
                f"{series[fewer].text('/s')} {fewer} caller{'s' * (fewer > 1)}", ratio, "> 1",
                ratio > 1))

    # Seconds until the answer of a trivial notebook.

    def latency(self) -> None:
        trivial = notebook(["1 + 1"])
        ours, cold, command = Series(), Series(), Series()
        with running_site(self.settings(), self.prepare) as site, self._cold_kernels(site) as kernels:
            hook = site.add(trivial)
            for turn in range(LATENCY_ROUNDS):
                answer = site.get(hook)
                assert answer.status_code == 200, answer.text
                kernels.stdin.write("\n")
                kernels.stdin.flush()
                seconds = float(kernels.stdout.readline())
                if turn > 0:  # the first ones warm the disk's cache
                    ours.values.append(answer.elapsed.total_seconds())
                    cold.values.append(seconds)
            for _ in range(NBCONVERT_ROUNDS):
                command.values.append(calls.nbconvert(site, json.dumps(trivial)))
            kernels.stdin.close()
        self.rows.append(compared("answer of a trivial notebook", ours, cold, "s",
                                  "cold ipykernel start", at_most=1.3))
        self.rows.append(compared("answer of a trivial notebook", ours, command, "s",
                                  "nbconvert --execute"))

    def _cold_kernels(self, site: RunningSite) -> subprocess.Popen:
        script = self.program("cold-kernel.py")
        shutil.copy(os.path.join(TOP, "bench", "cold-kernel.py"), script)
        return subprocess.Popen(
            ["/usr/bin/python3", "-B", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, cwd="/", env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
            preexec_fn=lambda: accounts.become(site.accounts.runner))

    # Bytes a second of a large file, and how long the run that responds with it takes.

    def _add_static(self, site: RunningSite) -> None:
        self.prepare(site)
        self._insert(site, STATIC_LOCATION % {"root": site.layout.path("nginx")})

    def files(self) -> None:
        code = (f"import naas\nopen('large', 'wb').write(bytes(range(256)) * {FILE_MIB << 12})\n"
                "naas.webhook.respond_file('large')")
        ours, bare, call = Series(), Series(), Series()
        with running_site(self.settings(), self._add_static) as site:
            hook = site.add(notebook([code]))
            for _ in range(FILE_ROUNDS):
                seconds, results = transfers.download(hook.url, FILE_MIB)
                call.values.append(FILE_MIB / seconds)
            shutil.copy(site.layout.path("state", "production") + os.path.dirname(hook.path) + "/large",
                        site.layout.path("nginx", "large"))
            os.chmod(site.layout.path("nginx", "large"), 0o644)
            for turn in range(FILE_ROUNDS + 1):
                rates = [FILE_MIB / transfers.download(url, FILE_MIB)[0]
                         for url in (site.layout.url + results, site.layout.url + "/large")]
                if turn > 0:  # the first ones fill the page cache
                    ours.values.append(rates[0])
                    bare.values.append(rates[1])
        self.rows.append(compared(f"a file of {FILE_MIB} MiB, its results", ours, bare, "MiB/s",
                                  "nginx, the same file", at_least=0.9))
        self.rows.append(compared(f"a file of {FILE_MIB} MiB, the call that writes it", call, bare, "MiB/s",
                                  "nginx, the same file"))

    # Bytes a second of a large upload until it is accepted, and the most memory that it takes.

    def uploads(self) -> None:
        large, small = (os.path.join(self.stage, name) for name in ("large", "small"))
        mib = transfers.UPLOAD_MIB
        transfers.fill(large, mib << 10)
        transfers.fill(small, 1)
        ours, copy = Series(), Series()
        with running_site(self.settings(), self.prepare) as site:
            hook = site.add(notebook(["opened = open(files[0]['path'], 'rb')\nwhile opened.read(1 << 20): pass",
                                      "import os, time\nwhile not os.path.exists('go on'): time.sleep(0.02)"]))
            taken = {path: Series([transfers.upload(site, hook, path)[1]]) for path in (small, large)}
            for _ in range(transfers.UPLOAD_ROUNDS):
                ours.values.append(mib / transfers.upload(site, hook, large)[0])
                copy.values.append(mib / transfers.copy(site, large))
        self.rows.append(compared(f"an upload of {mib} MiB, until it is accepted", ours, copy, "MiB/s",
                                  "dd with one fsync"))
        self.rows.append(compared(f"memory of all programs (peak), an upload of {mib} MiB", taken[large],
                                  taken[small], "MiB", "an upload of 1 KiB", at_most=1.1))

    # Seconds until the cells of a notebook have been played.

    def cells(self) -> None:
        with contextlib.closing(playing.Players(self.stage)) as players:
            for title, sources in playing.NOTEBOOKS.items():
                series = {name: Series() for name in ("nbhook", "raw", "nbclient")}
                for _ in range(CELL_ROUNDS):
                    for name, seconds in players.turn(sources):
                        series[name].values.append(seconds)
                self.rows.append(compared(title, series["nbhook"], series["raw"], "s",
                                          "raw client", at_most=1.3))
                self.rows.append(compared(title, series["nbhook"], series["nbclient"], "s", "nbclient"))

    # Whole calls, each in a fresh kernel.

    def calls(self) -> None:
        with contextlib.ExitStack() as stack:
            site = stack.enter_context(running_site(self.settings({}), self.prepare))
            on_demand = stack.enter_context(running_site(self.settings(ON_DEMAND), self.prepare))
            others = stack.enter_context(contextlib.closing(calls.Others(self.stage, site)))
            kernels = stack.enter_context(self._cold_kernels(site))
            self._single_calls(site, on_demand, others, kernels)
            kernels.stdin.close()
            self._many_calls(site, others)
            self._cpu(site, others)

    def _single_calls(self, site: RunningSite, on_demand: RunningSite, others: calls.Others,
                      kernels: subprocess.Popen) -> None:
        series: dict[str, Series] = {}

        def note(name: str, seconds: float) -> None:
            if turn > 0:
                series.setdefault(name, Series()).values.append(seconds)

        cells = {"trivial": calls.TRIVIAL, "table": calls.TABLE, "plot": calls.PLOT}
        hooks = {name: site.add(notebook(sources)) for name, sources in cells.items()}
        fork, many = on_demand.add(calls.trivial()), site.add(notebook(calls.MANY))
        for turn in range(CALL_ROUNDS):
            for name, hook in hooks.items():
                calls.wait_until_ready(site)
                note(name, calls.call(site, hook))
                note(f"{name}, python", others.line("python", cells[name]))
            calls.wait_until_ready(on_demand)
            note("on demand", calls.call(on_demand, fork))
            note("warm kernel", others.server("kernel-server", calls.TRIVIAL))
            note("nbclient", others.server("nbclient-server", calls.TRIVIAL))
            calls.wait_until_ready(site)
            note("many", calls.call(site, many))
            note("nbclient, many", others.server("nbclient-server", calls.MANY))
            kernels.stdin.write("\n")
            kernels.stdin.flush()
            note("cold kernel", float(kernels.stdout.readline()))
            if turn <= NBCONVERT_ROUNDS:
                note("nbconvert", calls.nbconvert(site, json.dumps(notebook(calls.TRIVIAL))))
                note("nbconvert, table", calls.nbconvert(site, json.dumps(notebook(calls.TABLE))))
        ready = "trivial notebook, executor ready"
        self.rows += [
            faster(ready, series["trivial"], series["nbconvert"], "s", "nbconvert --execute", 100),
            faster(ready, series["trivial"], series["nbclient"], "s", "nbclient server", 60),
            compared(ready, series["trivial"], series["warm kernel"], "s", "warm kernel server", at_most=1.3),
            faster("trivial notebook, kernel forked on demand", series["on demand"], series["cold kernel"], "s",
                   "cold ipykernel start", 7),
            compared("table of 1,000 rows (pandas)", series["table"], series["table, python"], "s",
                     "warm Python", at_most=2.2),
            faster("table of 1,000 rows (pandas)", series["table"], series["nbconvert, table"], "s",
                   "nbconvert --execute", 20),
            compared("plot (matplotlib)", series["plot"], series["plot, python"], "s", "warm Python",
                     at_most=2.5),
            faster("200 trivial cells, executor ready", series["many"], series["nbclient, many"], "s",
                   "nbclient server", 3),
        ]

    def _many_calls(self, site: RunningSite, others: calls.Others) -> None:
        hook, sleeps = site.add(calls.trivial()), site.add(notebook([f"import time; time.sleep({calls.SLEEP_S})"]))
        calls.wait_until_ready(site)
        rate, took = calls.sustained(lambda: calls.call(site, hook), CALLERS_AT_ONCE, SUSTAINED_S)
        beside, _ = calls.sustained(lambda: others.server("nbclient-server", calls.TRIVIAL), CALLERS_AT_ONCE,
                                    BESIDE_S)
        title = f"trivial notebook, {CALLERS_AT_ONCE} callers for {SUSTAINED_S:.0f} s"
        late = took[int(len(took) * 0.99)]
        self.rows += [
            Row(title, f"{rate:.1f} /s", "", rate, ">= 25 /s", rate >= 25),
            Row(title, f"{rate:.1f} /s", f"{beside:.2f} /s nbclient server", rate / beside, ">= 11",
                rate / beside >= 11),
            Row(title, f"{late:.3f} s 99 of 100 below", f"{statistics.median(took):.3f} s median",
                late / statistics.median(took), "< 5", late < 5 * statistics.median(took)),
        ]
        calls.wait_until_ready(site)
        slowest = calls.at_once(lambda: calls.call(site, sleeps), CALLERS_AT_ONCE)
        self.rows.append(Row(f"{CALLERS_AT_ONCE} notebooks that sleep {calls.SLEEP_S} s, at once",
                             f"{slowest:.2f} s the last", "", slowest, "<= 5.4 s", slowest <= 5.4))

    def _cpu(self, site: RunningSite, others: calls.Others) -> None:
        whole, rest, kernel, shell = map(Series, calls.cpu_of_runs(site, others, CPU_ROUNDS, CPU_CALLS))
        self.rows += [
            compared("CPU of a trivial run, all programs", whole, kernel, "s", "ipykernel in a fork, cells",
                     at_most=1.5),
            compared("CPU of a trivial run, all programs", whole, shell, "s", "a shell in a fork, cells"),
            compared("CPU of a trivial run, all programs", whole, rest, "s", "all but nbhook's own"),
        ]

    def memory(self) -> None:
        ready = 8
        with running_site(self.settings({"ready": str(ready)}), self.prepare) as site:
            calls.wait_until_ready(site)
            pids = list(calls.ours(site))
            kernels = Series([(calls.pss_bytes(pid) + calls.pss_bytes(calls.keeper(pid))) / (1 << 20)
                              for pid in calls.kernels(pids)])
            executors = Series([calls.pss_bytes(pid) / (1 << 20) for pid in calls.executors(pids)])
            with contextlib.closing(calls.Others(self.stage, site)) as others:
                others.server("kernel-server", ["1"])
                ordinary = Series([calls.pss_bytes(pid) / (1 << 20) for pid in calls.kernels(
                    [each.pid for each in calls.processes.descendants([others.started["kernel-server"].pid])])])
        assert len(kernels.values) == ready, kernels
        self.rows += [
            compared(f"memory of a ready kernel and its keeper (PSS), {ready} ready", kernels, ordinary, "MiB",
                     "ordinary ipykernel", at_most=0.33),
            compared(f"memory of a waiting executor (PSS), {ready} ready", executors, ordinary, "MiB",
                     "ordinary ipykernel"),
        ]

    def table(self) -> str:
        words = {None: "", True: "met", False: "not met"}
        lines = [("", "nbhook: median (spread)", "beside", "ratio", "goal", "")]
        lines += [(row.figure, row.ours, row.other, f"{row.ratio:.2f}", row.goal, words[row.met])
                  for row in self.rows]
        widths = [max(len(line[column]) for line in lines) for column in range(6)]
        return "\n".join("  ".join(word.ljust(width) for word, width in zip(line, widths)).rstrip()
                         for line in lines)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="prints what nbhook costs; make bench calls it")
    parser.add_argument("--build", required=True, help="the build directory")
    parser.add_argument("--prefix", required=True, help="what it was configured for")
    parser.add_argument("--flags", default="", help="the compiler's flags")
    parser.add_argument("--only", action="append", default=[], metavar="PART",
                        choices=["requests", "accepts", "slow_accepts", "latency", "files", "uploads", "cells",
                                 "calls", "memory"],
                        help="only this part; may be given several times")
    return parser.parse_args()


def main() -> int:
    arguments = parse()
    calls.have_run_in_memory()
    for flag, what in (("-fsanitize", "has sanitizers"), ("-O0", "is not optimised"),
                       ("-Og", "is a developer's")):
        if flag in arguments.flags:
            print(f"bench: this build {what} ({flag}); its figures say little", file=sys.stderr)
    with open_folder() as stage:
        bench = Bench(arguments.build, arguments.prefix, stage)
        # Accepts first: ext4 looks for free inodes slowly when many have just been freed.
        parts: list[Callable[[], None]] = [bench.accepts, bench.requests, bench.latency,
                                           bench.slow_accepts, bench.files, bench.uploads, bench.cells,
                                           bench.calls, bench.memory]
        for part in parts:
            if not arguments.only or part.__name__ in arguments.only:
                print(f"bench: {part.__name__.replace('_', ' ')} …", file=sys.stderr, flush=True)
                part()
        print(bench.table())
    return 0


if __name__ == "__main__":
    sys.exit(main())
