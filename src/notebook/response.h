/* notebook/response.h: which output of a run is the response, and its bytes.
 *
 * The first output, in cell order, whose metadata for its MIME type has a true naas_api. */
#pragma once

#include <glib.h>

#include "base/json.h"
#include "notebook/notebook.h"

typedef struct Response {
	char *kind;     /* "html", "json", "text" */
	char *type;     /* the Content-Type */
	char *filename; /* "<notebook><extension>" for Content-Disposition */
	char *bytes;
	size_t size;
} Response;

/* The response of an executed notebook named name (file name without .ipynb); *response is NULL
 * when it chose none. UNPROCESSABLE for an output that asks to be the response and cannot be one,
 * with why; TOO_LARGE over max_bytes (the setting max_response). */
gboolean response_find(Notebook *notebook, const char *name, gint64 max_bytes, Response **response,
	GError **error);
void response_free(Response *response);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Response, response_free)
