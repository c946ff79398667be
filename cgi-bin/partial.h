/* partial.h: less than a whole file, for web servers that leave that to us (RFC 9110 sections 13 and 14).
 *
 * Conditions, and one range of bytes; of several ranges nothing is made, which is allowed: the file is sent
 * whole. nginx does the same for the files that it sends. */
#pragma once

#include <glib.h>

#include "answer.h"
#include "web_request.h"

/* Whether the request has a range or a condition. */
gboolean partial_is_wanted(const WebRequest *request);

/* Makes the answer, whose body is a file, what the request asks for of it: a 206, 304, 412 or 416, or the
 * whole as before, which then says that there are ranges. */
void partial_apply(Answer *answer, const WebRequest *request);
