"""Functions of at most 60 lines; a file of more than 500 says why it is one."""

import ast
import re

import lint

MAX_FUNCTION = 60
MAX_FILE = 500
REASON = re.compile(r"one\s+(?:[#*\s]*)file\s+(?:[#*\s]*)because", re.IGNORECASE)


def check_c(name: str, text: str) -> list[str]:
    """By our layout the braces of a function, and of nothing else, stand alone in column 0."""
    findings = []
    start = None
    for number, line in enumerate(lint.bare_c(text).split("\n"), 1):
        if line.rstrip() == "{":
            start = number
        elif line.rstrip() == "}" and start is not None:
            if number - start > MAX_FUNCTION:
                findings.append(f"{name}:{start}: a function of {number - start} lines")
            start = None
    return findings


def check_python(name: str, text: str) -> list[str]:
    return [f"{name}:{node.lineno}: {node.name} has {node.end_lineno - node.lineno} lines"
            for node in ast.walk(ast.parse(text))
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            and node.end_lineno - node.lineno > MAX_FUNCTION]


def first_comment(text: str) -> str:
    match = re.match(r'(?:#![^\n]*\n)?\s*(/\*.*?\*/|""".*?"""|(?:#[^\n]*\n)+)', text, re.DOTALL)
    return match.group(1) if match else ""


def check_file(name: str, text: str) -> list[str]:
    lines = text.count("\n")
    if lines <= MAX_FILE or REASON.search(first_comment(text)):
        return []
    return [f'{name}: {lines} lines; split it, or say "one file because ..." in its first comment']


tap = lint.Tap()
long_c = "void\nf(void)\n{\n" + "\tg();\n" * 60 + "}\n"
long_python = "def f():\n" + "    g()\n" * 61
long_file = "int a;\n" * 501
tap.finds("a long function in C", check_c("a.c", long_c))
tap.findings("60 lines are not too long in C", check_c("a.c", long_c.replace("\tg();\n", "", 1)))
tap.finds("a long function in Python", check_python("a.py", long_python))
tap.finds("a long file", check_file("a.c", long_file))
tap.finds("a reason elsewhere", check_file("a.c", long_file + "/* one file because x */\n"))
tap.findings("a long file with a reason",
             check_file("a.c", "/* One table; one\n * file because x. */\n" + long_file))
c = list(lint.names(".c", ".h"))
python = [*lint.names(".py"), *(name for name in lint.names("quickstart")
                                if lint.read(name).startswith("#!/usr/bin/python3"))]
tap.findings("functions in C", lint.check_files(check_c, c))
tap.findings("functions in Python", lint.check_files(check_python, python))
tap.findings("files", lint.check_files(check_file, [*c, *python, *lint.names(".sh")]))
tap.end()
