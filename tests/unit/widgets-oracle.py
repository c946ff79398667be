"""Prints random messages about widgets for four cells, and what nbclient makes of them: outputs, metadata.widgets
and what it tells the kernel about each Output widget.

nbclient does not join streams; that is done here, at the end."""
import base64
import copy
import json
import random
import sys
import warnings

import nbformat
from nbclient import NotebookClient

warnings.simplefilter("ignore")
chance = random.Random(int(sys.argv[1]))
capturing = {}  # request -> widgets, the last of which takes its outputs


def joined(outputs):
    result = []
    for output in outputs:
        if (result and output.output_type == "stream" == result[-1]["output_type"]
                and output.name == result[-1]["name"]):
            result[-1]["text"] += output.text
        else:
            result.append(dict(output))
    return result


class Kernel:
    """Stands for client and channel; keeps what it was told last."""

    def __init__(self):
        self.session = self.shell_channel = self
        self.told = {}

    def msg(self, kind, content, parent, metadata):
        assert kind == "comm_msg"
        return content

    def send(self, content):
        self.told[content["comm_id"]] = copy.deepcopy(content["data"]["state"]["outputs"])


def state():
    names = ["value", "é", "deep", "_model_name", "_model_module", "outputs"]
    values = [1, 2**70, "text", None, [1, {"a": []}], {"k": "v"}]
    return {name: chance.choice(values) for name in chance.sample(names, chance.randrange(4))}


def opening():
    if chance.random() < 0.6:
        return "comm_open", {"comm_id": chance.choice("AB"), "target_name": "jupyter.widget", "data": {"state": {
            "_model_module": "@jupyter-widgets/output", "_model_name": "OutputModel", "msg_id": "",
            "_model_module_version": "1.0.0", "outputs": chance.choice([
                [], [{"output_type": "stream", "name": "stdout", "text": "first"}],
                [{"output_type": "display_data", "data": {"text/plain": "1"}, "metadata": {}}]])}}}, None
    return "comm_open", {"comm_id": chance.choice("CD"), "target_name": chance.choice(["jupyter.widget", "own"]),
                         "data": {"state": {**state(), "_model_name": "M", "_model_module": "m"}}}, None


def update():
    buffers = [base64.b64encode(chance.randbytes(5)).decode() for _ in range(chance.randrange(3))]
    data = {"method": "update", "state": {**state()}}
    if buffers:
        data["buffer_paths"] = [chance.choice([["value"], ["x", 0]]) for _ in buffers]
    return "comm_msg", {"comm_id": chance.choice("CDE"), "data": data}, buffers


def capture(request, opened):
    widget = chance.choice("AB")
    stack = capturing.setdefault(request, [])
    if widget not in opened:
        return opening()
    if stack and stack[-1] == widget:
        stack.pop()
        wanted = ""
    elif any(widget in other for other in capturing.values()):
        return update()
    else:
        stack.append(widget)
        wanted = request
    return "comm_msg", {"comm_id": widget, "data": {"method": "update", "state": {"msg_id": wanted}}}, None


def output():
    return chance.choice([
        lambda: ("stream", {"name": chance.choice(["stdout", "stderr"]), "text": chance.choice(["a", "b\n"])}, None),
        lambda: ("display_data", {"data": {"text/plain": str(chance.random())}, "metadata": {},
                                  "transient": {"display_id": chance.choice("xy")}}, None),
        lambda: ("update_display_data", {"data": {"text/plain": str(chance.random())}, "metadata": {},
                                         "transient": {"display_id": chance.choice("xy")}}, None),
        lambda: ("error", {"ename": "E", "evalue": "v", "traceback": ["t"]}, None),
        lambda: ("clear_output", {"wait": chance.random() < 0.5}, None)])()


notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1") for _ in range(4)])
client = NotebookClient(notebook, record_timing=False)
client.reset_execution_trackers()
client.kc = Kernel()
messages, told, opened = [], [], set()
for index, cell in enumerate(notebook.cells):
    client.clear_before_next_output = False
    client.kc.told = {}
    request = f"m{index}"
    for _ in range(chance.randrange(40)):
        kind, content, buffers = chance.choice(
            [opening, update, lambda: capture(request, opened), output, output, output])()
        if kind == "comm_open" and content["comm_id"] in "AB":
            if content["comm_id"] in opened:
                continue
            opened.add(content["comm_id"])
        messages.append({"cell": index, "type": kind, "content": json.loads(json.dumps(content)),
                         "buffers": buffers or []})
        client.process_message({"msg_type": kind, "header": {"msg_type": kind}, "content": content,
                                "parent_header": {"msg_id": request},
                                "buffers": [base64.b64decode(text) for text in buffers or []]}, cell, index)
    told.append(client.kc.told)
client.set_widgets_metadata()
print(json.dumps({"messages": messages, "outputs": [joined(cell.outputs) for cell in notebook.cells],
                  "told": told, "widgets": notebook.metadata.get("widgets")}))
