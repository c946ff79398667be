"""What quickstart does once everything runs: a key, the examples, DIR/env, words on the screen."""

from __future__ import annotations

import glob
import os
import re
import shlex
import subprocess
import time
import urllib.error
import urllib.request
from typing import Callable, Optional

import accounts
from files import replace_file
from layout import Site
from supervisor import StartFailed

KEY_NAME = "quickstart"
CALL_LIMIT_S = 20.0
EXAMPLES = [  # file, query, what it shows
    ("hello.ipynb", "?name=Ada", "a greeting, with a parameter"),
    ("table.ipynb", "", "a pandas table as a page"),
    ("kinds.ipynb", "?kind=markdown", "one of nine kinds of answers"),
    ("fails.ipynb", "", "a notebook that fails: 500, with the error and the cell"),
    ("sleeps.ipynb", "", "works for 90 s: 500 after one minute, and the run goes on"),
]


class Welcome:
    def __init__(self, site: Site, rebuilt: bool, say: Callable[[str], None]) -> None:
        self.site = site
        self.rebuilt = rebuilt
        self.say = say

    def give(self) -> None:
        """Called when every program is ready. Raises StartFailed if nothing answers all the same."""
        self._await_answer("GET", "/env", (200,))
        key = self._key()
        urls = [(self._publish(name) + query, what) for name, query, what in EXAMPLES]
        self._await_answer("HEAD", urls[0][0][len(self.site.url):], (200, 405))
        self._write_env(key)
        env = self.site.path("env")
        lines = ["", f"nbhook is ready at {self.site.url}/", ""]
        lines += [f"  {what}:\n    curl '{url}'" for url, what in urls]
        lines += ["", f"For the command nbhook and for \"import naas\", in another terminal:  . {env}",
                  f"Logs are in {self.site.path('log')}. Ctrl-C ends everything.", ""]
        print("\n".join(lines), flush=True)

    def _await_answer(self, method: str, path: str, statuses: tuple[int, ...]) -> None:
        deadline = time.monotonic() + CALL_LIMIT_S
        while True:
            status = self._call(method, path)
            if status in statuses:
                return
            if time.monotonic() > deadline:
                raise StartFailed(f"{method} {path} answers {status}, not {statuses[0]}; "
                                  f"see the logs in {self.site.path('log')}")
            time.sleep(0.05)

    def _call(self, method: str, path: str, key: Optional[str] = None) -> int:
        """The status of an answer, 0 if there is none."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        request = urllib.request.Request(f"http://127.0.0.1:{self.site.port}{path}", method=method,
                                         headers=headers)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=10) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def _key(self) -> str:
        """The key of the last start, if it is still good; else a new one."""
        key = self._key_before()
        if key and self._call("GET", "/job", key) == 200:
            return key
        self._nbhook("key", "revoke", KEY_NAME, check=False)
        return self._nbhook("key", "add", KEY_NAME)

    def _key_before(self) -> Optional[str]:
        try:
            with open(self.site.path("env"), encoding="utf-8") as file:
                found = re.search(r"^export NAAS_TOKEN=([A-Za-z0-9_-]+)$", file.read(), re.MULTILINE)
        except FileNotFoundError:
            return None
        return found.group(1) if found else None

    def _publish(self, name: str) -> str:
        """The URL of an example, which is published where it is not or may have changed."""
        path = os.path.join(self.site.prefix, "share/doc/nbhook/examples", name)
        url = "" if self.rebuilt else self._nbhook("find", path, check=False)
        return url or self._nbhook("add", path, "--param", "inline=true")

    def _nbhook(self, *words: str, check: bool = True) -> str:
        command = [os.path.join(self.site.prefix, "bin/nbhook"), *words]
        done = subprocess.run(
            command, text=True, capture_output=True, stdin=subprocess.DEVNULL, cwd="/",
            timeout=CALL_LIMIT_S, preexec_fn=lambda: accounts.become(self.site.accounts.daemon),
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "NBHOOK_CONF": self.site.conf})
        if done.returncode != 0:
            if not check:
                return ""
            raise StartFailed(f"nbhook {' '.join(words)} failed: {done.stderr.strip()}")
        return done.stdout.strip()

    def _write_env(self, key: str) -> None:
        """A file to source. It holds a key, so it is the invoking user's alone."""
        folder = glob.glob(f"{self.site.prefix}/lib/python3*/*-packages/naas/__init__.py")
        if not folder:
            raise StartFailed(f"the module naas is not below {self.site.prefix}/lib")
        modules = os.path.dirname(os.path.dirname(folder[0]))
        variables = [
            ("NBHOOK_CONF", self.site.conf),
            ("NAAS_URL", self.site.url),
            ("NAAS_TOKEN", key),
        ]
        lines = [f"# To be sourced: the command nbhook and the module naas then use {self.site.url}"]
        lines += [f"export {name}={shlex.quote(value)}" for name, value in variables]
        lines += [f"export PATH={shlex.quote(self.site.prefix)}/bin:\"$PATH\"",
                  f"export PYTHONPATH={shlex.quote(modules)}\"${{PYTHONPATH:+:$PYTHONPATH}}\""]
        replace_file(self.site.path("env"), "\n".join(lines) + "\n", 0o600,
                     accounts.invoking_user())
