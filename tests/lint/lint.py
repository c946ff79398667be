"""What the house-rule tests share: the list of our own files, C without its comments, TAP.

A checker is a function that takes the name and the text of a file and gives its findings, sentences
that begin with the name and the line. Every test first shows that its checkers find a fault in a bad
sample: a checker that finds nothing anywhere would pass for ever.
"""

import os
import re
import sys
from typing import Callable, Iterable, Iterator

TOP = os.environ.get("top_srcdir") or os.path.join(os.path.dirname(__file__), "..", "..")
BUILD = os.environ.get("top_builddir") or TOP

FOLDERS = [".ci", "bench", "cgi-bin", "conf", "examples", "man", "nginx", "python", "src", "tests",
           "tools"]
TOP_FILES = ["HACKING", "Makefile.am", "NEWS", "README", "autogen.sh", "configure.ac",
             "debian-packages", "maintenance.mk", "quickstart"]
NOT_OURS = {"__pycache__", ".deps", ".libs", ".pytest_cache", "build", "naas.egg-info"}

Checker = Callable[[str, str], list[str]]


def names(*suffixes: str) -> Iterator[str]:
    """The names of our own files, from the top; those that end so, or all."""
    for name in TOP_FILES:
        if name.endswith(suffixes or ("",)) and os.path.isfile(os.path.join(TOP, name)):
            yield name
    for folder in FOLDERS:
        for path, folders, files in os.walk(os.path.join(TOP, folder)):
            folders[:] = sorted(set(folders) - NOT_OURS)
            for file in sorted(files):
                if file.endswith(suffixes or ("",)):
                    yield os.path.relpath(os.path.join(path, file), TOP)


def read(name: str) -> str:
    with open(os.path.join(TOP, name), encoding="utf-8", errors="replace") as file:
        return file.read()


def is_text(name: str) -> bool:
    """Whether it is ours to read: no picture, no corpus, no program that was built in the tree."""
    with open(os.path.join(TOP, name), "rb") as file:
        return b"\0" not in file.read(8192)


def bare_c(text: str) -> str:
    """C with its comments and the insides of its strings blanked; lines stay where they are."""
    token = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)

    def blank(match: re.Match[str]) -> str:
        found = match.group()
        if found[0] == "/":
            return re.sub(r"[^\n]", " ", found)
        return found[0] + " " * (len(found) - 2) + found[-1]

    return token.sub(blank, text)


def check_files(checker: Checker, files: Iterable[str]) -> list[str]:
    """All findings; that there was no file to check is one too."""
    names_checked = list(files)
    if not names_checked:
        return ["no file was checked"]
    return [finding for name in names_checked for finding in checker(name, read(name))]


class Tap:
    """Counts and prints results in the Test Anything Protocol."""

    def __init__(self) -> None:
        self.count = 0

    def findings(self, what: str, findings: list[str]) -> None:
        """Passes when there are none; otherwise shows them."""
        self.count += 1
        print("ok" if not findings else "not ok", self.count, what)
        for finding in findings:
            print("#", finding)

    def finds(self, what: str, findings: list[str], expected: int = 1) -> None:
        """Passes when a checker has found what a bad sample holds."""
        self.findings(f"the check can fail: {what}",
                      [] if len(findings) == expected else
                      [f"{expected} finding(s) expected, there are {len(findings)}:", *findings])

    def skip(self, what: str, why: str) -> None:
        self.count += 1
        print("ok", self.count, what, "# SKIP", why)

    def end(self) -> None:
        print(f"1..{self.count}")
        sys.exit(0)
