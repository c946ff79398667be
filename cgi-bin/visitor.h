/* visitor.h: who is only looking.
 *
 * A browser that fetches ahead and a robot that draws a preview of a link ask for a webhook's URL without
 * anybody having clicked; neither may run it. */
#pragma once

#include <glib.h>

#include "answer.h"
#include "web_request.h"

/* Whether the request is a prefetch (Sec-Purpose, Purpose, X-Purpose or X-Moz). */
gboolean visitor_is_prefetch(const WebRequest *request);

/* Whether the User-Agent is a robot that draws link previews, and the request no POST. */
gboolean visitor_is_preview(const WebRequest *request);

/* What such a robot gets: a page with a title. */
Answer *visitor_preview_page(void);
