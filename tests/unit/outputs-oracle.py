"""Prints random iopub messages for four cells and the outputs that nbclient makes of them.

nbclient does not join streams; that is done here, at the end."""
import json
import random
import sys
import warnings

import nbformat
from nbclient import NotebookClient

warnings.simplefilter("ignore")
chance = random.Random(int(sys.argv[1]))
IDS = ["one", "two", "three"]


def transient():
    return {"transient": {"display_id": chance.choice(IDS)}} if chance.random() < 0.6 else {}


def bundle():
    return {"data": {"text/plain": f"value {chance.random()}"}, "metadata": {"k": chance.random()}}


def message():
    kind = chance.choice(["stream"] * 4 + ["display_data"] * 3 + ["update_display_data"] * 2
                         + ["execute_result", "error", "clear_output", "status", "execute_input"])
    content = {
        "stream": lambda: {"name": chance.choice(["stdout", "stdout", "stderr"]),
                           "text": chance.choice(["a", "line\n", "é☃\r\n", "\x00😀"])},
        "display_data": lambda: bundle() | transient(),
        "update_display_data": lambda: bundle() | {"transient": {"display_id": chance.choice(IDS)}},
        "execute_result": lambda: bundle() | {"execution_count": chance.randrange(99)} | transient(),
        "error": lambda: {"ename": "E", "evalue": "broken", "traceback": ["a", "b"]},
        "clear_output": lambda: {"wait": chance.random() < 0.7},
        "status": lambda: {"execution_state": "busy"},
        "execute_input": lambda: {"code": "1", "execution_count": chance.randrange(99)},
    }[kind]()
    return kind, content


def joined(outputs):
    result = []
    for output in outputs:
        if (result and output.output_type == "stream" == result[-1]["output_type"]
                and output.name == result[-1]["name"]):
            result[-1]["text"] += output.text
        else:
            result.append(dict(output))
    return result


notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1") for _ in range(4)])
client = NotebookClient(notebook, record_timing=False)
client.reset_execution_trackers()
messages = []
for index, cell in enumerate(notebook.cells):
    client.clear_before_next_output = False
    for _ in range(chance.randrange(30)):
        kind, content = message()
        messages.append({"cell": index, "type": kind, "content": json.loads(json.dumps(content))})
        client.process_message({"msg_type": kind, "header": {"msg_type": kind}, "content": content,
                                "parent_header": {"msg_id": "x"}}, cell, index)
print(json.dumps({
    "messages": messages,
    "cells": [{"outputs": joined(cell.outputs), "execution_count": cell.execution_count}
              for cell in notebook.cells],
}))
