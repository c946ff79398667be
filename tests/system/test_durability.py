"""What is said comes after what is kept: strace watches one call from its acceptance to its answer, and
the order of what the programs write, sync and send is checked. The same check sees every rule broken when
nothing is ever synced."""

from __future__ import annotations

import contextlib
import os
import shlex
import time
from typing import Callable, Iterator

import pytest

from notebooks import notebook
from running import RunningSite, open_folder, running_site
from tracing import Call, Tracing, compile_preload, in_json

WAL = "/nbhook.db-wal"
SAYS = notebook(["import naas", "naas.webhook.respond_text('kept: ' + word)"])


def preload(site: RunningSite, libraries: list[str], folder: str) -> None:
    """Gives the libraries to our programs, and by a program in its place to the executor."""
    if not libraries:
        return
    joined = " ".join(libraries)
    wrapper = os.path.join(folder, "nbhook-exec")
    executor = os.path.join(site.layout.prefix, "libexec/nbhook/nbhook-exec")
    with open(wrapper, "w", encoding="utf-8") as file:
        # A sanitizer's library insists on being the first one, unless it is told.
        file.write(f"#!/bin/sh\nexport ASAN_OPTIONS=\"$ASAN_OPTIONS:verify_asan_link_order=0\"\n"
                   f"LD_PRELOAD={shlex.quote(joined)} exec {shlex.quote(executor)} \"$@\"\n")
    os.chmod(wrapper, 0o755)
    for program in site.plan.programs:
        if program.name == "nbhook-runner":
            program.command.extend(["--exec", wrapper])
        if program.name.startswith("nbhook"):
            options = program.environment.get("ASAN_OPTIONS", "")
            program.environment.update(
                LD_PRELOAD=joined, ASAN_OPTIONS=f"{options}:verify_asan_link_order=0")


@pytest.fixture
def make_traceable() -> Iterator[Callable[..., RunningSite]]:
    """make_traceable("no-fsync.c") starts an nbhook that strace can attach to, with this preloaded."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(open_folder())

        def make(*sources: str) -> RunningSite:
            needed = list(sources) + (["traceable.c"] if os.geteuid() != 0 else [])
            libraries = [compile_preload(source, folder) for source in needed]
            return stack.enter_context(
                running_site(change=lambda site: preload(site, libraries, folder)))

        yield make


def trace_one_call(site: RunningSite, file: str) -> tuple[Tracing, str]:
    """A call with a body, from its acceptance to its last status file; and its job's id."""
    hook = site.add(SAYS)
    pids = [site.supervised.pid(name) for name in ("nbhookd", "nbhook-runner", "nbhook-fcgi@1", "nbhook-fcgi@2")]
    pids.append(site.zygote())
    with Tracing(pids, file) as trace:
        answer = site.post(hook, json={"word": "for good"})
        time.sleep(0.5)  # the last status file follows the answer
    assert (answer.status_code, answer.text) == (200, "kept: for good")
    return trace, answer.headers["X-Nbhook-Job"]


class Moments:
    """The calls that the rules are about. Each must be there, or nothing was watched."""

    def __init__(self, trace: Tracing, folder: str) -> None:
        uuid = folder[-36:]
        self.trace, self.folder = trace, f"/pipeline_executions/{folder}"
        self.request = trace.writes(f"{folder}/request", "for good")[-1]
        self.accepted = trace.sends(in_json('"accepted":true'), uuid)[0]
        self.row = [call for call in trace.writes(WAL, uuid) if call.ended_before(self.accepted)]
        self.begun = trace.sends(in_json('"run.begin"'))[0]
        self.response = trace.writes(f"{folder}/response", "kept: for good")[-1]
        self.outcome = trace.writes(f"{folder}/outcome", in_json('"mark":"ended"'))[0]
        self.end_row = [call for call in trace.writes(WAL, uuid, in_json('"status":"completed"'))
                        if self.outcome.ended_before(call)]
        self.answered = trace.sends(in_json('"status":"completed"'), in_json('"response":'), uuid)[0]
        self.status = trace.renames("status.json")[-1]
        assert ".end" in self.status.text and self.status.ended_before(self.answered)
        assert self.row and self.end_row

    def synced(self, path_end: str, after: Call, before: Call) -> bool:
        return any(after.ended_before(sync) and sync.ended_before(before)
                   for sync in self.trace.syncs(path_end))

    def synced_before(self, path_end: str, before: Call) -> bool:
        return any(sync.ended_before(before) for sync in self.trace.syncs(path_end))


RULES: dict[str, Callable[[Moments], bool]] = {
    "the request is kept before its row":
        lambda at: at.synced(f"{at.folder}/request", at.request, at.row[0]),
    "the job's folder is kept before its row":
        lambda at: at.synced_before(at.folder, at.row[0]),
    "the name of the job's folder is kept before its row":
        lambda at: at.synced_before("/pipeline_executions", at.row[0]),
    "the row is kept before the daemon says that it has accepted":
        lambda at: at.synced(WAL, at.row[-1], at.accepted),
    "the row is kept before the run may begin":
        lambda at: at.synced(WAL, at.row[-1], at.begun),
    "the response is kept before the outcome names it":
        lambda at: at.synced(f"{at.folder}/response", at.response, at.outcome),
    "the outcome is kept, too":
        lambda at: any(at.outcome.ended_before(sync) for sync in at.trace.syncs(f"{at.folder}/outcome")),
    "the row of the end is kept before the daemon answers":
        lambda at: at.synced(WAL, at.end_row[-1], at.answered),
    "the row of the end is kept before the status file says so":
        lambda at: at.synced(WAL, at.end_row[-1], at.status),
    "the last status file is kept, too":
        lambda at: any(at.status.ended_before(sync) for sync in at.trace.syncs(f"{at.folder}/status.json")),
}


def broken_rules(trace: Tracing, folder: str) -> set[str]:
    moments = Moments(trace, folder)
    return {rule for rule, holds in RULES.items() if not holds(moments)}


def test_everything_is_kept_before_it_is_said(
        make_traceable: Callable[..., RunningSite], open_folder: str) -> None:
    site = make_traceable()
    trace, job = trace_one_call(site, os.path.join(open_folder, "trace"))
    assert broken_rules(trace, os.path.basename(site.execution(job))) == set()


def test_without_fsync_the_check_sees_every_rule_broken(
        make_traceable: Callable[..., RunningSite], open_folder: str) -> None:
    site = make_traceable("no-fsync.c")
    trace, job = trace_one_call(site, os.path.join(open_folder, "trace"))
    assert trace.calls and not trace.syncs("")
    assert broken_rules(trace, os.path.basename(site.execution(job))) == set(RULES)
