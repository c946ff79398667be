/* base/json_read.h: JSON text becomes json-c's values; for base/json.c alone. */
#pragma once

#include "base/json.h"

/* Reads size bytes as one value of RFC 8259 (with python: also Python's NaN, Infinity and -Infinity) within
 * the limits, in UTF-8 without NUL. *value is NULL for null; the caller owns it. Errors are those of
 * json_parse_within(). */
gboolean json_read(const char *text, size_t size, const JsonLimits *limits, gboolean python,
	json_object **value, GError **error);
