/* cli/params.h: "--param K=V" as members of an object. */
#pragma once

#include <glib.h>

#include "base/json.h"

/* Puts the param that text says into params: V is read as JSON if it is JSON, and is a string otherwise.
 * Errors (G_OPTION_ERROR): no "=", no name, a name given twice, not UTF-8. */
gboolean params_add(json_object *params, const char *text, GError **error);

/* What all of them say together; texts, which ends with NULL, may be NULL. The caller owns the object. */
json_object *params_read(char **texts, GError **error) G_GNUC_WARN_UNUSED_RESULT;
