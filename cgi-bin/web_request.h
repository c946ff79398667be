/* web_request.h: one HTTP request as a FastCGI or CGI environment tells it.
 *
 * web_request_new() only sorts the environment and cannot fail; web_request_check() says whether the
 * request may be looked at any further (a request that failed it has no segments). The body is not read
 * before somebody asks for it, once. Where bytes come from and go to is a WebIo, so that FastCGI, plain
 * CGI and the tests look the same from here on. A WebRequest belongs to one thread. */
#pragma once

#include <glib.h>

#include "base/json.h"
#include "conf/settings.h"

/* The two ends of a connection. */
typedef struct WebIo {
	/* Up to size bytes of the body; 0 at its end, -1 when it broke off. */
	gssize (*read)(gpointer peer, char *bytes, size_t size);
	/* Writes all; false when nobody listens any more. */
	gboolean (*write)(gpointer peer, const char *bytes, size_t size);
} WebIo;

typedef struct WebRequest {
	const WebIo *io; /* static */
	gpointer peer;   /* of io; the caller's */
	int connection; /* a socket that hangs up when the caller does; the caller's; -1 for none */
	gint64 arrived_ms;
	char *method;
	char *target;         /* path and query, as received */
	char *path;           /* still percent-encoded */
	char *query;          /* still percent-encoded, "" if there is none */
	json_object *headers; /* strings by lower-case name, UTF-8 */
	size_t headers_size;  /* of all names and values */
	char *accel; /* where the web server has our files (X-Accel-Redirect); NULL: nowhere */
	char *length_text; /* Content-Length as received, NULL if there is none */
	gint64 length;     /* the same as a number from web_request_check() on; -1 for none */
	char **segments;   /* of the path, decoded; from web_request_check() on */
} WebRequest;

/* environment is a NULL-terminated array of "NAME=value" (RFC 3875; HTTP_* are the headers), of which
 * nothing is kept. The caller frees the result and keeps peer alive as long. */
WebRequest *web_request_new(char **environment, const WebIo *io, gpointer peer);
void web_request_free(WebRequest *request);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WebRequest, web_request_free)

/* Holds the request against the settings max_uri, max_headers and max_body and takes the path apart.
 * URI_TOO_LONG, TOO_LARGE, BAD_REQUEST (broken percent-encoding, NUL or invalid UTF-8 in the path,
 * CR or LF in a header value, a Content-Length that is no number). */
gboolean web_request_check(WebRequest *request, const Settings *settings, GError **error);

/* A header by its lower-case name; NULL if it was not sent. Borrowed. */
const char *web_request_header(const WebRequest *request, const char *name);

/* Writes the body to fd. TOO_LARGE (naming the setting) above max bytes, BAD_REQUEST for a body that is
 * not as long as announced. */
gboolean web_request_save_body(
	const WebRequest *request, int fd, gint64 max, const char *setting, GError **error);

/* The body in memory; errors as above. The caller frees. */
GBytes *web_request_read_body(const WebRequest *request, gint64 max, const char *setting,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
