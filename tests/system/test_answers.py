"""The nine answers of a notebook: type, disposition and bytes of each, from the call and from its results,
for callers who ask for one type or another."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from dataclasses import dataclass
from typing import Any, Callable, Optional

import pytest

from notebooks import notebook
from running import RunningSite

SANDBOX = "sandbox allow-scripts allow-popups allow-downloads"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
PAGE = ("<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n<title>answer</title>\n</head>\n"
        "<body>\n%s</body>\n</html>\n")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return (struct.pack(">I", len(content)) + kind + content +
            struct.pack(">I", zlib.crc32(kind + content)))


PNG = (b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)) +
       _chunk(b"IDAT", zlib.compress(b"\0\1\2\3")) + _chunk(b"IEND", b""))
GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xd9"
WEBP = base64.b64decode("UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA")
TIFF = b"II*\0\x08\0\0\0\0\0\0\0\0\0"
BMP = (b"BM" + struct.pack("<IHHI", 58, 0, 0, 54) +
       struct.pack("<IiiHHIIiiII", 40, 1, 1, 1, 24, 0, 4, 2835, 2835, 0, 0) + b"\1\2\3\0")
IMAGES = {"image/png": (PNG, ".png"), "image/gif": (GIF, ".gif"), "image/jpeg": (JPEG, ".jpg"),
          "image/webp": (WEBP, ".webp"), "image/tiff": (TIFF, ".tif"), "image/bmp": (BMP, ".bmp")}


@dataclass(frozen=True)
class Form:
    """What comes back for some Accept headers."""

    type: str
    extension: str
    body: Optional[bytes]  # None: looked at elsewhere
    accepts: tuple[Optional[str], ...]

    @property
    def is_page(self) -> bool:
        return "html" in self.type or "xml" in self.type


def form(type_: str, extension: str, body: Any, *accepts: Optional[str]) -> Form:
    return Form(type_, extension, body.encode() if isinstance(body, str) else body, accepts)


ANY = (None, "*/*", BROWSER)
HTML, TEXT, CSV = "text/html; charset=utf-8", "text/plain; charset=utf-8", "text/csv; charset=utf-8"
MARKDOWN = "text/markdown; charset=utf-8"
TABLE = "<table><tr><th></th><th>é;</th></tr><tr><th>0</th><td>say &quot;x&quot;</td></tr></table>"

# The code of the last cell, and the forms of its answer, the one for everybody first.
ANSWERS: dict[str, tuple[str, list[Form]]] = {
    "html": ("naas.webhook.respond_html('<b>é</b>')", [form(HTML, ".html", "<b>é</b>", *ANY, "text/html")]),
    "json": ("naas.webhook.respond_json({'a': [1, 10**25, None, 'é']})",
             [form("application/json", ".json", '{"a":[1,10000000000000000000000000,null,"é"]}', *ANY,
                   "application/json", "text/html;q=0.1, application/*")]),
    **{mime: (f"naas.webhook.respond_image({content!r})", [form(mime, extension, content, *ANY, "image/*")])
       for mime, (content, extension) in IMAGES.items()},
    "svg": ("naas.webhook.respond_svg('<svg xmlns=\"http://www.w3.org/2000/svg\"/>')",
            [form("image/svg+xml", ".svg", '<svg xmlns="http://www.w3.org/2000/svg"/>', *ANY, "image/*")]),
    "text": ("naas.webhook.respond_text('<é>\\n')", [form(TEXT, ".txt", "<é>\n", *ANY, "text/*")]),
    "markdown": ("naas.webhook.respond_markdown('# é <i>\\n')",
                 [form(HTML, ".html", PAGE % "<h1>é <!-- raw HTML omitted --></h1>\n", *ANY, "text/*",
                       "text/markdown, text/html", "text/markdown;q=0.9, */*"),
                  form(MARKDOWN, ".md", "# é <i>\n", "text/markdown", "text/markdown, */*;q=0.9",
                       "text/html;q=0.3, text/markdown;q=0.4")]),
    "csv": ("naas.webhook.respond_csv('a,b\\n1,é\\n')", [form(CSV, ".csv", "a,b\n1,é\n", *ANY, "text/csv")]),
    "csv of a frame": ("import pandas; naas.webhook.respond_csv(pandas.DataFrame({'a': [1], 'é': ['x,y']}))",
                       [form(CSV, ".csv", 'a,é\r\n1,"x,y"\r\n', *ANY)]),
    "csv of rows": ("naas.webhook.respond_csv([{'a': 1}, {'b': 2}])",
                    [form(CSV, ".csv", "a,b\r\n1,\r\n,2\r\n", *ANY)]),
    "file": ("open('Отчёт \"1\" за март.csv', 'w').write('a,b\\n1,2\\n')\n"
             "naas.webhook.respond_file('Отчёт \"1\" за март.csv')",
             [form(CSV, "", "a,b\n1,2\n", *ANY, "text/csv")]),
    "notebook": ("print('said' + ' once')\nnaas.webhook.respond_notebook()",
                 [form(HTML, ".html", None, *ANY),
                  form("application/x-ipynb+json", ".ipynb", None, "application/x-ipynb+json",
                       "text/html;q=0.5, application/x-ipynb+json")]),
    # As the original package puts them out.
    "naas text": ("display(HTML('<é>', metadata={'naas_api': True, 'naas_type': 'text'}))",
                  [form(TEXT, ".txt", "<é>", *ANY)]),
    "naas markdown": ("display(HTML('<h1>é</h1>', metadata={'naas_api': True, 'naas_type': 'markdown'}))",
                      [form(HTML, ".html", "<h1>é</h1>", *ANY)]),
    "naas csv": (f"display(HTML({TABLE!r}, metadata={{'naas_api': True, 'naas_type': 'csv'}}))",
                 [form(CSV, ".csv", '"";"é;"\n"0";"say ""x"""\n', *ANY)]),
    "naas json": ("display(JSON({'path': '/x'}, metadata={'naas_api': True}))",
                  [form("application/json", ".json", '{"path":"/x"}', *ANY)]),
    "naas image": (f"display(Image({PNG!r}, metadata={{'naas_api': True}}))",
                   [form("image/png", ".png", PNG, *ANY)]),
    "naas file": ("import os; open('x.json', 'w').write('{}')\n"
                  "display(JSON({'path': os.path.abspath('x.json')},\n"
                  "             metadata={'naas_api': True, 'naas_type': 'application/json'}))",
                  [form("application/json", "", "{}", *ANY)]),
    "naas file of no type": ("import os; open('data', 'wb').write(b'\\1\\2\\xff')\n"
                             "display(JSON({'path': os.path.abspath('data')},\n"
                             "             metadata={'naas_api': True, 'naas_type': None}))",
                             [form("application/octet-stream", "", b"\1\2\xff", *ANY)]),
}
FILES = {"file": 'Отчёт "1" за март.csv', "naas file": "x.json", "naas file of no type": "data"}
ONE_FORM = [name for name, (_, forms) in ANSWERS.items() if len(forms) == 1]


def cells(name: str) -> list[str]:
    code = ANSWERS[name][0]
    where = "core.display" if name in ("naas csv", "naas image") else "display"
    extra = f"from IPython.{where} import HTML, JSON, Image, display" if name.startswith("naas") else ""
    return [f"import naas\n{extra}\n{code}", "naas.webhook.respond_text('never: the first one counts')"]


def encoded(name: str) -> str:
    return "".join(chr(byte) if chr(byte).isalnum() and byte < 128 or chr(byte) in "!#$&+-.^_`|~"
                   else f"%{byte:02X}" for byte in name.encode())


def check(answer: Any, name: str, one: Form, inline: bool) -> None:
    """Status, headers and body of an answer of that name in that form."""
    filename = FILES.get(name, "answer" + one.extension)
    plain = "".join(each if " " <= each < "\x7f" and each not in '"\\%' else "_" for each in filename)
    assert answer.status_code == 200, answer.text
    headers = answer.headers
    assert headers["Content-Type"] == one.type
    assert headers["Content-Disposition"] == (
        f"{'inline' if inline else 'attachment'}; filename=\"{plain}\"; filename*=UTF-8''{encoded(filename)}")
    assert headers["Cache-Control"] == ("private, no-cache" if name in FILES else "no-store")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers.get("Content-Security-Policy") == (SANDBOX if one.is_page else None)
    assert headers.get("Vary") == (None if name in ONE_FORM else "Accept")
    assert headers["Content-Location"].endswith("/results/" + headers["X-Nbhook-Job"])
    assert "X-Accel-Redirect" not in headers
    assert int(headers["Content-Length"]) == len(answer.content)
    if one.body is not None:
        assert answer.content == one.body
    if one.extension == ".ipynb":
        cells_of = json.loads(answer.content)["cells"]
        assert any("said once\n" in "".join(output.get("text", ""))
                   for cell in cells_of for output in cell.get("outputs", []))
    elif name == "notebook":
        assert "said once" in answer.text and "jp-Notebook" in answer.text


@pytest.mark.parametrize("inline", [False, True], ids=["attachment", "inline"])
@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer(site: RunningSite, name: str, inline: bool) -> None:
    """The call and its results are the same, byte for byte, whatever the caller accepts."""
    hook = site.add(notebook(cells(name)), {"inline": True} if inline else {},
                    path=f"/home/author/{name} {inline}/answer.ipynb")
    for one in ANSWERS[name][1]:
        call = site.get(hook, headers={"Accept": one.accepts[0]})
        check(call, name, one, inline)
        for accept in one.accepts:
            again = site.request("GET", site.layout.url + call.headers["Content-Location"],
                                 headers={"Accept": accept})
            check(again, name, one, inline)
            assert again.content == call.content
            assert {**again.headers, "Date": ""} == {**call.headers, "Date": ""}


def test_nothing_that_accept_allows_is_a_406_and_the_result_stays(site: RunningSite) -> None:
    hook = site.add(notebook(["import naas; naas.webhook.respond_csv('a,b\\n')"]))
    answer = site.get(hook, headers={"Accept": "application/json, image/*"})
    problem = answer.json()
    assert (answer.status_code, problem["types"]) == (406, [CSV])
    assert problem["id"] == answer.headers["X-Nbhook-Job"]
    again = site.request("GET", site.layout.url + answer.headers["Content-Location"])
    assert (again.status_code, again.text) == (200, "a,b\n")


def test_a_run_without_a_response_is_a_receipt_whatever_accept_says(site: RunningSite) -> None:
    answer = site.get(site.add(notebook(["1"])), headers={"Accept": "text/csv"})
    assert (answer.status_code, answer.json()["status"]) == (200, "Done")


def test_credentials_are_for_the_notebook_only_where_its_owner_asks(site: RunningSite) -> None:
    cells = ["import naas; naas.webhook.respond_json([headers['authorization'], headers['cookie']])"]
    sent = {"Authorization": "Basic a secret", "Cookie": "another"}
    assert site.get(site.add(notebook(cells)), headers=sent).json() == ["[redacted]"] * 2
    shown = site.add(notebook(cells), {"unredacted_headers": ["Authorization"]})
    assert site.get(shown, headers=sent).json() == ["Basic a secret", "[redacted]"]


@pytest.mark.parametrize("methods, taken, refused", [
    ("POST", "POST", "GET"), (["GET"], "GET", "POST")])
def test_methods_are_the_owner_s_choice(site: RunningSite, methods: Any, taken: str, refused: str) -> None:
    hook = site.add(notebook(["import naas; naas.webhook.respond_json('methods' in globals())"]),
                    {"methods": methods})
    answer = site.request(refused, hook.url)
    allowed = f"{taken}, HEAD, OPTIONS" if taken == "GET" else f"{taken}, OPTIONS"
    assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)
    options, head = site.request("OPTIONS", hook.url), site.request("HEAD", hook.url)
    assert (options.status_code, options.headers["Allow"]) == (204, allowed)
    assert (head.status_code, head.headers["Allow"]) == (200, allowed)
    assert site.request("PUT", hook.url).headers["Allow"] == allowed
    assert site.jobs_of(hook) == []
    assert site.request(taken, hook.url).text == "false"


def test_pages_of_chosen_sites_may_call(make_site: Callable[..., RunningSite]) -> None:
    site = make_site(http={"cors_origins": "https://app.example"})
    hook = site.add(notebook(["import naas; naas.webhook.respond_markdown('x')"]))
    ours, other = {"Origin": "https://app.example"}, {"Origin": "https://evil.example"}
    preflight = site.request("OPTIONS", hook.url, headers={
        **ours, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"})
    assert preflight.status_code == 204
    assert preflight.headers["Access-Control-Allow-Methods"] == "GET, HEAD, POST, OPTIONS"
    assert preflight.headers["Access-Control-Allow-Headers"] == "content-type"
    names = ", ".join(f"x-header-{number}" for number in range(700))
    longest = site.request("OPTIONS", hook.url, headers={
        **ours, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": names})
    assert (longest.status_code, longest.headers["Access-Control-Allow-Headers"]) == (204, names)
    unknown = site.request("OPTIONS", f"{site.layout.url}/webhook/{'0' * 60}", headers={
        **ours, "Access-Control-Request-Method": "POST"})
    assert (unknown.status_code, unknown.headers["Access-Control-Allow-Origin"]) == (204, ours["Origin"]), \
        "so that the page can read the 404 of its call"
    answer = site.get(hook, headers=ours)
    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert "X-Nbhook-Job" in answer.headers["Access-Control-Expose-Headers"]
    assert answer.headers["Vary"] == "Accept, Origin"
    results = site.layout.url + answer.headers["Content-Location"]
    for url in (results, hook.url + "/results/none"):
        assert "Access-Control-Allow-Origin" in site.request("GET", url, headers=ours).headers
        assert "Access-Control-Allow-Origin" not in site.request("GET", url, headers=other).headers
    for path in ("/job", "/env", "/api/v1/x"):
        assert "Access-Control-Allow-Origin" not in site.api("GET", path, headers=ours).headers
