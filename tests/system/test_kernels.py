"""Kernels of other languages and makers, called through nginx."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from typing import Any, Callable, Iterator

import pytest

from notebooks import notebook
from running import Hook, RunningSite, open_folder, running_site

UNIT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "unit")
sys.path.insert(0, UNIT)

import r_values  # noqa: E402

# What nbhook-http(7) shows.
RESPOND = """
respond <- function(type, data, ...)
    IRdisplay::publish_mimebundle(
        setNames(list(data), type), setNames(list(list(naas_api = TRUE, ...)), type))
respond_json <- function(value)
    respond("text/plain", naas_type = "json",
            as.character(jsonlite::toJSON(value, auto_unbox = TRUE, null = "null", digits = NA)))
"""
with open(os.path.join(UNIT, "values.R"), encoding="utf-8") as _file:
    TELL = _file.read()

NASTY: list[Any] = [
    None, True, False, 0, -1, 2147483647, 2147483648, -2147483648, 9007199254740993, 10 ** 400, 0.1,
    1e22, 1e23, 5e-324, 1.7976931348623157e308, 0.30000000000000004, "", "\\", "\"", "'", "\n\r\t\x01\x7f",
    "\u0085\u2028\ufeff\u200b", "é日本😀\U0010ffff\ufffe", "${x}$(rm)`id`#{1}%s{}", "'); quit(); ('",
    "\"); quit(); (\"", "\\u0041\\x41\\", "\\\"); quit(); #", "NA", "NULL", "TRUE", "x" * 100000, [], {},
    [[]], [{}], [None], {"": 1, " ": 2, "é": {"`": "`"}, "NULL": None, "names": [1, "a", [True]]},
    list(range(5000)), {f"k{i}": i for i in range(2000)}]


def nested(depth: int) -> Any:
    value: Any = "deep"
    for level in range(depth):
        value = [value] if level % 2 else {"k": value}
    return value


@pytest.fixture(scope="module")
def kernels() -> Iterator[RunningSite]:
    """A site with kernels of its own: two ways to xpython over TCP, and three that are broken."""
    def change(site: RunningSite) -> None:
        for name, spec in {
                "tcp": {"argv": ["/usr/bin/xpython", "-f", "{connection_file}"], "language": "python",
                        "display_name": "xpython over TCP", "metadata": {"nbhook": {"transport": "tcp"}}},
                "tcp-ipykernel": {"argv": ["python3", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
                                  "language": "python", "metadata": {"nbhook": {"transport": "tcp"}}},
                "cobol": {"argv": ["/usr/bin/xpython", "-f", "{connection_file}"], "language": "cobol"},
                "gone": {"argv": ["/no/such/program"], "language": "python"},
                "closed": {"argv": [closed], "language": "python"},
                "no-argv": {"argv": "python3", "language": "python"}}.items():
            os.makedirs(os.path.join(path, "kernels", name))
            with open(os.path.join(path, "kernels", name, "kernel.json"), "w", encoding="ascii") as file:
                json.dump(spec, file)
        with open(closed, "w", encoding="ascii"):
            os.chmod(closed, 0o755 if site.accounts.separate else 0o644)
        if site.accounts.separate:  # the daemon may execute it; the runner may not
            os.chmod(closed, 0o700)
            shutil.chown(closed, site.accounts.daemon)

    with open_folder() as path:
        closed = os.path.join(path, "closed")
        with running_site({"kernels": {"kernel_path": path}}, change) as site:
            yield site


def r(*cells: str) -> dict[str, Any]:
    return notebook(cells, kernel="ir", language="R")


def on(kernel: str, *cells: str) -> dict[str, Any]:
    return notebook(cells, kernel=kernel)


def post(site: RunningSite, hook: Hook, value: Any) -> Any:
    return site.request("POST", hook.url, data=json.dumps(value), headers={"Content-Type": "application/json"})


# R.

def test_an_r_notebook_responds_as_the_manual_shows(site: RunningSite) -> None:
    hook = site.add(r(RESPOND + "respond_json(list(greeting = paste('Hello,', params$name), n = 1/3, "
                                "none = NULL, rows = data.frame(a = 1:2)))"))
    answer = site.get(hook, params={"name": "Zoë"})
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == {"greeting": "Hello, Zoë", "n": 0.333333333333333, "none": None,
                             "rows": [{"a": 1}, {"a": 2}]}
    page = site.get(site.add(r(RESPOND + "respond('text/html', '<h1>é</h1>')")))
    assert (page.headers["Content-Type"], page.text) == ("text/html; charset=utf-8", "<h1>é</h1>")
    plot = site.get(site.add(r(
        RESPOND + "file <- tempfile(); png(file); plot(1:3); invisible(dev.off())\n"
                  "respond('image/png', jsonlite::base64_enc(readBin(file, 'raw', file.size(file))))")))
    assert plot.headers["Content-Type"] == "image/png" and plot.content.startswith(b"\x89PNG")


def test_every_json_value_arrives_in_r(site: RunningSite) -> None:
    hook = site.add(r(RESPOND + TELL + "respond('text/plain', naas_type = 'json', tell(body))"))
    for value in (NASTY, nested(99), {"a": nested(90)}):
        answer = post(site, hook, value)
        assert answer.status_code == 200, answer.text
        found = r_values.told(answer.text)
        wanted = r_values.expected(r_values.parse(json.dumps(value)))
        if isinstance(value, list):
            for one, other, sent in zip(found[1], wanted[1], value):
                assert one == other, f"{sent!r:.100}"
        assert found == wanted


def test_names_become_variables_in_r(site: RunningSite) -> None:
    names = ["a", "b.c", "d_e", "été", "data", "c", "T", "if", "_x", ".y", "1a", "a b", "a`b", "x<-1", "naas"]
    hook = site.add(r(RESPOND + "respond_json(setdiff(ls(all.names = TRUE), c('respond', 'respond_json')))"))
    made = post(site, hook, dict.fromkeys(names, 1)).json()
    assert {"params", "params_all", "body", "body_all", "headers"} < set(made)
    assert sorted(set(made) & set(names)) == sorted(["a", "b.c", "d_e", "été", "data", "c"])


def test_a_call_overrides_registered_params_in_r(site: RunningSite) -> None:
    cells = [{"cell_type": "code", "id": "p", "source": "x <- 'default'; y <- 'default'; z <- 'default'",
              "metadata": {"tags": ["parameters"]}, "outputs": [], "execution_count": None},
             RESPOND + "respond_json(list(x, y, z))"]
    hook = site.add(notebook(cells, kernel="ir", language="R"), params={"y": "registered", "z": 1.5})
    assert site.get(hook, params={"z": "called"}).json() == ["default", "registered", "called"]


def test_what_r_cannot_hold_is_refused_before_it_runs(site: RunningSite) -> None:
    hook = site.add(r("1"))
    answer = post(site, hook, {"a": ["\0"]})
    assert answer.status_code == 422
    assert "U+0000" in answer.json()["error"] and "R" in answer.json()["error"]
    assert site.jobs_of(hook) == []
    refused = site.publish("/home/author/nul/nul.ipynb", json.dumps(r("1")).encode(), {"x": "\0"})
    assert refused.status_code == 422


def test_a_failing_cell_of_r(site: RunningSite) -> None:
    answer = site.get(site.add(r("1", "stop('no luck')", "2")))
    assert answer.status_code == 500
    found = answer.json()
    assert (found["reason"], found["cell"]["index"]) == ("cell_error", 1)
    assert "no luck" in found["error"]


# All kernels: how runs end.

ENDLESS = {"ir": "repeat Sys.sleep(0.01)", "tcp": "import time\nwhile True: time.sleep(0.01)",
           "tcp-ipykernel": "import time\nwhile True: time.sleep(0.01)"}
DYING = {"ir": "tools::pskill(Sys.getpid(), 9); Sys.sleep(60)",
         "tcp": "import os, time; os.kill(os.getpid(), 9); time.sleep(60)",
         "tcp-ipykernel": "import os, time; os.kill(os.getpid(), 9); time.sleep(60)"}


def of(kernel: str, *cells: str) -> dict[str, Any]:
    return r(*cells) if kernel == "ir" else on(kernel, *cells)


def wait(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("kernel", ENDLESS)
def test_a_stop_interrupts(kernels: RunningSite, kernel: str) -> None:
    hook = kernels.add(of(kernel, "1", ENDLESS[kernel], "2"))
    job = kernels.begin(hook)
    wait(lambda: kernels.job_status(job)["progress"]["done"] == 1)
    kernels.cli("stop", job)
    begun = time.monotonic()
    wait(lambda: kernels.job_status(job)["ended"] is not None)
    assert time.monotonic() - begun < 5
    status = kernels.job_status(job)
    assert (status["status"], status["reason"]) == ("stopped", "stopped_by_user")
    log = kernels.cli("logs", job).stdout
    assert "the kernel is interrupted" in log and "SIGTERM" not in log


@pytest.mark.parametrize("kernel", DYING)
def test_a_death_is_seen_at_once(kernels: RunningSite, kernel: str) -> None:
    hook = kernels.add(of(kernel, "1", DYING[kernel]))
    answer = kernels.get(hook)
    assert (answer.status_code, answer.json()["reason"]) == (500, "kernel_died")
    assert "signal 9" in answer.json()["error"]
    assert answer.elapsed.total_seconds() < 6  # 2 s, and R's start


@pytest.mark.parametrize("kernel", ENDLESS)
def test_a_run_has_its_time(make_site: Callable[..., RunningSite], kernels: RunningSite, kernel: str) -> None:
    path = kernels.layout.settings["kernels"]["kernel_path"]
    site = make_site(jobs={"run_timeout": "2"}, kernels={"kernel_path": path})
    answer = site.get(site.add(of(kernel, ENDLESS[kernel])))
    assert (answer.status_code, answer.json()["reason"]) == (500, "timed_out")
    assert answer.elapsed.total_seconds() < 9


# xpython.

@pytest.mark.parametrize("kernel", ["tcp", "tcp-ipykernel", "xpython"])
def test_another_python_kernel_gets_and_responds(kernels: RunningSite, kernel: str) -> None:
    if kernel == "xpython":
        assert len(f"ipc://{kernels.plan.run_dir}/k/123456/s-1") < 32, "the sockets' names are too long for xeus"
    # As text: xeus cannot put out an integer beyond 64 bits as JSON.
    hook = kernels.add(on(kernel, "import json, naas",
                          "naas.webhook.respond_text(json.dumps([params, body, x]))"))
    value = [value for value in NASTY if not isinstance(value, list)]
    answer = kernels.request("POST", hook.url + "?x=1", data=json.dumps({"v": value}),
                             headers={"Content-Type": "application/json"})
    assert answer.status_code == 200, answer.text
    assert answer.json() == [{"x": "1"}, {"v": value}, "1"]
    responds = kernels.add(on(kernel, "import naas; naas.webhook.respond_json([2 ** 63, 1.5, 'é'])"))
    assert kernels.get(responds).json() == [2 ** 63, 1.5, "é"]
    failed = kernels.get(kernels.add(on(kernel, "1", "1 / 0")))
    assert failed.status_code == 500
    assert "ZeroDivisionError" in failed.json()["ename"]  # xeus writes the class as repr() does


# Which kernel it is.

def test_a_language_stands_in_for_an_unknown_name(kernels: RunningSite) -> None:
    named = notebook(["import sys, naas; naas.webhook.respond_text(sys.executable)"], kernel="my-venv")
    assert kernels.get(kernels.add(named)).text == "/usr/bin/python3"
    unknown = notebook([RESPOND + "respond_json(R.version$language)"], kernel="my-r", language="R")
    assert kernels.get(kernels.add(unknown)).json() == "R"


def test_a_language_without_a_translator_runs_without_inputs(kernels: RunningSite) -> None:
    hook = kernels.add(notebook(["1 + 1"], kernel="cobol", language="cobol"))
    assert kernels.get(hook).json()["status"] == "Done"
    refused = kernels.get(hook, params={"a": "1"})
    assert refused.status_code == 422 and "cobol" in refused.json()["error"]
    assert len(kernels.jobs_of(hook)) == 1


def test_broken_kernels_are_named_with_why(kernels: RunningSite) -> None:
    listed = {each["name"]: each for each in json.loads(kernels.cli("kernels", "--json").stdout)}
    assert listed["python3"]["trouble"] is None and listed["python3"]["parameters"] is True
    assert listed["ir"]["language"] == "r" and listed["ir"]["parameters"] is True
    assert listed["cobol"]["parameters"] is False and listed["cobol"]["trouble"] is None
    assert "/no/such/program: No such file" in listed["gone"]["trouble"]
    assert "Permission denied" in listed["closed"]["trouble"]
    assert "argv" in listed["no-argv"]["trouble"]
    table = kernels.cli("kernels").stdout
    assert "TROUBLE" in table and "xpython over TCP" in table
    local = {each["name"] for each in json.loads(kernels.cli("kernels", "--local", "--json").stdout)}
    assert local == set(listed)
    refused = kernels.publish("/home/author/broken/broken.ipynb",
                              json.dumps(on("no-argv", "1")).encode(), {})
    assert refused.status_code == 422 and "argv" in refused.json()["error"]
    answer = kernels.get(kernels.add(on("gone", "1")))
    assert (answer.status_code, answer.json()["reason"]) == (500, "kernel_failed")
    assert "No such file" in answer.json()["error"]
