"""nbhook-exec and a kernel that misbehaves: each run ends with the right status and reason, in its time.

NBHOOK_SOAK=20 plays each conversation 20 times.
"""

from __future__ import annotations

import os
import time
from typing import Callable, Iterator

import pytest

from executor import Bench, Run, code, notebook
from running import open_folder
from scripted import ScriptedKernels

TIMES = int(os.environ.get("NBHOOK_SOAK", "1"))
DEATH_S = 2.0


@pytest.fixture(scope="module")
def kernels() -> Iterator[ScriptedKernels]:
    with open_folder() as folder:
        yield ScriptedKernels(folder)


@pytest.fixture
def make_bench(kernels: ScriptedKernels) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(**settings: str) -> Bench:
        made.append(Bench(kernel_path=kernels.path, **settings))
        return made[-1]

    yield make
    for each in made:
        each.close()


def play(bench: Bench, *cells, kernel: str = "scripted") -> Run:
    run = bench.play(notebook(*cells, kernel=kernel), kernel=kernel).finish()
    assert bench.processes() == []
    return run


@pytest.mark.parametrize("turn", range(TIMES))
def test_a_kernel_that_behaves(make_bench, turn: int) -> None:
    run = play(make_bench(), 'send stream "hi\\n"', 'send result {"text/plain": "2"}', 'respond "done"')
    assert run.outcome["status"] == "succeed"
    assert run.outcome["outputs_complete"] is True
    assert run.text() == "hi\n"
    assert run.response == b"done"


def test_a_call_is_answered_by_the_scripted_kernel(make_site, kernels: ScriptedKernels) -> None:
    site = make_site(kernels={"kernel_path": kernels.path})
    content = notebook('respond "hello $name"', kernel="scripted")
    hook = site.add(content)
    assert site.get(hook, params={"name": "Ada"}).text == "hello Ada"
