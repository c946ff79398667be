"""Every notebook of the corpus is played alike by nbclient and by nbhook exec. tests/oracle/compare.py, which is
also a program, says what may differ; tests/oracle/corpus.py has the notebooks."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Iterator

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "oracle"))

import compare  # noqa: E402
import corpus  # noqa: E402


@pytest.fixture(scope="module")
def player(request: pytest.FixtureRequest) -> Iterator[compare.Player]:
    """nbclient plays only the notebooks of the tests that were chosen."""
    chosen = [item.callspec.params["name"] for item in request.session.items
              if getattr(item, "callspec", None) and item.path == request.path]
    made = compare.Player({name: json.dumps(corpus.NOTEBOOKS[name]) for name in chosen})
    yield made
    made.close()


@pytest.mark.parametrize("name", corpus.NOTEBOOKS)
def test_it_is_played_alike(player: compare.Player, name: str) -> None:
    found = compare.differences(player, name)
    assert not found, "\n".join(found)
