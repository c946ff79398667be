"""quickstart check: every test, against a plain build and one with sanitizers, and a final count."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree
from dataclasses import dataclass
from typing import Callable

from building import Building, BuildFailed, clean_environment

PLAIN: list[str] = []
SANITIZER = ["--enable-developer", "--with-sanitizer=address,undefined"]
SUMMARY = re.compile(r"^# (PASS|SKIP|XFAIL|FAIL|XPASS|ERROR): +(\d+)$")
HANG_S = 300  # a test that takes longer fails and says where it stands
HOPELESS = 25  # failures after which the rest of the tests in a folder is not run


@dataclass
class Count:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def add(self, other: "Count") -> None:
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped


def run(folder: str, say: Callable[[str], None]) -> int:
    """Prints the tests' output and the count; gives the exit status."""
    begun = time.monotonic()

    def note(text: str) -> None:
        say(f"{text} ({(time.monotonic() - begun) / 60:.0f} min after the begin)")

    total = Count()
    source = os.path.join(folder, "src")
    for name, flags in (("plain", PLAIN), ("sanitizer", SANITIZER)):
        build = Building(os.path.join(folder, name), say, flags, source)
        try:
            build.ensure_installed()
            note(f"make check, {name} build")
            total.add(make_check(build))
        except BuildFailed as error:
            say(f"the {name} build: {error}")
            total.add(Count(failed=1))
            continue
        if name == "sanitizer":
            for tests in ("tests/python", "tests/system"):
                note(f"{tests}, {name} build")
                total.add(pytest(build, tests))
    note("done")
    if total.skipped:
        print(f"{total.skipped} skipped")
    print(f"{total.passed} passed, {total.failed} failed", flush=True)
    return 0 if total.passed > 0 and total.failed == 0 else 1


def make_check(build: Building) -> Count:
    """Automake's summary counts every test case, since all tests speak TAP."""
    counts = {}
    command = ["make", f"-j{os.cpu_count() or 1}", "--keep-going", "check", "VERBOSE=1"]
    with subprocess.Popen(command, cwd=build.path("build"), stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace",
                          env=clean_environment()) as make:
        for line in make.stdout:
            sys.stdout.write(line)
            found = SUMMARY.match(line)
            if found:
                counts[found.group(1)] = int(found.group(2))
    sys.stdout.flush()
    failed = sum(counts.get(word, 0) for word in ("FAIL", "XPASS", "ERROR"))
    if make.returncode != 0 and failed == 0:
        failed = 1  # it broke before the tests, or between them
    return Count(counts.get("PASS", 0) + counts.get("XFAIL", 0), failed, counts.get("SKIP", 0))


def pytest(build: Building, tests: str) -> Count:
    report = build.path(f"{tests.replace('/', '-')}.xml")
    if os.path.exists(report):
        os.unlink(report)
    # Plugins of other packages stay out, but for those that are named here.
    environment = {**clean_environment(), "NBHOOK_PREFIX": build.prefix,
                   "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-B", "-m", "pytest", "-p", "no:cacheprovider", "-p", "pytest_timeout", "-rs",
               f"--timeout={HANG_S}", f"--maxfail={HOPELESS}", "--durations=20", f"--junit-xml={report}",
               os.path.join(build.src, tests)]
    done = subprocess.run(command, cwd=build.src, stdin=subprocess.DEVNULL, env=environment)
    try:
        suite = xml.etree.ElementTree.parse(report).getroot().find("testsuite")
    except (OSError, xml.etree.ElementTree.ParseError):
        return Count(failed=1)
    skipped = int(suite.get("skipped"))
    failed = int(suite.get("failures")) + int(suite.get("errors"))
    if done.returncode != 0 and failed == 0:
        failed = 1
    return Count(max(int(suite.get("tests")) - failed - skipped, 0), failed, skipped)
