"""naas.webhook and its server: who is asked, what is sent, what an author reads."""

import json
import os
import subprocess
import sys
from base64 import b64decode
from pathlib import Path

import naas
import pytest
from jobserver import TOKEN, TOP, JobServer
from naas import client, environment, locate


def write_client_file(path, **content):
    Path(path).write_text(json.dumps(content))


# Which server, which key


def test_the_environment_names_the_server(monkeypatch):
    monkeypatch.setenv("NAAS_URL", "http://here.example/")
    monkeypatch.setenv("NAAS_TOKEN", "k")
    assert client.find_server() == ("http://here.example", "k")


def test_the_own_client_file_comes_before_the_system_one():
    write_client_file("system.json", url="http://system.example", token="s")
    assert client.find_server() == ("http://system.example", "s")
    write_client_file("own.json", url="http://own.example/", token="o")
    assert client.find_server() == ("http://own.example", "o")


def test_the_client_files_are_where_the_manual_says():
    source = TOP.joinpath("python/naas/client.py").read_text()
    assert '("~/.config/nbhook/client.json", "/etc/nbhook/client.json")' in source


def test_without_a_server_the_error_says_how_to_make_a_key():
    with pytest.raises(naas.NaasError, match="no server is known.*nbhook key add NAME"):
        naas.webhook.currents()


def test_a_file_s_key_does_not_go_to_another_server(monkeypatch):
    write_client_file("own.json", url="http://own.example", token="o")
    monkeypatch.setenv("NAAS_URL", "http://elsewhere.example")
    with pytest.raises(naas.NaasError, match="no key for http://elsewhere.example"):
        client.find_server()
    monkeypatch.setenv("NAAS_URL", "http://own.example/")
    assert client.find_server().token == "o"


@pytest.mark.parametrize("content, message", [
    ("{", "is not JSON"), ("[]", "must be an object"), ('{"url": 5}', "must be an object")])
def test_a_broken_client_file_is_named(content, message):
    Path("own.json").write_text(content)
    with pytest.raises(naas.NaasError, match=f"own.json {message}"):
        client.find_server()


@pytest.mark.parametrize("url, token, message", [
    ("file:///etc", "k", "must start with http"),
    ("http://x", "a\nb", "characters that no key has")])
def test_nonsense_is_refused_before_anything_is_sent(monkeypatch, url, token, message):
    monkeypatch.setenv("NAAS_URL", url)
    monkeypatch.setenv("NAAS_TOKEN", token)
    with pytest.raises(naas.NaasError, match=message):
        client.find_server()


# Publishing


def test_add_sends_the_notebook_and_returns_the_url(server, notebook, capsys):
    url = naas.webhook.add(path=notebook.name, params={"inline": True, "day": 10**25})
    assert url == f"https://hooks.example/webhook/{TOKEN}"
    (method, path, query, content, key), = server.requests
    assert (method, path, query, key) == ("POST", "/job", {}, "token a-key")
    assert content["path"] == str(notebook)
    assert content["params"] == {"inline": True, "day": 10**25}
    assert (content["type"], content["status"], content["value"]) == ("notebook", "installed", None)
    assert content["file"]["filename"] == notebook.name
    assert b64decode(content["file"]["data"]) == notebook.read_bytes()
    assert url in capsys.readouterr().out


def test_an_older_answer_without_url_gives_one_at_our_server(server):
    assert client.job_url({"value": TOKEN}) == f"{server.url}/webhook/{TOKEN}"


def test_find_gives_the_url_or_none(server, notebook):
    assert naas.webhook.find(path=notebook.name) is None
    url = naas.webhook.add(path=notebook.name)
    assert naas.webhook.find(path=notebook) == url
    assert server.requests[-1][2] == {"path": str(notebook), "type": "notebook", "light": "1"}


def test_delete_takes_down_and_removes_versions_and_outputs(server, notebook):
    naas.webhook.add(path=notebook.name)
    assert naas.webhook.delete(path=notebook.name) is None
    _, taken_down, versions, outputs = server.requests
    assert taken_down[3]["status"] == "delete"
    same = {"path": str(notebook), "type": "notebook", "histo": "all"}
    assert versions[:3] == ("DELETE", "/job", same)
    assert outputs[:3] == ("DELETE", "/job", {**same, "mode": "output"})


def test_delete_without_all_keeps_versions(server, notebook):
    naas.webhook.add(path=notebook.name)
    naas.webhook.delete(path=notebook.name, all=False)
    assert [request[0] for request in server.requests] == ["POST", "POST"]


def test_delete_of_what_is_not_published_says_so(server, notebook):
    with pytest.raises(naas.NaasError, match="job not found") as caught:
        naas.webhook.delete(path=notebook.name)
    assert caught.value.status == 404


def test_currents_leaves_out_deleted_and_other_jobs(server):
    hook = {"type": "notebook", "path": "/a.ipynb", "status": "healthy", "value": TOKEN, "url": "u"}
    server.jobs = {1: hook, 2: {**hook, "status": "delete"}, 3: {**hook, "type": "dependency"}}
    assert naas.webhook.currents(raw=True) == [hook]
    frame = naas.webhook.currents()
    assert frame.to_dict("records") == [{"path": "/a.ipynb", "url": "u"}]


def test_currents_shows_a_copy_button_with_the_whole_url_and_escaped_paths(server):
    url = "http://x/" + "9" * 200
    server.jobs = {1: {"type": "notebook", "path": "/<b>&.ipynb", "status": "healthy", "url": url}}
    shown = naas.webhook.currents()._repr_html_()
    assert f'data-text="{url}"' in shown and "<button" in shown
    assert "/&lt;b&gt;&amp;.ipynb" in shown and "<b>" not in shown


def test_currents_of_nothing_is_an_empty_frame(server):
    frame = naas.webhook.currents()
    assert list(frame.columns) == ["path", "url"] and len(frame) == 0
    assert "<table" in frame._repr_html_()


def test_currents_without_pandas_is_a_list(server, notebook, monkeypatch):
    url = naas.webhook.add(path=notebook.name)
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert naas.webhook.currents() == [{"path": str(notebook), "url": url}]


def test_debug_shows_no_secret_of_a_signature(server, notebook, capsys):
    signature = {"scheme": "github", "secret": "a secret"}
    naas.webhook.add(path=notebook.name, params={"a": "shown", "signature": signature}, debug=True)
    assert server.requests[-1][3]["params"]["signature"] == signature
    request, = [line for line in capsys.readouterr().out.splitlines() if line.startswith("POST ")]
    assert "a secret" not in request and "shown" in request


def test_debug_shows_request_and_answer_but_no_key(server, notebook, capsys):
    naas.webhook.add(path=notebook.name, debug=True)
    shown = capsys.readouterr().out
    assert f"POST {server.url}/job" in shown and '"status": "installed"' in shown
    assert "a-key" not in shown and "bytes>" in shown
    assert server.requests[0][3]["debug"] is True


@pytest.mark.parametrize("params, error, message", [
    ([1], TypeError, "params must be a dict"),
    ({"when": object()}, TypeError, "params: a builtins.object has no JSON form"),
    ({"x": float("nan")}, ValueError, "params: ")])
def test_params_that_are_no_json_are_refused_here(server, notebook, params, error, message):
    with pytest.raises(error, match=message):
        naas.webhook.add(path=notebook.name, params=params)
    assert server.requests == []


def test_a_missing_file_is_named(server):
    with pytest.raises(FileNotFoundError, match="gone.ipynb"):
        naas.webhook.add(path="gone.ipynb")


# What the server may say


@pytest.mark.parametrize("refusal, message", [
    ((422, {"id": "1", "status": "error", "error": "notif_up: no address"}, {}),
     "refused: notif_up: no address"),
    ((413, {"title": "Too large", "detail": "max_body is 512M"}, {}), "max_body is 512M"),
    ((401, {"error": "unknown key"}, {}), r"unknown key .*nbhook key add NAME"),
    ((502, b"<html>", {}), "refused: 502 Bad Gateway"),
    ((200, b"<html>", {}), "is no nbhook server")])
def test_a_refusal_shows_the_server_s_sentence(server, notebook, refusal, message):
    server.refusal = refusal
    with pytest.raises(naas.NaasError, match=message) as caught:
        naas.webhook.add(path=notebook.name)
    assert caught.value.status == refusal[0]
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirection_does_not_carry_the_key_elsewhere(server, status):
    elsewhere = JobServer()
    server.refusal = (status, b"", {"Location": elsewhere.url + "/job"})
    with pytest.raises(naas.NaasError, match=f"redirects to {elsewhere.url}/job"):
        naas.webhook.currents()
    assert elsewhere.requests == []
    elsewhere.close()


def test_a_server_that_is_down_is_named(server):
    server.close()
    with pytest.raises(naas.NaasError, match=f"no answer from {server.url}: .*refused"):
        naas.webhook.find(path="x.ipynb")


# In production


def test_add_in_production_only_returns_the_url(server, production, capsys):
    server.jobs["/home/ada/reports/daily.ipynb"] = {
        "type": "notebook", "path": "/home/ada/reports/daily.ipynb", "status": "healthy",
        "value": TOKEN, "url": "https://hooks.example/webhook/own"}
    assert naas.webhook.add(params={"inline": True}) == "https://hooks.example/webhook/own"
    assert [request[0] for request in server.requests] == ["GET"]
    assert "In production" in capsys.readouterr().out


def test_a_run_does_not_fail_where_it_cannot_reach_the_server(server, production, capsys):
    server.close()
    assert naas.webhook.add() is None
    assert naas.webhook.find() is None
    told = capsys.readouterr().out
    assert told.count("This run does not learn the URL of /home/ada/reports/daily.ipynb: no answer from") == 2


def test_delete_in_production_does_nothing_and_says_so(server, production, capsys):
    naas.webhook.delete()
    assert server.requests == []
    assert "In production" in capsys.readouterr().out


def test_paths_in_production_are_the_author_s(production, tmp_path, monkeypatch):
    folder = tmp_path / "production/home/ada/reports"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    for path, published in {
            None: "/home/ada/reports/daily.ipynb",
            "weekly.ipynb": "/home/ada/reports/weekly.ipynb",
            "../x.ipynb": "/home/ada/x.ipynb",
            os.path.abspath("weekly.ipynb"): "/home/ada/reports/weekly.ipynb",
            os.path.abspath("../x.ipynb"): "/home/ada/x.ipynb",
            "/srv/other.ipynb": "/srv/other.ipynb"}.items():
        assert environment.published_path(path) == published
    monkeypatch.chdir("/")
    assert environment.published_path("weekly.ipynb") == "/home/ada/reports/weekly.ipynb"


def test_production_is_what_the_injected_cell_says(production, monkeypatch):
    assert naas.is_production()
    monkeypatch.setattr(naas.n_env, "current", {"env": "DEV"})
    assert not naas.is_production()


# The notebook that a call is made from


def test_an_unknown_caller_is_asked_for_a_path(server):
    with pytest.raises(naas.NaasError, match="path="):
        naas.webhook.add()


@pytest.mark.parametrize("suffix", ["", "-jvsc-0f2c-44aa"])
def test_the_session_name_names_the_notebook(notebook, monkeypatch, suffix):
    monkeypatch.setenv("JPY_SESSION_NAME", str(notebook) + suffix)
    assert locate.calling_notebook() == str(notebook)
    monkeypatch.setenv("JPY_SESSION_NAME", f"somewhere/else/{notebook.name}{suffix}")
    assert locate.calling_notebook() == str(notebook)


def test_the_jupyter_server_is_asked_which_notebook_has_our_kernel(notebook, tmp_path, monkeypatch):
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    monkeypatch.setattr(locate, "_connection_file", lambda: str(runtime / "kernel-ab-12.json"))
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "its-old-name.ipynb"))
    Path("its-old-name.ipynb").write_text("{}")
    sessions = JobServer()
    sessions.answer = lambda *_: (200, [
        {"path": "other.ipynb", "kernel": {"id": "cd-34"}},
        {"path": notebook.name, "kernel": {"id": "ab-12"}}], {})
    about = {"url": sessions.url + "/", "token": "secret", "root_dir": str(tmp_path)}
    (runtime / "jpserver-1.json").write_text("{")
    (runtime / "jpserver-2.json").write_text(json.dumps({**about, "pid": 2**22 + 1}))
    (runtime / "jpserver-3.json").write_text(json.dumps({**about, "pid": os.getpid()}))
    assert locate.calling_notebook() == str(notebook)
    assert [(r[1], r[4]) for r in sessions.requests] == [("/api/sessions", "token secret")]
    sessions.close()
    assert locate.calling_notebook() == str(tmp_path / "its-old-name.ipynb")


# Names


def test_api_is_the_old_name_of_webhook():
    assert naas.api is naas.webhook


def test_what_is_not_offered_says_so_when_called():
    sentence = r"naas\.[a-z_.]+\(\) is not offered by nbhook"
    for call in (naas.scheduler.add, naas.secret.get, naas.asset.add, naas.dependency.add,
                 naas.notification.send, naas.webhook.list_output, naas.run):
        with pytest.raises(NotImplementedError, match=sentence):
            call("x", key=1)
    with pytest.raises(AttributeError):
        naas.webhook.respnod_json


def test_version_prints_the_version_of_the_project(capsys):
    naas.version()
    assert capsys.readouterr().out.strip() == naas.__version__
    configure = TOP.joinpath("configure.ac").read_text()
    assert f"AC_INIT([nbhook], [{naas.__version__}]" in configure


def test_the_import_is_light():
    code = ("import sys; before = set(sys.modules); import naas; "
            "print(*{'IPython', 'pandas', 'urllib.request', 'ssl', 'asyncio'} & set(sys.modules))")
    done = subprocess.run([sys.executable, "-B", "-c", code], capture_output=True, text=True,
                          env={"PYTHONPATH": str(TOP / "python")}, check=True)
    assert done.stdout.strip() == ""
