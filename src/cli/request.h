/* cli/request.h: one call of a webhook, made as nbhook.fcgi makes it. */
#pragma once

#include <glib.h>

#include "cli/cli.h"

/* Calls the webhook of that token with params as the JSON body of the request (an empty object: a GET
 * without one) and gives the id of the job when it is accepted; the caller frees. Repeated where the
 * daemon is restarted meanwhile; still one job. */
char *request_call(
	Cli *cli, const char *token, json_object *params, GError **error) G_GNUC_WARN_UNUSED_RESULT;
