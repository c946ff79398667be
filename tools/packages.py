"""The list of Debian packages (debian-packages), and installing what is missing of it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from typing import Callable

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LIST = os.path.join(TOP, "debian-packages")

# Services that Debian starts when their packages are installed; nobody asked for them here.
SERVICES = {"nginx-light": ["nginx.service"], "fcgiwrap": ["fcgiwrap.socket", "fcgiwrap.service"]}


class Missing(Exception):
    """Packages are missing and may not be installed; the message says which."""


def listed(sections: list[str]) -> list[str]:
    found, section = [], ""
    with open(LIST, encoding="utf-8") as file:
        for line in file:
            words = line.split("#")[0].split()
            if words and words[0].startswith("["):
                section = words[0].strip("[]")
            elif words and section in sections:
                found.append(words[0])
    return found


def missing(sections: list[str]) -> list[str]:
    wanted = listed(sections)
    shown = subprocess.run(["dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\n",
                            *wanted], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    there = {line.split()[0] for line in shown.stdout.splitlines() if line.endswith(" installed")}
    return [name for name in wanted if name not in there]


def ensure(sections: list[str], may_install: bool, say: Callable[[str], None]) -> None:
    """Installs what is missing of these sections. Raises Missing when it may not or cannot."""
    if shutil.which("dpkg-query") is None:
        say("this is no Debian, so nothing is installed; see debian-packages for what is needed")
        return
    names = missing(sections)
    if not names:
        return
    command = "apt-get install --no-install-recommends " + " ".join(names)
    if not may_install:
        raise Missing(f"packages are missing, and --no-install was given. As root: {command}")
    if os.geteuid() != 0:
        raise Missing(f"packages are missing, and only root can install them. As root: {command}")
    say(f"installing {' '.join(names)}")
    _apt("update")
    _apt("install", "-y", "--no-install-recommends", *names)
    still = missing(sections)
    if still:
        raise Missing(f"these packages could not be installed: {' '.join(still)}")
    _stop_services(names, say)


def _apt(*words: str) -> None:
    """Runs apt-get, which must not be killed halfway: an interruption is passed on and waited for."""
    command = ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=300", *words]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, env=environment) as apt:
        try:
            status = apt.wait()
        except BaseException:
            apt.send_signal(signal.SIGINT)
            apt.wait()
            raise
    if status != 0:
        raise Missing(f"{' '.join(command)} ended with status {status}")


def _stop_services(installed: list[str], say: Callable[[str], None]) -> None:
    if not os.path.isdir("/run/systemd/system"):
        return
    units = [unit for name in installed for unit in SERVICES.get(name, [])]
    for unit in units:
        subprocess.run(["systemctl", "--quiet", "disable", "--now", unit], stdin=subprocess.DEVNULL)
    if units:
        say(f"Debian starts {' and '.join(units)} by itself; stopped and disabled, as only "
            "quickstart's own is needed")
