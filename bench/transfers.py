"""Large files through nginx, both ways, and what moves as many bytes."""

from __future__ import annotations

import os
import subprocess
import time

import calls
from running import Hook, RunningSite

UPLOAD_MIB = 300
UPLOAD_ROUNDS = 5


def download(url: str, mib: int) -> tuple[float, str]:
    """Seconds that curl takes, and the Content-Location."""
    words = ["/usr/bin/curl", "--noproxy", "*", "-sSf", "-D", "-", "-o", "/dev/null",
             "-w", "%{size_download} %{time_total}", url]
    text = subprocess.run(words, check=True, capture_output=True, text=True, timeout=120).stdout
    head, _, said = text.rpartition("\n")
    size, seconds = said.split()
    assert int(size) == mib << 20, text
    found = [line.split(": ", 1)[1] for line in head.split("\n")
             if line.lower().startswith("content-location: ")]
    return float(seconds), found[0].strip() if found else ""


def upload(site: RunningSite, hook: Hook, path: str) -> tuple[float, float]:
    """Seconds until the call is accepted, and the most MiB that our programs have used by the time that
    its notebook has read the file."""
    said = subprocess.run(
        ["/usr/bin/curl", "--noproxy", "*", "-sSf", "-H", "Prefer: respond-async", "-F", f"file=@{path}",
         "-o", "/dev/null", "-w", "%{time_total} %header{x-nbhook-job}", hook.url],
        check=True, capture_output=True, text=True, timeout=120).stdout
    seconds, job = said.split()
    site.wait_until(lambda: site.job_status(job)["progress"]["done"] == 1, "the file is read", 60)
    peak = sum(calls.peak_bytes(pid) for pid in calls.programs(site))
    gate = site.layout.path("state", "production") + os.path.dirname(hook.path) + "/go on"
    with open(gate, "w", encoding="utf-8"):
        pass
    site.wait_for_results(f"{hook.url}/results/{job}")
    os.unlink(gate)
    return float(seconds), peak / (1 << 20)


def fill(path: str, kib: int) -> None:
    """Makes a file of that size."""
    with open(path, "wb") as file:
        file.write(os.urandom(1 << 10) * kib)


def copy(site: RunningSite, path: str) -> float:
    target = site.layout.path("nginx", "copy")
    begin = time.perf_counter()
    subprocess.run(["dd", f"if={path}", f"of={target}", "bs=1M", "conv=fsync", "status=none"], check=True)
    seconds = time.perf_counter() - begin
    os.unlink(target)
    return seconds
