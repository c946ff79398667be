/* notebook/body.h: a request's body as a JSON value, by its Content-Type. */
#pragma once

#include <glib.h>

#include "base/json.h"
#include "notebook/request.h"

/* Parses a body. headers are the request's. *value (the caller owns it; NULL for the JSON value
 * null) and *has_keys are as in Inputs. Errors as inputs_new. */
gboolean body_parse(json_object *headers, const char *bytes, size_t size,
	const RequestLimits *limits, json_object **value, gboolean *has_keys, GError **error);
