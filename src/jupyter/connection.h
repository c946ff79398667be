/* jupyter/connection.h: the private folder of a kernel: its sockets and its connection file.
 *
 * The folder is <run_dir>/k/<short id>, 0700, new for every kernel. Endpoints are "ipc://<folder>/s-<n>",
 * as ipykernel makes them of ip and port; with the default run_dir their text has 30 characters (xeus
 * takes at most 31). A kernel whose kernelspec wants it listens on 127.0.0.1 instead, on ports that were free a
 * moment before, as Jupyter has it: other accounts of the host can connect, but cannot sign. Kernels never remove their sockets: connection_free removes the folder with all it
 * holds, and connection_sweep those of executors that were killed. */
#pragma once

#include <glib.h>

#include "base/claim.h"
#include "conf/settings.h"
#include "jupyter/kernelspec.h"

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
	char *file;                       /* the connection file in it */
	char *key;                        /* signs the messages */
	int ports[CHANNEL_HEARTBEAT + 1]; /* of each channel; 0: Unix sockets */
} Connection;

/* Makes the folder and the connection file. INTERNAL or NO_SPACE with what could not be made;
 * UNPROCESSABLE when run_dir is too long for sockets. The caller frees the result. */
Connection *connection_new(
	const Settings *settings, const Kernelspec *spec, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Removes the folder too. */
void connection_free(Connection *connection);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Connection, connection_free)

/* Removes the folders of connections whose process has ended. */
void connection_sweep(const Settings *settings);

/* "ipc://…" or "tcp://…" of a channel. The caller frees. */
char *connection_endpoint(const Connection *connection, Channel channel);
