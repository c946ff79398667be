/* notebook/translator.h: what a language brings to the table of translators in translate.c.
 *
 * A language is one such struct with functions in a file of its own. */
#pragma once

#include <glib.h>

#include "base/json.h"
#include "notebook/translate.h"

struct Translator {
	const char *language;   /* lower case */
	const char *title;      /* as people write it */
	const char *comment;    /* what starts a comment, "# " */
	const char *assignment; /* what stands between a name and its value */
	gboolean lacks_nul;     /* its strings cannot hold U+0000 */
	/* Whether a name may become a variable. It is UTF-8, without NUL. */
	gboolean (*accepts_name)(const char *name, size_t size);
	/* Appends a name that was accepted, as it is assigned to. */
	void (*append_name)(GString *source, const char *name);
	/* Appends a value as an expression on one line. */
	void (*append_value)(GString *source, json_object *value);
	/* The identity cell; NULL for a language that has no module. The caller frees the
	 * result. */
	char *(*identity)(const char *uid, const char *path, const char *runtime);
};
