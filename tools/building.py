"""Builds and installs nbhook below one folder, and does nothing when nothing changed.

    FOLDER/src      a copy of the sources: the checkout may be read-only or somebody else's
    FOLDER/build    where it is built
    FOLDER/prefix   where it is installed, with a stamp that names the sources it was made from
"""

from __future__ import annotations

import contextlib
import fnmatch
import hashlib
import json
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from typing import Callable, Iterator, Optional

from files import replace_file, tail

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# What a build in the checkout itself, git or Python leave there.
LEFT_OUT_FOLDERS = (".git", "autom4te.cache", "build*", "__pycache__", ".pytest_cache", ".deps")
LEFT_OUT_FILES = ("*.o", "*.a", "*.log", "*.trs", "*.pyc", "*~", ".dirstamp")
LEFT_OUT_AT_TOP = ("configure", "aclocal.m4", "Makefile", "Makefile.in", "config.*", "stamp-h1")
LOCK = "lock"  # in every folder that a quickstart keeps its things in
BUILD_SYSTEM = ("*.ac", "*.am", "*.mk", "autogen.sh")


class BuildFailed(Exception):
    """A step of the build failed; the message has the end of its output."""


@dataclass
class Building:
    folder: str
    say: Callable[[str], None]
    flags: list[str] = field(default_factory=list)  # for configure
    source: Optional[str] = None  # the copy of the sources, when it is shared

    def path(self, *parts: str) -> str:
        return os.path.join(self.folder, *parts)

    @property
    def src(self) -> str:
        return self.source or self.path("src")

    @property
    def prefix(self) -> str:
        return self.path("prefix")

    @property
    def log(self) -> str:
        return self.path("build.log")

    def ensure_installed(self) -> bool:
        """Builds and installs if the sources or flags are others than the last time; says whether."""
        stamp, wanted = os.path.join(self.prefix, ".stamp"), self.configure_if_changed()
        if _read(stamp) == wanted:
            return False
        self.say(f"building (output: {self.log})")
        self.make()
        shutil.rmtree(self.prefix, ignore_errors=True)
        self.make("install")
        replace_file(stamp, wanted, 0o644)
        return True

    def configure_if_changed(self) -> str:
        """Copies the sources, makes the makefile if the build system changed, and gives a text that
        changes with anything that the result depends on."""
        os.makedirs(self.path("build"), exist_ok=True)
        manifest = copy_sources(TOP, self.src)
        system = {name: sum for name, sum in manifest.items()
                  if any(fnmatch.fnmatch(name, pattern) for pattern in BUILD_SYSTEM)}
        wanted = _digest([self.flags, system])
        stamp = self.path("build", ".stamp")
        if _read(stamp) != wanted:
            self.say(f"configuring (output: {self.log})")
            shutil.rmtree(self.path("build"))
            os.makedirs(self.path("build"))
            self.run(os.path.join(self.src, "autogen.sh"))
            self.run(os.path.join(self.src, "configure"), f"--prefix={self.prefix}",
                     "PYTHON=/usr/bin/python3", *self.flags)
            replace_file(stamp, wanted, 0o644)
        return _digest([wanted, manifest])

    def make(self, *words: str) -> None:
        self.run("make", f"-j{os.cpu_count() or 1}", *words)

    def run(self, *command: str) -> None:
        with open(self.log, "a", encoding="utf-8") as log:
            log.write(f"$ {' '.join(command)}\n")
            log.flush()
            done = subprocess.run(command, cwd=self.path("build"), stdin=subprocess.DEVNULL,
                                  stdout=log, stderr=subprocess.STDOUT, env=clean_environment())
        if done.returncode != 0:
            raise BuildFailed(f"{os.path.basename(command[0])} failed; the end of {self.log}:\n"
                              + tail(self.log, 40))


def clean_environment() -> dict[str, str]:
    """For builds and tests: nothing of the caller's, such as another Python on PATH, gets in."""
    kept = {name: os.environ[name] for name in ("HOME", "TERM", "CI") if name in os.environ}
    return {**kept, "LANG": "C.UTF-8",
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}


def copy_sources(source: str, copy: str) -> dict[str, str]:
    """Makes `copy` hold the sources of `source` and gives their hashes by name. A file that did not
    change is not touched, so make sees what is new; one that is gone is removed."""
    os.makedirs(copy, exist_ok=True)
    listing = os.path.join(copy, ".copied.json")
    before = json.loads(_read(listing) or "{}")
    manifest = {}
    for name in source_files(source):
        with contextlib.suppress(FileNotFoundError):  # an editor's file that came and went
            manifest[name] = _copy(os.path.join(source, name), os.path.join(copy, name),
                                   before.get(name))
    for name in set(before) - set(manifest):
        if os.path.exists(os.path.join(copy, name)):
            os.unlink(os.path.join(copy, name))
    replace_file(listing, json.dumps(manifest), 0o644)
    return manifest


def source_files(top: str) -> Iterator[str]:
    """The names of the sources: regular files, and nothing that a quickstart keeps below the checkout."""
    for folder, folders, names in os.walk(top):
        at_top = folder == top
        folders[:] = sorted(
            name for name in folders if not _matches(name, LEFT_OUT_FOLDERS)
            and not os.path.exists(os.path.join(folder, name, LOCK)))
        for name in sorted(names):
            path = os.path.join(folder, name)
            if _matches(name, LEFT_OUT_FILES) or (at_top and _matches(name, LEFT_OUT_AT_TOP)):
                continue
            if os.path.isfile(path):
                yield os.path.relpath(path, top)


def _copy(path: str, to: str, sum_before: Optional[str]) -> str:
    with open(path, "rb") as file:
        content = file.read()
    mode = 0o755 if os.access(path, os.X_OK) else 0o644
    sum = hashlib.sha256(content + bytes([mode & 1])).hexdigest()
    # A program that was built in the checkout must not pass for one that was built here.
    if content.startswith(b"\x7fELF"):
        return "a program"
    if sum != sum_before or not os.path.exists(to):
        os.makedirs(os.path.dirname(to), exist_ok=True)
        with open(to, "wb") as file:
            file.write(content)
        os.chmod(to, mode)
    return sum


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatch(name, pattern) for pattern in patterns)


def _digest(what: object) -> str:
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""
