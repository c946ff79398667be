"""The same notebook by nbclient and by nbhook-exec: the same outputs, counts, errors, language."""

from __future__ import annotations

import copy
import re
from typing import Any, Iterator

import nbclient
import nbformat
import pytest

from executor import Bench, code, notebook

DISPLAYS = """
from IPython.display import display, HTML, clear_output, update_display
import sys
print('one'); print('two'); print('err', file=sys.stderr); print('three')
handle = display('first', display_id='d')
display(HTML('<b>x</b>'), metadata={'text/html': {'isolated': True}})
"""

NOTEBOOKS = {
    "plain": ["print('hello')", "1 + 1", "x = 5", "x", "None"],
    "displays": [DISPLAYS, "handle.update('second')", "update_display('third', display_id='d')",
                 "display('again', display_id='d')"],
    "clear": ["from IPython.display import clear_output\nprint('a'); clear_output(); print('b')",
              "print('a'); clear_output(wait=True); print('b')",
              "print('a'); clear_output(wait=True)",
              "for i in range(5):\n    clear_output(wait=True); print(i)"],
    "expected": [code("1/0", tags=["raises-exception"]), "print('on')"],
    "passed over": ["print(1)", "", "   ", code("boom", tags=["skip-execution"]),
                    {"cell_type": "markdown", "metadata": {}, "source": "# m"}, "print(2)"],
    "streams": ["import sys\nfor i in range(50):\n    print(i)\n    print(-i, file=sys.stderr)",
                "print('no end', end='')", "print('a\\rb\\x08c \\x1b[31mred\\x1b[0m \\U0001F600 \\ud7ff')"],
    "rich": ["import pandas; pandas.DataFrame({'a': [1, 2], 'b': ['x', None]})",
             "class R:\n    def _repr_mimebundle_(self, **k):\n"
             "        return {'application/json': {'n': 10**25, 'f': 1.0, 't': [True, None]}}\nR()"],
    # A thread of ipykernel reads what a child writes: a result of the same cell could come before or after it.
    "shell": ["!echo from a shell", "%%bash\necho one\necho two >&2", "import os; _ = os.system('echo sub')"],
    "magics": ["%%capture kept\nprint(1)", "kept.stdout", "%xmode"],
    "subprocess": ["import subprocess; subprocess.run(['echo', 'raw bytes']).check_returncode()"],
    "broken unicode": ["print('a\\udcffb')"],
    "big": ["print('x' * 1000000)", "'y' * 100000"],
    "threads": ["import threading, time\ndef f():\n    print('from a thread')\n"
                "t = threading.Thread(target=f); t.start(); t.join()"],
    "input": [code("input('?')", tags=["raises-exception"])],
}


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.close()


def plain(value: Any) -> Any:
    """A value without what may differ: addresses, temporary names, times."""
    if isinstance(value, dict):
        return {key: plain(member) for key, member in value.items()}
    if isinstance(value, list):
        return [plain(member) for member in value]
    if isinstance(value, str):
        return re.sub(r"0x[0-9a-f]+|/tmp/ipykernel_\d+/\d+\.py", "", value)
    return value


def joined(outputs: list[dict]) -> list[dict]:
    """Consecutive streams of one name as one: nbclient of Debian 12 leaves them as they came."""
    result: list[dict] = []
    for output in outputs:
        last = result[-1] if result else {}
        if output["output_type"] == "stream" == last.get("output_type") and last["name"] == output["name"]:
            last["text"] += output["text"]
        else:
            result.append(dict(output))
    return result


def cells_of(executed: Any) -> list[tuple]:
    """What must be the same, cell by cell, without the cells that nbhook puts in."""
    kept = [cell for cell in executed["cells"]
            if not {"naas-injected", "injected-parameters", "nbhook-error"}
            & set(cell["metadata"].get("tags", []))]
    return [(cell["cell_type"], cell["source"], plain(joined(cell.get("outputs", []))),
             sorted(cell["metadata"].get("execution", {}))) for cell in kept]


def without_counts(cells: list[tuple]) -> list[tuple]:
    """Counts are shifted by the cells that were put in; they are compared on their own."""
    for _, _, outputs, _ in cells:
        for output in outputs:
            output.pop("execution_count", None)
            output.pop("traceback", None)
    return cells


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_nbclient_has_the_same(bench: Bench, name: str, tmp_path: Any, monkeypatch: Any) -> None:
    monkeypatch.delenv("PYTEST_CURRENT_TEST")  # with it, ipykernel does not capture file descriptors
    content = notebook(*NOTEBOOKS[name])
    expected = nbclient.NotebookClient(nbformat.from_dict(content), kernel_name="python3",
                                       resources={"metadata": {"path": str(tmp_path)}}).execute()
    run = bench.play(content).finish()
    assert run.outcome["status"] == "succeed", run.outcome
    ours = nbformat.from_dict(nbformat.reads((run.folder / "executed").read_text(), as_version=4))
    assert without_counts(cells_of(ours)) == without_counts(cells_of(expected))
    assert ours.metadata.language_info == expected.metadata.language_info


def counts(executed: Any) -> list[Any]:
    return [(cell.get("execution_count"), [output.get("execution_count") for output in cell["outputs"]])
            for cell in executed["cells"] if cell["cell_type"] == "code"]


def test_the_counts_are_the_kernels(bench: Bench) -> None:
    """The executed notebook, our cells in it, is played again by nbclient."""
    run = bench.run("1", "2", code("boom", tags=["skip-execution"]), "3")
    ours = nbformat.reads((run.folder / "executed").read_text(), as_version=4)
    again = copy.deepcopy(ours)
    nbclient.NotebookClient(again, kernel_name="python3").execute()
    assert counts(again) == counts(ours)


def test_the_executed_notebook_is_valid(bench: Bench) -> None:
    for cells in (["1"], ["raise ValueError('x')"]):
        run = bench.run(*cells)
        text = (run.folder / "executed").read_text()
        parsed = nbformat.reads(text, as_version=4)
        nbformat.validate(parsed)
        assert nbformat.writes(parsed) + "\n" == text or nbformat.writes(parsed) == text
