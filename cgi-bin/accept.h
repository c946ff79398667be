/* accept.h: whether a caller would rather read a page than JSON (RFC 9110 section 12.5.1). */
#pragma once

#include <glib.h>

/* Whether an Accept header (NULL: none was sent) weighs text/html above JSON and problem documents, as
 * that of a browser does. Who takes anything gets JSON. */
gboolean accept_prefers_html(const char *accept);
