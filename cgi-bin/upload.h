/* upload.h: a body that may hold files becomes the value that a notebook gets, and the files.
 *
 * The body has been received whole. Of multipart/form-data the parts with a file name, or of a type that is
 * neither text nor JSON, are files, the others fields; of another multipart all parts are files; anything
 * else is text or one file. Files are written byte for byte, flat in memory, each to a descriptor that is
 * asked for by its name, and synced. Types that are never text (images, mail, PDF …) are files even where
 * their bytes happen to be text. */
#pragma once

#include <glib.h>

#include "base/json.h"
#include "conf/settings.h"

typedef struct Upload {
	const Settings *settings;
	json_object *headers; /* of the request */
	int body;             /* holds the body and nothing else */
	/* A new file of that name; -1 and an error. The caller closes it. */
	int (*create)(gpointer data, const char *name, GError **error);
	gpointer data;
} Upload;

/* Takes the body apart. *value becomes what stands in a request file for it (REQUEST_VALUE); "files" in its
 * "body" is a list of {"field" (null in what is no form), "name", "path" (within the job's files/), "type",
 * "size"}. Or NULL if the body is text and none of it is a file. The caller owns it. Errors: those of gunzip.h and multipart.h; BAD_REQUEST for a
 * part without a name or a field that is no text; UNSUPPORTED_TYPE for encodings that are not offered;
 * TOO_LARGE above max_body (unpacked), max_file, max_parts, max_parsed_body (all fields); those of create. */
gboolean upload_take(const Upload *upload, json_object **value, GError **error);
