/* jupyter/connection.h: the private folder of a kernel: its sockets and its connection file.
 *
 * The folder is <run_dir>/k/<short id>, 0700, new for every kernel. Endpoints are "ipc://<folder>/s-<n>",
 * as ipykernel makes them of ip and port; with the default run_dir their text has 30 characters (xeus
 * takes at most 31). Kernels never remove their sockets: connection_free removes the folder with all it
 * holds, and connection_sweep those of executors that were killed. */
#pragma once

#include <glib.h>

#include "base/claim.h"
#include "conf/settings.h"

/* The ports of the channels, which are the ends of the sockets' names. */
typedef enum {
	CHANNEL_SHELL = 1,
	CHANNEL_IOPUB,
	CHANNEL_STDIN,
	CHANNEL_CONTROL,
	CHANNEL_HEARTBEAT,
} Channel;

typedef struct Connection {
	Claim *folder;
	char *file; /* the connection file in it */
	char *key;  /* signs the messages */
} Connection;

/* Makes the folder and the connection file. INTERNAL or NO_SPACE with what could not be made;
 * UNPROCESSABLE when run_dir is too long for sockets. The caller frees the result. */
Connection *connection_new(const Settings *settings, const char *kernel_name,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Removes the folder too. */
void connection_free(Connection *connection);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Connection, connection_free)

/* Removes the folders of connections whose process has ended. */
void connection_sweep(const Settings *settings);

/* "ipc://…" of a channel. The caller frees. */
char *connection_endpoint(const Connection *connection, Channel channel);
