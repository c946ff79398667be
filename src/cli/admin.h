/* cli/admin.h: requests to the daemon over <run_dir>/admin.sock.
 *
 * All requests of a command go over one connection, which is made anew when it breaks.
 * An error says what the user can do: which group is lacking and how to join it where the socket may not
 * be opened, how to start nbhookd where nobody listens. */
#pragma once

#include <glib.h>

#include "base/frame.h"
#include "cli/cli.h"

/* Sends op with members (an object that is given away; may be NULL) and, unless it is -1, the descriptor
 * named "content" (which stays the caller's), and gives the reply. The caller owns it. */
json_object *admin_call(Cli *cli, const char *op, json_object *members, int content,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same for a reply that has descriptors or takes its time: waits for patience_ms, -1 without a limit.
 * That it was not enough is G_IO_ERROR_TIMED_OUT. */
Frame *admin_ask(Cli *cli, const char *op, json_object *members, int content, gint64 patience_ms,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Whether asking again may help: the daemon was too slow, or is starting again. */
gboolean admin_may_recover(const GError *error);

/* What to tell a user whom the socket's mode keeps out. enrolled: the user is in the group's list, so
 * that only a new login is missing. The caller frees. */
char *admin_denied_text(const char *socket, const char *user, const char *group, gboolean enrolled);
