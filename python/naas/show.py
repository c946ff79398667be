"""Showing things in a notebook, or as plain text where there is none."""

from __future__ import annotations

import html
from typing import Any, Dict, List, Optional

SHOWN_CHARACTERS = 2000

COPY_SCRIPT = (
    "const box=document.createElement('textarea');box.value=this.dataset.text;"
    "document.body.appendChild(box);box.select();document.execCommand('copy');box.remove();"
    "this.textContent='Copied'")


def shorten(text: str) -> str:
    """At most SHOWN_CHARACTERS of a text."""
    if len(text) <= SHOWN_CHARACTERS:
        return text
    return f"{text[:SHOWN_CHARACTERS]}… ({len(text)} characters)"


def display(data: Dict[str, Any], metadata: Optional[Dict[str, Any]] = None) -> None:
    """Display a bundle of MIME types, in IPython; elsewhere print its text/plain."""
    try:
        from IPython import get_ipython
        from IPython.display import display as ipython_display
    except ImportError:
        print(data["text/plain"])
        return
    if get_ipython() is None:
        print(data["text/plain"])
        return
    ipython_display(data, raw=True, metadata=metadata or {})


def heading(text: str) -> None:
    """Display one line."""
    display({"text/markdown": text, "text/plain": text})


def copy_button(url: str) -> str:
    """A button, as HTML, that copies a URL."""
    text, script = html.escape(url), html.escape(COPY_SCRIPT)
    return (f'<button type="button" class="jupyter-button mod-primary" data-text="{text}" '
            f'onclick="{script}">Copy URL</button>')


def link(url: str) -> None:
    """Display a URL as a link with a copy button."""
    shown = html.escape(url)
    display({"text/html": f'<a href="{shown}" target="_blank" rel="noopener">{shown}</a> '
                          f'{copy_button(url)}',
             "text/plain": url})


def table(rows: List[Dict[str, str]], columns: List[str]) -> Any:
    """Rows as a pandas DataFrame that shows a copy button for each url; the rows without pandas."""
    try:
        import pandas
    except ImportError:
        return rows

    class Table(pandas.DataFrame):
        """A DataFrame as any other; only its HTML has buttons."""

        def _repr_html_(self) -> str:
            formatters = {"path": html.escape, "url": copy_button}
            return self.to_html(escape=False, formatters=formatters)

    return Table(rows, columns=columns)
