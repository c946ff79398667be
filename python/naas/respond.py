"""What a notebook answers to its caller.

A response is an output of the notebook whose metadata, for its MIME type, has a true "naas_api";
the server takes the first one. On the author's desk a line above says what was set.
"""

from __future__ import annotations

import base64
import csv
import html
import inspect
import io
import json
import os
from datetime import date, time
from decimal import Decimal
from typing import Any, Dict, Iterable, Mapping, Optional, Sequence, Tuple, Union

from . import show
from .environment import is_production

SHOWN_ROWS = 20
SHOWN_CHARACTERS = 20000

# What images begin with: type, offset, bytes.
IMAGE_TYPES: Tuple[Tuple[str, int, bytes], ...] = (
    ("image/png", 0, b"\x89PNG\r\n\x1a\n"),
    ("image/jpeg", 0, b"\xff\xd8\xff"),
    ("image/gif", 0, b"GIF8"),
    ("image/webp", 8, b"WEBP"),
    ("image/avif", 4, b"ftypavif"),
    ("image/bmp", 0, b"BM"),
    ("image/tiff", 0, b"II*\0"),
    ("image/tiff", 0, b"MM\0*"),
    ("image/x-icon", 0, b"\0\0\1\0"),
)


def _respond(kind: str, mime_type: str, value: Any, preview: str,
             further: Optional[Dict[str, str]] = None, **mark: Any) -> None:
    """Display a value as the response. preview is its text/plain, for who cannot show the type;
    further holds other forms for those who can."""
    if not is_production():
        show.heading(f"Response set as {kind}:")
    show.display({"text/plain": preview, **(further or {}), mime_type: value},
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


def _bytes_of(data: Any) -> bytes:
    """The bytes of something that holds bytes, of an open file or of the file of that name."""
    if isinstance(data, (bytes, bytearray, memoryview)):
        return bytes(data)
    if callable(getattr(data, "read", None)):
        content = data.read()
        return content.encode("utf-8") if isinstance(content, str) else bytes(content)
    if isinstance(data, str) and data.startswith(("http://", "https://")):
        raise ValueError("an image is bytes or a file; fetch the URL first, as in "
                         "respond_image(requests.get(url).content)")
    if isinstance(data, (str, os.PathLike)):
        with open(data, "rb") as file:
            return file.read()
    for method in ("_repr_png_", "_repr_jpeg_"):
        drawn = getattr(data, method, lambda: None)()
        if drawn is not None:
            return drawn if isinstance(drawn, bytes) else base64.b64decode(drawn)
    raise TypeError(f"an image is bytes, an open file or the name of a file, "
                    f"not a {type(data).__name__}")


def _image_type(data: bytes) -> str:
    """The type that front ends show an image by; the server looks at the content itself."""
    for mime_type, offset, magic in IMAGE_TYPES:
        if data[offset:offset + len(magic)] == magic:
            return mime_type
    return "image/svg+xml" if b"<svg" in data[:1000] else "image/x-unknown"


def image_response(data: Any = None, filename: Any = None) -> None:
    """Respond with an image; see webhook.respond_image."""
    content = _bytes_of(filename if data is None else data)
    if not content:
        raise ValueError("the image is empty")
    mime_type = _image_type(content)
    if mime_type == "image/svg+xml":
        svg_response(content)
        return
    _respond("image", mime_type, base64.b64encode(content).decode("ascii"),
             f"<image of {len(content)} bytes>")


def svg_response(data: Any) -> None:
    """Respond with an SVG; see webhook.respond_svg."""
    if callable(getattr(data, "_repr_svg_", None)):
        data = data._repr_svg_()
    if isinstance(data, os.PathLike) or (isinstance(data, str) and "<" not in data):
        with open(data, "rb") as file:
            data = file.read()
    if isinstance(data, (bytes, bytearray)):
        data = data.decode("utf-8-sig")
    if not isinstance(data, str):
        raise TypeError(f"SVG is a text or the name of a file, not a {type(data).__name__}")
    _respond("SVG", "image/svg+xml", _check_text(data), f"<SVG of {len(data)} characters>")


def markdown_response(data: Any) -> None:
    """Respond with Markdown; see webhook.respond_markdown."""
    if not isinstance(data, str) and callable(getattr(data, "_repr_markdown_", None)):
        data = data._repr_markdown_()
    if not isinstance(data, str):
        raise TypeError(f"Markdown is a text, not a {type(data).__name__}")
    _respond("Markdown", "text/markdown", _check_text(data), show.shorten(data),
             naas_type="markdown")


def _rows_text(rows: Iterable[Any]) -> str:
    """Rows as RFC 4180 has them: dicts below a header of all their keys, or lists as they are."""
    rows = list(rows)
    text = io.StringIO(newline="")
    if rows and all(isinstance(row, Mapping) for row in rows):
        keys = list(dict.fromkeys(key for row in rows for key in row))
        rows = [keys, *([row.get(key) for key in keys] for row in rows)]
    elif not all(isinstance(row, Sequence) and not isinstance(row, (str, bytes)) for row in rows):
        raise TypeError("CSV is a text, a DataFrame, or rows that are all dicts or all lists")
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _frame_text(frame: Any) -> str:
    """A DataFrame below its header; with its index, unless that only counts the rows."""
    index = frame.index
    counts = type(index).__name__ == "RangeIndex" and index.name is None
    known = inspect.signature(frame.to_csv).parameters
    ending = "lineterminator" if "lineterminator" in known else "line_terminator"  # before 1.5
    return frame.to_csv(None, index=not counts, **{ending: "\r\n"})


def _csv_preview(text: str) -> str:
    """The first rows as an HTML table, for front ends, which do not show text/csv."""
    lines = text.lstrip("\r\n").splitlines(keepends=True)[:SHOWN_ROWS]
    cells = ("".join(f"<td>{html.escape(cell)}</td>" for cell in row)
             for row in csv.reader(lines))
    return "<table>" + "".join(f"<tr>{row}</tr>" for row in cells) + "</table>"


def csv_response(data: Any) -> None:
    """Respond with CSV; see webhook.respond_csv."""
    if callable(getattr(data, "to_csv", None)):
        data = _frame_text(data)
    elif not isinstance(data, str):
        if isinstance(data, (bytes, Mapping)) or not isinstance(data, Iterable):
            raise TypeError(f"CSV is a text, a DataFrame or rows, not a {type(data).__name__}")
        data = _rows_text(data)
    _respond("CSV", "text/csv", _check_text(data), show.shorten(data),
             {"text/html": _csv_preview(data[:SHOWN_CHARACTERS])}, naas_type="csv")


def file_response(path: Any) -> None:
    """Respond with a file; see webhook.respond_file."""
    full_path = os.path.abspath(os.fspath(path))
    known = "" if is_production() or os.path.isfile(full_path) else " (there is no such file yet)"
    _respond("file", "application/json", {"path": _check_text(full_path)}, f"{path}{known}",
             naas_type="file")


def notebook_response() -> None:
    """Respond with the notebook; see webhook.respond_notebook."""
    text = "This notebook itself, with its outputs, is the response."
    _respond("notebook", "text/markdown", text, text, naas_type="notebook")
