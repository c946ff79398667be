/* cli/publish.h: a notebook file on its way to the daemon.
 *
 * The file is opened, and read as a notebook, with the rights of the user; the daemon gets a descriptor. */
#pragma once

#include <glib.h>

#include "cli/cli.h"

/* Publishes FILE with these params and gives the reply to webhook.publish, which the caller owns. params
 * NULL: a webhook that is there keeps its params and whether it is debugged; a new one has no params and
 * is debugged. */
json_object *publish_notebook(
	Cli *cli, const char *file, json_object *params, GError **error) G_GNUC_WARN_UNUSED_RESULT;
