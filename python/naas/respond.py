"""What a notebook answers to its caller.

A response is an output of the notebook whose metadata, for its MIME type, has a true "naas_api";
the server takes the first one. On the author's desk a line above says what was set.
"""

from __future__ import annotations

import json
from datetime import date, time
from decimal import Decimal
from typing import Any, Union

from . import show
from .environment import is_production


def _respond(kind: str, mime_type: str, value: Any, preview: str, **mark: Any) -> None:
    """Display a value as the response. preview is its text/plain, for who cannot show the type."""
    if not is_production():
        show.heading(f"Response set as {kind}:")
    show.display({"text/plain": preview, mime_type: value},
                 {mime_type: {"naas_api": True, **mark}})


def _check_text(text: str) -> str:
    """The text. Raises ValueError if it cannot be sent as UTF-8 (half a surrogate pair in it)."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(f"not Unicode text: {error.reason} at character {error.start}") from None
    return text


def _decimal_number(value: Decimal) -> Union[int, float]:
    """The number that JSON writes with the digits of a Decimal."""
    if value.is_finite() and value == value.to_integral_value():
        return int(value)
    if value.is_finite() and Decimal(repr(float(value))) == value:
        return float(value)
    raise TypeError(f"the Decimal {value} has no JSON form without a loss; pass a float or a text")


def to_json_type(value: Any) -> Any:
    """A value of a JSON type for one that json cannot write; it is json's `default`.

    NumPy's numbers and arrays become numbers and lists, dates and times ISO 8601 texts, Decimals
    numbers. Raises TypeError for what has no JSON form.
    """
    name = f"{type(value).__module__}.{type(value).__qualname__}"
    if isinstance(value, Decimal):
        return _decimal_number(value)
    if isinstance(value, (date, time)) and not name.endswith(".NaTType"):
        return value.isoformat()
    # Only kinds that Python has as well: for times and long doubles, tolist() does not help.
    dtype = getattr(value, "dtype", None)
    if name.startswith("numpy.") and dtype and dtype.kind in "biufUO" and dtype.char != "g":
        return value.tolist()
    raise TypeError(f"a {name} has no JSON form; turn it into dicts, lists, texts and numbers")


def _plain_json(data: Any) -> Any:
    """data as nothing but JSON types, numbers unchanged. A text of an object or array is read.

    Raises ValueError for NaN and infinities, which JSON does not have.
    """
    if isinstance(data, str) and data.lstrip()[:1] in ("{", "["):
        try:
            data = json.loads(data)
        except ValueError:
            pass
    try:
        text = json.dumps(data, default=to_json_type, allow_nan=False, ensure_ascii=False)
    except ValueError as error:
        if "Out of range float" in str(error):
            raise ValueError("NaN and infinity are not JSON; replace them, by None for example"
                             ) from None
        raise
    return json.loads(_check_text(text))


def json_response(data: Any) -> None:
    """Respond with a JSON value; see webhook.respond_json."""
    value = _plain_json(data)
    preview = json.dumps(value, indent=2, ensure_ascii=False)
    _respond("JSON", "application/json", value, show.shorten(preview))


def html_response(data: Any) -> None:
    """Respond with HTML; see webhook.respond_html."""
    # A table's _repr_html_ leaves out rows that its to_html has.
    for method in ("to_html", "_repr_html_"):
        if not isinstance(data, str) and callable(getattr(data, method, None)):
            data = getattr(data, method)()
    if not isinstance(data, str):
        raise TypeError(f"HTML is a text or an object that shows itself as HTML, "
                        f"not a {type(data).__name__}")
    _respond("HTML", "text/html", _check_text(data), f"<HTML of {len(data)} characters>")


def text_response(data: Any) -> None:
    """Respond with plain text; see webhook.respond_text."""
    text = _check_text(data if isinstance(data, str) else str(data))
    _respond("text", "text/plain", text, text, naas_type="text")
