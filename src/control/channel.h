/* control/channel.h: one connection that carries frames, on a GLib main context.
 *
 * A Channel owns its descriptor. It never blocks: frames that the socket does not take wait in a queue
 * (at most CHANNEL_MAX_QUEUED bytes; a peer that lets more pile up is cut off). All functions and
 * callbacks belong to the thread of the context that was the default when it was made. */
#pragma once

#include <glib.h>

#include "base/frame.h"

#define CHANNEL_MAX_QUEUED (2 * FRAME_MAX_REPLY)

typedef struct Channel Channel;

/* A frame came; it is given away. */
typedef void (*ChannelFrame)(Channel *channel, Frame *frame, gpointer data);

/* The connection has ended (failure is NULL) or broken; called once, and the channel is to be freed in
 * it or later. No frame comes afterwards. */
typedef void (*ChannelClosed)(Channel *channel, const GError *failure, gpointer data);

/* fd is taken over and made non-blocking. */
Channel *channel_new(int fd, ChannelFrame on_frame, ChannelClosed on_closed, gpointer data);

/* May be called within its callbacks. on_closed is not called by it. */
void channel_free(Channel *channel);

/* Sends a frame (body is borrowed). Descriptors are duplicated and stay the caller's. Sending on a closed
 * channel does nothing. False when the frame would be over FRAME_MAX_REPLY: then nothing is sent. */
gboolean channel_send(Channel *channel, json_object *body, const int *fds, int n_fds);

/* The same with the descriptors' names put into body as "fds". */
gboolean channel_send_named(
	Channel *channel, json_object *body, const char *const *names, const int *fds, int n_fds);
