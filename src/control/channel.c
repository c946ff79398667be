/* Frames and the end of the stream are told from the loop only, never from within channel_send: whoever
 * sends need not expect to be called back. A reference count of uses keeps the channel alive while one of
 * its callbacks runs. */
#include "control/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "control/readable.h"

typedef struct {
	GBytes *bytes;
	size_t sent;
	int fds[FRAME_MAX_FDS];
	int n_fds; /* of those not sent yet */
} Outgoing;

struct Channel {
	int fd;
	int uses;
	gboolean freed;
	gboolean closed;
	FrameReader *reader;
	GQueue *outgoing; /* of Outgoing */
	size_t queued;
	Readable *readable;
	guint write_source, close_source;
	const char *trouble; /* for which close_source closes it */
	ChannelFrame on_frame;
	ChannelClosed on_closed;
	gpointer data;
};

static void
outgoing_free(Outgoing *outgoing)
{
	g_bytes_unref(outgoing->bytes);
	for (int i = 0; i < outgoing->n_fds; i++)
		files_close(&outgoing->fds[i]);
	g_free(outgoing);
}

static void
remove_source(guint *source)
{
	if (*source != 0)
		g_source_remove(*source);
	*source = 0;
}

static void
unuse(Channel *channel)
{
	if (--channel->uses > 0 || !channel->freed)
		return;
	files_close(&channel->fd);
	frame_reader_free(channel->reader);
	g_queue_free_full(channel->outgoing, (GDestroyNotify) outgoing_free);
	g_free(channel);
}

static void
stop(Channel *channel)
{
	channel->closed = TRUE;
	g_clear_pointer(&channel->readable, readable_free);
	remove_source(&channel->write_source);
	remove_source(&channel->close_source);
}

void
channel_free(Channel *channel)
{
	if (channel == NULL || channel->freed)
		return;
	stop(channel);
	channel->freed = TRUE;
	channel->uses++;
	unuse(channel);
}

static void
tell_closed(Channel *channel, const GError *failure)
{
	if (channel->closed)
		return;
	stop(channel);
	channel->on_closed(channel, failure, channel->data);
}

static gboolean
on_broken(gpointer data)
{
	Channel *channel = data;
	g_autoptr(GError) failure =
		g_error_new_literal(NBHOOK_ERROR, NBHOOK_ERROR_UNAVAILABLE, channel->trouble);

	channel->close_source = 0;
	channel->uses++;
	tell_closed(channel, failure);
	unuse(channel);
	return G_SOURCE_REMOVE;
}

static void
break_later(Channel *channel, const char *trouble)
{
	channel->trouble = trouble;
	if (channel->close_source == 0 && !channel->closed)
		channel->close_source = g_idle_add(on_broken, channel);
}

static void
give_frames(Channel *channel, GError **failure)
{
	Frame *frame;

	while (!channel->closed && (frame = frame_reader_next(channel->reader, failure)) != NULL)
		channel->on_frame(channel, frame, channel->data);
}

static void
on_readable(int fd, gpointer data)
{
	Channel *channel = data;
	g_autoptr(GError) failure = NULL;
	g_autoptr(GError) bad_frame = NULL;

	channel->uses++;
	gboolean open = frame_reader_fill(channel->reader, fd, &failure);
	give_frames(channel, &bad_frame);
	if (!open || bad_frame != NULL)
		tell_closed(channel, bad_frame != NULL ? bad_frame : failure);
	unuse(channel);
}

/* Sends of an outgoing frame what the socket takes; false when it is broken. */
static gboolean
send_some(Channel *channel, Outgoing *outgoing)
{
	size_t size;
	const char *bytes = g_bytes_get_data(outgoing->bytes, &size);
	ssize_t sent = frame_send_some(channel->fd, bytes + outgoing->sent, size - outgoing->sent,
		outgoing->fds, outgoing->n_fds);

	if (sent < 0)
		return errno == EAGAIN || errno == EINTR;
	for (int i = 0; i < outgoing->n_fds; i++)
		files_close(&outgoing->fds[i]);
	outgoing->n_fds = 0;
	outgoing->sent += (size_t) sent;
	channel->queued -= (size_t) sent;
	return TRUE;
}

static gboolean on_writable(gint fd, GIOCondition condition, gpointer data);

/* Sends what goes; watches for room where something is left. */
static void
flush(Channel *channel)
{
	Outgoing *outgoing;

	while ((outgoing = g_queue_peek_head(channel->outgoing)) != NULL) {
		size_t before = outgoing->sent;

		if (!send_some(channel, outgoing)) {
			break_later(channel, "the other end does not read");
			return;
		}
		if (outgoing->sent == g_bytes_get_size(outgoing->bytes))
			outgoing_free(g_queue_pop_head(channel->outgoing));
		else if (outgoing->sent == before)
			break;
	}
	if (channel->queued > 0 && channel->write_source == 0)
		channel->write_source = g_unix_fd_add(channel->fd, G_IO_OUT, on_writable, channel);
}

static gboolean
on_writable(gint fd, GIOCondition condition, gpointer data)
{
	Channel *channel = data;

	channel->write_source = 0;
	flush(channel);
	return G_SOURCE_REMOVE;
}

Channel *
channel_new(int fd, ChannelFrame on_frame, ChannelClosed on_closed, gpointer data)
{
	Channel *channel = g_new0(Channel, 1);

	g_unix_set_fd_nonblocking(fd, TRUE, NULL);
	channel->fd = fd;
	channel->reader = frame_reader_new(FRAME_MAX_SIZE);
	channel->outgoing = g_queue_new();
	channel->on_frame = on_frame;
	channel->on_closed = on_closed;
	channel->data = data;
	channel->readable = readable_new(fd, on_readable, channel);
	if (channel->readable == NULL)
		break_later(channel, "it cannot be waited for");
	return channel;
}

gboolean
channel_send(Channel *channel, json_object *body, const int *fds, int n_fds)
{
	if (channel->closed)
		return TRUE;
	GBytes *bytes = frame_encode(body, n_fds, FRAME_MAX_REPLY, NULL);
	if (bytes == NULL)
		return FALSE;
	Outgoing *outgoing = g_new0(Outgoing, 1);
	outgoing->bytes = bytes;
	outgoing->n_fds = n_fds;
	for (int i = 0; i < n_fds; i++)
		outgoing->fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);
	channel->queued += g_bytes_get_size(outgoing->bytes);
	g_queue_push_tail(channel->outgoing, outgoing);
	if (channel->write_source == 0)
		flush(channel);
	if (channel->queued > CHANNEL_MAX_QUEUED)
		break_later(channel, "the other end does not read");
	return TRUE;
}

gboolean
channel_send_named(
	Channel *channel, json_object *body, const char *const *names, const int *fds, int n_fds)
{
	json_object *list = json_object_new_array();

	for (int i = 0; i < n_fds; i++)
		json_object_array_add(list, json_object_new_string(names[i]));
	json_object_object_add(body, "fds", list);
	return channel_send(channel, body, fds, n_fds);
}
