"""The module naas against a running nbhook, as an author uses it at the desk."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
from typing import Any, Iterator

import pytest

import running
from author import Author, saying
from notebooks import cell, notebook
from running import RunningSite

COLOUR = re.compile("\x1b\\[[0-9;]*m")


@pytest.fixture(scope="module")
def author(site: RunningSite) -> Iterator[Author]:
    with running.open_folder() as folder:
        yield Author(site, folder)


# From the author's desk.


def test_add_publishes_and_returns_the_url(author: Author) -> None:
    author.write("hello.ipynb", saying("hello"))
    said = author.asks("naas.webhook.add('hello.ipynb')")
    assert re.fullmatch(re.escape(author.site.layout.url) + "/webhook/[0-9a-f]{60}", said.value)
    assert "hello.ipynb is published." in said.printed
    assert said.printed.splitlines()[-1] == said.value
    assert author.site.key not in said.printed
    answer = author.get(said.value)
    assert (answer.status_code, answer.text) == (200, "hello")


def test_add_again_keeps_the_url_and_plays_the_new_version(author: Author) -> None:
    author.write("again.ipynb", saying("one"))
    url = author.adds("again.ipynb")
    assert author.get(url).text == "one"
    author.write("again.ipynb", saying("two"))
    assert author.get(url).text == "one"
    said = author.asks("naas.webhook.add('again.ipynb')")
    assert said.value == url
    assert "published again" in said.printed
    assert author.get(url).text == "two"


def test_find_gives_the_url_or_none(author: Author) -> None:
    path = author.write("found.ipynb", saying("here"))
    assert author.asks("naas.webhook.find('found.ipynb')").value is None
    url = author.adds("found.ipynb")
    os.remove(path)
    assert author.asks("naas.webhook.find('found.ipynb')").value == url
    assert author.asks(f"naas.webhook.find({path!r})").value == url


def test_currents_raw_tells_all_of_a_webhook(author: Author) -> None:
    path = author.write("listed.ipynb", notebook(["1"]))
    url = author.adds("listed.ipynb", "params={'label': 'ü'}")

    def listed() -> dict[str, Any]:
        jobs = author.asks("naas.webhook.currents(raw=True)").value
        return next(job for job in jobs if job["path"] == path)

    job = listed()
    assert {"id", "type", "value", "path", "status", "params", "lastUpdate", "lastRun",
            "runs"} <= set(job)
    assert (job["type"], job["value"], job["url"]) == ("notebook", url.rsplit("/", 1)[1], url)
    assert (job["status"], job["params"]) == ("installed", {"label": "ü"})
    assert (job["lastRun"], job["runs"]) == (None, [])
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", job["lastUpdate"])
    answer = author.get(url)
    job = listed()
    assert (job["status"], len(job["runs"])) == ("healthy", 1)
    run = job["runs"][0]
    assert set(run) == {"id", "duration", "date", "status"}
    assert (run["id"], run["status"]) == (answer.json()["id"], "completed")
    assert 0 < run["duration"] < 60 and run["date"] == job["lastRun"]


def test_currents_says_when_the_last_run_failed(author: Author) -> None:
    path = author.write("failing.ipynb", notebook(["1/0"]))
    assert author.get(author.adds("failing.ipynb")).status_code == 500
    jobs = author.asks("naas.webhook.currents(raw=True)").value
    job = next(job for job in jobs if job["path"] == path)
    assert (job["status"], job["runs"][0]["status"]) == ("error", "failed")


def test_currents_is_a_table_with_copy_buttons(author: Author) -> None:
    author.write("table <b>.ipynb", notebook(["1"]))
    url = author.adds("table <b>.ipynb")
    shown = author.asks("(lambda t: [list(t.columns), t.to_dict('records'), t._repr_html_()])"
                        "(naas.webhook.currents())").value
    assert shown[0] == ["path", "url"]
    assert {"path": f"{author.folder}/table <b>.ipynb", "url": url} in shown[1]
    assert f'data-text="{url}"' in shown[2] and "table <b>" not in shown[2]


def test_other_params_are_variables_of_the_notebook(author: Author) -> None:
    author.write("params.ipynb", notebook([
        cell("label = 'default'", tags=["parameters"]),
        "import naas; naas.webhook.respond_json([label, big, nested])"]))
    url = author.adds("params.ipynb", "params={'label': 'ключ \"x\"', 'big': 10**25, "
                                      "'nested': {'a': [None, True, 1.5]}}")
    assert author.get(url).json() == ["ключ \"x\"", 10**25, {"a": [None, True, 1.5]}]
    assert author.get(url, params={"label": "given"}).json()[0] == "given"
    author.adds("params.ipynb", "params={'label': 'b', 'big': 1, 'nested': None}")
    assert author.get(url).json() == ["b", 1, None]


def test_inline_shows_and_next_url_sends_on(author: Author) -> None:
    author.write("inline.ipynb", saying("shown"))
    url = author.adds("inline.ipynb")
    assert author.get(url).headers["Content-Disposition"].startswith("attachment")
    assert author.adds("inline.ipynb", "params={'inline': True}") == url
    assert not author.get(url).headers.get("Content-Disposition", "").startswith("attachment")
    author.adds("inline.ipynb", "params={'next_url': 'https://example.org/ok'}")
    answer = author.get(url)
    assert (answer.status_code, answer.headers["Location"]) == (302, "https://example.org/ok")


def test_mail_addresses_are_taken_alone_and_as_a_list(author: Author) -> None:
    path = author.write("mails.ipynb", saying("fine"))
    params = {"notif_down": "down@example.org", "notif_up": ["a@example.org", "b@example.org"]}
    url = author.adds("mails.ipynb", f"params={params!r}")
    jobs = author.asks("naas.webhook.currents(raw=True)").value
    assert next(job for job in jobs if job["path"] == path)["params"] == params
    assert author.get(url).text == "fine"


@pytest.mark.parametrize("params, says", [
    ({"notif_down": "nobody"}, "the param notif_down must be a mail address or a list of them"),
    ({"notif_up": ["a@example.org", "b"]}, "the param notif_up must be a mail address"),
    ({"notif_up": "a@example.org\nBcc: b@example.org"}, "the param notif_up must be a mail address"),
    ({"next_url": "javascript:alert(1)"}, "the param next_url must be an absolute http or https URL"),
    ({"next_url": "/relative"}, "the param next_url must be an absolute http or https URL"),
    ({"inline": "yes"}, "the param inline must be true or false"),
])
def test_bad_params_are_refused_and_nothing_is_published(
        author: Author, params: dict[str, Any], says: str) -> None:
    author.write("refused.ipynb", saying("never"))
    said = author.asks(f"naas.webhook.add('refused.ipynb', {params!r})")
    assert (said.error, said.printed) == ("NaasError", "")
    assert said.message.startswith(f"{author.site.layout.url} refused: {says}")
    assert author.asks("naas.webhook.find('refused.ipynb')").value is None


@pytest.mark.parametrize("params, error, says", [
    ("['a']", "TypeError", "params must be a dict, not a list"),
    ("{'a': {1, 2}}", "TypeError", "params: a builtins.set has no JSON form"),
    ("{'a': float('nan')}", "ValueError", "params: Out of range float values"),
])
def test_params_that_json_lacks_never_leave_the_desk(
        author: Author, params: str, error: str, says: str) -> None:
    author.write("refused.ipynb", saying("never"))
    said = author.asks(f"naas.webhook.add('refused.ipynb', {params})")
    assert (said.error, said.message[:len(says)]) == (error, says)


def test_debug_prints_the_exchange_and_lets_tracebacks_out(author: Author) -> None:
    path = author.write("debug.ipynb", notebook(["def deep():\n    1/0\ndeep()"]))
    said = author.asks("naas.webhook.add('debug.ipynb', debug=True)")
    request, answer = said.printed.splitlines()[:2]
    assert request.startswith(f"POST {author.site.layout.url}/job {{") and path in request
    assert answer.startswith('200 {"id":')
    assert author.site.key not in said.printed
    traceback = COLOUR.sub("", "\n".join(author.get(said.value).json()["traceback"]))
    assert "ZeroDivisionError: division by zero" in traceback and "deep()" in traceback
    author.adds("debug.ipynb")
    assert "traceback" not in author.get(said.value).json()


def test_debug_prints_a_refusal(author: Author) -> None:
    author.write("debug-refused.ipynb", saying("never"))
    said = author.asks("naas.webhook.add('debug-refused.ipynb', {'inline': 1}, debug=True)")
    assert said.error == "NaasError"
    assert re.search(r"^400 .*the param inline must be true or false$", said.printed, re.MULTILINE)


def test_delete_takes_the_url_down_and_removes_what_was_kept(author: Author) -> None:
    path = author.write("deleted.ipynb", saying("was here"))
    first = author.adds("deleted.ipynb")
    author.adds("deleted.ipynb")
    answer = author.get(first)
    assert len(author.kept("versions", path)) == 2 and author.kept("production", path)
    assert author.outputs(answer)
    said = author.asks("naas.webhook.delete('deleted.ipynb')")
    assert (said.error, said.value) == (None, None)
    assert "deleted.ipynb is no longer published." in said.printed
    assert author.get(first).status_code == 404
    assert author.kept("versions", path) == author.kept("production", path) == []
    assert not author.outputs(answer)
    assert author.asks("naas.webhook.find('deleted.ipynb')").value is None
    again = author.adds("deleted.ipynb")
    assert again != first
    assert author.get(again).text == "was here"
    assert author.get(first).status_code == 404


def test_delete_keeps_versions_and_outputs_when_told_to(author: Author) -> None:
    path = author.write("half.ipynb", saying("was here"))
    answer = author.get(author.adds("half.ipynb"))
    author.asks("naas.webhook.delete('half.ipynb', all=False)")
    assert len(author.kept("versions", path)) == 1
    assert author.outputs(answer)


def test_delete_of_what_is_not_published_says_so(author: Author) -> None:
    said = author.asks("naas.webhook.delete('never-added.ipynb')")
    assert said.error == "NaasError"
    assert said.message == f"{author.site.layout.url} refused: job not found"


def test_the_old_name_api_is_the_same(author: Author) -> None:
    author.write("old.ipynb", notebook(["import naas; naas.api.respond_json({'old': 1})"]))
    url = author.asks("naas.api.add(path='old.ipynb')").value
    assert author.get(url).json() == {"old": 1}
    assert author.asks("naas.webhook.find('old.ipynb')").value == url


@pytest.mark.parametrize("name", [
    "with spaces.ipynb", "it's \"quoted\".ipynb", "отчёт за май.ipynb", "100% & ?a=b#c;+é.ipynb",
    "папка/dollar $HOME `x` {y}/\u65e5\u672c.ipynb", "back\\slash.ipynb"])
def test_any_name_of_a_file(author: Author, name: str) -> None:
    path = author.write(name, notebook(["import naas; naas.webhook.respond_text('played')"]))
    url = author.adds(name)
    answer = author.get(url)
    assert (answer.status_code, answer.text) == (200, "played")
    assert answer.headers["Content-Disposition"].startswith("attachment; filename")
    assert author.asks(f"naas.webhook.find({path!r})").value == url
    assert author.site.cli("find", path).stdout.strip() == url
    author.asks(f"naas.webhook.delete({name!r})")
    assert author.get(url).status_code == 404
    assert author.kept("versions", path) == []


# What cannot be published.


def refused(author: Author, name: str) -> str:
    """Why the server does not take a file; it leaves nothing behind."""
    said = author.asks(f"naas.webhook.add({name!r})")
    assert (said.error, said.printed) == ("NaasError", ""), said
    assert author.asks(f"naas.webhook.find({name!r})").value is None
    assert author.kept("versions", os.path.join(author.folder, name)) == []
    prefix = f"{author.site.layout.url} refused: "
    assert said.message.startswith(prefix)
    return said.message[len(prefix):]


def test_a_file_that_is_no_notebook(author: Author) -> None:
    author.write("text.ipynb", "just words")
    assert "JSON" in refused(author, "text.ipynb")
    author.write("object.ipynb", "{}")
    assert "notebook" in refused(author, "object.ipynb")
    author.write("empty.ipynb", "")
    assert "JSON" in refused(author, "empty.ipynb")


def test_a_notebook_of_another_format(author: Author) -> None:
    author.write("v2.ipynb", {"worksheets": [], "metadata": {}, "nbformat": 2, "nbformat_minor": 0})
    assert "format 2" in refused(author, "v2.ipynb")
    author.write("v9.ipynb", {**notebook(["1"]), "nbformat": 9})
    assert "format 9" in refused(author, "v9.ipynb")


def test_an_unknown_kernel(author: Author) -> None:
    author.write("cobol.ipynb", notebook(["1"], kernel="cobol", language="cobol"))
    assert "cobol" in refused(author, "cobol.ipynb")


def test_a_file_that_is_not_there(author: Author) -> None:
    said = author.asks("naas.webhook.add('gone.ipynb')")
    assert said.error == "FileNotFoundError"
    assert f"{author.folder}/gone.ipynb" in said.message
    folder = author.asks("naas.webhook.add('.')")
    assert folder.error == "IsADirectoryError"


def test_no_path_where_nobody_knows_the_notebook(author: Author) -> None:
    for call in ("add", "find", "delete"):
        said = author.asks(f"naas.webhook.{call}()")
        assert said.error == "NaasError"
        assert said.message.endswith('name it: path="my-notebook.ipynb"')


# The server and its key.


@pytest.mark.parametrize("key", ["0" * 60, "short", "f" * 200])
def test_a_wrong_key_is_told_which_command_makes_one(author: Author, key: str) -> None:
    author.write("locked.ipynb", saying("never"))
    for call in ("add('locked.ipynb')", "find('locked.ipynb')", "delete('locked.ipynb')", "currents()"):
        said = author.asks(f"naas.webhook.{call}", NAAS_TOKEN=key)
        assert said.error == "NaasError"
        assert "API key" in said.message and said.message.count("nbhook key add") == 1
        assert key not in said.message


def test_without_server_or_key_the_command_is_named(author: Author) -> None:
    without_url = author.asks("naas.webhook.currents()", NAAS_URL=None)
    assert (without_url.error, without_url.message[:19]) == ("NaasError", "no server is known:")
    without_key = author.asks("naas.webhook.currents()", NAAS_TOKEN=None)
    assert without_key.error == "NaasError"
    assert without_key.message.startswith(f"no key for {author.site.layout.url} is known:")
    for said in (without_url, without_key):
        assert "`nbhook key add NAME` makes a key" in said.message


def test_a_key_from_the_command_line_works_in_a_client_file_until_revoked(author: Author) -> None:
    key = author.site.cli("key", "add", "of-the-author").stdout.strip()
    path = os.path.join(author.home, ".config", "nbhook", "client.json")
    author.write(path, {"url": author.site.layout.url + "/", "token": key})
    nothing: dict[str, Any] = {"NAAS_URL": None, "NAAS_TOKEN": None}
    assert author.asks("naas.webhook.currents(raw=True) is not None", **nothing).value is True
    author.site.cli("key", "revoke", "of-the-author")
    said = author.asks("naas.webhook.currents(raw=True)", **nothing)
    os.remove(path)
    assert said.error == "NaasError" and "nbhook key add" in said.message


def test_an_unreachable_server(author: Author) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
        said = author.asks("naas.webhook.find('x.ipynb')", NAAS_URL=address)
    assert (said.error, said.printed) == ("NaasError", "")
    assert said.message.startswith(f"no answer from {address}: ")
    assert "refused" in said.message


def test_a_server_whose_daemon_is_down_says_so(make_site: Any, open_folder: str) -> None:
    site = make_site(http={"daemon_wait": "1"})
    author = Author(site, open_folder)
    author.write("down.ipynb", saying("never"))
    site.supervised.kill("nbhookd", signal.SIGSTOP)
    try:
        said = author.asks("naas.webhook.add('down.ipynb')")
    finally:
        site.supervised.kill("nbhookd", signal.SIGCONT)
    assert said.error == "NaasError"
    assert said.message == f"{site.layout.url} refused: the service did not answer in time; try again"


def test_another_web_server_is_none_of_ours(author: Author) -> None:
    said = author.asks("naas.webhook.currents()", NAAS_URL=author.site.layout.url + "/elsewhere")
    assert said.error == "NaasError"
    assert said.message.startswith(author.site.layout.url + "/elsewhere refused: ")


# The command line and the module speak of the same webhooks.


def test_the_command_line_sees_what_the_module_added(author: Author) -> None:
    path = author.write("shared/both.ipynb", saying("both"))
    url = author.adds("shared/both.ipynb")
    site = author.site
    assert site.cli("find", path).stdout == url + "\n"
    assert site.cli("add", path).stdout == url + "\n"
    listed = json.loads(site.cli("currents", "--json").stdout)
    assert next(job for job in listed if job["path"] == path)["url"] == url
    site.cli("delete", path)
    assert author.asks("naas.webhook.find('shared/both.ipynb')").value is None


def test_the_module_sees_what_the_command_line_added(author: Author) -> None:
    path = author.write("shared/cli.ipynb", saying("cli"))
    url = author.site.cli("add", path).stdout.strip()
    assert author.asks("naas.webhook.find('shared/cli.ipynb')").value == url
    assert author.adds("shared/cli.ipynb") == url
    author.asks("naas.webhook.delete('shared/cli.ipynb')")
    assert author.site.cli("find", path, check=False).returncode == 1


def test_a_path_through_a_linked_folder_is_the_same_webhook(author: Author) -> None:
    path = author.write("real/below/linked.ipynb", saying("linked"))
    os.symlink("real/below", os.path.join(author.folder, "link"))
    url = author.adds("link/linked.ipynb")
    for way in ("real/below/linked.ipynb", "link/../below/linked.ipynb", "./link/linked.ipynb"):
        found = author.asks(f"naas.webhook.find({way!r})").value
        expected = author.site.cli("find", os.path.join(author.folder, way), check=False).stdout
        assert (found, expected) == (url, url + "\n"), way
    jobs = author.asks("naas.webhook.currents(raw=True)").value
    assert [job["path"] for job in jobs if job["path"].endswith("/linked.ipynb")] == [path]
    shutil.rmtree(os.path.dirname(path))
    os.symlink("real", os.path.join(author.folder, "upper"))
    assert author.asks("naas.webhook.find('upper/below/linked.ipynb')").value == url
    gone = os.path.join(author.folder, "upper", "below", "linked.ipynb")
    assert author.site.cli("find", gone).stdout == url + "\n"


# In a virtual environment.


def test_pip_installs_it_into_a_virtual_environment(author: Author) -> None:
    sources = author.give(os.path.join(running.TOP, "python"))
    venv = os.path.join(author.home, "venv")
    python = os.path.join(venv, "bin", "python")
    made = author.run("/usr/bin/python3", "-m", "venv", "--system-site-packages", venv)
    assert made.returncode == 0, made.stdout + made.stderr
    done = author.run(python, "-m", "pip", "install", "--no-index", "--no-build-isolation", "--no-deps",
                      "--disable-pip-version-check", sources, PYTHONPATH=None)
    assert done.returncode == 0, done.stdout + done.stderr
    where = author.run(python, "-c", "import naas; print(naas.__file__)", PYTHONPATH=None).stdout
    assert where.startswith(venv + "/")
    author.write("venv.ipynb", saying("from a virtual environment"))
    said = author.asks("naas.webhook.add('venv.ipynb')", python=python, PYTHONPATH=None)
    assert author.get(said.value).text == "from a virtual environment"
    version = author.run(python, "-m", "pip", "show", "naas", PYTHONPATH=None).stdout
    assert "Name: naas" in version
