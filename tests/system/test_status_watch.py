"""The watch over the status documents of all tests finds what it is there for."""

from __future__ import annotations

import copy
import json
import os
from typing import Any

import pytest

from running import TOP
from status_watch import StatusWatch

SCHEMA = os.path.join(TOP, "conf", "status.schema.json")
UUID = "672a8b0e-c0b0-486e-bb2b-4571b0805f29"
ACTIVE = {
    "jobId": f"report:{UUID}", "pipeline": "report", "notebook": "/home/ada/report.ipynb",
    "version": "20201008101221879662", "status": "active", "reason": None,
    "accepted": "2020-10-08T10:12:21.000Z", "started": "2020-10-08T10:12:22.000Z", "ended": None,
    "seconds": None, "progress": {"done": 1, "total": 3}, "attempts": 1, "error": None, "response": None}
PENDING = {**ACTIVE, "status": "pending", "started": None, "progress": {"done": 0, "total": 0}, "attempts": 0}
COMPLETED = {**ACTIVE, "status": "completed", "ended": "2020-10-08T10:12:23.000Z", "seconds": 1,
             "progress": {"done": 3, "total": 3}, "response": {"type": "text/html", "size": 0}}
CELL = {"index": 2, "id": None, "execution_count": 3}
FAILED = {**COMPLETED, "status": "failed", "reason": "cell_error", "response": None,
          "error": {"error": "ValueError: no", "ename": "ValueError", "evalue": "no", "cell": CELL}}
STOPPED = {**COMPLETED, "status": "stopped", "reason": "too slow", "started": None, "response": None}


def publish(folder: str, text: str) -> None:
    temporary = os.path.join(folder, ".new")
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(text)
    os.rename(temporary, os.path.join(folder, "status.json"))


def watched(top: str, *documents: Any) -> list[str]:
    """What is found when these documents of a job follow each other, each of them seen."""
    findings = []
    folder = os.path.join(top, f"2020-10-08_10-12-21-{UUID}")
    watch = StatusWatch(top, SCHEMA)
    os.mkdir(folder)
    for document in documents:
        publish(folder, document if isinstance(document, str) else json.dumps(document))
        wait_read(watch)
    report = watch.end()
    findings += report["findings"]
    assert report["documents"] == len(documents)
    return findings


def wait_read(watch: StatusWatch) -> None:
    """Until the watch sleeps in select(2): it has read what there was."""
    while True:
        with open(f"/proc/{watch.child.pid}/stat", encoding="ascii") as file:
            if file.read().rsplit(")", 1)[1].split()[0] == "S":
                return


def changed(document: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {**copy.deepcopy(document), **members}


def without(document: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key != name}


@pytest.fixture
def top(tmp_path: Any) -> str:
    return str(tmp_path)


@pytest.mark.parametrize("last", [COMPLETED, FAILED, STOPPED])
def test_a_life_by_the_rules(top: str, last: dict[str, Any]) -> None:
    starting = changed(ACTIVE, started=None, progress={"done": 0, "total": 0})
    again = changed(ACTIVE, attempts=2, progress={"done": 0, "total": 3})
    assert watched(top, PENDING, starting, PENDING, ACTIVE, again, last) == []


@pytest.mark.parametrize("document", [
    "", "{", "[]", without(ACTIVE, "ended"), without(ACTIVE, "response"), changed(ACTIVE, more=1),
    changed(ACTIVE, status="done"), changed(ACTIVE, reason="why"), changed(ACTIVE, ended=COMPLETED["ended"]),
    changed(ACTIVE, accepted="2020-10-08 10:12:21"), changed(ACTIVE, progress={"done": 4, "total": 3}),
    changed(ACTIVE, progress={"done": 1}), changed(ACTIVE, attempts=0), changed(ACTIVE, jobId="report:1"),
    changed(ACTIVE, jobId=f"report:{UUID[:-1]}0"), changed(PENDING, started=ACTIVE["started"]),
    changed(COMPLETED, ended=None), changed(COMPLETED, seconds=None), changed(COMPLETED, reason="x"),
    changed(COMPLETED, error=FAILED["error"]), changed(COMPLETED, response={"type": "text/html"}),
    changed(FAILED, error=None), changed(FAILED, reason=None), changed(FAILED, reason="whim"),
    changed(FAILED, response=COMPLETED["response"]),
    changed(FAILED, error={**FAILED["error"], "cell": {"index": 2}}),
    changed(FAILED, error={**FAILED["error"], "traceback": []}), changed(STOPPED, reason=None)])
def test_one_document_that_breaks_a_rule(top: str, document: Any) -> None:
    assert len(watched(top, document)) == 1


@pytest.mark.parametrize("before, after", [
    (COMPLETED, ACTIVE), (COMPLETED, FAILED), (FAILED, changed(FAILED, seconds=2)),
    (ACTIVE, changed(ACTIVE, progress={"done": 0, "total": 3})), (ACTIVE, changed(ACTIVE, version="2" * 20)),
    (PENDING, changed(ACTIVE, accepted=ACTIVE["started"]))])
def test_two_documents_that_break_a_rule(
        top: str, before: dict[str, Any], after: dict[str, Any]) -> None:
    assert len(watched(top, before, after)) == 1


def test_a_document_that_is_written_in_place(top: str) -> None:
    watch = StatusWatch(top, SCHEMA)
    folder = os.path.join(top, UUID)
    os.mkdir(folder)
    wait_read(watch)
    with open(os.path.join(folder, "status.json"), "w", encoding="utf-8") as file:
        json.dump(ACTIVE, file)
    assert "in its place" in watch.end()["findings"][0]


def test_a_thousand_jobs_are_all_seen(top: str) -> None:
    watch = StatusWatch(top, SCHEMA)
    for number in range(1000):
        uuid = f"{UUID[:-4]}{number:04}"
        os.mkdir(os.path.join(top, uuid))
        publish(os.path.join(top, uuid), json.dumps(changed(COMPLETED, jobId=f"report:{uuid}")))
    assert watch.end() == {"documents": 1000, "findings": []}
