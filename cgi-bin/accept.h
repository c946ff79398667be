/* accept.h: what a caller would rather have (RFC 9110 section 12.5.1). */
#pragma once

#include <glib.h>

/* Whether an Accept header (NULL: none was sent) weighs text/html above JSON and problem documents, as
 * that of a browser does. Who takes anything gets JSON. */
gboolean accept_prefers_html(const char *accept);

/* The weight of a Content-Type, whose parameters do not matter, from 0 (not wanted) to 1; without an Accept
 * header (NULL, or one with nothing in it) everything is wanted. */
double accept_weight(const char *accept, const char *type);
