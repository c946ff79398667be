"""A running nbhook, as the tests see it."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import Any, Callable, Iterator, Optional, Union

import requests

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tools"))

import accounts  # noqa: E402
import layout  # noqa: E402
from files import tail  # noqa: E402
from notebooks import notebook  # noqa: E402
from status_watch import StatusWatch  # noqa: E402
from supervised import Supervised  # noqa: E402

NOTEBOOK_FOLDERS = (os.path.join(TOP, "tests", "notebooks"), os.path.join(TOP, "examples"))
SANITIZER_REPORT = re.compile(r"ERROR: \w+Sanitizer|runtime error:")
LONGEST_CALL_S = 90.0

# What a leak check needs (ptrace) the undumpable runner and executors do not allow.
SANITIZER = {"UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1", "ASAN_OPTIONS": "detect_leaks=1:quarantine_size_mb=16"}
# What people have who have changed nothing; and every kernel a program that is started for its run, the way
# of sites that say nothing else where $NBHOOK_TEST_COLD is set.
COLD = {"kernel python3": {"ready": "0", "preload": "off"}}
KEPT: dict[str, dict[str, str]] = {"kernel python3": {}}

SANITIZER_WITHOUT_LEAKS = {**SANITIZER, "ASAN_OPTIONS": "detect_leaks=0"}


@dataclass(frozen=True)
class Hook:
    """A webhook: the notebook's path as its author knows it, and the URL."""

    path: str
    url: str

    @property
    def token(self) -> str:
        return self.url.rsplit("/", 1)[1]


class RunningSite:
    """One nbhook below a folder of its own, with real nginx, programs and kernels."""

    def __init__(self, folder: str, prefix: str, settings: layout.Settings,
                 pool_size: int = layout.POOL_SIZE) -> None:
        self.accounts = accounts.find()
        self.layout = layout.Site(
            folder, prefix, layout.free_port(), self.accounts, settings, pool_size=pool_size,
            environment={"nbhookd": SANITIZER, "nbhook-fcgi": SANITIZER, "nbhook-api": SANITIZER,
                         "nbhook-runner": SANITIZER_WITHOUT_LEAKS})
        self.plan = self.layout.prepare()
        self.supervised = Supervised(self.plan)
        self.key = ""
        self.is_watched = True  # which takes some of the processors' time
        self.watch: Optional[StatusWatch] = None
        self.status_findings: list[str] = []

    def start(self) -> None:
        self.supervised.start()
        if self.is_watched:
            self.watch = StatusWatch(self.layout.path("state", "pipeline_executions"),
                                     os.path.join(self.layout.prefix, "share", "nbhook", "status.schema.json"))
        if not self.key:
            self.key = self.cli("key", "add", f"test-{secrets.token_hex(4)}").stdout.strip()

    def stop(self) -> None:
        self.supervised.stop()
        if self.watch is not None:
            self.status_findings += self.watch.end()["findings"]
            self.watch = None

    def isolate(self) -> None:
        """Before start(): nothing that runs here can signal what runs elsewhere. Needs root."""
        self.supervised.wrapper = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]

    # Webhooks and calls.

    def add(self, what: Union[str, dict[str, Any], bytes], params: Optional[dict[str, Any]] = None,
            path: Optional[str] = None) -> Hook:
        """Publishes a notebook: the name of a file of tests/notebooks or examples, a notebook, or bytes.
        Each gets a folder of its own, so no two tests meet."""
        name, content = _content(what)
        path = path or f"/home/author/{secrets.token_hex(4)}/{name}"
        answer = self.publish(path, content, params or {})
        assert answer.status_code == 200, answer.text
        job = next(each for each in answer.json()["data"] if each["path"] == path)
        return Hook(path, f"{self.layout.url}/webhook/{job['value']}")

    def publish(self, path: str, content: bytes, params: dict[str, Any],
                **members: Any) -> requests.Response:
        """POST /job as naas's own client makes it."""
        file = {"filename": os.path.basename(path), "data": base64.b64encode(content).decode()}
        return self.api("POST", "/job", json={
            "path": path, "type": "notebook", "params": params, "status": "installed",
            "value": secrets.token_hex(30), "file": file, **members})

    def get(self, hook: Hook, below: str = "", **arguments: Any) -> requests.Response:
        return self.request("GET", hook.url + below, **arguments)

    def post(self, hook: Hook, below: str = "", **arguments: Any) -> requests.Response:
        return self.request("POST", hook.url + below, **arguments)

    def api(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """A request with the test's API key."""
        headers = {"Authorization": f"Bearer {self.key}", **arguments.pop("headers", {})}
        return self.request(method, self.layout.url + path, headers=headers, **arguments)

    def request(self, method: str, url: str, **arguments: Any) -> requests.Response:
        arguments.setdefault("timeout", LONGEST_CALL_S)
        arguments.setdefault("allow_redirects", False)
        with requests.Session() as session:
            session.trust_env = False
            return session.request(method, url, **arguments)

    def begin(self, hook: Hook) -> str:
        """Calls a webhook without waiting for the run (RFC 7240, section 4.1); gives the job's id."""
        answer = self.get(hook, headers={"Prefer": "respond-async"})
        assert answer.status_code == 202, answer.text
        return answer.headers["X-Nbhook-Job"]

    def wait_for_results(self, url: str) -> requests.Response:
        """The answer of a run, when there is one."""
        while True:
            answer = self.request("GET", url if "://" in url else self.layout.url + url)
            if answer.status_code != 202:
                return answer
            time.sleep(0.1)

    # Behind the URLs.

    @staticmethod
    def wait_until(happened: Callable[[], bool], what: str, limit_s: float = 20.0) -> None:
        """For what raises no event outside the programs."""
        deadline = time.monotonic() + limit_s
        while not happened():
            assert time.monotonic() < deadline, f"not within {limit_s} s: {what}"
            time.sleep(0.02)

    def processes_named(self, word: str) -> list[int]:
        """The processes of this site whose command line has the word."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    line = file.read().replace(b"\0", b" ").decode(errors="replace")
                if word in line and (self.layout.conf in line or self.plan.run_dir in line):
                    found.append(int(pid))
        return found

    def executors(self) -> list[int]:
        """The executors of this site, without the keepers that they fork."""
        found = []
        for pid in self.processes_named("nbhook-exec"):
            with contextlib.suppress(OSError):
                with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
                    if file.read() == "nbhook-exec\n":
                        found.append(pid)
        return found

    def zygote(self) -> int:
        """The process whose forks this site's executors are."""
        for pid in self.processes_named("nbhook-exec"):
            with contextlib.suppress(OSError):
                with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
                    if file.read() == "nbhook-zygote\n":
                        return pid
        raise LookupError("there is no zygote")

    def wait_for_forks(self) -> None:
        """Until the fork server of python3 gives kernels."""
        self.wait_until(lambda: any(
            kernel["name"] == "python3" and kernel.get("fork_server") == "ready"
            for kernel in json.loads(self.cli("kernels", "--json").stdout)), "the fork server is ready", 60)

    def of_runs(self) -> list[int]:
        """The processes of notebooks of this site that have begun: kernels and what they have started. Kernels that
        wait in a home of their own, keepers and fork servers are not of a run."""
        mark = f"NBHOOK_RUN_DIR={self.plan.run_dir}".encode() + b"\0"
        return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if _is_of_a_run(pid, mark)]

    def cli(self, *words: str, account: Optional[str] = None, check: bool = True,
            **arguments: Any) -> subprocess.CompletedProcess:
        """The command `nbhook`, as the daemon's account unless told otherwise."""
        command = [os.path.join(self.layout.prefix, "bin", "nbhook"), *words]
        return self.run_as(account or self.accounts.daemon, command, check=check, **arguments)

    def cli_started(self, *words: str, **arguments: Any) -> subprocess.Popen:
        """The same without waiting for its end."""
        command = [os.path.join(self.layout.prefix, "bin", "nbhook"), *words]
        arguments = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **arguments}
        return subprocess.Popen(command, env=self._environment(), cwd="/", text=True,
                                stdin=subprocess.DEVNULL,
                                preexec_fn=lambda: accounts.become(self.accounts.daemon), **arguments)

    def _environment(self) -> dict[str, str]:
        return {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "NBHOOK_CONF": self.layout.conf, **SANITIZER}

    def run_as(self, account: str, command: list[str], check: bool = True,
               **arguments: Any) -> subprocess.CompletedProcess:
        done = subprocess.run(
            command, env=self._environment(), cwd="/", text=True, capture_output=True, timeout=60,
            stdin=subprocess.DEVNULL, preexec_fn=lambda: accounts.become(account), **arguments)
        assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done

    def execution(self, job_id: str) -> str:
        """The folder of a job. A daemon that died while its call came in may have left an earlier one, which
        is swept after an hour."""
        parent = self.layout.path("state", "pipeline_executions")
        uuid = job_id.rsplit(":", 1)[1]
        found = [name for name in os.listdir(parent) if name.endswith(uuid) and not name.startswith(".")]
        assert found, f"{job_id} has no folder"
        return os.path.join(parent, max(found))

    def status(self, job_id: str) -> dict[str, Any]:
        """The status document of a job, from its file."""
        with open(os.path.join(self.execution(job_id), "status.json"), encoding="utf-8") as file:
            return json.load(file)

    def jobs_of(self, hook: Hook) -> list[dict[str, Any]]:
        """The status documents of a webhook's jobs, the newest first."""
        return json.loads(self.cli("jobs", "--json", "--path", hook.path).stdout)

    def job_status(self, job_id: str) -> dict[str, Any]:
        """The status document of a job, as the daemon says it."""
        return json.loads(self.cli("status", "--json", job_id).stdout)

    def log(self, name: str) -> str:
        """All that a program wrote so far; nginx's are `access` and `error`."""
        with open(self.layout.path("log", f"{name}.log"), encoding="utf-8") as file:
            return file.read()

    def log_tails(self) -> Iterator[tuple[str, str]]:
        for name in sorted(os.listdir(self.layout.path("log"))):
            yield name, tail(self.layout.path("log", name), 30)

    def sanitizer_reports(self) -> list[str]:
        """The files in which a sanitizer complains: logs, and what runs printed."""
        found = []
        for folder in (self.layout.path("log"), self.layout.path("state", "pipeline_executions")):
            for parent, _, names in os.walk(folder):
                for name in names:
                    if name == "log" or name.endswith(".log"):
                        found += _complaint(os.path.join(parent, name))
        return found


def _is_of_a_run(pid: int, mark: bytes) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            environment = file.read()
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            command = file.read()
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            state = file.read().rsplit(")", 1)[1].split()[0]
        folder = os.path.basename(os.readlink(f"/proc/{pid}/cwd"))
    except OSError:
        return False
    return (mark in environment and state != "Z" and b"forkserver.py" not in command
            and not folder.startswith("nbhook-run-"))


def _content(what: Union[str, dict[str, Any], bytes]) -> tuple[str, bytes]:
    if isinstance(what, dict):
        return "notebook.ipynb", json.dumps(what).encode()
    if isinstance(what, bytes):
        return "notebook.ipynb", what
    for folder in NOTEBOOK_FOLDERS:
        with contextlib.suppress(FileNotFoundError):
            with open(os.path.join(folder, what), "rb") as file:
                return what, file.read()
    raise FileNotFoundError(f"{what} is in none of {' '.join(NOTEBOOK_FOLDERS)}")


def _complaint(path: str) -> list[str]:
    with open(path, encoding="utf-8", errors="replace") as file:
        text = file.read()
    match = SANITIZER_REPORT.search(text)
    return [f"{path}: {text[match.start():match.start() + 3000]}"] if match else []


def installed_prefix() -> str:
    prefix = os.environ.get("NBHOOK_PREFIX", "")
    if not os.access(os.path.join(prefix, "sbin", "nbhookd"), os.X_OK):
        raise LookupError("NBHOOK_PREFIX must name a prefix that nbhook is installed in "
                          "(./quickstart check makes one)")
    who = accounts.find()
    closed = accounts.closed_folder(prefix, [who.daemon, who.runner, who.web])
    if closed is not None:
        raise PermissionError(f"NBHOOK_PREFIX: {closed[1]} cannot pass {closed[0]}")
    return prefix


@contextlib.contextmanager
def open_folder() -> Iterator[str]:
    """A new folder that every account can reach, removed at the end. (pytest's own are closed.)"""
    folder = tempfile.mkdtemp(prefix="nbhook-test-", dir="/var/tmp")
    os.chmod(folder, 0o755)
    try:
        yield folder
    finally:
        if not os.environ.get("NBHOOK_KEEP"):
            shutil.rmtree(folder)


@contextlib.contextmanager
def running_site(settings: Optional[layout.Settings] = None,
                 change: Callable[[RunningSite], None] = lambda site: None,
                 pool_size: int = layout.POOL_SIZE) -> Iterator[RunningSite]:
    """Starts an nbhook with these settings and ends it; a sanitizer's complaint is an error, and so is a
    status document that breaks a rule. `change` may change what is to be started."""
    if os.geteuid() == 0:
        accounts.ensure()
    with open_folder() as folder:
        way = COLD if os.environ.get("NBHOOK_TEST_COLD") else KEPT
        site = RunningSite(folder, installed_prefix(), {**way, **(settings or {})}, pool_size)
        try:
            change(site)
            site.start()
            yield site
        finally:
            site.stop()
        reports = site.sanitizer_reports()
        assert not reports, "\n".join(reports)
        assert not site.status_findings, "\n".join(site.status_findings)


__all__ = ["COLD", "KEPT", "Hook", "RunningSite", "notebook", "open_folder", "running_site"]
