"""The disk of the state is full: what was accepted waits for room, what comes is told so."""

from __future__ import annotations

import contextlib
import os
import shutil
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
            path = os.path.join(folder, str(len(made)))
            with open(path, "xb"):
                made.append(path)
    return made


def test_what_waits_is_played_when_there_is_room(small: RunningSite) -> None:
    first = small.begin(small.add(notebook(["sleep 600"], kernel="scripted")))
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
