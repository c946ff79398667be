"""The same notebooks by Debian's nbclient and by nbhook exec, and what differs.

    NBHOOK_BUILD=… python3 tests/oracle/compare.py [NAME | FILE.ipynb]…

Without words it compares the whole corpus. Exits with 1 when something differs that may not. What may:

  - ids of cells, times, metadata.nbhook, and in texts what names a process, an address or a folder of the run;
  - streams: one output for consecutive ones of a name, where nbclient of Debian 12 leaves every message;
  - after a failure: the marker cells; cells that were not reached are empty; widget state is there, too;
  - exit(): the run ends there and has succeeded, where nbclient finds a dead kernel at the next cell;
  - what nbclient gives up on (it raises something of its own, as for a bundle that no schema allows), if
    nbhook has a valid notebook.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Optional

import nbformat

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "system")]

import corpus  # noqa: E402
from executor import account, become, program  # noqa: E402

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
MARKER = "nbhook-error"
ORACLES = 2  # a kernel's start leaves a second core idle

# What a run says of itself, and what stands for it.
NAMES = [
    (r"0x[0-9a-f]{6,}", "ADDRESS"),
    (r"/[\w/.-]*/ipykernel_\d+/\d+\.py", "SOURCE"),
    (r"/[\w/.-]*/(nbclient|nbhook)-work", "WORK"),
    (r"\b[0-9a-f]{32}\b", "HEX"),
    (r"\bT_[0-9a-f]{5}", "STYLE"),
    (r"(CPU times|Wall time|user|sys|total)[^\n]*", r"\1"),
    (r"[\d.]+ [nµm]?s ± [^\n]*", "TIMING"),
    (r"<(dc:date|tspan)>[^<]*<", r"<\1><"),
    (r"id=\"[a-z]*[0-9a-f]{10}\"|#[a-z]*[0-9a-f]{10}\b", "SVG-ID"),
    (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+\b", "DATE"),
    (r"Process ForkPoolWorker-\d+", "PROCESS"),
]


class Player:
    """Plays notebooks in a folder that ordinary accounts can reach; nbclient works through all in advance."""

    def __init__(self, notebooks: dict[str, str]):
        self.user = account()
        self.folder = Path(tempfile.mkdtemp(prefix="nbhook-oracle-", dir="/var/tmp"))
        self.folder.chmod(0o755)
        self.notebooks = notebooks
        self.places = {name: self.folder / str(number) for number, name in enumerate(notebooks)}
        words: list[list[str]] = []
        for name, content in notebooks.items():
            for who in ("nbclient", "nbhook"):
                work = self.places[name] / f"{who}-work"
                work.mkdir(parents=True)
                (work / "in.ipynb").write_text(content, encoding="utf-8")
                self.give(work)
            words.append([str(self.work("nbclient", name) / "in.ipynb"), str(self.expected_path(name))])
        self.give(self.folder)
        for place in self.places.values():
            self.give(place)
        self.oracles = [self.start_oracle(number, words[number::ORACLES]) for number in range(ORACLES)]

    def start_oracle(self, number: int, words: list[list[str]]) -> subprocess.Popen:
        home = f"home-{number}"  # each has an IPython of its own
        return subprocess.Popen(
            ["/usr/bin/python3", "-B", str(HERE / "play_nbclient.py"), *(word for pair in words for word in pair)],
            env=self.environment(home), stdout=subprocess.DEVNULL, stderr=self.log(number).open("wb"),
            stdin=subprocess.DEVNULL, cwd=self.folder, **become(self.user))

    def log(self, number: int) -> Path:
        return self.folder / f"nbclient-{number}.log"

    def give(self, path: Path) -> None:
        if self.user is not None:
            os.chown(path, self.user.pw_uid, self.user.pw_gid)

    def environment(self, name: str = "home") -> dict[str, str]:
        home = self.folder / name
        if not home.exists():
            home.mkdir()
            self.give(home)
        return {"PATH": "/usr/bin:/bin", "HOME": str(home), "LANG": "C.UTF-8",
                "PYDEVD_DISABLE_FILE_VALIDATION": "1"}

    def work(self, who: str, name: str) -> Path:
        return self.places[name] / f"{who}-work"

    def expected_path(self, name: str) -> Path:
        return self.places[name] / "expected.ipynb"

    def expected(self, name: str, seconds: float = 600) -> tuple[Optional[str], str]:
        """What nbclient makes of a notebook, and why it has given up if it has."""
        path = self.expected_path(name)
        deadline = time.monotonic() + seconds
        while not path.exists():
            number = list(self.notebooks).index(name) % ORACLES
            if self.oracles[number].poll() is not None and not path.exists():
                raise RuntimeError(self.log(number).read_text())
            assert time.monotonic() < deadline, "nbclient takes too long"
            time.sleep(0.05)
        gave_up = path.with_suffix(".gave-up")
        return path.read_text(encoding="utf-8") or None, gave_up.read_text() if gave_up.exists() else ""

    def ours(self, name: str) -> tuple[str, dict]:
        """What nbhook exec makes of it, and the outcome."""
        executed = self.places[name] / "ours.ipynb"
        done = subprocess.run(
            [str(program("nbhook")), "exec", "--json", "in.ipynb", "-o", str(executed)],
            cwd=self.work("nbhook", name), env=self.environment(), stdin=subprocess.DEVNULL,
            capture_output=True, encoding="utf-8", timeout=300, check=False, **become(self.user))
        if not executed.exists():
            raise RuntimeError(done.stdout + done.stderr)
        return executed.read_text(encoding="utf-8"), json.loads(done.stdout)

    def close(self) -> None:
        for oracle in self.oracles:
            if oracle.poll() is None:
                oracle.terminate()
                oracle.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def plain(value: Any) -> Any:
    """A value without what names the run."""
    if isinstance(value, dict):
        return {plain(key): plain(member) for key, member in value.items()}
    if isinstance(value, list):
        return [plain(member) for member in value]
    if isinstance(value, str):
        for pattern, name in NAMES:
            value = re.sub(pattern, name, value)
    return value


def joined(outputs: list[dict]) -> list[dict]:
    result: list[dict] = []
    for output in outputs:
        last = result[-1] if result else {}
        if output["output_type"] == "stream" == last.get("output_type") and last["name"] == output["name"]:
            last["text"] += output["text"]
        else:
            result.append(dict(output))
    return result


def timing(execution: Any) -> Any:
    """The times that are there; a text that is no such time stays."""
    if not isinstance(execution, dict):
        return execution
    return {name: "TIME" if isinstance(value, str) and TIME.fullmatch(value) else value
            for name, value in execution.items()}


def widget_ids(state: Any) -> Any:
    """Models by what they are: their ids are random, and so is the order of a file, which sorts by them."""
    models = state["state"]

    def content(model: str) -> str:
        text = json.dumps(models[model], sort_keys=True)
        for known in models:
            text = text.replace(known, "a model")
        return text

    text = json.dumps(state)
    for number, model in enumerate(sorted(models, key=content)):
        text = text.replace(model, f"model {number}")
    return json.loads(text)


def normal(notebook: Any, failed: bool) -> dict:
    """What must be the same."""
    cells = []
    for cell in notebook["cells"]:
        if MARKER in cell["metadata"].get("tags", []):
            continue
        cell = {name: value for name, value in cell.items() if name != "id"}
        cell["metadata"] = dict(cell["metadata"])
        if "execution" in cell["metadata"]:
            cell["metadata"]["execution"] = timing(cell["metadata"]["execution"])
        if "outputs" in cell:
            cell["outputs"] = joined(cell["outputs"])
        cells.append(plain(cell))
    metadata = {name: value for name, value in notebook["metadata"].items() if name != "nbhook"}
    widgets = metadata.get("widgets", {}).get("application/vnd.jupyter.widget-state+json")
    if failed:
        metadata.pop("widgets", None)
    elif widgets is not None:
        metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": widget_ids(widgets)}
    rest = {name: value for name, value in notebook.items() if name not in ("cells", "metadata")}
    return {"cells": cells, "metadata": plain(metadata), **rest}


def cut(expected: dict, ours: dict, outcome: dict) -> None:
    """Only the cells up to the one where the run ended."""
    if outcome["status"] == "succeed":
        return
    last = outcome["error"]["cell"]["index"] + 1
    for cell in ours["cells"][last:]:
        if cell["cell_type"] == "code" and "skip-execution" not in cell["metadata"].get("tags", []):
            assert not (cell["source"].strip() and cell["outputs"]), "a cell that was not reached has outputs"
    del expected["cells"][last:], ours["cells"][last:]


def lines(value: Any) -> list[str]:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False).splitlines()


def invalid(text: str) -> str:
    """What the official schema of its minor has against a file; "" for nothing."""
    try:
        nbformat.validate(json.loads(text))
    except nbformat.ValidationError as error:
        return f"not valid: {error}"
    return ""


def unlike_nbformat(text: str) -> list[str]:
    """How the text differs from what nbformat writes; where Python would not keep the text of a number, nothing."""
    if re.search(r"\d{17}|\d[eE]|-0\.0", text):
        return []
    written = nbformat.writes(nbformat.reads(text, as_version=4))
    return list(difflib.unified_diff(written.splitlines(), text.splitlines(), "nbformat", "nbhook", ""))


def differences(player: Player, name: str) -> list[str]:
    """What differs and may not."""
    ours_text, outcome = player.ours(name)
    expected_text, gave_up = player.expected(name)
    found = unlike_nbformat(ours_text)
    if gave_up or expected_text is None:
        return found + [fault for fault in [invalid(ours_text)] if fault]
    if not invalid(expected_text):
        found += [fault for fault in [invalid(ours_text)] if fault]
    failed = outcome["status"] != "succeed"
    ours = normal(nbformat.reads(ours_text, as_version=4), failed)
    expected = normal(nbformat.reads(expected_text, as_version=4), failed)
    cut(expected, ours, outcome)
    return found + list(difflib.unified_diff(lines(expected), lines(ours), "nbclient", "nbhook", "", n=6))


def main(words: list[str]) -> int:
    notebooks = {word: Path(word).read_text(encoding="utf-8") if word.endswith(".ipynb")
                 else json.dumps(corpus.NOTEBOOKS[word]) for word in words or corpus.NOTEBOOKS}
    player = Player(notebooks)
    wrong = 0
    try:
        for name in notebooks:
            try:
                found = differences(player, name)
            except Exception as error:  # pylint: disable=broad-except
                found = [f"{type(error).__name__}: {error}"]
            wrong += bool(found)
            gave_up = player.expected_path(name).with_suffix(".gave-up")
            note = f" (nbclient gave up: {gave_up.read_text().splitlines()[-1][:90]})" if gave_up.exists() else ""
            print(f"{'not ok' if found else 'ok'} {name}{note}", *found[:60], sep="\n    ", flush=True)
    finally:
        player.close()
    print(f"{len(notebooks) - wrong} of {len(notebooks)} notebooks are played alike")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
