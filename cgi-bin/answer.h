/* answer.h: one HTTP answer: status, headers, body.
 *
 * Every answer carries Cache-Control, Referrer-Policy, X-Content-Type-Options and, but for those that
 * have no body by definition, Content-Length. A header value with a control character in it would let
 * its author write headers of their own: an answer that was given one is sent as a plain 500 instead.
 * An Answer owns its body, be it bytes or a descriptor. */
#pragma once

#include <glib.h>

#include "base/json.h"
#include "web_request.h"

typedef struct Answer Answer;

Answer *answer_new(int status);
void answer_free(Answer *answer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Answer, answer_free)

int answer_status(const Answer *answer);

/* The words of a status code: "Not Found" (RFC 9110 section 15). Static. */
const char *answer_phrase(int status);

/* Puts a header; one of that name that is there already is replaced. Both are copied. */
void answer_header(Answer *answer, const char *name, const char *value);
void answer_header_seconds(Answer *answer, const char *name, gint64 seconds);

/* Content-Disposition as RFC 6266 has it, with the name for everybody and the name in UTF-8. */
void answer_disposition(Answer *answer, gboolean is_inline, const char *filename);

/* The body: text that is copied, a JSON value that is given away, or the bytes of a regular file,
 * whose descriptor is given away (also on error; INTERNAL when it cannot be looked at). A file has an ETag and
 * a Last-Modified, those that nginx would make. */
void answer_text(Answer *answer, const char *type, const char *text);
void answer_json(Answer *answer, const char *type, json_object *value);
gboolean answer_file(Answer *answer, const char *type, int fd, GError **error);

/* The same file, to be sent by the web server, which knows it as location: X-Accel-Redirect. */
void answer_elsewhere(Answer *answer, const char *location);

/* Of a file that is sent from here: only the size bytes from from on; nothing of it, with another status. */
void answer_slice(Answer *answer, gint64 from, gint64 size);
void answer_nothing(Answer *answer, int status);

gint64 answer_size(const Answer *answer);

/* The value of a header, NULL if it has none. Borrowed until the next answer_header(). */
const char *answer_get_header(const Answer *answer, const char *name);

/* The JSON value that the body is, if it is of that very type; NULL otherwise. Borrowed. */
json_object *answer_document(const Answer *answer, const char *type);

/* Writes the answer in the form of CGI (RFC 3875 section 6). without_body is for HEAD. False when nobody
 * listens or the file ended early. */
gboolean answer_send(Answer *answer, const WebIo *io, gpointer peer, gboolean without_body);
