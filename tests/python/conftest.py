"""What the tests of the module share: no server around them, or a small one."""

import sys

import pytest
from jobserver import TOP, JobServer

sys.path.insert(0, str(TOP / "python"))
sys.dont_write_bytecode = True

import naas  # noqa: E402
from naas import client  # noqa: E402


@pytest.fixture(autouse=True)
def nowhere(monkeypatch, tmp_path):
    """No server, no client file of this machine's, no Jupyter; an empty current folder."""
    for name in ("NAAS_URL", "NAAS_TOKEN", "JPY_SESSION_NAME", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(client, "CLIENT_FILES",
                        (str(tmp_path / "own.json"), str(tmp_path / "system.json")))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def server(monkeypatch):
    """A server that NAAS_URL and NAAS_TOKEN name."""
    server = JobServer()
    monkeypatch.setenv("NAAS_URL", server.url)
    monkeypatch.setenv("NAAS_TOKEN", "a-key")
    yield server
    server.close()


@pytest.fixture
def notebook(tmp_path):
    path = tmp_path / "my notebook é.ipynb"
    path.write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    return path


@pytest.fixture
def production(monkeypatch):
    """A production run of /home/ada/reports/daily.ipynb."""
    monkeypatch.setattr(naas.n_env, "current",
                        {"uid": "u", "path": "/home/ada/reports/daily.ipynb", "env": "RUNNER",
                         "runtime": "20201008101221879662"})
