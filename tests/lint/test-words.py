"""What must not stand in any file: marks of unfinished work, a Python that may be another, our own place."""

import os
import re

import lint

MARKER = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]) + r")\b")
ENV_PYTHON = re.compile(r"^#!.*\benv\b.*\bpython")
UPWARDS = re.compile(r"(?<![\w./])(?:\.\./)+\w[\w./-]*")
COMMON = {"/", "/home", "/opt", "/root", "/srv", "/tmp", "/usr/src", "/var/tmp"}


def check_markers(name: str, text: str) -> list[str]:
    return [f"{name}:{number}: {match.group()} is left over"
            for number, line in enumerate(text.split("\n"), 1)
            for match in MARKER.finditer(line)]


def check_shebang(name: str, text: str) -> list[str]:
    if ENV_PYTHON.match(text):
        return [f"{name}:1: another python3 may come first on PATH; write #!/usr/bin/python3"]
    return []


def check_place(top: str) -> lint.Checker:
    """Finds the folder in which the checkout happens to lie, and relative paths out of it."""
    parent = os.path.dirname(top)

    def check(name: str, text: str) -> list[str]:
        findings = []
        for number, line in enumerate(text.split("\n"), 1):
            if parent not in COMMON and f"{parent}/" in line:
                findings.append(f"{name}:{number}: it names {parent}/, where this checkout lies")
            for match in UPWARDS.finditer(line):
                path = os.path.normpath(os.path.join(os.path.dirname(name), match.group()))
                if path.startswith("../"):
                    findings.append(f"{name}:{number}: {match.group()} leaves the source tree")
        return findings

    return check


tap = lint.Tap()
place = check_place("/some/where")
tap.finds("a marker", check_markers("a.c", "/* TO" + "DO: later */\n"))
tap.findings("longer words are no markers", check_markers("a.c", "HACKING XXXXXX mastodon\n"))
tap.finds("a wrong shebang", check_shebang("a.py", "#!/usr/bin/" + "env python3\n"))
tap.finds("the place of the checkout", place("README", "see /some/other\n"))
tap.finds("a path out of the tree", place("man/a.1", "see ../../other/x\n"))
tap.findings("a path within the tree", place("src/a/b.c", "../c/d.h ../../man\n"))
ours = [name for name in lint.names() if lint.is_text(name)]
tap.findings("no marks of unfinished work", lint.check_files(check_markers, ours))
tap.findings("no env python3", lint.check_files(check_shebang, ours))
# Tests hold hostile paths on purpose.
tap.findings("no file knows where the checkout lies",
             lint.check_files(check_place(os.path.realpath(lint.TOP)),
                              (name for name in ours if not name.startswith("tests/"))))
tap.end()
