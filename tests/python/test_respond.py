"""What responses look like on the wire of a real ipykernel, and in the examples."""

import base64
import os
from decimal import Decimal

import naas
import pytest
from jobserver import TOP
from naas import respond


@pytest.mark.parametrize("value, plain", [
    (5, 5), (None, None), ("text", "text"), ([10**25], [10**25]), ({1: True}, {"1": True}),
    ('{"a": [1]}', {"a": [1]}), ("{not json", "{not json"), ((1, 2), [1, 2]),
    (Decimal("19.99"), 19.99), (Decimal("1E+30"), 10**30)])
def test_json_values(value, plain):
    result = respond._plain_json(value)
    assert result == plain and type(result) is type(plain)


def test_numpy_and_pandas_values_are_json():
    import numpy
    import pandas
    value = {"i": numpy.int64(2**62), "f": numpy.float32(0.5), "b": numpy.bool_(True),
             "a": numpy.arange(4).reshape(2, 2), "t": pandas.Timestamp("2024-02-29 12:00"),
             "o": numpy.array([Decimal(1), None], dtype=object)}
    assert respond._plain_json(value) == {
        "i": 2**62, "f": 0.5, "b": True, "a": [[0, 1], [2, 3]], "t": "2024-02-29T12:00:00",
        "o": [1, None]}
    for lost in (pandas.NaT, numpy.longdouble(1), numpy.datetime64("2024-01-01T00:00", "ns"),
                 numpy.complex128(1j), pandas.DataFrame({"a": [1]}), {1, 2}, b"x",
                 Decimal("0.10000000000000000001"), Decimal("NaN")):
        with pytest.raises(TypeError, match="has no JSON form"):
            respond._plain_json([lost])


@pytest.mark.parametrize("value", [float("nan"), [float("inf")], "[NaN]"])
def test_nan_is_not_json(value):
    with pytest.raises(ValueError, match="NaN and infinity are not JSON"):
        naas.webhook.respond_json(value)


def test_half_a_character_is_refused():
    for call in (naas.webhook.respond_json, naas.webhook.respond_html, naas.webhook.respond_text):
        with pytest.raises(ValueError, match="not Unicode text"):
            call("\ud800")


def test_html_is_a_text_or_shows_itself():
    with pytest.raises(TypeError, match="not a int"):
        naas.webhook.respond_html(5)


@pytest.fixture(scope="module")
def kernel():
    """Runs code in a real ipykernel and gives its display_data and error messages."""
    from jupyter_client.manager import start_new_kernel

    manager, kernel_client = start_new_kernel(
        kernel_name="python3", env={**os.environ, "PYTHONPATH": str(TOP / "python")})

    def run(code):
        messages = []
        kernel_client.execute_interactive(
            # after an error a kernel would abort what comes too soon
            "import naas\n" + code, timeout=60, allow_stdin=False, stop_on_error=False,
            output_hook=lambda message: messages.append((message["msg_type"], message["content"])))
        return [(kind, content) for kind, content in messages if kind in ("display_data", "error")]

    yield run
    kernel_client.stop_channels()
    manager.shutdown_kernel(now=True)


def responses(messages):
    """The outputs that the server would take for the response."""
    return [(mime_type, content["data"][mime_type], content["metadata"][mime_type])
            for _, content in messages for mime_type in content["metadata"]
            if content["metadata"][mime_type].get("naas_api")]


@pytest.mark.parametrize("value", [
    {"foo": "bar", "né": [None, True, 1.5, 10**25]}, [], 5, None, "text", 10**30, 0.1, False])
def test_respond_json_on_the_wire(kernel, value):
    found = responses(kernel(f"naas.webhook.respond_json({value!r})"))
    assert found == [("application/json", value, {"naas_api": True})]


def test_respond_html_on_the_wire(kernel):
    found = responses(kernel("naas.webhook.respond_html('<h1>é</h1>')"))
    assert found == [("text/html", "<h1>é</h1>", {"naas_api": True})]


def test_respond_html_shows_all_rows_of_a_frame(kernel):
    found = responses(kernel("import pandas\n"
                             "naas.webhook.respond_html(pandas.DataFrame({'a': range(200)}))"))
    assert found[0][1].count("<tr") == 201


def test_respond_text_on_the_wire(kernel):
    found = responses(kernel("naas.webhook.respond_text('a <b>\\n')"))
    assert found == [("text/plain", "a <b>\n", {"naas_api": True, "naas_type": "text"})]


PICTURES = {
    "image/png": b"\x89PNG\r\n\x1a\n" + bytes(20), "image/jpeg": b"\xff\xd8\xff\xe0" + bytes(20),
    "image/gif": b"GIF89a" + bytes(20), "image/webp": b"RIFF\0\0\0\0WEBPVP8 " + bytes(20),
    "image/x-unknown": b"what"}


@pytest.mark.parametrize("mime_type", PICTURES)
def test_respond_image_on_the_wire(kernel, tmp_path, mime_type):
    tmp_path.joinpath("picture").write_bytes(PICTURES[mime_type])
    name = str(tmp_path / "picture")
    for argument in (repr(PICTURES[mime_type]), repr(name), f"filename={name!r}",
                     f"open({name!r}, 'rb')", f"bytearray({PICTURES[mime_type]!r})"):
        (found, value, mark), = responses(kernel(f"naas.webhook.respond_image({argument})"))
        assert (found, mark) == (mime_type, {"naas_api": True})
        assert base64.b64decode(value) == PICTURES[mime_type]


def test_an_image_that_draws_itself(kernel):
    found = responses(kernel(
        f"class Drawn:\n    def _repr_png_(self): return {PICTURES['image/png']!r}\n"
        "naas.webhook.respond_image(Drawn())"))
    assert found[0][0] == "image/png"


@pytest.mark.parametrize("value, error", [
    ("https://example.org/a.png", "ValueError"), (b"", "ValueError"), (5, "TypeError"),
    ("/no/such/file", "FileNotFoundError")])
def test_what_is_no_image(kernel, value, error):
    (_, said), = kernel(f"naas.webhook.respond_image({value!r})")
    assert said["ename"] == error


def test_respond_svg_on_the_wire(kernel, tmp_path):
    tmp_path.joinpath("a.svg").write_text("<svg>é</svg>", encoding="utf-8")
    for argument in ("'<svg>é</svg>'", repr(str(tmp_path / "a.svg")), "'<svg>é</svg>'.encode()"):
        found = responses(kernel(f"naas.webhook.respond_svg({argument})"))
        assert found == [("image/svg+xml", "<svg>é</svg>", {"naas_api": True})]
    found = responses(kernel("naas.webhook.respond_image(b'<svg>1</svg>')"))
    assert found == [("image/svg+xml", "<svg>1</svg>", {"naas_api": True})]


def test_respond_markdown_on_the_wire(kernel):
    found = responses(kernel("naas.webhook.respond_markdown('# é')"))
    assert found == [("text/markdown", "# é", {"naas_api": True, "naas_type": "markdown"})]


@pytest.mark.parametrize("argument, text", [
    ("'as; it is\\n'", "as; it is\n"),
    ("[{'a': 1, 'b': 'x,y'}, {'b': None, 'c': 'say \"hi\"'}]",
     'a,b,c\r\n1,"x,y",\r\n,,"say ""hi"""\r\n'),
    ("[('a', 'b'), [1, 2.5]]", "a,b\r\n1,2.5\r\n"),
    ("iter([{'é': 1}])", "é\r\n1\r\n"), ("[]", ""),
    ("pandas.DataFrame({'a': [1, 2], 'b': ['x', None]})", "a,b\r\n1,x\r\n2,\r\n"),
    ("pandas.DataFrame({'a': ['1\\n2']})", 'a\r\n"1\n2"\r\n'),
    ("pandas.DataFrame({'a': [1]}, index=['row'])", ",a\r\nrow,1\r\n"),
    ("pandas.DataFrame({'a': [1], 'b': [2]}).set_index('a')", "a,b\r\n1,2\r\n")])
def test_respond_csv_on_the_wire(kernel, argument, text):
    found = responses(kernel(f"import pandas; naas.webhook.respond_csv({argument})"))
    assert found == [("text/csv", text, {"naas_api": True, "naas_type": "csv"})]


@pytest.mark.parametrize("value", [5, None, {"a": 1}, b"a", ["ab"], [{"a": 1}, [2]]])
def test_what_is_no_csv(value):
    with pytest.raises(TypeError, match="DataFrame"):
        naas.webhook.respond_csv(value)


def test_a_csv_is_shown_as_a_table(kernel):
    shown = [content for _, content in kernel("naas.webhook.respond_csv('a,<b>\\n1,2\\n')")][-1]
    assert shown["data"]["text/html"] == ("<table><tr><td>a</td><td>&lt;b&gt;</td></tr>"
                                          "<tr><td>1</td><td>2</td></tr></table>")


def test_respond_file_on_the_wire(kernel):
    found = responses(kernel("import os; os.chdir('/usr'); naas.webhook.respond_file('no/../é.csv')"))
    assert found == [("application/json", {"path": "/usr/é.csv"},
                      {"naas_api": True, "naas_type": "file"})]


def test_respond_notebook_on_the_wire(kernel):
    (found, _, mark), = responses(kernel("naas.webhook.respond_notebook()"))
    assert (found, mark) == ("text/markdown", {"naas_api": True, "naas_type": "notebook"})


def test_the_metadata_is_where_ipython_s_own_objects_have_it(kernel):
    ours = kernel("naas.n_env.current = {'env': 'RUNNER'}; naas.webhook.respond_json({'a': 1})")
    naas_s = kernel("from IPython.display import JSON, display\n"
                    "naas.n_env.current = {}\n"
                    "display(JSON({'a': 1}, metadata={'naas_api': True}))")
    assert responses(ours)[0][:2] == responses(naas_s)[0][:2]


def test_a_line_above_says_what_was_set_except_in_production(kernel):
    assert len(kernel("naas.webhook.respond_text('x')")) == 2
    quiet = kernel("naas.n_env.current = {'env': 'RUNNER'}; naas.webhook.respond_text('x')\n"
                   "naas.n_env.current = {}")
    assert len(quiet) == 1


def test_nan_is_an_error_in_the_cell(kernel):
    (_, error), = kernel("naas.webhook.respond_json(float('nan'))")
    assert error["ename"] == "ValueError"


def test_vscode_names_the_notebook(kernel, notebook):
    (_, error), = kernel(f"__vsc_ipynb_file__ = {str(notebook)!r}\n"
                         "from naas import locate; raise KeyError(locate.calling_notebook())")
    assert str(notebook) in error["evalue"]


def test_a_kernel_without_jupyter_server_has_no_notebook(kernel):
    (_, error), = kernel("__vsc_ipynb_file__ = None\nnaas.webhook.add()")
    assert error["ename"] == "NaasError" and "path=" in error["evalue"]


def test_a_response_in_a_plain_script_is_printed(capsys):
    naas.webhook.respond_json({"a": 1})
    assert capsys.readouterr().out == 'Response set as JSON:\n{\n  "a": 1\n}\n'


# The examples


@pytest.mark.parametrize("path", sorted(
    TOP.joinpath("examples").glob("*.ipynb")), ids=lambda path: path.name)
def test_an_example_is_a_clean_notebook(path):
    import nbformat
    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.metadata.kernelspec.name == "python3"
    assert notebook.cells[0].cell_type == "markdown"
    assert all(not cell.outputs and cell.execution_count is None
               for cell in notebook.cells if cell.cell_type == "code")


def play_example(name, params):
    """Play an example as its author would, with params in place of its defaults."""
    import nbformat
    from nbclient import NotebookClient
    notebook = nbformat.read(TOP / "examples" / name, as_version=4)
    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", []):
            cell.source += "".join(f"\n{key} = {value!r}" for key, value in params.items())
    NotebookClient(notebook, timeout=60, allow_errors=True).execute(
        env={**os.environ, "PYTHONPATH": str(TOP / "python")})
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


@pytest.mark.parametrize("name, params, mime_type, text", [
    ("hello.ipynb", {"name": "<Ada>"}, "text/html", "Hello, &lt;Ada&gt;!"),
    ("table.ipynb", {"top": "3"}, "text/html", "Denali"),
    ("sleeps.ipynb", {"seconds": "1"}, "text/plain", "Slept for 1 seconds."),
    ("kinds.ipynb", {}, "text/html", "<h1>Cities</h1>"),
    ("kinds.ipynb", {"kind": "json"}, "application/json", {"city": "Delhi", "people": 33}),
    ("kinds.ipynb", {"kind": "image"}, "image/png", "iVBORw0KGgo"),
    ("kinds.ipynb", {"kind": "svg"}, "image/svg+xml", "<rect"),
    ("kinds.ipynb", {"kind": "text"}, "text/plain", "Lagos: 16\n"),
    ("kinds.ipynb", {"kind": "markdown"}, "text/markdown", "- **Delhi**"),
    ("kinds.ipynb", {"kind": "csv"}, "text/csv", "city,people\r\nTōkyō,37\r\n"),
    ("kinds.ipynb", {"kind": "notebook"}, "text/markdown", "This notebook")])
def test_an_example_answers_once(name, params, mime_type, text):
    outputs = play_example(name, params)
    (found, value, _), = responses([("display_data", output) for output in outputs
                                    if "metadata" in output])
    assert found == mime_type and text in value


def test_the_failing_example_fails_in_its_second_code_cell():
    printed, error = play_example("fails.ipynb", {})[:2]
    assert printed.text == "This cell is run.\n"
    assert error.ename == "ValueError"
