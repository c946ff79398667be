"""Lets R evaluate a parameters cell and compares each variable with the JSON member of its name.

The file has the JSON object on its first line and the cell's source on the others. The source may assign
values and do nothing else, whatever the values are; R reads it in UTF-8 and in the C locale."""
import os
import subprocess
import sys

import r_values

SCRIPT = """
source(file.path(%(folder)r, "values.R"))
options(expressions = 50000)
lines <- readLines(%(file)r, encoding = "UTF-8", warn = FALSE)
statements <- parse(text = lines[-1], encoding = "UTF-8", keep.source = FALSE)
harmless <- c("<-", "{", "list", "structure", "c", "character", "local", "-")
called <- function(x) {
	if (is.call(x))
		c(as.character(x[[1]]), unlist(lapply(as.list(x)[-1], called)))
}
for (statement in statements)
	stopifnot(identical(as.character(statement[[1]]), "<-"), all(called(statement) %%in%% harmless))
stopifnot(length(statements) == length(lines) - 2)
variables <- new.env()
for (statement in statements)
	eval(statement, variables)
for (statement in statements)
	cat(tell(get(as.character(statement[[2]]), variables)), "\\n")
"""


def values_in(locale: str, file: str) -> list:
    script = SCRIPT % {"folder": os.path.dirname(os.path.abspath(__file__)), "file": file}
    done = subprocess.run(["R", "--vanilla", "--slave"], input=script, text=True, capture_output=True,
                          env={**os.environ, "LC_ALL": locale}, check=False)
    assert done.returncode == 0, done.stderr
    return [r_values.told(line) for line in done.stdout.splitlines()]


sys.setrecursionlimit(20000)
with open(sys.argv[1], encoding="utf-8", newline="") as given:
    members = r_values.parse(given.readline())
wanted = [r_values.expected(value) for value in members.values()]
for locale in ("C.UTF-8", "C"):
    found = values_in(locale, sys.argv[1])
    assert len(found) == len(wanted), f"{len(found)} variables of {len(wanted)}"
    for name, one, other in zip(members, found, wanted):
        assert one == other, f"{name} in {locale}: {one!r:.300} and not {other!r:.300}"
print(len(members), "equal")
