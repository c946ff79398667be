/* multipart.h: a multipart body taken apart as it comes (RFC 2046 section 5.1.1, RFC 7578).
 *
 * The bytes of a part are given on as they are: nothing is decoded, and nothing within a part is looked at,
 * be it a mail or a multipart of its own. Memory is flat whatever is sent: a part's headers, the padding
 * behind a boundary and the number of parts have ceilings. */
#pragma once

#include <glib.h>

#include "base/json.h"

typedef struct Multipart Multipart;

/* What hears of the parts, in their order; each ends the reading by an error. */
typedef struct MultipartHandler {
	/* headers: strings by lower-case name, UTF-8; borrowed. number counts from 1 */
	gboolean (*begin)(gpointer data, json_object *headers, gint64 number, GError **error);
	gboolean (*take)(gpointer data, const char *bytes, size_t size, GError **error);
	gboolean (*end)(gpointer data, GError **error);
} MultipartHandler;

/* content_type is that of the request. BAD_REQUEST if its boundary is missing or could be none. handler is
 * kept, data is the handler's. The caller frees. */
Multipart *multipart_new(const char *content_type, gint64 max_parts,
	const MultipartHandler *handler, gpointer data, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void multipart_free(Multipart *multipart);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Multipart, multipart_free)

/* Takes the next bytes of the body. BAD_REQUEST for broken headers, TOO_LARGE above max_parts; not to be fed
 * again after an error. */
gboolean multipart_feed(Multipart *multipart, const char *bytes, size_t size, GError **error);

/* BAD_REQUEST if the final boundary has not come. */
gboolean multipart_finish(Multipart *multipart, GError **error);
