"""Notebooks from a few words."""

from __future__ import annotations

import uuid
from typing import Any, Optional, Sequence, Union

Cell = Union[str, dict[str, Any]]


def cell(source: str, tags: Sequence[str] = (), kind: str = "code") -> dict[str, Any]:
    made: dict[str, Any] = {"id": uuid.uuid4().hex[:8], "cell_type": kind, "source": source,
                            "metadata": {"tags": list(tags)} if tags else {}}
    if kind == "code":
        made.update(execution_count=None, outputs=[])
    return made


def notebook(cells: Sequence[Cell], kernel: Optional[str] = "python3",
             language: str = "python") -> dict[str, Any]:
    """A notebook (nbformat 4.5) of code cells, or of what cell() made. `kernel=None`: none named."""
    metadata: dict[str, Any] = {"language_info": {"name": language}}
    if kernel is not None:
        metadata["kernelspec"] = {"name": kernel, "display_name": kernel, "language": language}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata,
            "cells": [cell(each) if isinstance(each, str) else each for each in cells]}
