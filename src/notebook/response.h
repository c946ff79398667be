/* notebook/response.h: which output of a run is the response, and what it consists of.
 *
 * The first output, in cell order, whose metadata for its MIME type has a true naas_api. What the original
 * naas package puts out is understood alike: text, Markdown and tables as HTML with a naas_type, a file as
 * JSON with a path and a naas_type, the notebook as Markdown with the naas_type "notebook". */
#pragma once

#include <glib.h>

#include "base/json.h"
#include "notebook/notebook.h"

/* Where the bytes of the body are. */
typedef enum {
	RESPONSE_HERE,     /* in the response itself */
	RESPONSE_FILE,     /* in the file at .path */
	RESPONSE_NOTEBOOK, /* the executed notebook is to become a page; it is the alternative itself */
} ResponseSource;

/* One form of a response. */
typedef struct ResponseForm {
	char *type;     /* the Content-Type; NULL: there is no such form, or it is not known yet */
	char *filename; /* for Content-Disposition: "<notebook><extension>", or a file's own */
	char *bytes;    /* NULL when they are elsewhere */
	size_t size;
} ResponseForm;

typedef struct Response {
	ResponseSource source;
	char *kind;               /* "html", "json", … */
	ResponseForm body;        /* what a caller gets who is not particular */
	ResponseForm alternative; /* what one gets who prefers its type */
	char *path;               /* of a file, as the notebook says it */
} Response;

/* The ceilings, settings of that name. */
typedef struct ResponseLimits {
	gint64 max_response;
	gint64 max_markdown;
} ResponseLimits;

/* The response of an executed notebook named name (file name without .ipynb); *response is NULL
 * when it chose none. UNPROCESSABLE for an output that asks to be the response and cannot be one,
 * with why; TOO_LARGE over a limit, with its setting. */
gboolean response_find(Notebook *notebook, const char *name, const ResponseLimits *limits,
	Response **response, GError **error);
void response_free(Response *response);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Response, response_free)
