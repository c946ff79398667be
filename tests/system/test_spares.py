"""Folders of executions that are made before anybody calls."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from typing import Callable, Iterator

import pytest

from notebooks import notebook
from running import Hook, RunningSite

SAYS = notebook(["import naas; naas.webhook.respond_text('said')"])
ENOUGH = 4


@pytest.fixture
def site(make_site: Callable[..., RunningSite]) -> RunningSite:
    return make_site()


def spares(site: RunningSite) -> dict[int, str]:
    """Those that a call may have: inode and path."""
    folder = site.layout.path("state", "pipeline_executions", ".spare")
    with os.scandir(folder) as entries:
        return {entry.inode(): entry.path for entry in entries}


def wait_for_spares(site: RunningSite) -> dict[int, str]:
    """When there are enough, and each has the last of its files."""
    site.wait_until(lambda: len(spares(site)) == ENOUGH and
                    all(os.path.exists(f"{path}/.new-.response") for path in spares(site).values()), "they are made")
    return spares(site)


def called(site: RunningSite, hook: Hook) -> str:
    """The folder of a call that was answered."""
    answer = site.get(hook)
    assert (answer.status_code, answer.text) == (200, "said")
    return site.execution(answer.headers["X-Nbhook-Job"])


def test_a_call_takes_a_spare_folder_and_another_is_made(site: RunningSite) -> None:
    hook = site.add(SAYS)
    before = wait_for_spares(site)
    folder = called(site, hook)
    assert os.stat(folder).st_ino in before
    after = wait_for_spares(site)
    assert len(set(before) & set(after)) == ENOUGH - 1
    site.wait_until(lambda: not [name for name in os.listdir(folder) if name.startswith(".")],
                    "nothing that was prepared is left")


def test_a_call_does_without_those_that_somebody_has_removed(site: RunningSite) -> None:
    hook = site.add(SAYS)
    before = wait_for_spares(site)
    for path in before.values():
        shutil.rmtree(path)
    for _ in range(ENOUGH):
        folder = called(site, hook)
        assert os.stat(f"{folder}/files").st_mode & 0o7777 == 0o2770
    wait_for_spares(site)


def test_more_calls_at_once_than_there_are_spares(site: RunningSite) -> None:
    hook = site.add(notebook(["import naas, time; time.sleep(1); naas.webhook.respond_text('said')"]))
    before = wait_for_spares(site)
    jobs = [site.begin(hook) for _ in range(2 * ENOUGH)]
    for job in jobs:
        site.wait_until(lambda job=job: site.job_status(job)["status"] == "completed", "it has ended")
    assert len({os.stat(site.execution(job)).st_ino for job in jobs} & set(before)) == ENOUGH


def test_a_job_that_never_ran_keeps_nothing_of_what_was_prepared(make_site: Callable[..., RunningSite]) -> None:
    site = make_site(jobs={"concurrency": "1"})
    before = wait_for_spares(site)
    site.begin(site.add(notebook(["import time; time.sleep(600)"])))
    waits = site.begin(site.add(SAYS))
    folder = site.execution(waits)
    assert os.stat(folder).st_ino in before and os.path.exists(f"{folder}/.new-outcome")
    site.cli("stop", waits)
    site.wait_until(lambda: set(os.listdir(folder)) == {"files", "request", "status.json"}, "the rest is removed")


@pytest.fixture
def apart(as_root: None, site: RunningSite) -> Iterator[RunningSite]:
    """Its spare folders are on a file system of their own."""
    wait_for_spares(site)
    spare = site.layout.path("state", "pipeline_executions", ".spare")
    owner = os.stat(spare)
    site.supervised.hold("nbhookd")
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"uid={owner.st_uid},gid={owner.st_gid},mode=0700", "none", spare],
                   check=True)
    site.supervised.release("nbhookd")
    yield site
    site.stop()
    subprocess.run(["umount", spare], check=True)


def test_folders_that_cannot_be_used_are_removed(apart: RunningSite) -> None:
    hook = apart.add(SAYS)
    before = wait_for_spares(apart)
    for _ in range(2 * ENOUGH):
        called(apart, hook)
    assert not set(wait_for_spares(apart)) & set(before)


def test_none_is_left_when_the_daemon_ends(site: RunningSite) -> None:
    wait_for_spares(site)
    site.stop()
    assert spares(site) == {}


def test_what_a_daemon_that_was_killed_has_left_is_removed(site: RunningSite) -> None:
    before = wait_for_spares(site)
    left = site.layout.path("state", "pipeline_executions", ".spare", "half-made")
    owner = os.stat(os.path.dirname(left))
    for folder in (left, f"{left}/files"):
        os.mkdir(folder)
        os.chown(folder, owner.st_uid, owner.st_gid)
    site.supervised.kill("nbhookd", signal.SIGKILL)
    called(site, site.add(SAYS))
    assert not os.path.exists(left)
    assert not set(wait_for_spares(site).values()) & set(before.values())
