/* jupyter/channels.h: the ZeroMQ sockets of a client of one kernel.
 *
 * DEALER shell, control and stdin with one routing id, SUB iopub; nothing is dropped (no high-water
 * mark), so whoever has Channels drains them all the time and keeps a ceiling of its own. Sockets may
 * be connected before the kernel has bound its ends; what is sent meanwhile waits. One thread.
 *
 * zmq_ctx_new starts threads: make Channels after every fork that is to be made. */
#pragma once

#include <glib.h>
#include <zmq.h>

#include "jupyter/connection.h"
#include "jupyter/wire.h"

typedef struct Channels Channels;

/* How many items channels_poll_items fills in. */
#define CHANNELS_N_SOCKETS 4

/* Connects to the kernel of a connection. INTERNAL where ZeroMQ refuses. The caller frees the result. */
Channels *channels_new(const Connection *connection, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void channels_free(Channels *channels);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Channels, channels_free)

/* Fills CHANNELS_N_SOCKETS items for zmq_poll. */
void channels_poll_items(Channels *channels, zmq_pollitem_t *items);

/* Sends a request; content is borrowed. Gives its message id, which the caller frees, or NULL with the
 * reason. */
char *channels_send(Channels *channels, Channel channel, const char *msg_type, json_object *content,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The next message that has come on a channel, at once; NULL without an error when there is none, NULL
 * with one for a message that wire_parse refuses (the next call goes on with the one after it). */
WireMessage *channels_receive(
	Channels *channels, Channel channel, GError **error) G_GNUC_WARN_UNUSED_RESULT;
