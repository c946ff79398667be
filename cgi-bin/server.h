/* server.h: how requests come in: FastCGI with a pool of threads, or one request as plain CGI.
 *
 * The FastCGI socket is inherited under the name "fcgi" or "api" (base/listen.h), or is descriptor 0 as
 * spawn-fcgi leaves it. Without one, and with a request in the environment, that one request is answered
 * as CGI. SIGTERM ends the pool: no new request is taken, those that were taken are finished. */
#pragma once

#include <glib.h>

#include "conf/settings.h"

/* Serves until it is told to end, or the one CGI request is answered. False with an error when there is
 * nothing to serve or no threads to serve with. Call it once, before any thread. */
gboolean server_run(const Settings *settings, GError **error);
