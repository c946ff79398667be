/* control/client.h: the asking end of http.sock and admin.sock, blocking, one request at a time.
 *
 * A ControlClient connects at its first call and again after a broken connection; it belongs to one
 * thread. A call may be repeated safely (the submitter's uuid makes it so): it is sent again when a
 * connection that was made breaks before the reply, as a restart of the other end breaks it. */
#pragma once

#include <glib.h>

#include "base/frame.h"

typedef struct ControlClient ControlClient;

/* path of the socket, copied. */
ControlClient *control_client_new(const char *path);
void control_client_free(ControlClient *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ControlClient, control_client_free)

/* A socket on whose behalf the following calls are made; -1 for none. When it hangs up during one, the
 * connection is closed and the call fails with G_IO_ERROR_CANCELLED. It stays the caller's. */
void control_client_set_asker(ControlClient *client, int asker);

/* Sends op with members (an object that is given away; may be NULL) and descriptors named names (which
 * stay the caller's) and waits for the reply until deadline_ms (clock_ms(); -1 for ever). An error reply
 * becomes a GError with its code; *retry_after is then its seconds, or 0 (may be NULL).
 * UNAVAILABLE: nobody listens (at once), or connections break for 5 s. G_IO_ERROR_TIMED_OUT: the deadline;
 * the connection is then closed, which withdraws a job.wait. */
Frame *control_call(ControlClient *client, const char *op, json_object *members,
	const char *const *names, const int *fds, int n_fds, gint64 deadline_ms, int *retry_after,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
