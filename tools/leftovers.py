"""What a supervisor leaves when it is killed, and how the next one removes it.

A supervisor keeps a record: its processes with their start times, the boot that these count from, and
the folder of its sockets. The record is gone when the supervisor ended by itself.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd

import processes
from files import replace_file
from plan import Plan, remove_run_dir
from processes import Process


def write_record(plan: Plan, running: list[Process]) -> None:
    text = json.dumps({"run_dir": plan.run_dir, "boot_id": processes.boot_id(),
                       "processes": [[each.pid, each.start] for each in running]})
    replace_file(plan.record, text)


def remove_record(plan: Plan) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(plan.record)


def clean_up(record: str, installed: str, users: list[str]) -> None:
    """Ends what a killed supervisor left: the processes of its record, executors that outlived it (they
    run from below `installed`), and its run folder. The caller holds the lock of the state folder."""
    if not os.path.exists(record):
        return
    run_dir, listed = _read_record(record)
    uids = {os.geteuid()} | {pwd.getpwnam(user).pw_uid for user in users}

    def find() -> list[Process]:
        alive = [process for process in listed if process.lives()]
        return alive + [each for each in _running_from(installed, uids) if each not in alive]

    processes.end_all(find)
    if run_dir:
        remove_run_dir(run_dir)
    os.unlink(record)


def _read_record(record: str) -> tuple[str, list[Process]]:
    try:
        with open(record, encoding="utf-8") as file:
            left = json.load(file)
        listed = [Process(pid, start) for pid, start in left["processes"]]
        return left["run_dir"], listed if left["boot_id"] == processes.boot_id() else []
    except (ValueError, KeyError, TypeError):
        return "", []  # a power cut can leave an empty file, and no processes


def _running_from(installed: str, uids: set[int]) -> list[Process]:
    return [stat.process for stat in processes.all_stats()
            if stat.alive and processes.owner(stat.pid) in uids
            and _is_below(processes.command_line(stat.pid), installed)]


def _is_below(words: list[str], installed: str) -> bool:
    """Whether a command line runs a program, or a script of Python, that is installed there."""
    places = (os.path.join(installed, "sbin", ""), os.path.join(installed, "libexec", ""))
    if words and os.path.basename(words[0]).startswith("python"):
        words = [word for word in words[1:] if not word.startswith("-")]
    return bool(words) and words[0].startswith(places)
