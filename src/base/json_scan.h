/* base/json_scan.h: what json-c lets through, found before it reads; for base/json.c alone. */
#pragma once

#include "base/json.h"

/* Checks size bytes of JSON against RFC 8259 (with python: and Python's NaN, Infinity and -Infinity), the
 * limits, and UTF-8 without NUL. Where a number has to be marked, *marked is the text to parse instead (the
 * caller frees it), else NULL. Errors are those of json_parse_within(). */
gboolean json_scan(const char *text, size_t size, const JsonLimits *limits, gboolean python,
	char **marked, GError **error);

/* Takes the marks back in all that value holds; gives what is to stand in place of value itself, or NULL
 * when value may stay. */
json_object *json_scan_unmark(json_object *value);
