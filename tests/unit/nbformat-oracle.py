"""Prints a notebook file as nbformat reads (as format 4) and writes it. A cell of format 3 gets its index as id."""
import json
import sys
import warnings

import nbformat

warnings.simplefilter("ignore")
with open(sys.argv[1], encoding="utf-8") as file:
    text = file.read()
major = json.loads(text)["nbformat"]
notebook = nbformat.reads(text, as_version=nbformat.NO_CONVERT if major == 4 else 4)
if major != 4:
    for index, cell in enumerate(notebook.cells):
        cell.id = str(index)
sys.stdout.buffer.write((nbformat.writes(notebook) + "\n").encode())
