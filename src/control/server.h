/* control/server.h: the answering end of http.sock and admin.sock.
 *
 * Each frame with an "op" becomes a Call, which the handler of that op answers exactly once, at once or
 * later, by call_reply or call_fail; both free it. When the asker's connection closes first, the
 * withdrawn function of the call (if set) runs, and an answer goes nowhere. */
#pragma once

#include <glib.h>

#include "base/frame.h"

typedef struct Server Server;
typedef struct Call Call;

/* context is the server's. The handler owns the call until it answers. */
typedef void (*CallHandler)(Call *call, gpointer context);

typedef struct OpRow {
	const char *op;
	CallHandler handle;
	gboolean admin_only; /* not offered on sockets without the right */
} OpRow;

/* The connection of that number (call_peer) has ended; its calls have been withdrawn before. */
typedef void (*ServerGone)(guint64 peer, gpointer context);

/* ops is kept; it ends with a row without op. gone may be NULL. */
Server *server_new(const OpRow *ops, ServerGone gone, gpointer context);
void server_free(Server *server);

/* Accepts on a listening socket (taken over). admin: whether its callers may do everything. */
void server_listen(Server *server, int fd, gboolean admin);

/* Stops accepting connections. */
void server_close(Server *server);

json_object *call_body(Call *call);              /* borrowed */
int call_steal_fd(Call *call, const char *name); /* -1: not passed; the caller closes it */
gboolean call_is_admin(Call *call);
guint64 call_peer(Call *call); /* the number of the asker's connection; never used again */

/* Replies with members (given away; NULL for none) and descriptors, which stay the caller's. A reply over
 * FRAME_MAX_REPLY becomes an error (INTERNAL). */
void call_reply(
	Call *call, json_object *members, const char *const *names, const int *fds, int n_fds);

/* Replies with an error (borrowed); retry_after in seconds, 0 for none (UNAVAILABLE always has some). */
void call_fail(Call *call, const GError *error, int retry_after);

/* The same for an error made in place. */
void call_fail_with(Call *call, int code, const char *format, ...) G_GNUC_PRINTF(3, 4);

typedef void (*CallWithdrawn)(Call *call, gpointer data);

/* Sets the function that runs when the asker has gone; it must end with call_drop. */
void call_set_withdrawn(Call *call, CallWithdrawn withdrawn, gpointer data);

/* Keeps the call at *place until it is answered; there is NULL when the asker has gone, and nobody to
 * answer. */
void call_keep_at(Call *call, Call **place);

/* Frees a call without an answer. */
void call_drop(Call *call);
