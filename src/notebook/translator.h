/* notebook/translator.h: what a language brings to the table of translators in translate.c.
 *
 * A language is one such struct with functions in a file of its own. */
#pragma once

#include <glib.h>

#include "base/json.h"

struct Translator {
	const char *language;   /* lower case */
	const char *comment;    /* what starts a comment, "# " */
	const char *assignment; /* what stands between a name and its value */
	/* Whether a name may become a variable. It is UTF-8, without NUL. */
	gboolean (*accepts_name)(const char *name, size_t size);
	/* Appends a value as an expression on one line. */
	void (*append_value)(GString *source, json_object *value);
	/* The identity cell; NULL for a language that has no module. The caller frees the
	 * result. */
	char *(*identity)(const char *uid, const char *path, const char *runtime);
};
