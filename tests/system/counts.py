"""How often: some in the tests of every day, many in `make soak`.

A test that has two counts is marked @soak, and asks times(50, 1000) for the one of now.
"""

from __future__ import annotations

import os

import pytest

soak = pytest.mark.soak


def is_soak() -> bool:
    return "NBHOOK_SOAK" in os.environ


def times(everyday: int, in_soak: int) -> int:
    return in_soak if is_soak() else everyday
