"""Functions and words of C that we do without."""

import re

import lint

BANNED = {
    "strcpy": "g_strdup or g_strlcpy",
    "stpcpy": "g_strdup or g_strlcpy",
    "strncpy": "g_strlcpy",
    "strcat": "a GString or g_strconcat",
    "strncat": "a GString or g_strconcat",
    "sprintf": "g_strdup_printf or g_snprintf",
    "vsprintf": "g_strdup_vprintf",
    "gets": "a reader with a ceiling",
    "strtok": "g_strsplit",
    "strtok_r": "g_strsplit",
    "atoi": "g_ascii_string_to_signed",
    "atol": "g_ascii_string_to_signed",
    "atoll": "g_ascii_string_to_signed",
    "atof": "g_ascii_strtod",
    "scanf": "a parser that says what is wrong",
    "sscanf": "a parser that says what is wrong",
    "system": "posix_spawn or GSubprocess with an argument vector",
    "popen": "posix_spawn or GSubprocess with an argument vector",
    "mktemp": "mkstemp",
    "tmpnam": "mkstemp",
    "alloca": "the heap, with a ceiling",
    "g_alloca": "the heap, with a ceiling",
    "rand": "RAND_bytes",
    "random": "RAND_bytes",
    "asctime": "clock_iso",
    "ctime": "clock_iso",
    "localtime": "clock_iso",
    "gmtime": "gmtime_r",
}
CALL = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")
GOTO = re.compile(r"\bgoto\b")


def check(name: str, text: str) -> list[str]:
    findings = []
    for number, line in enumerate(lint.bare_c(text).split("\n"), 1):
        for match in CALL.finditer(line):
            instead = BANNED[match.group(1)]
            findings.append(f"{name}:{number}: not {match.group(1)}() but {instead}")
        if GOTO.search(line):
            findings.append(f"{name}:{number}: no goto; scopes clean up (g_autoptr)")
    return findings


tap = lint.Tap()
tap.finds("each banned call", check("a.c", "".join(f"\tx = {name} (a, b);\n" for name in BANNED)),
          len(BANNED))
tap.finds("goto", check("a.c", "\tgoto out;\n"))
tap.findings("words in comments, strings and other names are no calls",
             check("a.c", '/* strcpy(a) */ x = "system(1)"; my_system(1); f->random(2); snprintf(3);\n'))
tap.findings("no banned calls", lint.check_files(check, lint.names(".c", ".h")))
tap.end()
