"""The disk of the state is full: what was accepted waits for room, what comes is told so."""

from __future__ import annotations

import contextlib
import glob
import os
import secrets
import shutil
import signal
import subprocess
from typing import Iterator

import pytest

from notebooks import notebook
from running import RunningSite, running_site
from scripted import ScriptedKernels


@pytest.fixture
def small(as_root: None, open_folder: str) -> Iterator[RunningSite]:
    """Its state is on a file system of its own that has few inodes."""
    kernels = ScriptedKernels(open_folder)
    settings = {"kernels": {"kernel_path": kernels.path}, "jobs": {"disk_reserve": "0", "concurrency": "1"}}
    disk = os.path.join(open_folder, "disk")
    os.mkdir(disk)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m,nr_inodes=400,mode=0755", "none", disk], check=True)
    try:
        with running_site(settings, change=lambda site: move_state(site, disk)) as site:
            yield site
    finally:
        subprocess.run(["umount", disk], check=True)


def move_state(site: RunningSite, disk: str) -> None:
    state = site.layout.path("state")
    os.makedirs(state, exist_ok=True)
    shutil.move(state, disk)
    os.symlink(os.path.join(disk, "state"), state)


def fill(folder: str) -> list[str]:
    made = []
    with contextlib.suppress(OSError):
        while True:
            path = os.path.join(folder, secrets.token_hex(8))
            with open(path, "xb"):
                made.append(path)
    return made


def remove_spares(site: RunningSite) -> None:
    """Until a run ends there are no others."""
    folder = site.layout.path("state", "pipeline_executions", ".spare")
    for name in os.listdir(folder):
        shutil.rmtree(os.path.join(folder, name))


def wait_for_spares(site: RunningSite) -> None:
    """All that there will be."""
    spare = site.layout.path("state", "pipeline_executions", ".spare")
    site.wait_until(lambda: len(glob.glob(f"{spare}/*/.new-.response")) == 4, "there are spare folders")


def begin_a_long_one(site: RunningSite) -> str:
    """And three folders are left that were made beforehand."""
    wait_for_spares(site)
    job = site.begin(site.add(notebook(["sleep 600"], kernel="scripted")))
    site.wait_until(lambda: site.job_status(job)["started"] is not None, "it plays")
    return job


def test_what_waits_with_its_files_is_played_at_once(small: RunningSite) -> None:
    first = begin_a_long_one(small)
    second = small.begin(small.add(notebook(["sleep 0"], kernel="scripted")))
    made = fill(small.layout.path("state"))
    small.cli("stop", first)
    small.wait_until(lambda: small.job_status(second)["ended"] is not None, "it has ended")
    assert small.job_status(second)["status"] == "completed"
    small.wait_until(lambda: small.status(second) == small.job_status(second), "its file says so")
    assert f"job {second} waits" not in small.log("nbhookd")
    for path in made:
        os.unlink(path)


def test_a_daemon_starts_and_says_so(small: RunningSite) -> None:
    hook = small.add(notebook(['respond "played"'], kernel="scripted"))
    wait_for_spares(small)
    made = fill(small.layout.path("state"))
    remove_spares(small)
    made += fill(small.layout.path("state"))
    small.supervised.kill("nbhookd", signal.SIGKILL)
    small.supervised.wait_ready()
    assert small.get(hook).status_code == 507
    for path in made:
        os.unlink(path)
    assert small.get(hook).text == "played"


def test_what_waits_is_played_when_there_is_room(small: RunningSite) -> None:
    first = begin_a_long_one(small)
    remove_spares(small)
    hook = small.add(notebook(['respond "played"'], kernel="scripted"))
    second = small.begin(hook)
    made = fill(small.layout.path("state"))
    refused = small.get(hook)
    assert refused.status_code == 507
    assert "no more files can be made" in refused.json()["error"]
    small.cli("stop", first)
    small.wait_until(lambda: f"job {second} waits: preparing the run" in small.log("nbhookd"), "it has been tried")
    for path in made:
        os.unlink(path)
    small.wait_until(lambda: small.job_status(second)["ended"] is not None, "it has ended")
    status = small.job_status(second)
    assert (status["status"], status["attempts"]) == ("completed", 1)
    assert small.get(hook, f"/results/{second}").text == "played"
    assert small.get(hook).text == "played"
