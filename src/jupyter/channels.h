/* jupyter/channels.h: the ZeroMQ sockets of a client of one kernel.
 *
 * DEALER shell, control and stdin with one routing id, SUB iopub; nothing is dropped (no high-water
 * mark). What has come and was not taken yet waits in memory, up to a ceiling. Sockets may be connected
 * before the kernel has bound its ends; what is sent meanwhile waits. One thread.
 *
 * Its sockets have threads: make Channels after every fork that is to be made. */
#pragma once

#include <glib.h>
#include <zmq.h>

#include "jupyter/connection.h"
#include "jupyter/wire.h"

typedef struct Channels Channels;

/* How many items channels_poll_items fills in. */
#define CHANNELS_N_ITEMS 6

/* Lets the libraries do what they do when they are first used, for a process that is to be forked: ZeroMQ asks, by
 * libpgm, for the number of a protocol, for which libc loads a module. No thread is started. */
void channels_warm(void);

/* Connects to the kernel of a connection; of the settings, message_limit and output_limit count. INTERNAL
 * where ZeroMQ refuses. The caller frees the result. */
Channels *channels_new(const Connection *connection, const Settings *settings,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
void channels_free(Channels *channels);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Channels, channels_free)

/* Fills CHANNELS_N_ITEMS items for zmq_poll. */
void channels_poll_items(Channels *channels, zmq_pollitem_t *items);

/* Whether something waits that is in no socket any more, so that polling would not tell of it. */
gboolean channels_have_waiting(const Channels *channels);

/* Whether the kernel's end of shell or iopub has gone: it has ended, has closed it, or sent a frame larger
 * than message_limit, after which ZeroMQ hangs up. */
gboolean channels_are_lost(Channels *channels);

/* Sends a request; content is borrowed. Gives its message id, which the caller frees, or NULL with the
 * reason. */
char *channels_send(Channels *channels, Channel channel, const char *msg_type, json_object *content,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The next message that has come on a channel, at once; NULL without an error when there is none, NULL
 * with one for a message that wire_parse refuses (the next call goes on with the one after it), or, with
 * TOO_LARGE, when more waits than output_limit allows. */
WireMessage *channels_receive(
	Channels *channels, Channel channel, GError **error) G_GNUC_WARN_UNUSED_RESULT;
