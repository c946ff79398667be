"""The accounts that the programs run as, and how to become one of them.

As root these are nbhook, nbhook-run and nginx's www-data. As an ordinary user everything runs as that
user, and every account of the plan is the same one.
"""

from __future__ import annotations

import grp
import os
import pwd
import subprocess
from dataclasses import dataclass
from typing import Callable, Optional


@dataclass(frozen=True)
class Accounts:
    """The names of accounts and groups that own files, sockets and programs."""

    daemon: str
    daemon_group: str
    runner: str
    runner_group: str
    web: str
    web_group: str
    admin_group: str  # whose members may use admin.sock

    @property
    def separate(self) -> bool:
        return self.daemon != self.runner


def invoking_user() -> tuple[int, int]:
    """Who started this: under sudo the user behind it, else oneself."""
    if os.geteuid() == 0 and os.environ.get("SUDO_UID", "").isdigit():
        return int(os.environ["SUDO_UID"]), int(os.environ.get("SUDO_GID", "0"))
    return os.getuid(), os.getgid()


def own() -> Accounts:
    """Everything as the user that runs this."""
    user = pwd.getpwuid(os.geteuid()).pw_name
    group = grp.getgrgid(os.getegid()).gr_name
    return Accounts(user, group, user, group, user, group, group)


def product() -> Accounts:
    """The accounts of an installed nbhook; under sudo the invoking user's group gets admin.sock."""
    gid = invoking_user()[1]
    admin_group = grp.getgrgid(gid).gr_name if gid != 0 else "nbhook"
    return Accounts("nbhook", "nbhook", "nbhook-run", "nbhook-run", "www-data", "www-data",
                    admin_group)


def find() -> Accounts:
    return product() if os.geteuid() == 0 else own()


def ensure(say: Callable[[str], None] = print) -> None:
    """Makes the accounts where they are missing. Needs root."""
    for name in ("www-data", "nbhook-run", "nbhook"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            say(f"making the account {name}")
            _make(name)
    for group in ("www-data", "nbhook-run"):
        if "nbhook" not in grp.getgrnam(group).gr_mem:
            _run("/usr/sbin/usermod", "--append", "--groups", group, "nbhook")


def _make(name: str) -> None:
    command = ["/usr/sbin/useradd", "--system", "--no-create-home", "--home-dir", "/nonexistent",
               "--shell", "/usr/sbin/nologin"]
    try:
        grp.getgrnam(name)
        command += ["--gid", name]
    except KeyError:
        command += ["--user-group"]
    _run(*command, name)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def become(name: str) -> None:
    """Turns this process into the account's, with its groups, for good."""
    entry = pwd.getpwnam(name)
    if os.geteuid() != 0:
        if entry.pw_uid != os.geteuid():
            raise PermissionError(f"only root can become {name}")
        return
    os.setgroups(os.getgrouplist(name, entry.pw_gid))
    os.setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid)
    os.setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid)


def home(name: str) -> str:
    return pwd.getpwnam(name).pw_dir


def ids(user: str, group: str) -> tuple[int, int]:
    return pwd.getpwnam(user).pw_uid, grp.getgrnam(group).gr_gid


def closed_folder(path: str, names: list[str]) -> Optional[tuple[str, str]]:
    """The first folder on the way to and including `path` that one of the accounts cannot pass, with
    that account; None if all can. Asked as the account itself, so access control lists count too."""
    for name in names:
        folder = _closed_for(os.path.realpath(path), name)
        if folder is not None:
            return folder, name
    return None


def _closed_for(path: str, name: str) -> Optional[str]:
    receiving, sending = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            become(name)
            os.write(sending, os.fsencode(_first_closed(path) or ""))
            os._exit(0)
        finally:
            os._exit(1)
    os.close(sending)
    with os.fdopen(receiving, "rb") as stream:
        answer = os.fsdecode(stream.read())
    if os.waitpid(child, 0)[1] != 0:
        raise PermissionError(f"could not look at {path} as {name}")
    return answer or None


def _first_closed(path: str) -> Optional[str]:
    parts = path.strip("/").split("/")
    for count in range(len(parts) + 1):
        folder = "/" + "/".join(parts[:count])
        try:
            os.stat(os.path.join(folder, "."))
        except PermissionError:
            return folder
        except FileNotFoundError:
            return None
    return None
