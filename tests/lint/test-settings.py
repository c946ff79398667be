"""Every setting stands, with its range and default, in conf/nbhook.conf and in nbhook.conf(5)."""

import os
import re
import subprocess

import lint

MANUAL = "man/nbhook.conf.5"
ITEM = re.compile(r"^\.It Ic (\w+) No =(?: (.*?))? Pq (.*)$", re.MULTILINE)
GROUP = re.compile(r"^\.S[hs] .*\[(\w+)(?: \w+)?\]", re.MULTILINE)
Setting = tuple[str, str, str, str]  # group, name, default, range


def settings_of_sample(sample: str) -> list[Setting]:
    settings, group, limits = [], "", ""
    for line in sample.split("\n"):
        if match := re.match(r"\[(\w+)(?: \w+)?\]$", line):
            group = match.group(1)
        elif match := re.match(r"# \((.*)\)$", line):
            limits = match.group(1)
        elif match := re.match(r"#(\w+) = (.*)$", line):
            settings.append((group, match.group(1), match.group(2), limits))
    return settings


def settings_of_manual(page: str) -> list[Setting]:
    settings = []
    groups = [*GROUP.finditer(page)]
    for match in ITEM.finditer(page):
        group = [found.group(1) for found in groups if found.start() < match.start()]
        settings.append((group[-1] if group else "", match.group(1), match.group(2) or "",
                         match.group(3)))
    return settings


def compare(table: list[Setting], manual: list[Setting]) -> list[str]:
    lines = [f"{MANUAL}: [{group}] {name} = {default} ({limits}) is missing or differs"
             for group, name, default, limits in table if (group, name, default, limits) not in manual]
    known = {(group, name) for group, name, _, _ in table}
    return lines + [f"{MANUAL}: [{group}] {name} does not exist"
                    for group, name, _, _ in manual if (group, name) not in known]


tap = lint.Tap()
sample = subprocess.run([os.path.join(lint.BUILD, "tests/lint/print-settings")], check=True,
                        capture_output=True, encoding="utf-8").stdout
table = settings_of_sample(sample)
manual = settings_of_manual(lint.read(MANUAL))
tap.findings("the table was read", [] if len(table) > 10 else [f"only {len(table)} settings"])
tap.finds("a setting is missing", compare(table, manual[1:]), len(compare(table, manual)) + 1)
tap.finds("a default differs", compare([("a", "b", "1", "0 to 2")], [("a", "b", "2", "0 to 2")]))
tap.finds("a setting that does not exist", compare([], [("a", "b", "1", "0 to 2")]))
tap.findings("nbhook.conf(5) documents each setting", compare(table, manual))
tap.findings("conf/nbhook.conf is the table's sample",
             [] if lint.read("conf/nbhook.conf") == sample else
             ["conf/nbhook.conf differs; make it anew with \"make conf-sample\""])
tap.end()
