"""A notebook cannot tell how its kernel came to be: those of the corpus are played by a kernel that is started
as a program, by one that is forked on demand and by one that was forked beforehand. (That the first plays them
as nbclient does is test_comparison.py's.)"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from pathlib import Path
from typing import Any, Iterator

import nbformat
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "oracle"))

import compare  # noqa: E402
import corpus  # noqa: E402
from counts import is_soak, soak  # noqa: E402
from executor import Bench  # noqa: E402
from test_forkserver import KeptRunner  # noqa: E402

WAYS = {"started": {"ready": "0", "preload": "off"}, "on demand": {"ready": "0"}, "beforehand": {"ready": "2"}}
OURS = {"naas-injected", "injected-parameters"}

# Where a fork is most unlike a start.
EVERYDAY = [
    "streams are joined", "file descriptors", "subprocesses", "signals", "warnings", "threads", "multiprocessing",
    "execute results", "rich objects", "pandas", "matplotlib", "tracebacks", "exit in the last cell",
    "wide frames", "settings of matplotlib", "styles of matplotlib", "matplotlib without a screen",
    "matplotlib of a desk", "matplotlib in parts", "a matplotlib of one's own", "a module of one's own",
    "modules that were hidden", "matplotlib without pyplot", "the encoding of pandas", "the seed", "the order of the environment",
    "caches of packages", "garbage", "loggers that are switched off", "a home", "precision", "a process of its own",
    "top-level await", "magics", "help and pagers", "get_ipython",
    "history", "changing folders", "comms",
]


@pytest.fixture(scope="module")
def runners() -> Iterator[dict[str, KeptRunner]]:
    with contextlib.ExitStack() as stack:
        made = {}
        for way, kept in WAYS.items():
            bench = Bench(kept=kept)
            stack.callback(bench.close)
            made[way] = KeptRunner(bench)
            stack.callback(made[way].close)
        yield made


def play(runner: KeptRunner, way: str, content: dict) -> tuple[dict, dict]:
    """The executed notebook without what is ours and what names the run, and the outcome."""
    work = runner.bench.folder / f"{len(os.listdir(runner.bench.folder))}" / "nbhook-work"
    work.mkdir(parents=True)
    runner.bench.give(work)
    if way != "started":
        runner.settled()
    run = runner.bench.play(content, run=runner.take(), cwd=str(work)).finish()
    assert ("as a fork" in run.log) == (way != "started"), run.log
    executed = run.executed
    executed["cells"] = [cell for cell in executed["cells"] if not OURS & set(cell["metadata"].get("tags", []))]
    played = nbformat.reads(json.dumps(executed), as_version=4)
    outcome = {name: run.outcome.get(name) for name in ("status", "reason", "outputs_complete")}
    return compare.normal(played, run.outcome["status"] != "succeed"), outcome


def lines(of: Any) -> str:
    """Without the job's id, which is in a cell of ours, and the depth of the stack, where a start has two frames
    more below the first cell."""
    text = "\n".join(compare.lines(of))
    return re.sub(r"test:run-\d+", "JOB", re.sub(r"\(\d+ times\)", "(N times)", text))


@soak
@pytest.mark.parametrize("name", corpus.PYTHON if is_soak() else EVERYDAY)
def test_it_is_played_alike_in_three_ways(runners: dict[str, KeptRunner], name: str) -> None:
    played = {way: play(runner, way, corpus.NOTEBOOKS[name]) for way, runner in runners.items()}
    for way in ("on demand", "beforehand"):
        assert lines(played[way]) == lines(played["started"]), way


@pytest.mark.parametrize("way", WAYS)
def test_a_broken_font_of_the_users_is_left_out(runners: dict[str, KeptRunner], way: str) -> None:
    content = corpus.notebook([
        "import os\nd = os.path.expanduser('~/.fonts'); os.makedirs(d); open(d + '/broken.ttf', 'w').write('no font')",
        "import matplotlib.pyplot as plt\nplt.plot([1, 2]); None"])
    assert play(runners[way], way, content)[1]["status"] == "succeed"
