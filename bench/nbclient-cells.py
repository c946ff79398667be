"""What nbclient needs for the cells of a notebook: for each line of standard input, a JSON list of sources,
starts a Python kernel and prints the seconds from the end of the first cell to the end of the last one, with
the executed notebook written."""

import json
import os
import sys
import tempfile
import time

import nbformat
from nbclient import NotebookClient


def play(sources: list, folder: str) -> float:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(each) for each in sources])
    client = NotebookClient(notebook, kernel_name="python3", timeout=None,
                            resources={"metadata": {"path": folder}})
    with client.setup_kernel():
        client.execute_cell(notebook.cells[0], 0)
        begin = time.monotonic()
        for index, cell in enumerate(notebook.cells[1:], 1):
            client.execute_cell(cell, index)
        nbformat.write(notebook, os.path.join(folder, "executed.ipynb"))
        return time.monotonic() - begin


def main() -> None:
    for line in sys.stdin:
        with tempfile.TemporaryDirectory() as home:
            os.environ.update(HOME=home, IPYTHONDIR=home, JUPYTER_RUNTIME_DIR=home,
                              PYDEVD_DISABLE_FILE_VALIDATION="1")
            print(f"{play(json.loads(line), home):.4f}", flush=True)


if __name__ == "__main__":
    main()
