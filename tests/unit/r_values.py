"""What values of JSON are in R, and how values.R tells of them."""

from __future__ import annotations

import json
import math
from typing import Any

BIG = 2 ** 31


class _Integer(str):
    """An integer of JSON as its digits: any number of them."""


def parse(text: str) -> Any:
    """JSON whose integers are kept as text."""
    return json.loads(text, parse_int=_Integer)


def _number(value: float) -> list[Any]:
    return ["double", value.hex() if math.isfinite(value) else "Inf" if value > 0 else "-Inf"]


def _integer(digits: str) -> list[Any]:
    if len(digits) < 12 and abs(int(digits)) < BIG:
        return ["integer", int(digits)]
    number = float(digits)
    exact = math.isfinite(number) and "%.0f" % number == digits
    return _number(number) if exact else ["text", [ord(digit) for digit in digits]]


def expected(value: Any) -> list[Any]:
    """What values.R has to tell of a parsed value."""
    if value is None:
        return ["null"]
    if isinstance(value, bool):
        return ["true" if value else "false"]
    if isinstance(value, _Integer):
        return _integer(value)
    if isinstance(value, str):
        return ["text", [ord(character) for character in value]]
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, list):
        return ["list", [expected(each) for each in value]]
    return ["named", [expected(name) for name in value], [expected(each) for each in value.values()]]


def told(text: str) -> Any:
    """What values.R told, with its numbers in Python's spelling."""
    return _spell(json.loads(text))


def _spell(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    if value[:1] == ["double"]:
        return _number(float.fromhex(value[1]))
    if value[:1] == ["text"]:
        return value
    return [_spell(each) for each in value]
