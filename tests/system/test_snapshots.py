"""Whoever looks into an execution sees the notebook grow, and what was played outlives its executor."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import Any, Callable, Optional

from notebooks import notebook
from running import RunningSite

STEPS = ["import time", *[f"print('step {number}'); time.sleep(0.7)" for number in range(6)]]


def executed(site: RunningSite, job: str) -> Optional[dict[str, Any]]:
    """The executed notebook as it is now, which is always whole."""
    try:
        with open(os.path.join(site.execution(job), "webhook.notebook.ipynb"), encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return None


def printed(document: Optional[dict[str, Any]]) -> str:
    cells = document["cells"] if document is not None else []
    return "".join("".join(output.get("text", "")) for cell in cells for output in cell.get("outputs", []))


def ended(site: RunningSite, job: str) -> bool:
    return site.job_status(job)["ended"] is not None


def test_an_executed_notebook_grows(site: RunningSite) -> None:
    job = site.begin(site.add(notebook(STEPS)))
    seen: dict[str, str] = {}
    while not ended(site, job):
        document = executed(site, job)
        if document is not None:
            seen[printed(document)] = document["metadata"]["nbhook"]["status"]
        time.sleep(0.05)
    texts = list(seen)
    assert len(texts) >= 3, texts
    assert all(later.startswith(earlier) for earlier, later in zip(texts, texts[1:]))
    assert set(list(seen.values())[:-1]) == {"active"}
    document = executed(site, job)
    assert document["metadata"]["nbhook"]["status"] == "succeed"
    assert printed(document) == "".join(f"step {number}\n" for number in range(6))
    assert hidden_files(site, job) == []


def hidden_files(site: RunningSite, job: str) -> list[str]:
    return [name for name in os.listdir(site.execution(job)) if name.startswith(".")]


def test_the_last_snapshot_outlives_its_executor(make_site: Callable[..., RunningSite]) -> None:
    site = make_site()
    job = site.begin(site.add(notebook(["print('kept')", "import time; time.sleep(600)"])))
    site.wait_until(lambda: "kept" in printed(executed(site, job)), "it is in a snapshot")
    site.wait_until(lambda: len(site.executors()) == 1, "no other executor is on its way to be ready")
    os.kill(site.executors()[0], signal.SIGKILL)
    site.wait_until(lambda: ended(site, job), "the run has ended", 5)
    assert site.job_status(job)["reason"] == "lost"
    assert printed(executed(site, job)) == "kept\n"
    assert hidden_files(site, job) == []


def test_snapshots_go_on_with_the_next_daemon(make_site: Callable[..., RunningSite]) -> None:
    site = make_site()
    job = site.begin(site.add(notebook(STEPS)))
    site.wait_until(lambda: "step 0" in printed(executed(site, job)), "there is a snapshot")
    site.supervised.kill("nbhookd", signal.SIGKILL)
    before = printed(executed(site, job))
    site.wait_until(lambda: printed(executed(site, job)) != before, "there is another one")
    assert not ended(site, job)
