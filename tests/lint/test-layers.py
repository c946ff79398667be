"""Which folder may include what."""

import re

import lint

# From the bottom up: a folder includes from itself and from those before it.
ORDER = ["base", "conf", "control", "notebook", "jupyter", "job", "store", "keeper", "exec", "runner", "delivery",
         "daemon", "cli"]
# These three are joined by exec and daemon and know nothing of each other.
STRANGERS = {"notebook", "jupyter", "job"}
# A library that only one folder of the product may know (measurements and tests aside).
OWNERS = {"fcgi": "cgi-bin/", "sqlite3": "src/store/"}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)


def may_include(folder: str, other: str) -> bool:
    if folder not in ORDER or other not in ORDER:
        return False
    if folder != other and {folder, other} <= STRANGERS:
        return False
    return ORDER.index(other) <= ORDER.index(folder)


def check_own(name: str, text: str) -> list[str]:
    """A file of src/ includes ours as "folder/file.h", from its own layer or below."""
    folder = name.split("/")[1]
    findings = []
    for match in INCLUDE.finditer(text):
        where = f"{name}:{text.count(chr(10), 0, match.start(2)) + 1}"
        if match.group(1) == '"' and not may_include(folder, match.group(2).split("/")[0]):
            findings.append(f"{where}: {folder}/ must not include {match.group(2)}")
    return findings


def check_libraries(name: str, text: str) -> list[str]:
    findings = []
    for match in INCLUDE.finditer(text):
        for library, owner in OWNERS.items():
            if re.match(library + r"\w*\.h$", match.group(2)) and not name.startswith(owner):
                findings.append(f"{name}: only {owner} may include {match.group(2)}")
    return findings


def check_promise(name: str, text: str) -> list[str]:
    """A header begins with its own name, as others include it, and its promise."""
    own = name.removeprefix("src/").removeprefix("cgi-bin/")
    return [] if text.startswith(f"/* {own}: ") else [f'{name}:1: it must begin with "/* {own}: "']


tap = lint.Tap()
tap.finds("a lower layer includes a higher one",
          check_own("src/base/a.c", '#include <glib.h>\n#include "conf/settings.h"\n'))
tap.finds("strangers include each other", check_own("src/job/a.c", '#include "jupyter/wire.h"\n'))
tap.finds("an include without its folder", check_own("src/job/a.c", '#include "graph.h"\n'))
tap.finds("libfcgi outside cgi-bin", check_libraries("src/daemon/a.c", "#include <fcgiapp.h>\n"))
tap.finds("a header without its promise", check_promise("src/job/graph.h", "#pragma once\n"))
tap.findings("an upper layer may include a lower one",
             check_own("src/exec/a.c", '#include "jupyter/wire.h"\n#include "exec/b.h"\n'))
code = [name for name in lint.names(".c", ".h") if name.startswith(("src/", "cgi-bin/"))]
tap.findings("folders of src/ include only downwards",
             lint.check_files(check_own, (name for name in code if name.startswith("src/"))))
tap.findings("each library is known to its owner alone", lint.check_files(check_libraries, code))
tap.findings("headers begin with their promise",
             lint.check_files(check_promise, (name for name in code if name.endswith(".h"))))
tap.end()
