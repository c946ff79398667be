"""Runs a parameters cell and compares each variable with the JSON member of its name.

The file has the JSON object on its first line and the cell's source on the others. The source also has
to be one line a variable for IPython, which must not change it."""
import json
import sys

from IPython.core.inputtransformer2 import TransformerManager

with open(sys.argv[1], encoding="utf-8", newline="") as file:
    wanted = file.readline()
    source = file.read()
assert TransformerManager().transform_cell(source) == source + "\n", "IPython changes the source"
names = {}
exec(compile(source, "cell", "exec"), names)
sys.set_int_max_str_digits(0)
members = json.loads(wanted)
assert len(source.splitlines()) == 1 + len(members), "not one line a variable"
for name, value in members.items():
    assert repr(names[name]) == repr(value), name
print(len(members), "equal")
