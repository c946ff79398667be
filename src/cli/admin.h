/* cli/admin.h: one request to the daemon over <run_dir>/admin.sock.
 *
 * An error says what the user can do: which group is lacking and how to join it where the socket may not
 * be opened, how to start nbhookd where nobody listens. */
#pragma once

#include <glib.h>

#include "cli/cli.h"

/* Sends op with members (an object that is given away; may be NULL) and, unless it is -1, the descriptor
 * named "content" (which stays the caller's), and gives the reply. The caller owns it. */
json_object *admin_call(Cli *cli, const char *op, json_object *members, int content,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What to tell a user whom the socket's mode keeps out. enrolled: the user is in the group's list, so
 * that only a new login is missing. The caller frees. */
char *admin_denied_text(const char *socket, const char *user, const char *group, gboolean enrolled);
