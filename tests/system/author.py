"""Someone who imports naas: /usr/bin/python3, an ordinary account, nothing but NAAS_URL, NAAS_TOKEN and
PYTHONPATH in the environment.

    author.write("hello.ipynb", saying("hello"))
    url = author.asks("naas.webhook.add('hello.ipynb')").value
    assert author.get(url).text == "hello"
    assert author.asks("naas.webhook.add('gone.ipynb')").error == "FileNotFoundError"
"""

from __future__ import annotations

import glob
import json
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from typing import Any, Optional

import requests

import accounts
from notebooks import notebook
from running import RunningSite

# Evaluates an expression of naas, and says as its last line what came of it.
INTERPRETER = """
import json, sys, naas
said = {}
try:
    said["value"] = eval(sys.argv[1], {"naas": naas})
except Exception as error:
    said.update(error=type(error).__name__, message=str(error),
                is_naas_error=isinstance(error, naas.NaasError))
print("\\n" + json.dumps(said))
"""


def saying(text: str) -> dict[str, Any]:
    """A notebook that answers with a text."""
    return notebook([f"import naas; naas.webhook.respond_text({text!r})"])


@dataclass(frozen=True)
class Said:
    """What an expression was worth, or which exception it raised, and what it printed."""

    printed: str
    value: Any = None
    error: Optional[str] = None
    message: str = ""
    is_naas_error: bool = False


class Author:
    """An ordinary account with a folder of its own, which all accounts can read."""

    def __init__(self, site: RunningSite, folder: str) -> None:
        self.site = site
        self.account = "nobody" if site.accounts.separate else site.accounts.daemon
        self.home = os.path.join(folder, "home")
        self.folder = os.path.join(folder, "work")
        for each in (self.home, self.folder):
            os.mkdir(each)
            self._own(each)
        self.environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": self.home,
                            "NAAS_URL": site.layout.url, "NAAS_TOKEN": site.key,
                            "PYTHONPATH": installed_module(site), "PYTHONDONTWRITEBYTECODE": "1"}

    def write(self, name: str, content: Any) -> str:
        """A file in the author's folder that every account can read; its path."""
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content if isinstance(content, str) else json.dumps(content))
        os.chmod(path, 0o644)
        return path

    def give(self, folder: str) -> str:
        """A copy of a folder of the sources, as the author's own."""
        copy = os.path.join(self.folder, "given", os.path.basename(folder))
        shutil.copytree(folder, copy, ignore=shutil.ignore_patterns(
            "build", "*.egg-info", "__pycache__"))
        for parent, _, names in os.walk(copy):
            for path in (parent, *(os.path.join(parent, name) for name in names)):
                self._own(path)
        return copy

    def _own(self, path: str) -> None:
        entry = pwd.getpwnam(self.account)
        os.chown(path, entry.pw_uid, entry.pw_gid)

    def run(self, *command: str, **variables: Optional[str]) -> subprocess.CompletedProcess:
        """Runs a command as the author, in the author's folder; a variable that is None is not there."""
        environment = {name: value for name, value in {**self.environment, **variables}.items()
                       if value is not None}
        return subprocess.run(
            command, env=environment, cwd=self.folder, text=True, capture_output=True, timeout=120,
            stdin=subprocess.DEVNULL, preexec_fn=lambda: accounts.become(self.account))

    def asks(self, expression: str, python: str = "/usr/bin/python3",
             **variables: Optional[str]) -> Said:
        done = self.run(python, "-c", INTERPRETER, expression, **variables)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        printed, said = done.stdout.rstrip("\n").rsplit("\n", 1)
        return Said(printed, **json.loads(said))

    def adds(self, path: str, arguments: str = "") -> str:
        """Publishes a file of the author's folder; its URL."""
        said = self.asks(f"naas.webhook.add({path!r}, {arguments})")
        assert said.error is None, said.message
        return said.value

    def get(self, url: str, **arguments: Any) -> requests.Response:
        return self.site.request("GET", url, **arguments)

    def kept(self, root: str, path: str) -> list[str]:
        """The files that the daemon keeps of a path in its folder `versions` or `production`."""
        top = self.site.layout.path("state", root) + path
        return [top] if os.path.isfile(top) else [
            os.path.join(parent, name) for parent, _, names in os.walk(top) for name in names]

    def outputs(self, answer: requests.Response) -> list[str]:
        """The executed notebooks that are kept of a call."""
        folder = self.site.execution(answer.headers["X-Nbhook-Job"])
        return [os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".ipynb")]

    def printed(self, answer: requests.Response) -> list[str]:
        """What each cell of the author's printed in a call."""
        with open(self.outputs(answer)[0], encoding="utf-8") as file:
            cells = json.load(file)["cells"]
        return ["".join("".join(output.get("text", "")) for output in each["outputs"])
                for each in cells if not each["metadata"].get("tags")]


def installed_module(site: RunningSite) -> str:
    """The folder that has the module naas in the site's prefix."""
    found = glob.glob(f"{site.layout.prefix}/lib/python3*/*-packages/naas/__init__.py")
    assert len(found) == 1, f"the prefix has the modules {found}"
    return os.path.dirname(os.path.dirname(found[0]))
