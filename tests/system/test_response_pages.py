"""Pages that a notebook made: that they cannot act as the site that serves them, and what stands in the place
of one that could not be made."""

from __future__ import annotations

import base64
import json
import os
import re
import time
from typing import Any, Iterator

import pytest

import running
from notebooks import notebook
from running import RunningSite

NOTEBOOK_TYPE = "application/x-ipynb+json"
RESPONDS = ["import naas\nprint('said' + ' once')", "naas.webhook.respond_notebook()"]

# A Python that plays notebooks, and makes pages in another way.
PYTHON = """#!/bin/sh
case "$1" in
-I) %s ;;
*) exec /usr/bin/python3 "$@" ;;
esac
"""

# How nbconvert fails, what the page says then, and settings that lead to it.
FAILURES: list[tuple[str, str, dict[str, str]]] = [
    ("exec /usr/bin/python3 -S \"$@\"", "nbconvert is not installed on this server", {}),
    ("exec sleep 60", "nbconvert took longer than 1 s (the setting page_timeout)", {"page_timeout": "1"}),
    ("kill -9 $$", "nbconvert failed", {}),
    ("exec /usr/bin/python3 -c 'raise SystemExit(1)'", "nbconvert failed", {}),
    ("exec /usr/bin/python3 \"$@\"", "larger than 65536 bytes (the setting max_response)",
     {"max_response": "64K"}),
    ("exec /usr/bin/python3 -c 'x = bytearray(300 << 20)'", "nbconvert failed", {"page_memory": "128M"}),
]


@pytest.mark.parametrize("way, sentence, settings", FAILURES)
def test_a_page_that_cannot_be_made_offers_the_notebook(open_folder: str, way: str, sentence: str,
                                                        settings: dict[str, str]) -> None:
    python = os.path.join(open_folder, "python3")
    with open(python, "w", encoding="utf-8") as file:
        file.write(PYTHON % way)
    os.chmod(python, 0o755)
    with running.running_site({"kernels": {"python": python}, "http": settings}) as site:
        hook = site.add(notebook(RESPONDS), {"inline": True})
        page = site.get(hook)
        assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert sentence in page.text and open_folder not in page.text
        offered = re.search(r'download="notebook.ipynb" href="data:application/x-ipynb\+json;base64,(.*?)"',
                            page.text)
        assert offered is not None
        itself = site.request("GET", site.layout.url + page.headers["Content-Location"],
                              headers={"Accept": NOTEBOOK_TYPE})
        assert itself.headers["Content-Type"] == NOTEBOOK_TYPE
        assert base64.b64decode(offered.group(1)) == itself.content
        assert b"said once" in itself.content


def test_a_hostile_notebook_is_a_page(site: RunningSite) -> None:
    """Markup, templates and output of a megabyte are shown as what they are."""
    hook = site.add(notebook([
        "import naas\nfrom IPython.display import display, Latex, Markdown, HTML\n"
        "display(Markdown('# ' + '[' * 3000 + '{{ 7 * 7 }}'), Latex('$$' + '{' * 3000), HTML('</body></html>'))",
        "print('\\x1b[31mred\\x1b[0m </script><script>'); print('x' * 1_000_000)",
        "naas.webhook.respond_notebook()"]))
    page = site.get(hook)
    assert page.status_code == 200, page.text
    assert "jp-Notebook" in page.text and "could not be made" not in page.text
    assert "{{ 7 * 7 }}" in page.text


# What a page's script may try; each gives what it got or the name of the error.
TRIES = """
(async () => {
    const tries = {
        cookie: () => document.cookie,
        write_cookie: () => { document.cookie = 'mine=1'; return document.cookie; },
        local: () => localStorage.getItem('secret'),
        session: () => sessionStorage.getItem('secret'),
        database: () => indexedDB.open('secret').constructor.name,
        api: async () => (await fetch('/api/v1/webhooks')).status,
        env: async () => (await fetch('/env')).text(),
        jobs: async () => (await fetch('/job', { credentials: 'include' })).status,
        front: async () => (await fetch('/')).text(),
        worker: async () => (await navigator.serviceWorker.register('/x.js')).scope,
    };
    const said = {};
    for (const [name, attempt] of Object.entries(tries))
        try { said[name] = String(await attempt()); } catch (error) { said[name] = 'error'; }
    said.origin = String(self.origin);
    document.documentElement.setAttribute('data-said', JSON.stringify(said));
})();
"""
PAGES = {
    "html": f"naas.webhook.respond_html('<h1>mine</h1><script>' + {TRIES!r} + '</script>')",
    "svg": "naas.webhook.respond_svg('<svg xmlns=\"http://www.w3.org/2000/svg\"><script><![CDATA[' + "
           f"{TRIES!r} + ']]></script></svg>')",
    "file": f"open('x.html', 'w').write('<html><script>' + {TRIES!r} + '</script></html>')\n"
            "naas.webhook.respond_file('x.html')",
    "notebook": "from IPython.display import HTML, display\n"
                f"display(HTML('<script>' + {TRIES!r} + '</script>'))\nnaas.webhook.respond_notebook()",
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    pytest.importorskip("selenium", reason="Debian's python3-selenium and chromium-driver are missing")
    from browser import chromium

    with chromium() as made:
        yield made


def what_it_said(browser: Any) -> dict[str, str]:
    deadline = time.monotonic() + 30
    while True:
        said = browser.execute_script("return document.documentElement.getAttribute('data-said')")
        if said:
            return json.loads(said)
        assert time.monotonic() < deadline, browser.page_source[:2000]
        time.sleep(0.1)


def log_in(site: RunningSite, browser: Any) -> None:
    """Leaves what a page could steal in the browser."""
    browser.get(site.layout.url + "/")
    browser.execute_script("document.cookie = 'mine=; Max-Age=0'; document.cookie = 'session=secret';"
                           "localStorage.setItem('secret', 'secret');"
                           "sessionStorage.setItem('secret', 'secret');")


def test_the_site_itself_has_all_that(site: RunningSite, browser: Any) -> None:
    """Else the next test could not fail."""
    log_in(site, browser)
    browser.execute_script(TRIES)
    said = what_it_said(browser)
    assert said["cookie"] == "session=secret"
    assert (said["local"], said["session"]) == ("secret", "secret")
    assert (said["api"], said["jobs"]) == ("401", "401")
    assert "healthy" in said["env"]


@pytest.mark.parametrize("kind", PAGES)
def test_a_page_gets_nothing_of_the_site(site: RunningSite, browser: Any, kind: str) -> None:
    hook = site.add(notebook([f"import naas\n{PAGES[kind]}"]), {"inline": True})
    log_in(site, browser)
    browser.get(hook.url)
    said = what_it_said(browser)
    assert said.pop("origin") == "null"
    assert set(said.values()) == {"error"}, said
    browser.get(site.layout.url + "/")
    assert browser.execute_script("return document.cookie") == "session=secret"
