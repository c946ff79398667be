"""Playing beside the least that plays: nbhook-exec, nbclient and a raw client, in turns, with a cold kernel
each. Counted is from the end of the first cell to the end of the last one, the executed notebook written."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from typing import Iterator

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(TOP, "tests", "system")]

import executor  # noqa: E402

PROGRAMS = {"raw": "raw-client.py", "nbclient": "nbclient-cells.py"}
NOTEBOOKS = {
    "200 trivial cells": ["1 + 1"] * 200,
    "20 MB of output in one cell": ["print('\\n'.join(['x' * 79] * 250000))"],
    "20 MB of output in 20 prints": ["for i in range(20): print('x' * 1000000)"],
}


class Players:
    """All that play, started as the account of notebooks."""

    def __init__(self, stage: str) -> None:
        self.bench = executor.Bench()
        self.others: dict[str, subprocess.Popen] = {}
        for name, script in PROGRAMS.items():
            copy = os.path.join(stage, script)
            shutil.copy(os.path.join(TOP, "bench", script), copy)
            self.others[name] = subprocess.Popen(
                ["/usr/bin/python3", "-B", copy], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, text=True, cwd="/",
                env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
                **executor.become(executor.account()))

    def turn(self, sources: list[str]) -> Iterator[tuple[str, float]]:
        cells = ["0", *sources]
        yield "nbhook", self._ours(cells)
        for name, process in self.others.items():
            process.stdin.write(json.dumps(cells) + "\n")
            process.stdin.flush()
            yield name, float(process.stdout.readline())

    def _ours(self, cells: list[str]) -> float:
        run = self.bench.play(executor.notebook(*cells))
        run.watch_until(lambda event: event["progress"]["done"] >= 1)
        begin = time.monotonic()
        run.watch_until(lambda event: event["state"] == "ended")
        seconds = time.monotonic() - begin
        assert run.outcome["status"] == "succeed", run.outcome
        run.process.wait(30)
        return seconds

    def close(self) -> None:
        for process in self.others.values():
            process.stdin.close()
            process.wait(30)
        self.bench.close()
