/* cli/params.h: "--param K=V" as members of an object. */
#pragma once

#include <glib.h>

#include "base/json.h"

/* Puts the param that text says into params: V is read as JSON if it is JSON, and is a string otherwise.
 * Errors (G_OPTION_ERROR): no "=", no name, a name given twice, not UTF-8. */
gboolean params_add(json_object *params, const char *text, GError **error);

/* What all of them say together; texts, which ends with NULL, may be NULL. The caller owns the object. */
json_object *params_read(char **texts, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Takes "-p NAME VALUE" and "-r NAME VALUE" (also -p NAME=VALUE, --param, --raw) out of the words of a command
 * line, up to "--", and puts them into params; a raw value is a string whatever it looks like. *argc and argv
 * are what is left. Errors as of params_add, and for a value that is missing. */
gboolean params_take(json_object *params, int *argc, char **argv, GError **error);
