"""What people see in a browser: the page that follows a run, and errors."""

from __future__ import annotations

import time
from typing import Any, Callable, Iterator

import pytest

pytest.importorskip("selenium", reason="Debian's python3-selenium and chromium-driver are missing")

from selenium.common.exceptions import (  # noqa: E402
    NoSuchElementException, StaleElementReferenceException)

import running  # noqa: E402
from browser import chromium  # noqa: E402
from notebooks import notebook  # noqa: E402
from running import Hook, RunningSite  # noqa: E402

STEPS = ["import time, naas", *["time.sleep(0.8)"] * 7]
LATE = [*STEPS, "naas.webhook.respond_html('<title>Late</title><h1>The response</h1>')"]
IMAGE = """
import struct, zlib
def chunk(kind, data):
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
rows = b''.join(b'\\0' + bytes(part for x in range(240) for part in (x, 2 * y, 160)) for y in range(120))
naas.webhook.respond_image(b'\\x89PNG\\r\\n\\x1a\\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', 240, 120, 8, 2, 0, 0, 0))
                           + chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b''))
"""
WANTS_HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture(scope="module")
def short() -> Iterator[RunningSite]:
    with running.running_site({"http": {"response_limit": "1.5"}}) as made:
        yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as made:
        yield made


def text_of(browser: Any) -> str:
    """What can be read; nothing between two pages."""
    try:
        return browser.find_element("tag name", "body").text
    except (NoSuchElementException, StaleElementReferenceException):
        return ""


def wait_for(browser: Any, happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < deadline, f"{browser.current_url}: {browser.page_source}"
        time.sleep(0.1)


def complaints(browser: Any) -> list[str]:
    """What Chromium wrote to its console, but for the status of the pages themselves."""
    return [entry["message"] for entry in browser.get_log("browser")
            if "the server responded with a status of" not in entry["message"]]


def test_the_page_shows_progress_and_turns_into_the_response(short: RunningSite, browser: Any) -> None:
    hook = short.add(notebook(LATE), {"inline": True})
    browser.get(hook.url)
    assert browser.find_element("tag name", "h1").text == "The notebook is running"
    seen = set()

    def arrived() -> bool:
        seen.update(browser.execute_script(
            "const bar = document.getElementById('progress');"
            "return bar && bar.hasAttribute('value') ? [`${bar.value}/${bar.max}`] : [];"))
        return browser.title == "Late"
    wait_for(browser, arrived)
    assert text_of(browser) == "The response"
    assert len(seen) >= 3 and all(each.endswith("/9") for each in seen), seen
    assert "/results/" in browser.current_url
    assert browser.execute_script("return document.referrer") == ""
    assert complaints(browser) == []


def test_the_page_turns_into_the_error(short: RunningSite, browser: Any) -> None:
    hook = short.add(notebook([*STEPS[:4], "raise ValueError('no <data>')"]))
    browser.get(hook.url)
    assert "is running" in text_of(browser)
    wait_for(browser, lambda: "ValueError" in text_of(browser))
    assert text_of(browser).split("\n")[:2] == ["The notebook failed", "ValueError: no <data>"]
    assert "/results/" in browser.current_url
    assert complaints(browser) == []


def test_the_page_turns_into_an_image(short: RunningSite, browser: Any) -> None:
    browser.get(short.add(notebook([*STEPS, IMAGE]), {"inline": True}).url)
    assert "is running" in text_of(browser)
    wait_for(browser, lambda: bool(browser.find_elements("tag name", "img")))
    size = browser.execute_script(
        "const image = document.images[0]; return [image.naturalWidth, image.naturalHeight]")
    assert size == [240, 120]
    assert "/results/" in browser.current_url
    assert complaints(browser) == []


def test_the_page_follows_a_redirect(short: RunningSite, browser: Any) -> None:
    hook = short.add(notebook(STEPS), {"next_url": f"{short.layout.url}/?done=1"})
    browser.get(hook.url)
    wait_for(browser, lambda: browser.current_url.endswith("/?done=1"))
    assert "Jupyter" in text_of(browser)


def test_a_file_is_saved_and_the_page_says_so(short: RunningSite, browser: Any) -> None:
    hook = short.add(notebook([*STEPS, "naas.webhook.respond_text('saved')"]))
    browser.get(hook.url)
    wait_for(browser, lambda: browser.title == "The notebook is done")
    assert "saved as a file" in text_of(browser)
    link = browser.find_element("tag name", "a").get_attribute("href")
    assert short.request("GET", link).text == "saved"


@pytest.mark.parametrize("cells, end", [
    (LATE, "The response"), ([*STEPS, "1/0"], "ZeroDivisionError: division by zero")])
def test_it_works_without_scripts(short: RunningSite, cells: list[str], end: str) -> None:
    hook = short.add(notebook(cells), {"inline": True})
    with chromium(scripts=False) as browser:
        browser.get(hook.url)
        assert "is running" in text_of(browser)
        wait_for(browser, lambda: end in text_of(browser))
        assert "/results/" in browser.current_url


def test_a_run_is_not_repeated_by_its_page(short: RunningSite, browser: Any) -> None:
    hook = short.add(notebook(["open('runs', 'a').write('x')", *LATE]), {"inline": True})
    browser.get(hook.url)
    wait_for(browser, lambda: browser.title == "Late")
    browser.refresh()
    assert browser.title == "Late"
    folder = short.layout.path("state", "production") + hook.path.rsplit("/", 1)[0]
    with open(f"{folder}/runs", encoding="utf-8") as file:
        assert file.read() == "x"


def test_an_error_is_a_page_for_a_browser_and_a_document_for_others(
        short: RunningSite, browser: Any) -> None:
    hook = short.add(notebook(["import naas; raise ValueError('<b>no</b>')"]), {"inline": True})
    job = short.get(hook, headers={"Prefer": "respond-async"}).json()
    document = short.wait_for_results(job["results_url"])
    assert document.headers["Content-Type"] == "application/problem+json"
    answer = short.request("GET", job["results_url"], headers=WANTS_HTML)
    assert (answer.status_code, answer.headers["Vary"]) == (500, "Accept")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "<p>ValueError: &lt;b&gt;no&lt;/b&gt;</p>" in answer.text
    unknown = short.layout.url + "/webhook/" + "0" * 60
    assert short.request("GET", unknown).json()["status"] == 404
    browser.get(unknown)
    assert text_of(browser) == "Not Found\nthere is no webhook at this URL"
    assert complaints(browser) == []


def test_results_before_there_are_any_are_a_page(short: RunningSite) -> None:
    hook = short.add(notebook(LATE))
    job = short.get(hook, headers={"Prefer": "respond-async"}).json()
    page = short.request("GET", job["results_url"], headers=WANTS_HTML)
    assert (page.status_code, page.headers["Vary"]) == (202, "Accept")
    assert int(page.headers["Retry-After"]) > 0
    assert "<progress" in page.text and hook.token not in page.text
    short.wait_for_results(job["results_url"])
