/* notebook/body.h: a request's body as a JSON value, by its Content-Type. */
#pragma once

#include <glib.h>

#include "base/json.h"
#include "notebook/request.h"

typedef enum {
	BODY_TEXT,      /* a form, JSON or text: a value */
	BODY_MULTIPART, /* fields and files */
	BODY_FILE,      /* one file, whatever its bytes are */
	BODY_OTHER,     /* text if it is text, else one file */
} BodyKind;

/* What a body of that Content-Type (NULL: none) is. */
BodyKind body_kind(const char *content_type);

/* Whether a request's Content-Encoding is gzip; UNSUPPORTED_TYPE if it is another that changes the bytes. */
gboolean body_is_packed(json_object *headers, gboolean *packed, GError **error);

/* Undoes gzip. TOO_LARGE above max_parsed_body or max_gzip_ratio, BAD_REQUEST for what is none. The caller
 * unrefs. */
GBytes *body_unpack(const char *bytes, size_t size, const RequestLimits *limits,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Parses a body into body, body_all and body_has_keys of inputs, whose headers are there. Errors as
 * inputs_new. */
gboolean body_parse(Inputs *inputs, const char *bytes, size_t size, const RequestLimits *limits,
	GError **error);
