/* base/listen.h: listening sockets of the Unix kind: those that were made by somebody else (sd_listen_fds(3)), and those
 * of runs. */
#pragma once

#include <glib.h>

/* The inherited listening socket of that name; -1 and an error that says how to pass it when it is
 * missing. Close-on-exec is set. Call it before threads start. */
int listen_inherited(const char *name, GError **error);

/* Connects to a Unix stream socket without waiting longer than deadline_ms for room in its backlog.
 * UNAVAILABLE when nobody holds the socket, G_IO_ERROR_TIMED_OUT when its backlog stays full. */
int listen_connect(const char *path, gint64 deadline_ms, GError **error);

/* A listening socket below run_dir, which replaces what was there; -1 with an error. */
int listen_new(const char *path, GError **error);
