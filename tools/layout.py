"""A whole nbhook below one folder, for quickstart and for the system tests.

    DIR/prefix      the installation; all programs run from here
    DIR/etc         nbhook.conf and nginx's files, written at each start
    DIR/state       the state_dir of nbhook.conf
    DIR/log         a file for each program, and nginx's access.log and error.log
    DIR/nginx       nginx's temporary files and the index page
    DIR/run.json    the record of a running supervisor
"""

from __future__ import annotations

import os
import resource
import signal
import socket
from dataclasses import dataclass, field
from typing import Optional

from accounts import Accounts
from files import replace_file
from plan import Folder, Listener, Plan, Program, make_run_dir

HERE = os.path.dirname(os.path.abspath(__file__))
NGINX = "/usr/sbin/nginx"
NGINX_FILES = ("nginx.conf", "nbhook-http.conf", "nbhook-site.conf", "nbhook-fastcgi.conf")
POOL_SIZE = 2  # processes that share fcgi.sock, and api.sock: while one ends, the other takes calls
OPEN_FILES = 16384  # for an nginx worker, where the host allows it

Settings = dict[str, dict[str, str]]  # group, name, text


@dataclass(frozen=True)
class Site:
    """Where everything is. `run_dir` is made by prepare() when it is not given."""

    folder: str
    prefix: str
    port: int
    accounts: Accounts
    settings: Settings = field(default_factory=dict)  # over those that the layout needs
    environment: dict[str, dict[str, str]] = field(default_factory=dict)  # by program
    pool_size: int = POOL_SIZE
    templates: str = os.path.join(os.path.dirname(HERE), "nginx")

    def path(self, *parts: str) -> str:
        return os.path.join(self.folder, *parts)

    @property
    def conf(self) -> str:
        return self.path("etc", "nbhook.conf")

    @property
    def record(self) -> str:
        return self.path("run.json")

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def prepare(self, run_dir: Optional[str] = None) -> Plan:
        """Writes every file that the programs need and gives what is to run. `run_dir` is a new folder
        for the sockets unless given."""
        if run_dir is None:
            run_dir = make_run_dir(private=not self.accounts.separate)
        for folder in ("", "etc", "log", "nginx", "nginx/html"):
            os.makedirs(self.path(folder), exist_ok=True)
            os.chmod(self.path(folder), 0o755)
        replace_file(self.conf, self._settings_text(run_dir), 0o644)
        for name in NGINX_FILES:
            replace_file(self.path("etc", name), self._fill(name, run_dir), 0o644)
        with open(os.path.join(self.templates, "index.html"), encoding="utf-8") as page:
            replace_file(self.path("nginx", "html", "index.html"), page.read(), 0o644)
        return self._plan(run_dir)

    def _settings_text(self, run_dir: str) -> str:
        settings: Settings = {
            "paths": {"state_dir": self.path("state"), "run_dir": run_dir},
            "accounts": {"web_group": self.accounts.web_group,
                         "run_group": self.accounts.runner_group},
            "http": {"public_url": self.url},
        }
        for group, names in self.settings.items():
            settings.setdefault(group, {}).update(names)
        lines = []
        for group, names in settings.items():
            lines += [f"[{group}]"] + [f"{name} = {text}" for name, text in names.items()] + [""]
        return "\n".join(lines)

    def _fill(self, name: str, run_dir: str) -> str:
        with open(os.path.join(self.templates, name + ".in"), encoding="utf-8") as file:
            text = file.read()
        user = f"user {self.accounts.web} {self.accounts.web_group};"
        words = {
            "@rundir@": run_dir,
            "@statedir@": self.path("state"),
            "@etcdir@": self.path("etc"),
            "@logdir@": self.path("log"),
            "@nginxdir@": self.path("nginx"),
            "@snippetsdir@": self.path("etc"),
            "@openfiles@": str(_open_files(self.accounts)),
            "@user@": user if self.accounts.separate else "",
            "@listen@": "\n\t\t".join(f"listen {_bracket(host)}:{self.port};"
                                      for host in loopback_hosts()),
        }
        for word, value in words.items():
            text = text.replace(word, value)
        return text

    def _plan(self, run_dir: str) -> Plan:
        who = self.accounts
        return Plan(
            run_dir=run_dir, log_dir=self.path("log"), record=self.record, installed=self.prefix,
            users=sorted({who.daemon, who.runner, who.web}),
            ports=[(host, self.port) for host in loopback_hosts()],
            folders=[
                Folder(self.path("state"), who.daemon, who.daemon_group, 0o711),
                Folder(f"{run_dir}/k", who.runner, who.runner_group, 0o700),
                Folder(f"{run_dir}/j", who.daemon, who.daemon_group, 0o700),
            ],
            listeners=self._listeners(run_dir),
            programs=self._programs(),
        )

    def _listeners(self, run_dir: str) -> list[Listener]:
        who = self.accounts
        table = [
            ("http", who.daemon, who.web_group, 0o660),
            ("admin", who.daemon, who.admin_group, 0o660),
            ("runner", who.daemon, who.daemon_group, 0o600),
            ("fcgi", who.web, who.web_group, 0o660),
            ("api", who.web, who.web_group, 0o660),
        ]
        return [Listener(name, f"{run_dir}/{name}.sock", owner, group, mode)
                for name, owner, group, mode in table]

    def _programs(self) -> list[Program]:
        who, fcgi = self.accounts, "libexec/nbhook/nbhook.fcgi"
        return [
            self._program("nbhookd", "sbin/nbhookd", who.daemon, ["http", "admin"], True),
            self._program("nbhook-runner", "sbin/nbhook-runner", who.runner, ["runner"], True),
            *[self._program(f"nbhook-{pool}@{number}", fcgi, who.web, [pool])
              for pool in ("fcgi", "api") for number in range(1, self.pool_size + 1)],
            Program("nginx", [NGINX, "-p", self.path("nginx", ""),
                              "-e", self.path("log", "error.log"),
                              "-c", self.path("etc", "nginx.conf")],
                    who.web, stays_root=who.separate, death_signal=signal.SIGTERM),
        ]

    def _program(self, name: str, file: str, account: str, listeners: list[str],
                 notifies: bool = False) -> Program:
        environment = {"NBHOOK_CONF": self.conf, **self.environment.get(name.split("@")[0], {})}
        command = [os.path.join(self.prefix, file), "--config", self.conf]
        return Program(name, command, account, listeners, environment, notifies)


def _open_files(who: Accounts) -> int:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if who.separate or hard == resource.RLIM_INFINITY:
        return OPEN_FILES
    return min(OPEN_FILES, hard)


def _bracket(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def loopback_hosts() -> list[str]:
    """The addresses that `localhost` means here: some hosts have no IPv6."""
    hosts = ["127.0.0.1"]
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
        hosts.append("::1")
    except OSError:
        pass
    return hosts


def port_is_free(port: int) -> bool:
    for host in loopback_hosts():
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                return False
    return True


def free_port() -> int:
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if port_is_free(port):
            return port
