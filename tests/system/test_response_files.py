"""Files that a notebook responds with: large ones, parts of them, names, what may not be had, and copies
that later runs leave alone."""

from __future__ import annotations

import hashlib
import os
import subprocess
import urllib.parse
from typing import Any, Iterator

import pytest

import running
from notebooks import notebook
from running import Hook, RunningSite

MIB = 1024 * 1024
LARGE = 300 * MIB
# Writes LARGE bytes that are the same in each run, and different everywhere.
WRITES_LARGE = f"""
import hashlib, naas
with open("large.bin", "wb") as file:
    for block in range({LARGE // MIB}):
        file.write((hashlib.sha256(str(block).encode()).digest() + bytes(32)) * {MIB // 64})
naas.webhook.respond_file("large.bin")
"""


def large_block(number: int) -> bytes:
    return (hashlib.sha256(str(number).encode()).digest() + bytes(32)) * (MIB // 64)


@pytest.fixture(scope="module")
def large(site: RunningSite) -> Iterator[str]:
    """The URL of the results of a run that responded with a large file."""
    hook = site.add(notebook([WRITES_LARGE]))
    with site.get(hook, stream=True) as call:
        assert call.status_code == 200
        assert int(call.headers["Content-Length"]) == LARGE
        assert call.headers["Content-Type"] == "application/octet-stream"
        call.raw.read(1000)  # and goes away
    yield site.layout.url + call.headers["Content-Location"]


def curl(site: RunningSite, *words: str) -> subprocess.CompletedProcess:
    return subprocess.run(["/usr/bin/curl", "--noproxy", "*", "-sS", "-f", *words], text=True,
                          capture_output=True, timeout=120)


def test_parts_of_a_large_file(site: RunningSite, large: str) -> None:
    for first, last in ((0, 0), (5 * MIB - 10, 5 * MIB + 9), (LARGE - 7, LARGE - 1)):
        part = site.request("GET", large, headers={"Range": f"bytes={first}-{last}"})
        assert part.status_code == 206
        assert part.headers["Content-Range"] == f"bytes {first}-{last}/{LARGE}"
        start = first // MIB
        near = large_block(start) + large_block(start + 1)
        assert part.content == near[first - start * MIB:last + 1 - start * MIB]
        assert part.headers["X-Content-Type-Options"] == "nosniff"
        assert part.headers["Content-Disposition"].startswith('attachment; filename="large.bin"')
    beyond = site.request("GET", large, headers={"Range": f"bytes={LARGE}-"})
    assert (beyond.status_code, beyond.headers["Content-Range"]) == (416, f"bytes */{LARGE}")
    assert beyond.json()["status"] == 416


def test_a_download_that_broke_off_is_resumed(site: RunningSite, large: str, tmp_path: Any) -> None:
    target = str(tmp_path / "got")
    broken = subprocess.Popen(["/usr/bin/curl", "--noproxy", "*", "-sS", "--limit-rate", "40M", "-o", target, large])
    running.RunningSite.wait_until(
        lambda: os.path.exists(target) and os.path.getsize(target) > 10 * MIB, "some of the file")
    broken.kill()
    broken.wait()
    had = os.path.getsize(target)
    assert 0 < had < LARGE
    done = curl(site, "-C", "-", "-o", target, "-w", "%{http_code} %{size_download}", large)
    assert done.stdout == f"206 {LARGE - had}", done.stderr
    with open(target, "rb") as file:
        for block in range(LARGE // MIB):
            assert file.read(MIB) == large_block(block)
        assert file.read() == b""


def test_conditions_are_kept(site: RunningSite, large: str) -> None:
    head = site.request("HEAD", large)
    assert head.status_code == 200 and int(head.headers["Content-Length"]) == LARGE
    tag, date = head.headers["ETag"], head.headers["Last-Modified"]
    later = "Fri, 31 Dec 2100 00:00:00 GMT"
    for headers, status in (({"If-None-Match": tag}, 304), ({"If-Modified-Since": date}, 304),
                            ({"If-Modified-Since": later}, 304), ({"If-Match": '"other"'}, 412),
                            ({"If-Match": f"W/{tag}"}, 412)):
        answer = site.request("GET", large, headers=headers)
        assert answer.status_code == status, headers
        assert status == 304 or answer.json()["status"] == status
    for same, status in ((tag, 206), ('"other"', 200)):
        with site.request("GET", large, stream=True,
                          headers={"Range": "bytes=0-9", "If-Range": same}) as answer:
            assert answer.status_code == status


def test_a_call_takes_no_range(site: RunningSite) -> None:
    """It is another run: curl -C - on it would make one file of two."""
    hook = site.add(notebook(["import naas; naas.webhook.respond_text('0123456789')"]))
    for header in ({"Range": "bytes=2-3"}, {"If-None-Match": "*"}, {"If-Match": '"x"'}):
        answer = site.get(hook, headers=header)
        assert (answer.status_code, answer.text) == (200, "0123456789")


RESPONDS = "import naas; naas.webhook.respond_file(name)"
NAMES = ["plain.txt", "with space.txt", 'say "hi".txt', "back\\slash.txt", "Отчёт за март.csv", "世界 😀.json",
         "per%20cent.txt", "semi;colon.txt", "'apostrophe'.txt", "line\nbreak.txt", "no-extension", ".hidden"]


@pytest.fixture(scope="module")
def writes_and_responds(site: RunningSite) -> Iterator[Hook]:
    yield site.add(notebook(["open(name, 'w').write(name)\n" + RESPONDS]))


@pytest.mark.parametrize("name", NAMES)
def test_a_name(site: RunningSite, writes_and_responds: Hook, name: str) -> None:
    answer = site.get(writes_and_responds, params={"name": name})
    assert answer.status_code == 200, answer.text
    assert answer.content.decode() == name
    disposition = answer.headers["Content-Disposition"]
    plain, encoded = disposition.split("; filename*=UTF-8''")
    assert urllib.parse.unquote(encoded) == name
    assert plain.startswith('attachment; filename="') and plain.count('"') == 2 and plain.isascii()


WRONG = [
    ("gone.csv", "which is not there"), ("/etc/passwd", "outside its folder"),
    ("../../other/secret.txt", "outside its folder"), ("folder", "no regular file"),
    ("link.txt", "by a link"), ("/proc/self/environ", "outside its folder"),
    ("linked/passwd", "by a link"), ("pipe", "no regular file"),
]


@pytest.mark.parametrize("name, sentence", WRONG)
def test_what_may_not_be_had(site: RunningSite, name: str, sentence: str) -> None:
    hook = site.add(notebook([
        "import os, naas\nos.symlink('/etc/passwd', 'link.txt'); os.symlink('/etc', 'linked')\n"
        "os.mkfifo('pipe'); os.mkdir('folder')",
        RESPONDS]))
    answer = site.get(hook, params={"name": name})
    problem = answer.json()
    assert (answer.status_code, problem["reason"]) == (500, "bad_response")
    assert sentence in problem["error"]
    for part in (site.layout.folder, "/home/author", "root:"):
        assert part not in answer.text


def test_configured_folders_and_ceilings(open_folder: str) -> None:
    for name in ("shared", "closed"):
        os.mkdir(f"{open_folder}/{name}", 0o755)
        with open(f"{open_folder}/{name}/x.txt", "w", encoding="utf-8") as file:
            file.write(name)
    settings = {"http": {"response_folders": f"{open_folder}/shared", "max_response_file": "2K",
                         "max_response": "1K"}}
    with running.running_site(settings) as site:
        hook = site.add(notebook([RESPONDS]))
        assert site.get(hook, params={"name": f"{open_folder}/shared/x.txt"}).text == "shared"
        refused = site.get(hook, params={"name": f"{open_folder}/closed/x.txt"})
        assert (refused.status_code, refused.json()["reason"]) == (500, "bad_response")
        hook = site.add(notebook(["open('x', 'w').write('x' * int(size))",
                                  "import naas; naas.webhook.respond_file('x')"]))
        assert len(site.get(hook, params={"size": "2048"}).content) == 2048
        assert "max_response_file" in site.get(hook, params={"size": "2049"}).json()["error"]


def test_results_stay_when_the_next_run_writes_the_file_anew(site: RunningSite) -> None:
    hook = site.add(notebook(["open('same.txt', 'w').write(text)",
                              "import naas; naas.webhook.respond_file('same.txt')"]))
    first = site.get(hook, params={"text": "the first"})
    results = site.layout.url + first.headers["Content-Location"]
    second = site.get(hook, params={"text": "the second, which is longer"})
    again = site.request("GET", results)
    assert (first.text, second.text) == ("the first", "the second, which is longer")
    assert again.text == "the first" and again.headers["ETag"] == first.headers["ETag"]
    assert site.request("GET", results, headers={"If-None-Match": first.headers["ETag"]}).status_code == 304


def test_a_file_of_the_job(site: RunningSite) -> None:
    """What is in its job's files/ may be a run's response, too."""
    hook = site.add(notebook([
        "import os, time, naas\nwhile not os.path.exists('go'):\n    time.sleep(0.05)",
        "naas.webhook.respond_file(open('go', encoding='utf-8').read())"]))
    job = site.begin(hook)
    path = os.path.join(site.execution(job), "files", "uploaded.txt")
    folder = site.layout.path("state", "production") + os.path.dirname(hook.path)
    for name, content in ((path, "uploaded"), (f"{folder}/.go", path)):
        with open(name, "w", encoding="utf-8") as file:
            file.write(content)
        os.chmod(name, 0o644)
    os.rename(f"{folder}/.go", f"{folder}/go")
    answer = site.wait_for_results(f"/webhook/{hook.token}/results/{job}")
    assert (answer.status_code, answer.text) == (200, "uploaded")
