/* base/frame.h: JSON messages with descriptors over a Unix stream socket.
 *
 * Layout: an 8-byte header, the JSON text. The header is the length of the text (big-endian, 32 bits),
 * the version (1), the number of descriptors, two zero bytes. A frame has at most FRAME_MAX_SIZE bytes
 * of text (one that a blocking
 * asker waits for, such as the list of all webhooks, FRAME_MAX_REPLY) and FRAME_MAX_FDS descriptors; anything else breaks the connection with an error. Descriptors
 * are close-on-exec. A Frame owns its body and those of its descriptors that frame_steal_fd has not
 * taken. */
#pragma once

#include <glib.h>
#include <sys/types.h>

#include "base/json.h"

#define FRAME_MAX_SIZE (4u * 1024 * 1024)
#define FRAME_MAX_REPLY (64u * 1024 * 1024)
#define FRAME_MAX_FDS 12

typedef struct Frame {
	json_object *body;
	int fds[FRAME_MAX_FDS];
	int n_fds;
} Frame;

void frame_free(Frame *frame);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Frame, frame_free)

/* Takes the descriptor that the body's "fds" calls name; -1 if there is none. The caller closes it. */
int frame_steal_fd(Frame *frame, const char *name);

/* Sends a whole frame, waiting (poll) where the socket is full, at most until deadline_ms (clock_ms(),
 * -1: for ever). fds stay the caller's. TOO_LARGE: nothing has been sent. */
gboolean frame_send(int socket, json_object *body, const int *fds, int n_fds, gint64 deadline_ms,
	GError **error);

/* Waits for a whole frame until deadline_ms. NULL and an error at the end of the stream
 * (NBHOOK_ERROR_UNAVAILABLE), at the deadline (G_IO_ERROR_TIMED_OUT in G_IO_ERROR) and for what is no
 * frame. Reads nothing beyond the frame. */
Frame *frame_receive(int socket, gint64 deadline_ms, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Takes frames out of a non-blocking stream as they become whole. */
typedef struct FrameReader FrameReader;

/* max_size: of one frame's text. */
FrameReader *frame_reader_new(size_t max_size);
void frame_reader_free(FrameReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FrameReader, frame_reader_free)

/* Reads what the socket has, at most up to the next descriptors. False with an error when the stream is broken, false
 * without one at its end, of which a call may tell after the one that gave the last bytes. Call frame_reader_next until
 * it gives NULL afterwards, also when false. */
gboolean frame_reader_fill(FrameReader *reader, int socket, GError **error);

/* The next whole frame or NULL; the caller frees it. A broken frame is an error. */
Frame *frame_reader_next(FrameReader *reader, GError **error);

/* The next whole frame, waiting for it until deadline_ms. NULL and an error as from frame_receive, from which it
 * differs in that it may read beyond the frame, for the next call. */
Frame *frame_reader_receive(FrameReader *reader, int socket, gint64 deadline_ms,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The header and text of a frame as bytes, for a writer that queues; TOO_LARGE when the text would have more
 * than max_size bytes. */
GBytes *frame_encode(
	json_object *body, int n_fds, size_t max_size, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Sends of those bytes what the socket takes without waiting, and with the first of them the descriptors, which
 * stay the caller's. What sendmsg returned. */
ssize_t frame_send_some(int socket, const char *bytes, size_t size, const int *fds, int n_fds);
