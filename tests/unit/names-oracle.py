"""Prints for every code point whether Python takes it as a name, and behind an "a" in one ("0" to "3"),
counting only names in normal form; then the hard keywords and builtins."""
import builtins
import keyword
import sys
import unicodedata


def is_name(text):
    return text.isidentifier() and unicodedata.normalize("NFKC", text) == text


sys.stdout.write("".join(
    str(is_name(chr(point)) + 2 * is_name("a" + chr(point)))
    if not 0xD800 <= point <= 0xDFFF and unicodedata.category(chr(point)) != "Cn" else "-"
    for point in range(1, 0x110000)))
for name in sorted({*keyword.kwlist, *dir(builtins)}):
    sys.stdout.write("\n" + name)
