/* cors.h: pages of other sites that call webhooks from their scripts (Fetch, "CORS protocol").
 *
 * Off unless the setting cors_origins names the page's origin. What a webhook's URL allows, whoever has it
 * may do anyway; this only lets a browser show the answer to the page. Credentials are never let through. */
#pragma once

#include <glib.h>

#include "answer.h"
#include "conf/settings.h"
#include "web_request.h"

/* Adds what the origin of the request needs, to any answer; to one of OPTIONS what a browser asks before it
 * calls. Of other requests nothing changes but Vary. */
void cors_apply(Answer *answer, const WebRequest *request, const Settings *settings);
