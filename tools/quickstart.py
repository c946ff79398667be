"""./quickstart: builds nbhook below one folder and runs it there, or checks it."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import pwd
import re
import signal
import sys
from typing import Iterator

import accounts
import check
import layout
import leftovers
import packages
import processes
from building import LOCK, Building, BuildFailed
from packages import Missing
from plan import remove_run_dir
from supervisor import StartFailed, Supervisor
from welcome import Welcome

DESCRIPTION = """\
serve (the default) installs the Debian packages that are missing, builds nbhook, and runs it with an
nginx of its own in the foreground until Ctrl-C. It prints "nbhook is ready at URL" when it can be called.
check builds it with and without sanitizers and runs all tests.

Everything is kept below DIR. As root, nbhook runs under accounts of its own, which are made when they
are missing: nbhook, nbhook-run and nginx's www-data. As an ordinary user everything runs as that user,
notebooks too."""

# What quickstart itself puts into DIR.
OURS = {"build", "build.log", "check", "env", "etc", "lock", "log", "nginx", "prefix", "run.json",
        "src", "state"}
PLAIN_PATH = re.compile(r"^[A-Za-z0-9._/+@,=-]+$")


class Refused(Exception):
    """What was asked for cannot be done; the message says why and what to do."""


def say(text: str) -> None:
    # A terminal that is gone is no reason to end halfway through an end.
    with contextlib.suppress(OSError):
        print(f"quickstart: {text}", file=sys.stderr, flush=True)


def default_folder() -> str:
    if os.geteuid() == 0:
        return "/var/tmp/nbhook"
    return f"/var/tmp/nbhook-{pwd.getpwuid(os.geteuid()).pw_name}"


def port_number(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"\"{text}\" is no port; it must be 1 to 65535")
    return int(text)


def parse(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="quickstart", description=DESCRIPTION, allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", nargs="?", choices=("serve", "check"), default="serve",
                        metavar="serve|check", help="what to do (default: serve)")
    parser.add_argument("--port", type=port_number, default=8080, metavar="N",
                        help="where nginx listens, on localhost (default: 8080)")
    parser.add_argument("--state", default=default_folder(), metavar="DIR",
                        help="where everything is kept (default: %(default)s)")
    parser.add_argument("--no-install", action="store_true",
                        help="install no Debian packages; say which are missing")
    return parser.parse_args(words)


def resolve(folder: str) -> str:
    """The real path of DIR, if it can be used and nobody else could have their hands in it."""
    if folder == "":
        raise Refused("--state needs the name of a folder")
    owners = (os.geteuid(), accounts.invoking_user()[0])
    if os.path.islink(folder) and os.lstat(folder).st_uid not in owners:
        raise Refused(f"--state {folder}: it is a link of {_user(os.lstat(folder).st_uid)}")
    folder = os.path.realpath(folder)
    if not PLAIN_PATH.match(folder):
        raise Refused(f"--state {folder}: only letters, digits and ._/+@,=- are possible in its path")
    if not os.path.lexists(folder):
        return folder
    if not os.path.isdir(folder):
        raise Refused(f"--state {folder}: it is no folder")
    info = os.stat(folder)
    if info.st_uid not in owners:
        raise Refused(f"--state {folder}: it belongs to {_user(info.st_uid)}; choose another folder")
    if info.st_mode & 0o022:
        raise Refused(f"--state {folder}: others may write in it; \"chmod go-w {folder}\" ends that")
    others = sorted(set(os.listdir(folder)) - OURS)
    if others:
        # It is written and removed in; it must not be somebody's home by mistake.
        raise Refused(f"--state {folder}: it holds other things ({', '.join(others[:5])}); "
                      "choose a folder that is empty or does not exist")
    return folder


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


@contextlib.contextmanager
def locked(folder: str) -> Iterator[None]:
    """Makes DIR and holds it for this process. A killed quickstart holds nothing."""
    os.makedirs(folder, 0o755, exist_ok=True)
    with open(os.path.join(folder, LOCK), "a+", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise Refused(f"{folder} is in use by another quickstart (process {lock.read().strip()});"
                          " end it, or choose another folder with --state") from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def prepare_accounts(folder: str) -> accounts.Accounts:
    who = accounts.find()
    if not who.separate:
        say(f"not root: everything runs as {who.daemon}, notebooks too")
        return who
    accounts.ensure(say)
    closed = accounts.closed_folder(folder, [who.daemon, who.runner, who.web])
    if closed is not None:
        raise Refused(f"--state {folder}: the account {closed[1]} cannot pass {closed[0]}; open it with "
                      f"\"chmod a+x {closed[0]}\", or choose another folder with --state")
    return who


def serve(arguments: argparse.Namespace, folder: str, who: accounts.Accounts) -> None:
    prefix = os.path.join(folder, "prefix")
    users = sorted({who.daemon, who.runner, who.web})
    leftovers.clean_up(os.path.join(folder, "run.json"), prefix, users)
    if not layout.port_is_free(arguments.port):
        raise Refused(f"port {arguments.port} is in use; choose another one with --port")
    packages.ensure(["build", "run"], not arguments.no_install, say)
    rebuilt = Building(folder, say).ensure_installed()
    site = layout.Site(folder, prefix, arguments.port, who)
    plan = site.prepare()
    try:
        supervisor = Supervisor(plan, say)
        supervisor.on_ready = Welcome(site, rebuilt, say).give
        supervisor.run()
    finally:
        remove_run_dir(plan.run_dir)
    say("ended")


def run(arguments: argparse.Namespace) -> int:
    folder = resolve(arguments.state)
    who = prepare_accounts(folder)
    if arguments.action == "serve":
        with locked(folder):
            serve(arguments, folder, who)
        return 0
    with locked(os.path.join(folder, "check")):
        packages.ensure(["build", "run", "check"], not arguments.no_install, say)
        return check.run(os.path.join(folder, "check"), say)


def main() -> int:
    os.umask(0o022)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _interrupted)
    processes.prctl(processes.PR_SET_CHILD_SUBREAPER, 1)
    try:
        return run(parse(sys.argv[1:]))
    except (Refused, Missing, BuildFailed, StartFailed, PermissionError) as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        processes.end_own_descendants()


def _interrupted(number: int, frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
