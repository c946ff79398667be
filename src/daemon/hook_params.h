/* daemon/hook_params.h: what the registered params of a webhook may be. */
#pragma once

#include <glib.h>

#include "base/json.h"

/* Checks the params that mean something to the server: notif_down and notif_up (an address or a list of
 * them), next_url (http or https), inline (a boolean). Others become variables and may be anything.
 * BAD_REQUEST names the param and what it may be. */
gboolean hook_params_check(json_object *params, GError **error);
