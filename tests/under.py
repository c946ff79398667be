"""Runs programs under a checker: under.py valgrind|threads BUILD UNIT-TEST…

Each unit test, then nbhook exec with a notebook that prints, displays and fails. valgrind wants a build without
sanitizers, threads one with --with-sanitizer=thread. Every finding counts, also one of a child that was forked;
tests/valgrind.supp and tests/threads.supp name what libraries do.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "system"))

from executor import account, become, notebook  # noqa: E402

VALGRIND = ["valgrind", "--quiet", "--leak-check=full", "--show-leak-kinds=definite",
            "--errors-for-leak-kinds=definite", f"--suppressions={HERE}/valgrind.supp", "--log-file={logs}/%p"]
# What valgrind's log says besides findings: system calls that it does not know, and which then fail.
OPENAT2 = "unhandled amd64-linux syscall: 437"
UNKNOWN_CALL = re.compile(r"^--\d+-- .*\n", re.MULTILINE)
# What such a failure looks like where warnings are fatal.
ENDED = re.compile(r"^==\d+== \n==\d+== Process terminating with default action.*\n(?:==\d+==    (?:at|by) .*\n)*",
                   re.MULTILINE)
CANNOT = {"tests/unit/test-languages": "valgrind computes long doubles with 64 bits, R with more"}
STAYS_BEHIND = re.compile(r"(/\S+) stays behind: ")
CELLS = ("print('a')", "1", "from IPython.display import display, HTML; display(HTML('<b>'))", "1/0")


class Checker:
    """Runs commands in a folder that ordinary accounts can write to, and collects what is found."""

    def __init__(self, kind: str, build: str, folder: Path):
        self.folder, self.logs = folder, folder / "logs"
        self.left_out: list[str] = []
        self.logs.mkdir(mode=0o777)
        self.logs.chmod(0o777)
        self.cannot = CANNOT if kind == "valgrind" else {}
        self.prefix = [word.format(logs=self.logs) for word in VALGRIND] if kind == "valgrind" else []
        preloaded = {} if kind == "valgrind" else {"LD_PRELOAD": os.path.join(build, "tests", "threads-glib.so")}
        self.environment = {
            **os.environ, **preloaded, "G_SLICE": "always-malloc", "G_DEBUG": "fatal-criticals", "HOME": "/nonexistent",
            "TSAN_OPTIONS": f"log_path={self.logs}/log suppressions={HERE}/threads.supp die_after_fork=0"}

    def run(self, name: str, command: list[str], status: int, **options: object) -> bool:
        """Says what was found, if anything; whether there was nothing."""
        if name in self.cannot:
            return self.leave_out(name, self.cannot[name])
        done = subprocess.run([*self.prefix, *command], env=self.environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                              check=False, **options)  # type: ignore[call-overload]
        for left in STAYS_BEHIND.findall(done.stdout):  # valgrind knows no openat2
            if os.path.basename(left).startswith("nbhook-run-"):
                shutil.rmtree(left, ignore_errors=True)
        text = ""
        for log in sorted(self.logs.iterdir()):
            text += log.read_text(errors="replace")
            log.unlink()
        found = UNKNOWN_CALL.sub("", text)
        if done.returncode != status and OPENAT2 in text and not ENDED.sub("", found):
            return self.leave_out(name, "this valgrind does not know openat2(2), which it needs")
        if done.returncode != status:
            found += f"{done.stdout}\nit has ended with {done.returncode}, not {status}\n"
        print(f"{'not ok' if found else 'ok'} {name}", found, sep="\n" if found else "", flush=True)
        return not found

    def leave_out(self, name: str, why: str) -> bool:
        self.left_out.append(name)
        print(f"left out {name}: {why}", flush=True)
        return True


def main(kind: str, build: str, tests: list[str]) -> int:
    folder = Path(tempfile.mkdtemp(prefix="nbhook-under-", dir="/var/tmp"))
    folder.chmod(0o777)
    try:
        checker = Checker(kind, build, folder)
        (folder / "in.ipynb").write_text(json.dumps(notebook(*CELLS)))
        clean = [checker.run(test, [os.path.join(build, test)], 0) for test in tests]
        clean.append(checker.run("nbhook exec", [os.path.join(build, "nbhook"), "exec", "in.ipynb", "-o", "out.ipynb"],
                                 1, cwd=folder, **become(account())))
        if clean[-1] and "nbhook exec" not in checker.left_out:
            assert "ZeroDivisionError" in (folder / "out.ipynb").read_text(), "the notebook was not played"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    left_out = len(checker.left_out)
    print(f"{sum(clean) - left_out} of {len(clean)} programs without a finding"
          + (f", {left_out} left out" if left_out else ""))
    return 0 if all(clean) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
