/* daemon/hook_params.h: what the registered params of a webhook may be. */
#pragma once

#include <glib.h>

#include "base/json.h"
#include "conf/settings.h"

/* Checks the params that mean something to the server: notif_down and notif_up (an address or a list of
 * them), next_url (http or https), inline and respond_async (booleans), methods ("GET", "POST" or a list of
 * them), unredacted_headers (a list of names). Others become variables and may be anything, if the language
 * of the notebook can have a variable of their name. BAD_REQUEST names the param and what
 * it may be; TOO_LARGE if all together are over max_params; UNPROCESSABLE as of translate_check. */
gboolean hook_params_check(
	json_object *params, const char *language, const Settings *settings, GError **error);
