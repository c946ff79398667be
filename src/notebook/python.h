/* notebook/python.h: names and values of Python 3. */
#pragma once

#include "notebook/translate.h"
#include "notebook/translator.h"

extern const Translator python_translator;

/* Appends a string literal in double quotes, on one line, all that is not plain text escaped.
 * Bytes that are not UTF-8 become lone surrogates, as Python itself reads file names. */
void python_append_string(GString *source, const char *text, size_t size);
