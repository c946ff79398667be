"""The commands about jobs, against a running nbhook."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import time
from typing import Any, Optional

import pytest

from notebooks import notebook
from running import Hook, RunningSite
from test_cli import write

TEXT = "import naas\nnaas.webhook.respond_text({!r})"
WAITS = "import os, time\nwhile not os.path.exists('go'): time.sleep(0.02)"


def jobs(site: RunningSite, *words: str) -> list[dict[str, Any]]:
    return json.loads(site.cli("jobs", "--json", *words).stdout)


def status(site: RunningSite, job: str) -> dict[str, Any]:
    return json.loads(site.cli("status", "--json", job).stdout)


def playing(site: RunningSite, job: str) -> bool:
    return status(site, job)["started"] is not None


def let_go(site: RunningSite, hook: Hook) -> None:
    folder = site.layout.path("state", "production") + os.path.dirname(hook.path)
    with open(os.path.join(folder, "go"), "w", encoding="ascii"):
        pass


def test_results_prints_what_the_caller_got(site: RunningSite, open_folder: str) -> None:
    for cells in (["1"], [TEXT.format("Zürich")]):
        answer = site.get(site.add(notebook(cells)))
        job = answer.headers["X-Nbhook-Job"]
        uuid = job.split(":")[1]
        path = os.path.join(open_folder, "out")
        os.chmod(open_folder, 0o777)
        assert site.cli("results", uuid, "-o", path).stdout == ""
        with open(path, "rb") as file:
            assert file.read().rstrip(b"\n") == answer.content.rstrip(b"\n")
        os.remove(path)


def test_results_of_a_failed_job_is_its_error(site: RunningSite) -> None:
    answer = site.get(site.add(notebook(["1", "raise ValueError('no\\nway')"])))
    job = answer.headers["X-Nbhook-Job"]
    done = site.cli("results", job, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"nbhook: {job} failed: ValueError: no way (cell 1)\n"
    done = site.cli("results", "--json", job, check=False)
    assert done.returncode == 1
    assert json.loads(done.stdout)["error_info"]["reason"] == "cell_error"


def test_status_in_words_and_as_the_document(site: RunningSite) -> None:
    job = site.get(site.add(notebook([TEXT.format("hello")]))).headers["X-Nbhook-Job"]
    document = status(site, job)
    assert document == site.status(job)
    assert (document["status"], document["response"]["size"]) == ("completed", 5)
    lines = dict(line.split(maxsplit=1) for line in site.cli("status", job).stdout.splitlines())
    assert lines["job"] == job
    assert lines["progress"] == "1 of 1 cells"
    assert lines["response"] == "text/plain; charset=utf-8, 5 bytes"


@pytest.mark.parametrize("words", [
    ("status", "nonsense"), ("results", "a:b"), ("stop", ""), ("logs", "x"), ("jobs", "--status", "done"),
    ("jobs", "--limit", "0"), ("status",), ("logs", "--follow", "--json", "x:" + "0" * 36)])
def test_what_names_no_job_is_a_wrong_command_line(site: RunningSite, words: tuple[str, ...]) -> None:
    done = site.cli(*words, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("nbhook: ") and done.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["status", "results", "stop", "logs"])
def test_a_job_that_does_not_exist(site: RunningSite, command: str) -> None:
    done = site.cli(command, "report:672a8b0e-c0b0-486e-bb2b-4571b0805f29", check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "no such job" in done.stderr


def test_jobs_lists_what_was_asked_for(site: RunningSite) -> None:
    good, bad = site.add(notebook(["1"])), site.add(notebook(["1/0"]))
    for hook in (good, good, bad):
        site.get(hook)
    listed = jobs(site, "--path", good.path)
    assert [job["status"] for job in listed] == ["completed", "completed"]
    assert listed[0]["accepted"] >= listed[1]["accepted"]
    assert len(jobs(site, "-p", good.path, "-n", "1")) == 1
    assert jobs(site, "-p", good.path, "-s", "failed") == []
    assert jobs(site, "-p", bad.path, "-s", "failed")[0]["error"]["ename"] == "ZeroDivisionError"
    heading, row = site.cli("jobs", "--path", bad.path).stdout.splitlines()
    assert heading.split() == ["JOB", "STATUS", "ACCEPTED", "SECONDS", "CELLS", "NOTEBOOK"]
    assert re.fullmatch(r"notebook:\S+ +failed +\S+Z +\d+\.\d{3} +0/1 +/\S+", row)


def test_a_job_that_runs_is_followed_and_has_results_later(site: RunningSite) -> None:
    hook = site.add(notebook(["print('x')", WAITS, TEXT.format("done")]))
    job = site.begin(hook)
    done = site.cli("results", job, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "has not ended" in done.stderr
    site.wait_until(lambda: status(site, job)["progress"] == {"done": 1, "total": 3}, "a cell is done")
    assert jobs(site, "--status", "active", "--path", hook.path)[0]["jobId"] == job
    let_go(site, hook)
    assert site.cli("results", "--wait", job).stdout == "done"


def test_stop_ends_a_job_and_keeps_the_reason(site: RunningSite) -> None:
    job = site.begin(site.add(notebook([WAITS])))
    site.wait_until(lambda: playing(site, job), "it plays")
    assert site.cli("stop", job, "--reason", "no longer wanted").stdout == f"{job} is being stopped.\n"
    done = site.cli("results", "--wait", job, check=False)
    assert done.returncode == 3
    assert status(site, job)["status"] == "stopped"
    assert status(site, job)["reason"] == "no longer wanted"
    again = site.cli("stop", job, check=False)
    assert again.returncode == 1
    assert "ended already" in again.stderr


def test_logs_follow_a_run_to_its_end(site: RunningSite) -> None:
    printing = "import os\nos.write(1, b'from the kernel\\n')"
    hook = site.add(notebook([printing, WAITS, "os.write(1, b'last words\\n')"]))
    job = site.begin(hook)
    with site.cli_started("logs", "--follow", job) as follower:
        lines = iter(follower.stdout.readline, "")
        assert any(line == "from the kernel\n" for line in lines)
        let_go(site, hook)
        assert "last words\n" in lines
        assert follower.wait(20) == 0
    log = site.cli("logs", job).stdout
    assert "from the kernel\n" in log and "the run has ended: succeed" in log
    assert json.loads(site.cli("logs", "--json", job).stdout) == {"job": job, "ended": True, "log": log}


def there(site: RunningSite, path: str) -> bool:
    return site.cli("find", path, check=False).returncode == 0


def nothing_left(site: RunningSite, path: str) -> bool:
    """Neither a webhook nor a version nor the file in production."""
    versions = site.layout.path("state", "versions") + path
    return (not there(site, path) and not (os.path.isdir(versions) and os.listdir(versions))
            and not os.path.exists(site.layout.path("state", "production") + path))


def test_run_prints_the_response_and_leaves_no_webhook(site: RunningSite, open_folder: str) -> None:
    path = write(open_folder, "once.ipynb", notebook(
        ["a, b = 1, 2", "import naas\nnaas.webhook.respond_json([a, b, body])"]))
    with open(path, encoding="utf-8") as file:
        content = json.load(file)
    content["cells"][0]["metadata"]["tags"] = ["parameters"]
    write(open_folder, "once.ipynb", content)
    done = site.cli("run", path, "-p", "a=100000000000000000001", "--param", "b=Zürich")
    assert json.loads(done.stdout) == [100000000000000000001, "Zürich",
                                       {"a": 100000000000000000001, "b": "Zürich"}]
    assert re.fullmatch(r"once:\S+ completed after \d+\.\d{3} s \(2 of 2 cells\)\n", done.stderr)
    assert nothing_left(site, path)
    document = json.loads(site.cli("run", "--json", path).stdout)
    assert document["status"] == "completed"
    assert json.loads(site.cli("results", document["jobId"]).stdout) == [1, 2, {"str": ""}]


def test_run_of_a_published_notebook_keeps_its_url_and_params(
        site: RunningSite, open_folder: str) -> None:
    path = write(open_folder, "kept.ipynb", notebook(["import naas; naas.webhook.respond_json([a, b])"]))
    url = site.cli("add", path, "-p", "a=1", "-p", "b=2").stdout
    assert json.loads(site.cli("run", path, "-p", "b=3").stdout) == [1, 3]
    assert site.cli("find", path).stdout == url
    assert site.request("GET", url.strip()).json() == [1, 2]


def test_run_of_a_failing_notebook_says_why_and_leaves_nothing(site: RunningSite, open_folder: str) -> None:
    path = write(open_folder, "fails.ipynb", notebook(["1", "raise ValueError('no')"]))
    done = site.cli("run", path, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    *traceback, last = done.stderr.splitlines()
    assert re.fullmatch(r"nbhook: fails:\S+ failed: ValueError: no \(cell 1\)", last)
    assert any("raise ValueError" in line for line in traceback)
    assert "\033" not in done.stderr
    assert nothing_left(site, path)


def test_run_of_what_is_no_notebook_leaves_nothing(site: RunningSite, open_folder: str) -> None:
    path = write(open_folder, "none.ipynb", "{}")
    done = site.cli("run", path, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert nothing_left(site, path)


@pytest.mark.parametrize("number, seconds", [
    (signal.SIGINT, 0), (signal.SIGINT, 0.3), (signal.SIGTERM, 2.5), (signal.SIGHUP, 2.5)])
def test_an_interrupted_run_is_stopped_and_leaves_nothing(
        site: RunningSite, open_folder: str, number: int, seconds: float) -> None:
    path = write(open_folder, "long.ipynb", notebook(["import time; time.sleep(600)"]))
    with site.cli_started("run", path) as running:
        site.wait_until(lambda: catches(running.pid, number), "it catches the signal")
        time.sleep(seconds)
        running.send_signal(number)
        assert running.wait(20) == 128 + number
        assert running.stdout.read() == ""
    assert nothing_left(site, path)
    assert all(job["status"] == "stopped" for job in jobs(site, "--path", path))


def catches(pid: int, number: int) -> bool:
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        mask = next(line.split()[1] for line in file if line.startswith("SigCgt:"))
    return bool(int(mask, 16) >> (number - 1) & 1)


def test_run_outlives_a_restart_of_the_daemon(make_site: Any, open_folder: str) -> None:
    site = make_site()
    path = write(open_folder, "long.ipynb", notebook(["import time; time.sleep(3)", TEXT.format("end")]))
    with site.cli_started("run", path) as running:
        site.wait_until(lambda: any(job["started"] for job in jobs(site)), "it plays")
        site.supervised.kill("nbhookd", signal.SIGKILL)
        assert running.wait(30) == 0
        assert running.stdout.read() == "end"
    assert nothing_left(site, path)


def test_on_a_terminal_there_is_a_bar(site: RunningSite, open_folder: str) -> None:
    path = write(open_folder, "steps.ipynb", notebook(
        ["import time", "time.sleep(1)", "time.sleep(1)", TEXT.format("the end")]))
    shown = on_a_terminal(site, "run", path)
    assert "[######..................] 1 of 4 cells" in shown
    assert shown.rstrip().endswith("the end")
    assert "\r\033[K" in shown


def on_a_terminal(site: RunningSite, *words: str) -> str:
    """What a command shows whose standard output and error are a terminal."""
    ours, theirs = pty.openpty()
    with site.cli_started(*words, stdout=theirs, stderr=theirs) as running:
        os.close(theirs)
        shown = b""
        while (got := read_terminal(ours)) is not None:
            shown += got
        assert running.wait(20) == 0
    os.close(ours)
    return shown.decode(errors="replace")


def read_terminal(fd: int) -> Optional[bytes]:
    try:
        return os.read(fd, 4096) or None
    except OSError:
        return None
