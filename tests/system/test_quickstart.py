"""./quickstart, as people run it. Each account's first start builds everything, which takes a while."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import re
import selectors
import shutil
import signal
import socket
import stat
import subprocess
import time
from typing import Any, Callable, Iterator, Optional

import pytest
import requests

import accounts
import building
import layout
import packages
import processes
import running

QUICKSTART = os.path.join(running.TOP, "quickstart")
BUILD_LIMIT_S = 300.0
NOBODY = 65534

pytestmark = pytest.mark.skipif(
    bool(packages.missing(["build", "run"])), reason="quickstart's packages are not installed")


class Quickstart:
    """A quickstart in a session of its own, as a terminal would have it."""

    def __init__(self, folder: str, *words: str, uid: Optional[int] = None,
                 environment: Optional[dict[str, str]] = None) -> None:
        self.folder = folder
        self.port = layout.free_port()
        rights: dict[str, Any] = {} if uid is None else {"user": uid, "group": uid, "extra_groups": []}
        self.process = subprocess.Popen(
            [QUICKSTART, "--no-install", "--state", folder, "--port", str(self.port), *words],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True, env={"PATH": "/usr/bin:/bin", **(environment or {})}, cwd="/",
            **rights)
        self.output = ""

    def wait_ready(self) -> None:
        """Reads up to the words about Ctrl-C, which are the last."""
        deadline = time.monotonic() + BUILD_LIMIT_S
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while "Ctrl-C ends" not in self.output:
                assert selector.select(max(0.0, deadline - time.monotonic())), "never ready"
                got = os.read(self.process.stdout.fileno(), 65536).decode()
                assert got, f"it ended: {self.output}{self.process.stderr.read()}"
                self.output += got

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def urls(self) -> list[str]:
        return re.findall(r"curl '(.*)'", self.output)

    def interrupt(self, number: int = signal.SIGINT) -> int:
        """What a terminal does at Ctrl-C. Gives the exit status."""
        os.killpg(self.process.pid, number)
        return self.process.wait(30)

    def run_dir(self) -> str:
        with open(os.path.join(self.folder, "etc", "nbhook.conf"), encoding="utf-8") as file:
            return re.search(r"^run_dir = (.*)$", file.read(), re.MULTILINE).group(1)

    def sourced(self, script: str, uid: Optional[int] = None) -> subprocess.CompletedProcess:
        """A shell that has sourced DIR/env."""
        rights: dict[str, Any] = {} if uid is None else {"user": uid, "group": uid, "extra_groups": []}
        return subprocess.run(["/bin/sh", "-c", f". {self.folder}/env; {script}"], text=True, cwd="/",
                              capture_output=True, env={"PATH": "/usr/bin:/bin", "HOME": "/"},
                              timeout=60, **rights)

    def __enter__(self) -> "Quickstart":
        return self

    def __exit__(self, *ignored: Any) -> None:
        if self.process.poll() is None:
            self.interrupt(signal.SIGTERM)
        self.process.stdout.close()
        self.process.stderr.close()


def refusal(folder: str, *words: str, **arguments: Any) -> str:
    with Quickstart(folder, *words, **arguments) as quickstart:
        assert quickstart.process.wait(30) == 1
        return quickstart.process.stderr.read()


@contextlib.contextmanager
def temporary(parent: str, uid: Optional[int] = None) -> Iterator[str]:
    folder = os.path.join(parent, f"nbhook-test-{os.urandom(4).hex()}")
    os.mkdir(folder, 0o755)
    if uid is not None:
        os.chown(folder, uid, uid)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def folder() -> Iterator[str]:
    """DIR for most tests, below /tmp, so that only the first of them builds."""
    with temporary("/tmp") as made:
        yield made


@pytest.fixture
def start(folder: str) -> Iterator[Callable[..., Quickstart]]:
    with contextlib.ExitStack() as stack:
        def make(**arguments: Any) -> Quickstart:
            quickstart = stack.enter_context(Quickstart(folder, **arguments))
            quickstart.wait_ready()
            return quickstart

        yield make


def places() -> set[str]:
    """What our accounts have where everybody may write; quickstart keeps all of it below DIR."""
    who = accounts.find()
    uids = {pwd.getpwnam(name).pw_uid for name in (who.daemon, who.runner)}
    found = set()
    for place in ("/run", "/tmp", "/var/tmp", "/dev/shm"):
        found |= {each.path for each in os.scandir(place) if owner_of(each.path) in uids}
    return found


def owner_of(path: str) -> Optional[int]:
    try:
        return os.lstat(path).st_uid
    except FileNotFoundError:
        return None


def wait_for(condition: Callable[[], bool], what: str, seen: Callable[[], object] = lambda: "",
             limit_s: float = 20.0) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, f"it never happened: {what} {seen()}"
        time.sleep(0.05)


def wait_for_a_run(quickstart: Quickstart) -> None:
    wait_for(lambda: json.loads(quickstart.sourced("nbhook jobs --json -s active").stdout), "a run plays")


def family(pid: int) -> list[int]:
    return [each.pid for each in processes.descendants([pid])]


def test_the_help_says_it_all():
    done = subprocess.run([QUICKSTART, "--help"], capture_output=True, text=True, cwd="/")
    assert done.returncode == 0
    for word in ("serve", "check", "--port", "--state", "--no-install", "/var/tmp/nbhook"):
        assert word in done.stdout


@pytest.mark.parametrize("words", [["dance"], ["--port", "0"], ["--port", "http"], ["--stat", "/x"]])
def test_wrong_words_are_refused(words):
    done = subprocess.run([QUICKSTART, *words], capture_output=True, text=True, cwd="/")
    assert done.returncode == 2
    assert "usage: quickstart" in done.stderr


def test_it_serves_what_it_prints(start):
    quickstart = start()
    assert f"nbhook is ready at {quickstart.url}/\n" in quickstart.output
    hello, table, kinds, fails, sleeps = quickstart.urls()
    assert requests.get(hello, timeout=60).text == "<h1>Hello, Ada!</h1>"
    assert "Everest" in requests.get(table, timeout=60).text
    assert "<h1" in requests.get(kinds, timeout=60).text
    answer = requests.get(fails, timeout=60)
    assert (answer.status_code, answer.json()["ename"]) == (500, "ValueError")
    assert requests.get(f"{sleeps}?seconds=1", timeout=60).text == "Slept for 1 seconds.\n"


def test_env_makes_the_command_and_the_module_work(start):
    quickstart = start()
    info = os.stat(os.path.join(quickstart.folder, "env"))
    assert stat.S_IMODE(info.st_mode) == 0o600
    assert info.st_uid == os.geteuid()
    listed = quickstart.sourced("nbhook currents")
    assert listed.returncode == 0, listed.stderr
    assert "hello.ipynb" in listed.stdout
    module = quickstart.sourced(
        "/usr/bin/python3 -c 'import naas; print(len(naas.webhook.currents(raw=True)))'")
    assert module.returncode == 0, module.stderr
    assert module.stdout == "5\n"
    values = quickstart.sourced("echo $NBHOOK_CONF $NAAS_URL $NAAS_TOKEN; command -v nbhook").stdout
    conf, url, key, command = values.split()
    assert conf == f"{quickstart.folder}/etc/nbhook.conf"
    assert url == quickstart.url
    assert requests.get(f"{url}/job", headers={"Authorization": f"Bearer {key}"},
                        timeout=10).status_code == 200
    assert command == f"{quickstart.folder}/prefix/bin/nbhook"


def test_a_second_start_is_quick_and_keeps_urls_and_key(start):
    first = start()
    urls = [url.split("/webhook/")[1] for url in first.urls()]
    key = first.sourced("echo $NAAS_TOKEN").stdout
    assert first.interrupt() == 0
    before = time.monotonic()
    second = start()
    assert time.monotonic() - before < 5
    assert [url.split("/webhook/")[1] for url in second.urls()] == urls
    assert second.sourced("echo $NAAS_TOKEN").stdout == key


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_its_end_leaves_nothing(start, number):
    before = places()
    quickstart = start()
    # A run that is in the middle, and a caller who waits for it.
    caller = subprocess.Popen(["/usr/bin/curl", "-s", quickstart.urls()[-1]], stdout=subprocess.DEVNULL)
    wait_for_a_run(quickstart)
    pids, run_dir = family(quickstart.process.pid), quickstart.run_dir()
    assert os.path.isdir(run_dir)
    assert quickstart.interrupt(number) == 0
    caller.wait(30)
    assert [pid for pid in pids if processes.read_stat(pid) is not None] == []
    assert not os.path.exists(run_dir)
    # What other programs of these accounts keep for a moment does not count.
    wait_for(lambda: places() <= before, "nothing outside DIR is new", lambda: sorted(places() - before))
    with pytest.raises(requests.ConnectionError):
        requests.get(quickstart.url, timeout=5)


def test_what_a_killed_one_left_the_next_one_removes(start):
    killed = start()
    run_dir = killed.run_dir()
    caller = subprocess.Popen(["/usr/bin/curl", "-s", killed.urls()[-1]], stdout=subprocess.DEVNULL)
    wait_for_a_run(killed)
    before = processes.descendants([killed.process.pid])
    killed.process.kill()
    killed.process.wait()
    assert os.path.isdir(run_dir)
    start()
    caller.wait(30)
    assert not os.path.exists(run_dir)
    assert [each for each in before if each.lives()] == []


def test_two_cannot_share_a_folder(start, folder):
    first = start()
    assert f"{folder} is in use by another quickstart (process {first.process.pid})" in refusal(folder)


def test_a_port_that_is_in_use_is_named(folder):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"port {port} is in use" in refusal(folder, "--port", str(port), "serve")


def test_another_python3_on_path_does_not_matter(start, open_folder):
    os.mkdir(os.path.join(open_folder, "shims"))
    shim = os.path.join(open_folder, "shims", "python3")
    with open(shim, "w", encoding="ascii") as file:
        file.write(f"#!/bin/sh\ntouch {open_folder}/was-run\nexit 1\n")
    os.chmod(shim, 0o755)
    shutil.copy(shim, os.path.join(os.path.dirname(shim), "python"))
    quickstart = start(environment={
        "PATH": f"{open_folder}/shims:/usr/bin:/bin", "PYTHONPATH": "/nowhere",
        "PYTHONHOME": "/nowhere"})
    assert requests.get(quickstart.urls()[0], timeout=60).status_code == 200
    assert not os.path.exists(os.path.join(open_folder, "was-run"))


def test_nothing_is_written_into_the_checkout(start):
    def listing() -> list[str]:
        return sorted(os.path.join(folder, name) for folder, _, names in os.walk(running.TOP)
                      for name in names)

    before = listing()
    start()
    assert listing() == before


def test_its_folder_may_be_below_the_checkout(open_folder):
    for name in ("configure.ac", "src/a.c", "mine/lock", "mine/state/nbhook.db", "checks/check/lock"):
        path = os.path.join(open_folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as file:
            file.write(name)
    os.symlink("nowhere", os.path.join(open_folder, "src", "dangling"))
    os.mkfifo(os.path.join(open_folder, "src", "pipe"))
    copy = os.path.join(open_folder, "mine", "src")
    for _ in range(2):
        assert set(building.copy_sources(open_folder, copy)) == {"configure.ac", "src/a.c"}
    assert sorted(os.listdir(copy)) == [".copied.json", "configure.ac", "src"]


@pytest.mark.usefixtures("as_root")
def test_nothing_of_ours_runs_as_root(start):
    quickstart = start()
    requests.get(quickstart.urls()[0], timeout=60)
    users: dict[str, set[str]] = {}
    for pid in family(quickstart.process.pid):
        words, uid = processes.command_line(pid), processes.owner(pid)
        if words and words[0] and uid is not None:
            name = os.path.basename(words[0].split(":")[0].split()[0])
            users.setdefault(name, set()).add(pwd.getpwuid(uid).pw_name)
    assert users["nbhookd"] == {"nbhook"}
    assert users["nbhook-runner"] == {"nbhook-run"}
    assert users["nbhook.fcgi"] == {"www-data"}
    assert [name for name, owners in users.items() if "root" in owners] == ["nginx"]


@pytest.mark.usefixtures("as_root")
def test_a_folder_that_the_accounts_cannot_reach_is_refused_by_name(folder):
    with temporary("/tmp") as closed:
        os.chmod(closed, 0o700)
        said = refusal(os.path.join(closed, "below"))
        assert f"cannot pass {closed};" in said


@pytest.mark.usefixtures("as_root")
def test_a_folder_of_somebody_else_or_with_something_else_is_refused():
    assert "--state needs the name of a folder" in refusal("")
    with temporary("/tmp", uid=NOBODY) as other:
        assert f"{other}: it belongs to nobody" in refusal(other)
    with temporary("/tmp") as own:
        os.symlink("/etc", os.path.join(own, "link"))
        os.chown(os.path.join(own, "link"), NOBODY, NOBODY, follow_symlinks=False)
        assert "it is a link of nobody" in refusal(os.path.join(own, "link"))
        with open(os.path.join(own, "thesis.tex"), "w", encoding="ascii"):
            pass
        assert f"{own}: it holds other things (link, thesis.tex)" in refusal(own)


@pytest.mark.usefixtures("as_root")
def test_under_sudo_the_invoking_user_may_use_it(start):
    quickstart = start(environment={"SUDO_UID": str(NOBODY), "SUDO_GID": str(NOBODY),
                                    "SUDO_USER": "nobody"})
    admin = os.stat(os.path.join(quickstart.run_dir(), "admin.sock"))
    assert (pwd.getpwuid(admin.st_uid).pw_name, admin.st_gid) == ("nbhook", NOBODY)
    assert stat.S_IMODE(admin.st_mode) == 0o660
    assert os.stat(os.path.join(quickstart.folder, "env")).st_uid == NOBODY
    listed = quickstart.sourced("nbhook currents", uid=NOBODY)
    assert listed.returncode == 0, listed.stderr
    assert "hello.ipynb" in listed.stdout


@pytest.mark.usefixtures("as_root")
def test_it_works_for_an_ordinary_user_and_says_so_once():
    with temporary("/var/tmp", uid=NOBODY) as own, Quickstart(own, uid=NOBODY) as quickstart:
        quickstart.wait_ready()
        assert requests.get(quickstart.urls()[0], timeout=60).text == "<h1>Hello, Ada!</h1>"
        owners = {processes.owner(pid) for pid in family(quickstart.process.pid)}
        assert owners - {None} == {NOBODY}  # None: it has just ended
        assert stat.S_IMODE(os.stat(quickstart.run_dir()).st_mode) == 0o700
        assert quickstart.sourced("nbhook currents", uid=NOBODY).returncode == 0
        assert quickstart.interrupt() == 0
        assert quickstart.process.stderr.read().count("everything runs as nobody") == 1
