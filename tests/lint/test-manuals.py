"""The manual pages: well formed, and complete about commands, options and routes."""

import json
import os
import re
import subprocess
import tempfile

import lint

MANDOC = os.environ.get("MANDOC", "")
# Programs and the pages that describe them.
PAGES = {"nbhook": "man/nbhook.1", "nbhookd": "man/nbhookd.8", "nbhook-runner": "man/nbhook-runner.8"}


def mandoc(path: str) -> list[str]:
    done = subprocess.run([MANDOC, "-T", "lint", "-W", "warning", path], capture_output=True,
                          encoding="utf-8", check=False)
    return (done.stdout + done.stderr).splitlines()


def mandoc_text(text: str) -> list[str]:
    with tempfile.NamedTemporaryFile("w", suffix=".1") as page:
        page.write(text)
        page.flush()
        return mandoc(page.name)


def plain_text(name: str) -> str:
    done = subprocess.run([MANDOC, "-T", "ascii", "-O", "width=200", os.path.join(lint.TOP, name)],
                          capture_output=True, encoding="ascii", check=True)
    return re.sub(".\x08", "", done.stdout)  # bold letters are printed twice


def commands_of(overview: str) -> list[str]:
    """The first words of the lines below "Commands:"; the arguments are in capitals."""
    lines = overview.partition("Commands:\n")[2].partition("\n\n")[0].split("\n")
    return [" ".join(re.match(r"\s+((?:[a-z-]+ )+)", line).group(1).split()) for line in lines if line]


def undocumented(help_text: str, page: str) -> list[str]:
    options = sorted(set(re.findall(r"(?<![\w-])--([a-z][a-z-]*)", help_text)) - {"help-all"})
    return [f"--{option} is not in the page" for option in options
            if not re.search(rf"\bFl -{re.escape(option)}\b", page)]


def routes_of(code: str) -> list[tuple[str, str]]:
    """Method and path of each route; /notebook/ is another name of /webhook/, as its page says."""
    return [(method, path.replace("/notebook/", "/webhook/").replace(":", ""))
            for method, path in re.findall(r'^\t\{ "([A-Z]+)", +"(/[^"]*)"', code, re.MULTILINE)]


def missing_routes(routes: list[tuple[str, str]], page: str) -> list[str]:
    """A page has a route where a line says its method, and then its path as a whole."""
    return [f"{method} {path} is not in the page" for method, path in routes
            if not re.search(rf"^ +(.* )?{method}\b.* {path}(?![\w/])", page, re.MULTILINE)]


def reasons_of(code: str) -> list[str]:
    """The words of the table reason_rows, which callers see."""
    return re.findall(r'\{ "(\w+)",', code.partition("reason_rows[] = {")[2].partition("};")[0])


def missing_reasons(code: str, page: str) -> list[str]:
    return [f"the reason {word} is not in the page" for word in reasons_of(code)
            if not re.search(rf"^\.It Cm (.* )?{word}\b", page, re.MULTILINE)]


def members_of(schema: object) -> list[str]:
    """The names of all properties of a JSON Schema, in its depths too; not those of its conditions."""
    if not isinstance(schema, dict):
        return []
    names = list(schema.get("properties", {}))
    for member in schema.get("properties", {}).values():
        names += members_of(member)
    return names


def missing_members(schema: object, page: str) -> list[str]:
    return [f"the member {name} is not in the page" for name in members_of(schema)
            if not re.search(rf"^(\.It Va (.* )?|\.Va (.* )?){name}\b", page, re.MULTILINE)]


def help_of(program: str, *words: str) -> str:
    return subprocess.run([os.path.join(lint.BUILD, program), *words, "--help"], check=True,
                          capture_output=True, encoding="utf-8").stdout


tap = lint.Tap()
pages = [name for name in lint.names() if re.match(r"man/[\w.-]+\.[1-8]$", name)]
tap.findings("there are pages", [] if len(pages) >= 5 else pages)
if MANDOC:
    tap.findings("mandoc finds faults",
                 [] if mandoc_text(".Dd x\n.Dt A 1\n.Os\n.Sh NAME\n.Xx\n") else ["none in a bad page"])
    for name in pages:
        tap.findings(f"mandoc likes {name}", mandoc(os.path.join(lint.TOP, name)))
    page = plain_text("man/nbhook-http.7")
    routes = routes_of(lint.read("cgi-bin/routes.c"))
    tap.finds("a route that no page has", missing_routes([("GET", "/webhook/token/nothing")], page))
    tap.findings("the routes were read", [] if ("GET", "/job") in routes else [str(routes)])
    tap.findings("nbhook-http(7) has all routes", missing_routes(routes, page))
else:
    tap.skip("mandoc", "there is no mandoc; configure looks for it")

http = lint.read("man/nbhook-http.7")
tap.finds("a reason that no page has", missing_reasons('reason_rows[] = {\n\t{ "whim", "" },\n};', http))
tap.findings("nbhook-http(7) has all reasons", missing_reasons(lint.read("src/job/job.c"), http))

status = lint.read("man/nbhook-status.7")
schema = json.loads(lint.read("conf/status.schema.json"))
reasons = reasons_of(lint.read("src/job/job.c"))
failed = next(rule["then"]["properties"]["reason"]["enum"] for rule in schema["allOf"]
              if rule["if"]["properties"]["status"].get("const") == "failed")
tap.finds("a member that no page has", missing_members({"properties": {"whim": {}}}, status))
tap.findings("nbhook-status(7) has all members of the schema", missing_members(schema, status))
tap.findings("nbhook-status(7) has the reasons of failed jobs",
             [reason for reason in failed if f".It Cm {reason}\n" not in status])
tap.findings("the schema has the reasons of failed jobs",
             sorted(set(failed) ^ (set(reasons) - {"stopped", "stopped_by_user"})))

nbhook = lint.read(PAGES["nbhook"])
commands = commands_of(help_of("nbhook"))
tap.finds("an option that no page has", undocumented("  -q, --quite-new   x", nbhook))
tap.findings("the commands were read", [] if "key revoke" in commands else commands)
for command in commands:
    tap.findings(f"nbhook(1) describes {command}",
                 [] if re.search(rf"^\.It Cm {command}\b", nbhook, re.MULTILINE) else [command])
    tap.findings(f"nbhook(1) has the options of {command}",
                 undocumented(help_of("nbhook", *command.split()), nbhook))
for program, page in PAGES.items():
    tap.findings(f"{page} has the options of {program}",
                 undocumented(help_of(program), lint.read(page)))
tap.end()
