"""The borders between the programs, tried as each account and by a notebook that is really played. Not as
root, everything is one account, and what is then true is checked instead."""

from __future__ import annotations

import os
import stat
import threading
import time
from dataclasses import dataclass
from typing import Any, Callable, Iterator

import pytest

import borders
from borders import attempt, connect, create_in, enter, listen_in, read, write
from notebooks import notebook
from processes import descendants
from running import COLD, KEPT, Hook, RunningSite

DAEMON, RUNNER, WEB, STRANGER = "nbhook", "nbhook-run", "www-data", "nobody"
EVERYBODY = {DAEMON, RUNNER, WEB, STRANGER}
REFUSALS = {"EACCES", "EPERM"}
NO_ROOT = {"EPERM", "EINVAL"}  # in a user namespace there is no such account

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="one account only")
only_user = pytest.mark.skipif(os.geteuid() == 0, reason="several accounts")

# Plays until its test lets it go.
WAITS = notebook(["""
import naas, os, time
while not os.path.exists("go"):
    time.sleep(0.05)
naas.webhook.respond_text("went")
"""])


@dataclass(frozen=True)
class Places:
    """Where the borders are: the sockets, the state, a job that has ended, and one that plays."""

    run: str
    state: str
    ended: str
    playing: str
    playing_socket: str


def wait_for(what: Callable[[], object], limit_s: float = 20.0) -> object:
    deadline = time.monotonic() + limit_s
    while True:
        found = what()
        if found or time.monotonic() > deadline:
            assert found, "it did not happen in time"
            return found
        time.sleep(0.02)


def playing_folder(site: RunningSite, before: set[str]) -> str:
    """The folder of the job that is being played and was not there before."""
    parent = site.layout.path("state", "pipeline_executions")
    for name in set(os.listdir(parent)) - before:
        marks = os.path.join(parent, name, "outcome")
        if os.path.exists(marks) and os.path.getsize(marks) > 0:
            return os.path.join(parent, name)
    return ""


def played_beside(site: RunningSite, hook: Hook) -> str:
    return site.layout.path("state", "production") + os.path.dirname(hook.path)


@pytest.fixture(scope="module")
def places(site: RunningSite) -> Iterator[Places]:
    said = site.get(site.add(notebook(["import naas", "naas.webhook.respond_text('said')"])))
    assert (said.status_code, said.text) == (200, "said")
    parent = site.layout.path("state", "pipeline_executions")
    before = set(os.listdir(parent))
    waiting = site.add(WAITS)
    call = threading.Thread(target=site.get, args=[waiting])
    call.start()
    try:
        playing = wait_for(lambda: playing_folder(site, before))
        run = site.plan.run_dir
        sockets = os.listdir(f"{run}/j")
        assert len(sockets) == 1
        yield Places(run, site.layout.path("state"), site.execution(said.headers["X-Nbhook-Job"]),
                     str(playing), f"{run}/j/{sockets[0]}")
    finally:
        open(os.path.join(played_beside(site, waiting), "go"), "w").close()
        call.join()


@dataclass(frozen=True)
class Border:
    name: str
    try_it: Callable[[Places], None]
    allowed: frozenset


def border(name: str, allowed: set, try_it: Callable[[Places], None]) -> Border:
    return Border(name, try_it, frozenset(allowed))


def of_job(action: Callable[[str], None], name: str) -> Callable[[Places], None]:
    """For both jobs; what is refused for one must be refused for the other."""
    def try_it(at: Places) -> None:
        action(os.path.join(at.ended, name))
        action(os.path.join(at.playing, name))
    return try_it


BORDERS = [
    border("connect to http.sock", {DAEMON, WEB}, lambda at: connect(f"{at.run}/http.sock")),
    border("connect to admin.sock", {DAEMON}, lambda at: connect(f"{at.run}/admin.sock")),
    border("connect to runner.sock", {DAEMON}, lambda at: connect(f"{at.run}/runner.sock")),
    border("connect to fcgi.sock", {DAEMON, WEB}, lambda at: connect(f"{at.run}/fcgi.sock")),
    border("connect to api.sock", {DAEMON, WEB}, lambda at: connect(f"{at.run}/api.sock")),
    border("connect to a run", {DAEMON}, lambda at: connect(at.playing_socket)),
    border("pose as a run", {DAEMON}, lambda at: listen_in(f"{at.run}/j")),
    border("pose as the daemon", set(), lambda at: listen_in(at.run)),
    border("enter j", {DAEMON}, lambda at: enter(f"{at.run}/j")),
    border("enter k", {RUNNER}, lambda at: enter(f"{at.run}/k")),
    border("list the state folder", {DAEMON}, lambda at: os.listdir(at.state)),
    border("write in the state folder", {DAEMON}, lambda at: create_in(at.state)),
    border("read the store", {DAEMON}, lambda at: read(f"{at.state}/nbhook.db")),
    border("read the store's log", {DAEMON}, lambda at: read(f"{at.state}/nbhook.db-wal")),
    border("enter versions", {DAEMON}, lambda at: enter(f"{at.state}/versions")),
    border("list the jobs", {DAEMON}, lambda at: os.listdir(f"{at.state}/pipeline_executions")),
    border("enter the spare folders", {DAEMON}, lambda at: enter(f"{at.state}/pipeline_executions/.spare")),
    border("write beside the jobs", {DAEMON},
           lambda at: create_in(f"{at.state}/pipeline_executions")),
    border("list a job", {DAEMON}, of_job(os.listdir, "")),
    border("write in a job", {DAEMON}, of_job(create_in, "")),
    border("read a request", {DAEMON}, of_job(read, "request")),
    border("read an outcome", {DAEMON}, of_job(read, "outcome")),
    border("read a status", {DAEMON}, of_job(read, "status.json")),
    border("read what a run printed", {DAEMON}, of_job(read, "log")),
    border("read a response's head", {DAEMON}, lambda at: read(f"{at.ended}/response.json")),
    border("read an executed notebook", {DAEMON},
           lambda at: read(f"{at.ended}/webhook.notebook.ipynb")),
    border("read a response", {DAEMON, WEB}, of_job(read, "response")),
    border("write a response", {DAEMON}, of_job(write, "response")),
    border("list a job's files", {DAEMON, RUNNER}, of_job(os.listdir, "files")),
    border("write a job's files", {DAEMON, RUNNER}, of_job(create_in, "files")),
    border("list production", {DAEMON, RUNNER}, lambda at: os.listdir(f"{at.state}/production")),
    border("write in production", {DAEMON, RUNNER},
           lambda at: create_in(f"{at.state}/production")),
]


@only_root
@pytest.mark.parametrize("each", BORDERS, ids=lambda each: each.name)
def test_who_may(places: Places, each: Border) -> None:
    outcomes = {who: attempt(who, lambda: each.try_it(places)) for who in sorted(EVERYBODY)}
    assert {who for who, outcome in outcomes.items() if outcome == "yes"} == each.allowed, outcomes
    assert {outcomes[who] for who in EVERYBODY - each.allowed} <= REFUSALS, outcomes


@only_root
@pytest.mark.parametrize("name", ["nbhookd", "nbhook-runner", "nbhook-zygote", "nbhook-exec", "nbhook-keeper"])
def test_a_program_hides_what_it_holds_from_its_own_account(
        site: RunningSite, places: Places, name: str) -> None:
    pids = [process.pid for process in descendants([site.supervised.child.pid])
            if borders.status_of(process.pid).get("Name") == name]
    assert pids
    for pid in pids:
        for who in sorted(EVERYBODY):
            outcomes = {what: attempt(who, lambda: look(pid)) for what, look in borders.LOOKS.items()}
            assert set(outcomes.values()) <= REFUSALS, (who, outcomes)


@only_root
@pytest.mark.parametrize("file", ["sbin/nbhook-runner", "libexec/nbhook/nbhook-exec",
                                  "libexec/nbhook/nbhook-keeper"])
def test_a_program_that_cannot_be_read_cannot_be_traced_while_it_starts(
        site: RunningSite, file: str) -> None:
    path = os.path.join(site.layout.prefix, file)
    assert os.stat(path).st_uid == 0
    with open(path, "rb") as program:
        has_sanitizer = b"__asan_init" in program.read()
    # Those stay readable; see the makefile.
    expected = "yes" if has_sanitizer else "EACCES"
    assert {attempt(who, lambda: read(path)) for who in EVERYBODY} == {expected}


@only_root
def test_each_program_runs_as_its_account(site: RunningSite, places: Places) -> None:
    found = borders.below(site.supervised.child.pid)
    by_name: dict[str, set[str]] = {}
    for name, account, _ in found:
        by_name.setdefault(name, set()).add(account)
    assert by_name.pop("nginx") == {"root", WEB}
    kernels = {name for name in by_name if name.startswith("python")}
    assert kernels
    for name in ("nbhook-ready", "nbhook-forks"):
        assert by_name.pop(name, {RUNNER}) == {RUNNER}
    assert by_name == {"nbhookd": {DAEMON}, "nbhook-runner": {RUNNER}, "nbhook-zygote": {RUNNER},
                       "nbhook-exec": {RUNNER}, "nbhook-keeper": {RUNNER}, "nbhook.fcgi": {WEB},
                       **{name: {RUNNER} for name in kernels}}


@only_root
def test_a_kernel_has_no_rights_beyond_its_account(site: RunningSite, places: Places) -> None:
    kernels = [status for name, _, status in borders.below(site.supervised.child.pid)
               if name.startswith("python")]
    assert kernels
    for status in kernels:
        assert status["NoNewPrivs"] == "1"
        assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
        assert len(status["Groups"].split()) <= 1


@only_root
def test_an_idle_responder_holds_no_file_of_the_state(site: RunningSite, places: Places) -> None:
    def held(pid: int) -> set[str]:
        folder = f"/proc/{pid}/fd"
        return {os.readlink(f"{folder}/{fd}") for fd in os.listdir(folder)}

    def below_state(pid: int) -> list[str]:
        return [path for path in held(pid) if path.startswith(places.state)]

    # The pool of calls has the caller of the job that plays, and that one's request.
    assert len(wait_for(lambda: [
        path for name in ("nbhook-fcgi@1", "nbhook-fcgi@2")
        for path in below_state(site.supervised.pid(name))])) == 1
    for name in ("nbhook-api@1", "nbhook-api@2"):
        api = site.supervised.pid(name)
        assert site.api("GET", "/job").status_code == 200
        wait_for(lambda: not below_state(api))
        others = {path for path in held(api) if not path.startswith(("socket:", "anon_inode:"))}
        assert others == {"/dev/null", site.layout.path("log", f"{name}.log")}


def notebook_tries(site: RunningSite) -> dict:
    """What a played notebook can and cannot do to an earlier job and to the programs."""
    said = site.get(site.add(notebook(["import naas", "naas.webhook.respond_text('said')"])))
    folder = os.path.basename(site.execution(said.headers["X-Nbhook-Job"]))
    hook = site.add(notebook([borders.NOTEBOOK_TRIES, "import naas", (
        "naas.webhook.respond_json({'looks': looks, 'places': places, 'uid': os.getuid()})")]))
    answer = site.get(hook, params={
        "run": site.plan.run_dir, "state": site.layout.path("state"), "job_folder": folder})
    assert answer.status_code == 200, answer.text
    return answer.json()


OPEN_TO_NOTEBOOKS = {"enter k", "beside itself"}


ABOVE_A_PROGRAM = {"nbhook-keeper", "nbhook-exec", "nbhook-runner"}
ABOVE_A_FORK = {"nbhook-keeper", "nbhook-forks", "nbhook-runner"}


@pytest.mark.parametrize("namespaces, kernel, above", [
    ("auto", KEPT, {"nbhook-keeper"}), ("off", KEPT, ABOVE_A_FORK), ("off", COLD, ABOVE_A_PROGRAM)],
    ids=["apart", "forked", "cold"])
def test_a_notebook_cannot_look_into_our_programs(
        make_site: Callable[..., RunningSite], namespaces: str, kernel: Any, above: set[str]) -> None:
    site = make_site(kernels={"namespaces": namespaces}, **kernel)
    if kernel == KEPT:
        site.wait_for_forks()
    tried = notebook_tries(site)
    names = {name for name, _, _ in tried["looks"]}
    assert names == above
    assert {outcome for _, _, outcome in tried["looks"]} <= REFUSALS, tried["looks"]
    assert tried["places"]["become root"] in NO_ROOT


@only_root
def test_a_notebook_can_open_nothing_of_ours_but_its_places(site: RunningSite) -> None:
    tried = notebook_tries(site)
    places = tried["places"]
    assert tried["uid"] != 0 and places.pop("become root") in NO_ROOT
    assert {name for name, outcome in places.items() if outcome == "yes"} == OPEN_TO_NOTEBOOKS
    assert set(places.values()) <= {"yes"} | REFUSALS, places


RUN_KEY_TRIES = r'''
import base64, json, naas, os, urllib.error, urllib.parse, urllib.request
url, key = os.environ["NAAS_URL"], os.environ["NAAS_TOKEN"]

def ask(method, target, document=None):
    request = urllib.request.Request(url + target, method=method)
    request.add_header("Authorization", "Bearer " + key)
    if document is not None:
        request.add_header("Content-Type", "application/json")
        request.data = json.dumps(document).encode()
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code

def query(path):
    return "/job?type=notebook&light=1&path=" + urllib.parse.quote(path)

empty = base64.b64encode(b'{"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": []}')
new = {"path": "/home/thief/new.ipynb", "type": "notebook", "params": {}, "value": "ab" * 30,
       "status": "installed", "file": {"filename": "new.ipynb", "data": empty.decode()}}
naas.webhook.respond_json({"key": key, "codes": {
    "its own": ask("GET", query(own)),
    "another": ask("GET", query(other)),
    "all": ask("GET", "/job"),
    "publish": ask("POST", "/job", new),
    "publish itself": ask("POST", "/job", {**new, "path": own}),
    "take down itself": ask("DELETE", query(own)),
    "take down another": ask("DELETE", query(other)),
}})
'''


def test_the_key_of_a_run_reads_its_own_webhook_and_dies_with_the_run(site: RunningSite) -> None:
    other = site.add(notebook(["1"]))
    own = site.add(notebook([RUN_KEY_TRIES]))
    answer = site.get(own, params={"own": own.path, "other": other.path})
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert said["codes"] == {"its own": 200, "another": 403, "all": 403, "publish": 403,
                             "publish itself": 403, "take down itself": 403,
                             "take down another": 403}
    assert len(said["key"]) == 60 and said["key"] != site.key
    headers = {"Authorization": f"Bearer {said['key']}"}
    target = f"{site.layout.url}/job"
    assert site.request("GET", target, headers=headers).status_code == 401
    own_only = {"path": own.path, "type": "notebook", "light": "1"}
    assert site.request("GET", target, headers=headers, params=own_only).status_code == 401
    assert site.get(other).status_code == 200


@only_user
def test_one_account_keeps_strangers_out(site: RunningSite, places: Places) -> None:
    def mode(path: str) -> int:
        assert os.stat(path).st_uid == os.geteuid()
        return stat.S_IMODE(os.stat(path).st_mode)

    assert mode(places.run) == 0o700
    assert {account for _, account, _ in borders.below(site.supervised.child.pid)} == \
        {site.accounts.daemon}
    for name in ("http", "admin", "runner", "fcgi", "api"):
        assert mode(f"{places.run}/{name}.sock") & 0o007 == 0
    for name in ("nbhook.db", "versions"):
        assert mode(os.path.join(places.state, name)) & 0o077 == 0
    for name in ("request", "outcome", "status.json", "log", "response"):
        assert mode(os.path.join(places.playing, name)) & 0o007 == 0
