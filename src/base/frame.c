/* Both ways of receiving share one rule: read the eight bytes, check them, read exactly the text. The
 * kernel hands descriptors out with the first byte they were sent beside, so a reader that has a frame
 * whole also has its descriptors; they wait in a queue until then. A read ends behind descriptors, so that
 * those that no frame names are found out at once. */
#include "base/frame.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/files.h"

#define HEADER_SIZE 8
#define FRAME_VERSION 1
#define MAX_DEPTH 600 /* more than max_json_depth can be: params travel in frames */
#define READ_SIZE (64 * 1024)
#define LARGE (1024 * 1024)

struct FrameReader {
	GByteArray *bytes;
	size_t taken; /* how much of bytes has been given out */
	GArray *fds;  /* int, not given out yet */
	size_t max_size;
	gboolean cut; /* more descriptors came than a frame may have, or than we may open */
};

void
frame_free(Frame *frame)
{
	if (frame == NULL)
		return;
	json_object_put(frame->body);
	for (int i = 0; i < frame->n_fds; i++)
		files_close(&frame->fds[i]);
	g_free(frame);
}

int
frame_steal_fd(Frame *frame, const char *name)
{
	json_object *names = json_array_member(frame->body, "fds");

	for (int i = 0; names != NULL && i < frame->n_fds; i++)
		if (g_strcmp0(json_object_get_string(json_object_array_get_idx(names, (size_t) i)),
			    name) == 0)
			return files_steal_fd(&frame->fds[i]);
	return -1;
}

static gboolean
broken(GError **error, const char *why)
{
	g_set_error(
		error, NBHOOK_ERROR, NBHOOK_ERROR_UNAVAILABLE, "the connection is broken: %s", why);
	return FALSE;
}

GBytes *
frame_encode(json_object *body, int n_fds, size_t max_size, GError **error)
{
	g_autofree char *text = json_print(body);
	size_t size = strlen(text);

	g_assert(n_fds <= FRAME_MAX_FDS);
	if (size > max_size) {
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_TOO_LARGE,
			"a message between the programs has %zu bytes, more than %zu", size,
			max_size);
		return NULL;
	}
	guint32 length = g_htonl((guint32) size);
	unsigned char *bytes = g_malloc(HEADER_SIZE + size);
	memcpy(bytes, &length, 4);
	bytes[4] = FRAME_VERSION;
	bytes[5] = (unsigned char) n_fds;
	bytes[6] = bytes[7] = 0;
	memcpy(bytes + HEADER_SIZE, text, size);
	return g_bytes_new_take(bytes, HEADER_SIZE + size);
}

ssize_t
frame_send_some(int socket, const char *bytes, size_t size, const int *fds, int n_fds)
{
	char control[CMSG_SPACE(sizeof(int) * FRAME_MAX_FDS)] = { 0 };
	struct iovec vector = { .iov_base = (void *) bytes, .iov_len = size };
	struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1 };

	if (n_fds > 0) {
		message.msg_control = control;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t) n_fds);
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int) * (size_t) n_fds);
		memcpy(CMSG_DATA(header), fds, sizeof(int) * (size_t) n_fds);
	}
	return sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Waits until the socket is ready for events; false at the deadline. */
static gboolean
wait_socket(int socket, short events, gint64 deadline_ms, GError **error)
{
	struct pollfd ready = { .fd = socket, .events = events };
	int result;

	do
		result = poll(&ready, 1, clock_remaining_ms(deadline_ms));
	while (result < 0 && errno == EINTR);
	if (result > 0)
		return TRUE;
	if (result == 0)
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "no answer in time");
	else
		broken(error, g_strerror(errno));
	return FALSE;
}

gboolean
frame_send(int socket, json_object *body, const int *fds, int n_fds, gint64 deadline_ms,
	GError **error)
{
	g_autoptr(GBytes) frame = frame_encode(body, n_fds, FRAME_MAX_SIZE, error);
	size_t size = 0;

	if (frame == NULL)
		return FALSE;
	const char *bytes = g_bytes_get_data(frame, &size);

	while (size > 0) {
		ssize_t sent = frame_send_some(socket, bytes, size, fds, n_fds);

		if (sent > 0) {
			bytes += sent;
			size -= (size_t) sent;
			n_fds = 0;
		} else if (errno == EAGAIN) {
			if (!wait_socket(socket, POLLOUT, deadline_ms, error))
				return FALSE;
		} else if (errno != EINTR) {
			return broken(error, g_strerror(errno));
		}
	}
	return TRUE;
}

FrameReader *
frame_reader_new(size_t max_size)
{
	FrameReader *reader = g_new0(FrameReader, 1);

	reader->max_size = max_size;
	reader->bytes = g_byte_array_new();
	reader->fds = g_array_new(FALSE, FALSE, sizeof(int));
	return reader;
}

void
frame_reader_free(FrameReader *reader)
{
	if (reader == NULL)
		return;
	for (guint i = 0; i < reader->fds->len; i++)
		files_close(&g_array_index(reader->fds, int, i));
	g_array_unref(reader->fds);
	g_byte_array_unref(reader->bytes);
	g_free(reader);
}

static void
collect_fds(FrameReader *reader, struct msghdr *message)
{
	for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header != NULL;
		header = CMSG_NXTHDR(message, header)) {
		if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
			continue;
		size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		g_array_append_vals(reader->fds, CMSG_DATA(header), (guint) count);
	}
}

/* One recvmsg of at most size bytes; what recvmsg returned. */
static ssize_t
receive_some(FrameReader *reader, int socket, size_t size)
{
	char control[CMSG_SPACE(sizeof(int) * FRAME_MAX_FDS)];
	guint old = reader->bytes->len;

	g_byte_array_set_size(reader->bytes, old + (guint) size);
	struct iovec vector = { .iov_base = reader->bytes->data + old, .iov_len = size };
	struct msghdr message = { .msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof control };
	ssize_t got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	int cause = errno;

	g_byte_array_set_size(reader->bytes, old + (guint) MAX(got, 0));
	if (got > 0)
		collect_fds(reader, &message);
	reader->cut |= got > 0 && (message.msg_flags & MSG_CTRUNC) != 0;
	errno = cause;
	return got;
}

/* A read that is not full has emptied the socket, or ends behind descriptors. */
gboolean
frame_reader_fill(FrameReader *reader, int socket, GError **error)
{
	for (;;) {
		ssize_t got = receive_some(reader, socket, READ_SIZE);

		if (got == 0)
			return FALSE;
		if (got == READ_SIZE && reader->fds->len == 0 &&
			reader->bytes->len - reader->taken <= reader->max_size + HEADER_SIZE)
			continue;
		if (got > 0 || errno == EAGAIN)
			return TRUE; /* the rest when the frames at hand have been taken */
		if (errno != EINTR)
			return broken(error, g_strerror(errno));
	}
}

/* Size of the text behind a header; false when it is no header of ours. */
static gboolean
check_header(const FrameReader *reader, size_t *size, int *n_fds, GError **error)
{
	const guint8 *header = reader->bytes->data + reader->taken;
	guint32 length;

	memcpy(&length, header, 4);
	*size = g_ntohl(length);
	*n_fds = header[5];
	if (header[4] != FRAME_VERSION || header[6] != 0 || header[7] != 0)
		return broken(error, "what came is no frame of version 1");
	if (*size > reader->max_size || *n_fds > FRAME_MAX_FDS)
		return broken(error, "a frame over its ceiling came");
	return TRUE;
}

static Frame *
take_frame(FrameReader *reader, size_t size, int n_fds, GError **error)
{
	const char *text = (const char *) reader->bytes->data + reader->taken + HEADER_SIZE;
	json_object *body = json_parse_object(text, size, MAX_DEPTH, error);

	if (body == NULL)
		return NULL;
	Frame *frame = g_new0(Frame, 1);
	frame->body = body;
	frame->n_fds = n_fds;
	for (int i = 0; i < n_fds; i++)
		frame->fds[i] = g_array_index(reader->fds, int, (guint) i);
	if (n_fds > 0)
		g_array_remove_range(reader->fds, 0, (guint) n_fds);
	reader->taken += HEADER_SIZE + size;
	return frame;
}

/* Drops the bytes that have been given out; a large buffer too, since it would not shrink. */
static void
compact(FrameReader *reader)
{
	if (reader->taken == reader->bytes->len && reader->taken > LARGE) {
		g_byte_array_unref(reader->bytes);
		reader->bytes = g_byte_array_new();
	} else if (reader->taken > 0)
		g_byte_array_remove_range(reader->bytes, 0, (guint) reader->taken);
	reader->taken = 0;
}

/* There is no whole frame: what is there must be the beginning of one. */
static gboolean
check_rest(FrameReader *reader, GError **error)
{
	compact(reader);
	if (reader->fds->len > (reader->bytes->len > 0 ? FRAME_MAX_FDS : 0))
		return broken(error, "descriptors came that no frame names");
	return TRUE;
}

Frame *
frame_reader_next(FrameReader *reader, GError **error)
{
	size_t have = reader->bytes->len - reader->taken;
	size_t size = 0;
	int n_fds = 0;

	if (reader->cut) {
		broken(error, "descriptors of a frame are missing");
		return NULL;
	}
	if (have >= HEADER_SIZE && !check_header(reader, &size, &n_fds, error))
		return NULL;
	if (have < HEADER_SIZE + size) {
		check_rest(reader, error);
		return NULL;
	}
	if ((guint) n_fds > reader->fds->len) {
		broken(error, "descriptors of a frame are missing");
		return NULL;
	}
	return take_frame(reader, size, n_fds, error);
}

Frame *
frame_reader_receive(FrameReader *reader, int socket, gint64 deadline_ms, GError **error)
{
	g_autoptr(GError) failure = NULL;

	while (failure == NULL) {
		gboolean open = frame_reader_fill(reader, socket, &failure);
		Frame *frame = failure == NULL ? frame_reader_next(reader, &failure) : NULL;

		if (frame != NULL) {
			compact(reader);
			return frame;
		}
		if (failure == NULL && !open)
			broken(&failure, "the other end has closed it");
		else if (failure == NULL)
			wait_socket(socket, POLLIN, deadline_ms, &failure);
	}
	g_propagate_error(error, g_steal_pointer(&failure));
	return NULL;
}

/* Fills the reader up to total bytes, waiting. */
static gboolean
receive_until(FrameReader *reader, int socket, size_t total, gint64 deadline_ms, GError **error)
{
	while (reader->bytes->len < total) {
		ssize_t got = receive_some(reader, socket, total - reader->bytes->len);

		if (got == 0)
			return broken(error, "the other end has closed it");
		if (got < 0 && errno == EAGAIN) {
			if (!wait_socket(socket, POLLIN, deadline_ms, error))
				return FALSE;
		} else if (got < 0 && errno != EINTR) {
			return broken(error, g_strerror(errno));
		}
	}
	return TRUE;
}

Frame *
frame_receive(int socket, gint64 deadline_ms, GError **error)
{
	g_autoptr(FrameReader) reader = frame_reader_new(FRAME_MAX_REPLY);
	size_t size;
	int n_fds;

	if (!receive_until(reader, socket, HEADER_SIZE, deadline_ms, error) ||
		!check_header(reader, &size, &n_fds, error) ||
		!receive_until(reader, socket, HEADER_SIZE + size, deadline_ms, error))
		return NULL;
	return frame_reader_next(reader, error);
}
