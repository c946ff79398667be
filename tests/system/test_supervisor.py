"""The supervisor, with a program that does nothing."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import signal
import socket
import stat
import subprocess
import sys
import time
from typing import Any, Iterator

import pytest

import accounts
import leftovers
import processes
from plan import Folder, Listener, Plan, Program, make_run_dir
from supervised import Supervised
from supervisor import Running, StartFailed, read_notices

IDLER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "idler.py")


def installed_idler(folder: str, *words: str) -> list[str]:
    """The idler as a program of its own below `folder`, where leftovers are looked for."""
    path = os.path.join(folder, "prefix", "sbin", "idler")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(IDLER, encoding="utf-8") as source, open(path, "w", encoding="utf-8") as file:
        file.write("#!/usr/bin/python3 -B\n" + source.read())
    os.chmod(path, 0o755)
    return [path, *words]


def plan_of(folder: str, programs: list[Program], **members: Any) -> Plan:
    if os.geteuid() == 0:
        accounts.ensure()
    os.makedirs(os.path.join(folder, "log"), exist_ok=True)
    return Plan(run_dir=make_run_dir(private=os.geteuid() != 0),
                log_dir=os.path.join(folder, "log"), record=os.path.join(folder, "run.json"),
                installed=os.path.join(folder, "prefix"), programs=programs,
                folders=members.pop("folders", []), listeners=members.pop("listeners", []),
                stop_limit_s=0.5, **members)


def idler(folder: str, *words: str, name: str = "idler", **members: Any) -> Program:
    members.setdefault("account", accounts.find().daemon)
    members.setdefault("notifies", True)
    return Program(name, installed_idler(folder, *words), **members)


def said(plan: Plan, name: str = "idler") -> list[dict[str, Any]]:
    with open(os.path.join(plan.log_dir, f"{name}.log"), encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def listener(plan_dir: str, name: str, mode: int = 0o660) -> Listener:
    who = accounts.find()
    return Listener(name, f"{plan_dir}/{name}.sock", who.daemon, who.web_group, mode)


@contextlib.contextmanager
def with_listeners(folder: str, *words: str, count: int = 2) -> Iterator[tuple[Plan, Supervised]]:
    names = [f"listener{index}" for index in range(count)]
    plan = plan_of(folder, [idler(folder, *words, listeners=names)])
    plan.listeners.extend(listener(plan.run_dir, name) for name in names)
    with Supervised(plan) as supervised:
        yield plan, supervised


def test_sockets_are_passed_with_their_names(open_folder):
    with with_listeners(open_folder, count=12) as (plan, _):
        told = said(plan)[0]
        assert told["listeners"] == [f"{plan.run_dir}/listener{i}.sock listener{i}" for i in range(12)]


def test_a_program_gets_no_other_descriptor(open_folder):
    reading, writing = os.pipe()
    os.set_inheritable(reading, True)
    try:
        with with_listeners(open_folder) as (plan, _):
            held = said(plan)[0]["descriptors"]
    finally:
        os.close(reading)
        os.close(writing)
    assert sorted(int(fd) for fd in held) == [0, 1, 2, 3, 4]
    assert held["0"] == "/dev/null"
    assert held["1"] == held["2"] == f"{plan.log_dir}/idler.log"


def test_a_program_gets_a_clean_environment(open_folder, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/nowhere")
    with with_listeners(open_folder) as (plan, _):
        told = said(plan)[0]
    assert set(told["environment"]) <= {
        "PATH", "LANG", "HOME", "USER", "LOGNAME", "NOTIFY_SOCKET", "LISTEN_PID", "LISTEN_FDS",
        "LISTEN_FDNAMES", "LC_CTYPE"}  # the last is Python's own
    assert told["umask"] == 0o007
    assert told["session"] == told["pid"]
    assert told["blocked"] == []
    assert told["cwd"] == "/"


def test_sockets_have_owner_and_mode(open_folder):
    plan = plan_of(open_folder, [idler(open_folder)])
    plan.listeners.extend([listener(plan.run_dir, "open", 0o660), listener(plan.run_dir, "own", 0o600)])
    who = accounts.find()
    with Supervised(plan):
        for name, mode in (("open", 0o660), ("own", 0o600)):
            info = os.stat(f"{plan.run_dir}/{name}.sock")
            assert (info.st_uid, info.st_gid) == accounts.ids(who.daemon, who.web_group)
            assert stat.S_IMODE(info.st_mode) == mode


def test_only_a_program_s_account_can_say_that_it_is_ready(open_folder):
    plan = plan_of(open_folder, [idler(open_folder)])
    with Supervised(plan):
        info = os.stat(f"{plan.run_dir}/notify-idler")
    assert info.st_uid == pwd.getpwnam(accounts.find().daemon).pw_uid
    assert stat.S_IMODE(info.st_mode) == 0o600


def test_folders_have_owner_and_mode(open_folder):
    who = accounts.find()
    made = Folder(os.path.join(open_folder, "made"), who.runner, who.runner_group, 0o700)
    with Supervised(plan_of(open_folder, [idler(open_folder)], folders=[made])):
        info = os.stat(made.path)
        assert (info.st_uid, info.st_gid) == accounts.ids(who.runner, who.runner_group)
        assert stat.S_IMODE(info.st_mode) == 0o700


@pytest.mark.usefixtures("as_root")
@pytest.mark.parametrize("account", ["nbhook", "nbhook-run", "www-data"])
def test_a_program_runs_as_its_account_for_good(open_folder, account):
    plan = plan_of(open_folder, [idler(open_folder, account=account)])
    with Supervised(plan):
        told = said(plan)[0]
    entry = pwd.getpwnam(account)
    assert set(told["uids"]) == {entry.pw_uid}
    assert set(told["gids"]) == {entry.pw_gid}
    assert told["groups"] == sorted(os.getgrouplist(account, entry.pw_gid))


@pytest.mark.usefixtures("as_root")
def test_the_accounts_have_the_groups_they_need_and_no_more():
    def groups(account: str) -> set[str]:
        gids = os.getgrouplist(account, pwd.getpwnam(account).pw_gid)
        return {accounts.grp.getgrgid(gid).gr_name for gid in gids}

    accounts.ensure()
    assert groups("nbhook") == {"nbhook", "www-data", "nbhook-run"}
    assert groups("nbhook-run") == {"nbhook-run"}
    assert not groups("www-data") & {"nbhook", "nbhook-run"}


def test_what_dies_is_started_again_and_its_socket_stays(open_folder):
    with with_listeners(open_folder) as (plan, supervised):
        first = supervised.pid("idler")
        supervised.kill("idler", signal.SIGKILL)
        with socket.socket(socket.AF_UNIX) as caller:
            caller.connect(f"{plan.run_dir}/listener0.sock")
        supervised.wait_ready()
        assert supervised.pid("idler") not in (0, first)
        assert len(said(plan)) == 2


def test_what_dies_again_and_again_is_started_more_and_more_slowly(open_folder):
    with with_listeners(open_folder) as (plan, supervised):
        before = time.monotonic()
        for _ in range(5):
            supervised.kill("idler", signal.SIGKILL)
            supervised.wait_ready()
        assert time.monotonic() - before > 0.1 * (2 ** 1 + 2 ** 2 + 2 ** 3)


def test_a_held_program_stays_ended_until_it_is_released(open_folder):
    with with_listeners(open_folder) as (plan, supervised):
        supervised.hold("idler")
        time.sleep(0.3)
        assert supervised.pid("idler") == 0
        supervised.release("idler")
        assert supervised.pid("idler") != 0


def test_a_program_that_ends_at_the_start_is_an_error_with_its_log(open_folder):
    plan = plan_of(open_folder, [idler(open_folder, "dies")])
    with pytest.raises(StartFailed, match="idler ended with status 3 before it was ready(.|\n)*pid"):
        Supervised(plan).start()
    assert not os.path.exists(plan.run_dir)


def test_a_program_that_is_missing_is_an_error(open_folder):
    program = Program("idler", ["/nonexistent/idler"], accounts.find().daemon)
    plan = plan_of(open_folder, [program])
    with pytest.raises(StartFailed, match="cannot start: .*No such file"):
        Supervised(plan).start()


def test_only_the_program_itself_can_say_that_it_is_ready(open_folder):
    plan = plan_of(open_folder, [idler(open_folder, "late", notifies=True)])
    supervised = Supervised(plan)
    with contextlib.ExitStack() as stack:
        stack.callback(supervised.stop)
        stack.enter_context(pytest.raises(TimeoutError))
        supervised.ready_limit_s = -8  # the answer is awaited for 2 s
        starting = time.monotonic()
        poser = subprocess.Popen([sys.executable, "-c", POSER, f"{plan.run_dir}/notify-idler"])
        stack.callback(poser.wait)
        stack.callback(poser.kill)
        supervised.start()
    assert time.monotonic() - starting >= 2


class Flood:
    """A socket on which there is always one more notice."""

    taken = 0

    def recvmsg(self, *sizes: int) -> tuple:
        self.taken += 1
        assert self.taken < 1000, "it is read for ever"
        return b"READY=1", [], 0, None


def test_a_flood_of_notices_keeps_nothing_from_being_done(open_folder):
    read_notices(Flood(), Running(idler(open_folder)))


POSER = """
import socket, sys, time
while True:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
        try:
            notices.connect(sys.argv[1])
            notices.send(b"READY=1")
        except OSError:
            pass
    time.sleep(0.05)
"""


def alive(pids: list[int]) -> list[int]:
    found = [processes.read_stat(pid) for pid in pids]
    return [each.pid for each in found if each is not None and each.alive]


@pytest.mark.parametrize("words", [[], ["deaf"], ["forks"], ["deaf", "forks"]])
def test_nothing_is_left_at_the_end(open_folder, words):
    with with_listeners(open_folder, *words) as (plan, supervised):
        family = [each.pid for each in processes.descendants([supervised.child.pid])]
        assert len(family) == (2 if "forks" in words else 1)
    assert alive(family) == []
    assert not os.path.exists(plan.run_dir)
    assert not os.path.exists(plan.record)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_everything(open_folder, number):
    with with_listeners(open_folder, "forks") as (plan, supervised):
        family = [each.pid for each in processes.descendants([supervised.child.pid])]
        supervised.child.send_signal(number)
        assert supervised.child.wait(20) == 0
        assert alive(family) == []
        assert not os.path.exists(plan.run_dir)


def test_what_a_program_leaves_is_told_when_its_last_thread_has_ended(open_folder):
    with with_listeners(open_folder, "lingers") as (plan, _):
        pass
    assert {"told": "the child"} in said(plan)


def test_a_killed_supervisor_takes_its_programs_along_and_the_next_start_the_rest(open_folder):
    plan = plan_of(open_folder, [idler(open_folder, "forks")], users=[accounts.find().daemon])
    supervised = Supervised(plan)
    supervised.start()
    program = supervised.pid("idler")
    family = [each.pid for each in processes.descendants([supervised.child.pid])]
    supervised.child.kill()
    supervised.child.wait()
    wait_for(lambda: program not in alive(family), "the program died with its supervisor")
    assert len(alive(family)) == 1, "the hidden process outlives it"
    assert os.path.isdir(plan.run_dir)
    leftovers.clean_up(plan.record, plan.installed, plan.users)
    assert alive(family) == []
    assert not os.path.exists(plan.run_dir)
    assert not os.path.exists(plan.record)


def test_a_clean_up_spares_strangers(open_folder):
    """A pid of the record that means another process by now, and a folder that is none of ours."""
    with subprocess.Popen(["/bin/sleep", "1000"]) as stranger:
        start = processes.identify(stranger.pid).start
        record = os.path.join(open_folder, "run.json")
        precious = os.path.join(open_folder, "precious")
        os.mkdir(precious)
        with open(record, "w", encoding="utf-8") as file:
            json.dump({"run_dir": precious, "boot_id": processes.boot_id(),
                       "processes": [[stranger.pid, start - 1]]}, file)
        leftovers.clean_up(record, os.path.join(open_folder, "prefix"), [])
        assert stranger.poll() is None
        assert os.path.isdir(precious)
        stranger.kill()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"run_dir": 1}'])
def test_a_broken_record_is_no_obstacle(open_folder, text):
    record = os.path.join(open_folder, "run.json")
    with open(record, "w", encoding="utf-8") as file:
        file.write(text)
    leftovers.clean_up(record, os.path.join(open_folder, "prefix"), [])
    assert not os.path.exists(record)


def wait_for(condition, what: str, limit_s: float = 10.0) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, f"it never happened: {what}"
        time.sleep(0.01)
