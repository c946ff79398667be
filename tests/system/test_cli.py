"""The command line, against a running nbhook."""

from __future__ import annotations

import json
import os
import re
from typing import Any

import pytest

from notebooks import notebook
from running import RunningSite

ECHO = notebook(["import naas", "naas.webhook.respond_json({'name': name, 'n': n})"])
URL = re.compile(r"http://localhost:\d+/webhook/[0-9a-f]{60}\n")


def write(folder: str, name: str, content: Any) -> str:
    """A file that every account can read."""
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(content if isinstance(content, str) else json.dumps(content))
    os.chmod(path, 0o644)
    return path


def get(site: RunningSite, url: str) -> Any:
    return site.request("GET", url.strip())


def test_add_prints_a_url_and_nothing_else(site: RunningSite, open_folder: str) -> None:
    path = write(open_folder, "echo.ipynb", ECHO)
    done = site.cli("add", path, "--param", "name=Zürich", "--param", "n=100000000000000000001")
    assert URL.fullmatch(done.stdout)
    assert done.stderr == ""
    answer = get(site, done.stdout)
    assert answer.json() == {"name": "Zürich", "n": 100000000000000000001}
    assert site.cli("find", path).stdout == done.stdout


def test_adding_again_keeps_the_url_and_replaces_the_params(
        site: RunningSite, open_folder: str) -> None:
    path = write(open_folder, "echo.ipynb", ECHO)
    url = site.cli("add", path, "-p", "name=a", "-p", "n=1").stdout
    again = json.loads(site.cli("add", "--json", path, "-p", "name=b", "-p", "n=[]").stdout)
    assert again["url"] + "\n" == url
    assert again["status"] == "edited"
    assert again["job"]["path"] == path
    assert get(site, url).json() == {"name": "b", "n": []}


def test_a_path_is_made_absolute(site: RunningSite, open_folder: str) -> None:
    write(open_folder, "echo.ipynb", ECHO)
    os.mkdir(os.path.join(open_folder, "below"))
    os.symlink("below", os.path.join(open_folder, "link"))
    command = f"cd {open_folder}/link && {site.layout.prefix}/bin/nbhook add --json ../echo.ipynb"
    done = site.run_as(site.accounts.daemon, ["sh", "-c", command])
    assert json.loads(done.stdout)["job"]["path"] == f"{open_folder}/echo.ipynb"


def test_delete_takes_the_webhook_down(site: RunningSite, open_folder: str) -> None:
    path = write(open_folder, "echo.ipynb", notebook(["1"]))
    url = site.cli("add", path).stdout
    assert get(site, url).status_code == 200
    os.remove(path)
    assert path in site.cli("delete", path).stdout
    assert get(site, url).status_code == 404
    for command in ("find", "delete"):
        done = site.cli(command, path, check=False)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(f"nbhook: {path} has no webhook")


def test_delete_removes_versions_and_outputs_unless_told_to_keep_them(
        site: RunningSite, open_folder: str) -> None:
    for name, options, kept in (("kept.ipynb", ["--keep"], True), ("gone.ipynb", [], False)):
        path = write(open_folder, name, notebook(["1"]))
        answer = get(site, site.cli("add", path).stdout)
        execution = site.execution(answer.json()["id"])
        versions = site.layout.path("state", "versions") + path
        assert os.listdir(versions)
        site.cli("delete", *options, path)
        assert (os.path.isdir(versions) and bool(os.listdir(versions))) == kept
        assert os.path.exists(os.path.join(execution, f"webhook.{name}")) == kept


def test_a_deleted_notebook_gets_a_new_url(site: RunningSite, open_folder: str) -> None:
    path = write(open_folder, "echo.ipynb", notebook(["1"]))
    first = site.cli("add", path).stdout
    assert json.loads(site.cli("delete", "--json", path).stdout) == {"status": "delete", "path": path}
    assert site.cli("add", path).stdout != first


def test_currents_lists_paths_and_urls(site: RunningSite, open_folder: str) -> None:
    path = write(open_folder, "échos.ipynb", notebook(["1"]))
    url = site.cli("add", path).stdout.strip()
    lines = site.cli("currents").stdout.splitlines()
    assert re.fullmatch(r"PATH +STATUS +LAST RUN +URL", lines[0])
    row = next(line for line in lines if line.startswith(path + " "))
    assert row.endswith(" " + url)
    assert "\033" not in "".join(lines)
    job = next(job for job in json.loads(site.cli("currents", "-j").stdout) if job["path"] == path)
    assert job["url"] == url
    assert {"id", "type", "value", "status", "params", "lastUpdate", "lastRun", "runs"} <= set(job)


@pytest.mark.parametrize("content, says", [
    ("no JSON", "JSON"), ("{}", "notebook"),
    (json.dumps({"worksheets": [], "metadata": {}, "nbformat": 2, "nbformat_minor": 0}), "format 2")])
def test_what_is_no_notebook_is_refused(
        site: RunningSite, open_folder: str, content: str, says: str) -> None:
    path = write(open_folder, "bad.ipynb", content)
    done = site.cli("add", path, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"nbhook: {path}: ") and says in done.stderr
    assert site.cli("find", path, check=False).returncode == 1


def test_an_unknown_kernel_is_refused(site: RunningSite, open_folder: str) -> None:
    path = write(open_folder, "cobol.ipynb", notebook(["1"], kernel="cobol", language="cobol"))
    done = site.cli("add", path, check=False)
    assert done.returncode == 1
    assert "cobol" in done.stderr


def test_a_key_is_shown_once_and_works_until_it_is_revoked(site: RunningSite) -> None:
    done = site.cli("key", "add", "for-this-test")
    assert re.fullmatch(r"\S+\n", done.stdout)
    assert "once" in done.stderr
    key = done.stdout.strip()
    headers = {"Authorization": f"Bearer {key}"}
    assert re.search(r"^for-this-test +\d{4}-\S+ +-$", site.cli("key", "list").stdout, re.MULTILINE)
    assert site.api("GET", "/job", headers=headers).status_code == 200
    listed = site.cli("key", "list", "--json").stdout
    row, = (each for each in json.loads(listed) if each["name"] == "for-this-test")
    assert row["created"] < row["last_use"]
    assert key not in listed
    assert "for-this-test" in site.cli("key", "revoke", "for-this-test").stdout
    assert site.api("GET", "/job", headers=headers).status_code == 401


def test_a_key_of_that_name_exists_or_not(site: RunningSite) -> None:
    site.cli("key", "add", "twice")
    for words in (("add", "twice"), ("revoke", "never-made")):
        done = site.cli("key", *words, check=False)
        assert (done.returncode, done.stdout) == (1, "")
        assert words[1] in done.stderr


@pytest.mark.parametrize("words", [
    (), ("bogus",), ("--bogus",), ("add",), ("find", "a", "b"), ("key",), ("key", "bogus"),
    ("add", "x.ipynb", "--param", "novalue"), ("add", "x.ipynb", "-p", "a=1", "-p", "a=2")])
def test_a_wrong_command_line_is_2(site: RunningSite, words: tuple[str, ...]) -> None:
    done = site.cli(*words, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("nbhook: ")
    assert done.stderr.count("\n") == 1


def test_who_is_not_in_the_group_is_told_which(site: RunningSite, as_root: None) -> None:
    done = site.cli("currents", account="nobody", check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"adduser nobody {site.accounts.admin_group}" in done.stderr


def test_without_a_daemon_the_user_is_told_so(site: RunningSite, open_folder: str) -> None:
    conf = write(open_folder, "nbhook.conf", f"[paths]\nrun_dir = {open_folder}\n")
    for words in (("--config", conf, "currents"), ("currents", f"--config={conf}")):
        done = site.cli(*words, check=False)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("nbhook: nbhookd is not running")
