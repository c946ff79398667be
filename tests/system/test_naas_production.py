"""The module naas in production runs: in real kernels, with the key of the run."""

from __future__ import annotations

import re
from typing import Any, Iterator

import pytest

import running
from author import Author, saying
from notebooks import notebook
from running import RunningSite


@pytest.fixture(scope="module")
def author(site: RunningSite) -> Iterator[Author]:
    with running.open_folder() as folder:
        yield Author(site, folder)


IN_PRODUCTION = [
    "import naas\nadded = naas.webhook.add()",
    "naas.webhook.delete()",
    "found = naas.webhook.find()",
    "naas.webhook.respond_json([added, found, naas.is_production(), naas.n_env.current['env']])"]


def test_in_production_add_and_delete_say_that_they_change_nothing(author: Author) -> None:
    path = author.write("production.ipynb", notebook(IN_PRODUCTION))
    url = author.adds("production.ipynb")
    versions = author.kept("versions", path)
    answer = author.get(url)
    assert answer.json() == [url, url, True, "RUNNER"]
    assert author.kept("versions", path) == versions
    assert author.printed(answer) == ["In production: nothing was published.\n",
                                      "In production: nothing was deleted.\n", "", ""]
    assert author.get(url).status_code == 200


def test_a_kernel_gets_the_module_and_nothing_beside_it(author: Author) -> None:
    """What stands in PYTHONPATH comes before a kernel's own packages."""
    author.write("module.ipynb", notebook([
        "import naas, os, sys\nfolder = os.environ['PYTHONPATH'].split(os.pathsep)[-1]",
        "naas.webhook.respond_json([os.path.basename(os.path.dirname(folder)), sorted(os.listdir(folder)),\n"
        "                           os.path.dirname(os.path.dirname(naas.__file__)) == folder])"]))
    assert author.get(author.adds("module.ipynb")).json() == ["nbhook", ["naas"], True]


def test_in_production_paths_mean_the_authors(author: Author) -> None:
    path = author.write("own/name.ipynb", notebook([
        "import naas, os",
        "ways = ['name.ipynb', './name.ipynb', '../own/name.ipynb', os.path.abspath('name.ipynb'),\n"
        "        naas.n_env.current['path']]",
        "naas.webhook.respond_json([naas.webhook.find(way) for way in ways])"]))
    url = author.adds("own/name.ipynb")
    assert author.get(url).json() == [url] * 5
    assert path == f"{author.folder}/own/name.ipynb"


def test_a_runs_key_reads_its_own_webhook_and_nothing_else(author: Author) -> None:
    author.write("secret.ipynb", saying("secret"))
    secret = author.adds("secret.ipynb")
    author.write("curious.ipynb", notebook([
        "import naas, os, urllib.error, urllib.request",
        "def ask(query):\n"
        "    key = {'Authorization': 'Bearer ' + os.environ['NAAS_TOKEN']}\n"
        "    try:\n"
        "        urllib.request.urlopen(urllib.request.Request(\n"
        "            os.environ['NAAS_URL'] + '/job' + query, headers=key))\n"
        "    except urllib.error.HTTPError as error:\n"
        "        return [error.code, error.read().decode()]",
        "naas.webhook.respond_json([\n"
        f"    ask(''), ask('?path={author.folder}/secret.ipynb&type=notebook&light=1')])"]))
    answer = author.get(author.adds("curious.ipynb"))
    assert answer.status_code == 200, answer.text
    for status, message in answer.json():
        assert status == 403
        assert "the key of a run may only read the webhook of its own notebook" in message
    assert secret not in answer.text


def test_in_production_a_notebook_sees_itself_and_is_told_so(author: Author) -> None:
    author.write("neighbour.ipynb", saying("neighbour"))
    author.adds("neighbour.ipynb")
    author.write("looks.ipynb", notebook([
        "import naas\nfound = naas.webhook.find('neighbour.ipynb')",
        "seen = naas.webhook.currents()[['path', 'url']].values.tolist()",
        "raw = naas.webhook.currents(raw=True)",
        "naas.webhook.respond_json([found, seen, [job['url'] for job in raw]])"]))
    url = author.adds("looks.ipynb")
    answer = author.get(url)
    assert answer.status_code == 200, answer.text
    assert answer.json() == [None, [[f"{author.folder}/looks.ipynb", url]], [url]]
    told = "In production: of all published notebooks only this one is shown.\n"
    assert author.printed(answer)[:3] == [
        f"This run may not know the URL of {author.folder}/neighbour.ipynb.\n", told, told]


def test_in_production_another_notebooks_url_is_none(author: Author) -> None:
    author.write("other.ipynb", saying("other"))
    author.adds("other.ipynb")
    author.write("deploys.ipynb", notebook([
        "import naas\nnaas.webhook.respond_json(naas.webhook.add('other.ipynb'))"]))
    answer = author.get(author.adds("deploys.ipynb"))
    assert (answer.status_code, answer.json()) == (200, None)
    assert author.printed(answer) == [
        "In production: nothing was published.\n"
        f"This run may not know the URL of {author.folder}/other.ipynb.\n"]


def test_a_runs_key_cannot_publish_and_dies_with_its_run(author: Author) -> None:
    author.write("key.ipynb", notebook([
        "import naas, os\nnaas.webhook.respond_text(os.environ['NAAS_TOKEN'])"]))
    url = author.adds("key.ipynb")
    key = author.get(url).text
    assert re.fullmatch(r"\S{20,}", key) and key != author.site.key
    said = author.asks("naas.webhook.find('key.ipynb')", NAAS_TOKEN=key)
    assert said.error == "NaasError" and "nbhook key add" in said.message
    author.write("key.ipynb", notebook([
        "import naas\nnaas.n_env.current = {}\n"
        "try:\n    naas.webhook.add('/etc/passwd')\n"
        "except naas.NaasError as error:\n    naas.webhook.respond_json([error.status, str(error)])"]))
    author.adds("key.ipynb")
    status, message = author.get(url).json()
    assert status == 403 and "the key of a run" in message


@pytest.mark.parametrize("call, content_type, body", [
    ("respond_json({'n': 10**25, 'u': 'ж', 'list': [1.50, None]})", "application/json",
     {"n": 10**25, "u": "ж", "list": [1.5, None]}),
    ("respond_json('{\"read\": true}')", "application/json", {"read": True}),
    ("respond_html('<p>ж</p>')", "text/html; charset=utf-8", "<p>ж</p>"),
    ("respond_text('plain <b> ж\\n')", "text/plain; charset=utf-8", "plain <b> ж\n"),
    ("respond_text(12)", "text/plain; charset=utf-8", "12"),
])
def test_responses_from_a_real_kernel(author: Author, call: str, content_type: str, body: Any) -> None:
    author.write("respond.ipynb", notebook([f"import naas\nnaas.webhook.{call}"]))
    answer = author.get(author.adds("respond.ipynb"))
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == content_type
    assert (answer.json() if content_type == "application/json" else answer.text) == body


def test_frames_and_arrays_respond_whole(author: Author) -> None:
    author.write("frame.ipynb", notebook([
        "import naas, numpy, pandas\nframe = pandas.DataFrame({'n': range(200)})",
        "naas.webhook.respond_html(frame)"]))
    html = author.get(author.adds("frame.ipynb")).text
    assert html.count("<tr") == 201 and "<td>199</td>" in html
    author.write("frame.ipynb", notebook([
        "import naas, numpy, datetime",
        "naas.webhook.respond_json({'a': numpy.arange(3), 'm': numpy.float64(1.5),\n"
        "                           'd': datetime.date(2024, 2, 29)})"]))
    answer = author.get(author.adds("frame.ipynb"))
    assert answer.json() == {"a": [0, 1, 2], "m": 1.5, "d": "2024-02-29"}


@pytest.mark.parametrize("call, error", [
    ("respond_json(float('nan'))", "ValueError: NaN and infinity are not JSON; replace them, by None "
                                   "for example"),
    ("respond_json({1, 2})", "TypeError: a builtins.set has no JSON form; turn it into dicts, lists, "
                             "texts and numbers"),
    ("respond_html(7)", "TypeError: HTML is a text or an object that shows itself as HTML, not a int"),
    ("respond_text('\\ud800')", "ValueError: not Unicode text: surrogates not allowed at character 0"),
    ("list()", "NotOfferedError: naas.webhook.list() is not offered by nbhook 0.1.0"),
])
def test_a_call_that_cannot_be_met_fails_the_run_with_its_sentence(
        author: Author, call: str, error: str) -> None:
    author.write("cannot.ipynb", notebook([f"import naas\nnaas.webhook.{call}"]))
    answer = author.get(author.adds("cannot.ipynb"))
    assert (answer.status_code, answer.json()["error"]) == (500, error)


def test_what_a_notebook_left_is_not_overwritten(author: Author) -> None:
    author.write("leaves.ipynb", notebook(["import naas, os", "os.makedirs('taken.ipynb')", "os.makedirs('closed', 0o700)",
                                           "naas.webhook.respond_text(os.getcwd())"]))
    assert author.get(author.adds("leaves.ipynb")).status_code == 200
    for name in ("taken.ipynb", *(["closed/inside.ipynb"] if author.site.accounts.separate else [])):
        path = author.write(name, notebook(["1"]))
        refused = author.asks(f"naas.webhook.add({name!r})")
        assert refused.is_naas_error
        assert f"{path} cannot be put into production" in refused.message
        assert author.kept("versions", path) == []
