/* Frames: descriptors arrive with their frame, what is no frame breaks the connection, nothing waits
 * beyond its deadline. */
#include <fcntl.h>
#include <gio/gio.h>
#include <malloc.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/files.h"
#include "base/frame.h"

typedef struct {
	int ours, theirs;
	FrameReader *reader; /* of ours */
} Pair;

static void
pair_set_up(Pair *pair, gconstpointer unused)
{
	int fds[2];

	g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
	pair->ours = fds[0];
	pair->theirs = fds[1];
	pair->reader = frame_reader_new(FRAME_MAX_SIZE);
}

static void
pair_tear_down(Pair *pair, gconstpointer unused)
{
	frame_reader_free(pair->reader);
	files_close(&pair->ours);
	files_close(&pair->theirs);
}

static json_object *
body_of(const char *text)
{
	json_object *body = json_parse_object(text, strlen(text), 10, NULL);

	g_assert_nonnull(body);
	return body;
}

static void
send_text(Pair *pair, const char *text, const int *fds, int n_fds)
{
	g_autoptr(json_object) body = body_of(text);
	g_autoptr(GError) error = NULL;

	g_assert_true(frame_send(pair->theirs, body, fds, n_fds, clock_ms() + 10000, &error));
	g_assert_no_error(error);
}

/* A file that holds one word, to be recognized at the other end. */
static int
word_file(const char *word)
{
	g_autofree char *path = NULL;
	int fd = g_file_open_tmp("nbhook-frame-XXXXXX", &path, NULL);

	g_assert_cmpint(fd, >=, 0);
	g_unlink(path);
	g_assert_true(files_write_all(fd, word, strlen(word), NULL));
	return fd;
}

static void
assert_word(Frame *frame, const char *name, const char *word)
{
	AUTO_FD fd = frame_steal_fd(frame, name);
	size_t size;

	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(fcntl(fd, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
	g_autofree char *text = files_read_all(fd, 100, "x", &size, NULL);
	g_assert_cmpstr(text, ==, word);
}

static void
assert_number(Frame *frame, gint64 number)
{
	g_assert_nonnull(frame);
	g_assert_cmpint(json_int_member(frame->body, "n", -1), ==, number);
}

static Frame *
receive(Pair *pair, GError **error)
{
	return frame_receive(pair->ours, clock_ms() + 10000, error);
}

/* Fills the reader until it gives a frame or breaks, as a loop does. */
static Frame *
read_next(Pair *pair, GError **error)
{
	Frame *frame;

	for (int i = 0; i < 1000; i++) {
		g_autoptr(GError) failure = NULL;

		if ((frame = frame_reader_next(pair->reader, &failure)) != NULL)
			return frame;
		if (failure != NULL) {
			g_propagate_error(error, g_steal_pointer(&failure));
			return NULL;
		}
		if (!frame_reader_fill(pair->reader, pair->ours, error))
			return frame_reader_next(
				pair->reader, error != NULL && *error == NULL ? error : NULL);
	}
	return NULL;
}

static void
test_descriptors_arrive_with_their_frame(Pair *pair, gconstpointer blocking)
{
	AUTO_FD one = word_file("one");
	AUTO_FD two = word_file("two");
	AUTO_FD three = word_file("three");
	Frame *(*get)(Pair *, GError **) = blocking != NULL ? receive : read_next;

	send_text(pair, "{\"n\":1,\"fds\":[\"a\",\"b\"]}", (int[]){ one, two }, 2);
	send_text(pair, "{\"n\":2}", NULL, 0);
	send_text(pair, "{\"n\":3,\"fds\":[\"a\"]}", &three, 1);
	g_autoptr(Frame) first = get(pair, NULL);
	g_autoptr(Frame) second = get(pair, NULL);
	g_autoptr(Frame) third = get(pair, NULL);
	assert_number(first, 1);
	assert_number(second, 2);
	assert_number(third, 3);
	assert_word(third, "a", "three");
	assert_word(first, "b", "two");
	assert_word(first, "a", "one");
	g_assert_cmpint(frame_steal_fd(first, "a"), ==, -1); /* taken once */
	g_assert_cmpint(frame_steal_fd(second, "a"), ==, -1);
}

/* Names and descriptors that do not go together are not trusted. */
static void
test_names(Pair *pair, gconstpointer unused)
{
	AUTO_FD one = word_file("one");

	send_text(pair, "{\"n\":1,\"fds\":[7,\"b\",null]}", &one, 1);
	send_text(pair, "{\"n\":2,\"fds\":\"b\"}", &one, 1);
	g_autoptr(Frame) first = receive(pair, NULL);
	g_autoptr(Frame) second = receive(pair, NULL);
	g_assert_cmpint(frame_steal_fd(first, "b"), ==, -1);
	g_assert_cmpint(frame_steal_fd(first, "c"), ==, -1);
	g_assert_cmpint(frame_steal_fd(second, "b"), ==, -1);
}

static void
test_many_in_one_read(Pair *pair, gconstpointer unused)
{
	for (int i = 0; i < 100; i++) {
		g_autofree char *text = g_strdup_printf("{\"n\":%d}", i);

		send_text(pair, text, NULL, 0);
	}
	g_assert_true(frame_reader_fill(pair->reader, pair->ours, NULL));
	for (int i = 0; i < 100; i++) {
		g_autoptr(Frame) frame = frame_reader_next(pair->reader, NULL);

		assert_number(frame, i);
	}
	g_assert_null(frame_reader_next(pair->reader, NULL));
}

/* Byte by byte, the descriptors beside the first of them. */
static void
test_split(Pair *pair, gconstpointer unused)
{
	g_autoptr(json_object) body = body_of("{\"n\":5,\"fds\":[\"a\"]}");
	g_autoptr(GBytes) bytes = frame_encode(body, 0, FRAME_MAX_SIZE, NULL);
	size_t size;
	const char *data = g_bytes_get_data(bytes, &size);

	for (size_t i = 0; i < size; i++) {
		g_autoptr(GError) error = NULL;

		g_assert_null(frame_reader_next(pair->reader, &error));
		g_assert_no_error(error);
		g_assert_cmpint(write(pair->theirs, data + i, 1), ==, 1);
		g_assert_true(frame_reader_fill(pair->reader, pair->ours, &error));
		g_assert_no_error(error);
	}
	g_autoptr(Frame) frame = frame_reader_next(pair->reader, NULL);
	assert_number(frame, 5);
}

/* The blocking end takes its frame and leaves the next one alone. */
static void
test_reads_nothing_beyond(Pair *pair, gconstpointer unused)
{
	char rest[4];

	send_text(pair, "{\"n\":1}", NULL, 0);
	g_assert_cmpint(write(pair->theirs, "rest", 4), ==, 4);
	g_autoptr(Frame) frame = receive(pair, NULL);
	assert_number(frame, 1);
	g_assert_cmpint(read(pair->ours, rest, 4), ==, 4);
	g_assert_cmpmem(rest, 4, "rest", 4);
}

static const struct {
	const char *name, *bytes;
	size_t size;
} garbage[] = {
	{ "http", "GET / HTTP/1.1\r\n", 16 },
	{ "version 2", "\0\0\0\2\2\0\0\0{}", 10 },
	{ "not zero", "\0\0\0\2\1\0\0\1{}", 10 },
	{ "oversize", "\4\0\0\1\1\0\0\0", 8 },
	{ "negative size", "\377\377\377\377\1\0\0\0", 8 },
	{ "too many descriptors", "\0\0\0\2\1\15\0\0{}", 10 },
	{ "descriptors missing", "\0\0\0\2\1\1\0\0{}", 10 },
	{ "an array", "\0\0\0\2\1\0\0\0[]", 10 },
	{ "no JSON", "\0\0\0\2\1\0\0\0{x", 10 },
	{ "empty", "\0\0\0\0\1\0\0\0", 8 },
};

static void
test_garbage(Pair *pair, gconstpointer blocking)
{
	for (size_t i = 0; i < G_N_ELEMENTS(garbage); i++) {
		Pair fresh;
		g_autoptr(GError) error = NULL;

		pair_set_up(&fresh, NULL);
		g_assert_cmpint(write(fresh.theirs, garbage[i].bytes, garbage[i].size), ==,
			(gssize) garbage[i].size);
		g_assert_null(
			blocking != NULL ? receive(&fresh, &error) : read_next(&fresh, &error));
		g_assert_nonnull(error);
		g_assert_true(error->domain == NBHOOK_ERROR);
		pair_tear_down(&fresh, NULL);
	}
}

static int
count_open(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* Sends bytes with so many copies of a descriptor beside the first. */
static void
send_raw(int socket, const char *bytes, size_t size, int fd, int count)
{
	char control[CMSG_SPACE(sizeof(int) * 64)] = { 0 };
	struct iovec vector = { (void *) bytes, size };
	struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control };

	message.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t) count);
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int) * (size_t) count);
	for (int i = 0; i < count; i++)
		((int *) CMSG_DATA(header))[i] = fd;
	g_assert_cmpint(sendmsg(socket, &message, MSG_NOSIGNAL), ==, (gssize) size);
}

/* Descriptors that no frame names are closed and break the connection: they neither pile up nor reach
 * the next frame. */
static void
test_surplus_descriptors(Pair *pair, gconstpointer unused)
{
	static const struct {
		char frame[8];
		int sent;
	} cases[] = { { "\0\0\0\2\1\0\0", 1 }, { "\0\0\0\2\1\2\0", 3 }, { "\0\0\0\2\1\14\0", 40 } };
	AUTO_FD word = word_file("surplus");
	int before = count_open();

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		Pair fresh;
		char bytes[10];
		g_autoptr(GError) error = NULL;

		pair_set_up(&fresh, NULL);
		memcpy(bytes, cases[i].frame, 8);
		bytes[8] = '{';
		bytes[9] = '}';
		send_raw(fresh.theirs, bytes, sizeof bytes, word, cases[i].sent);
		send_text(&fresh, "{\"n\":2}", NULL, 0);
		g_autoptr(Frame) frame = read_next(&fresh, &error);
		if (frame != NULL)
			g_assert_null(read_next(&fresh, &error));
		g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNAVAILABLE);
		pair_tear_down(&fresh, NULL);
	}
	g_assert_cmpint(count_open(), ==, before);
}

/* A stream that never pauses at the end of a frame does not make the reader grow. (The address
 * sanitizer's allocator does not tell.) */
static void
test_long_stream(Pair *pair, gconstpointer unused)
{
	g_autofree char *filling = g_strnfill(3000, 'x');
	g_autofree char *text = g_strdup_printf("{\"n\":7,\"filling\":\"%s\"}", filling);
	g_autoptr(json_object) body = body_of(text);
	g_autoptr(GBytes) bytes = frame_encode(body, 0, FRAME_MAX_SIZE, NULL);
	size_t size;
	const char *data = g_bytes_get_data(bytes, &size);
	size_t half = size / 2;
	size_t before = mallinfo2().uordblks;

	g_assert_cmpint(write(pair->theirs, data, half), ==, (gssize) half);
	for (int i = 0; i < 20000; i++) {
		g_autofree char *piece = g_malloc(size);

		memcpy(piece, data + half, size - half);
		memcpy(piece + size - half, data, half);
		g_assert_cmpint(write(pair->theirs, piece, size), ==, (gssize) size);
		g_assert_true(frame_reader_fill(pair->reader, pair->ours, NULL));
		g_autoptr(Frame) frame = frame_reader_next(pair->reader, NULL);
		assert_number(frame, 7);
		g_assert_null(frame_reader_next(pair->reader, NULL));
	}
	g_assert_cmpuint(mallinfo2().uordblks, <, before + 1000 * size);
}

static gpointer
send_big(gpointer data)
{
	Pair *pair = data;
	g_autofree char *filling = g_strnfill(FRAME_MAX_SIZE - 100, 'x');
	g_autofree char *text = g_strdup_printf("{\"n\":9,\"fds\":[\"a\"],\"s\":\"%s\"}", filling);
	AUTO_FD word = word_file("big");

	send_text(pair, text, &word, 1);
	return NULL;
}

static void
test_big(Pair *pair, gconstpointer unused)
{
	GThread *sender = g_thread_new("sender", send_big, pair);
	g_autoptr(GError) error = NULL;
	g_autoptr(Frame) frame = receive(pair, &error);

	g_assert_no_error(error);
	g_thread_join(sender);
	assert_number(frame, 9);
	assert_word(frame, "a", "big");
}

static void
test_too_big_to_send(Pair *pair, gconstpointer unused)
{
	g_autofree char *filling = g_strnfill(FRAME_MAX_SIZE, 'x');
	g_autoptr(json_object) body = json_object_new_object();
	g_autoptr(GError) error = NULL;
	char byte;

	json_put_string(body, "s", filling);
	g_assert_false(frame_send(pair->theirs, body, NULL, 0, -1, &error));
	g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_TOO_LARGE);
	g_assert_cmpint(recv(pair->ours, &byte, 1, MSG_DONTWAIT), ==, -1);
}

static void
test_deadlines(Pair *pair, gconstpointer unused)
{
	g_autofree char *filling = g_strnfill(FRAME_MAX_SIZE - 100, 'x');
	g_autoptr(json_object) body = json_object_new_object();
	gint64 start = clock_ms();
	g_autoptr(GError) nothing = NULL;
	g_autoptr(GError) half = NULL;
	g_autoptr(GError) full = NULL;

	g_assert_null(frame_receive(pair->ours, start + 50, &nothing));
	g_assert_error(nothing, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
	g_assert_cmpint(write(pair->theirs, "\0\0\0\2\1", 5), ==, 5);
	g_assert_null(frame_receive(pair->ours, clock_ms() + 50, &half));
	g_assert_error(half, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
	json_put_string(body, "s", filling);
	g_assert_false(frame_send(pair->theirs, body, NULL, 0, clock_ms() + 50, &full));
	g_assert_error(full, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
	g_assert_cmpint(clock_ms() - start, >=, 150);
	g_assert_cmpint(clock_ms() - start, <, 5000);
}

static void
test_end(Pair *pair, gconstpointer unused)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GError) blocking = NULL;
	g_autoptr(GError) sending = NULL;
	g_autoptr(json_object) body = json_object_new_object();

	send_text(pair, "{\"n\":1}", NULL, 0);
	files_close(&pair->theirs);
	g_assert_true(frame_reader_fill(pair->reader, pair->ours, &error));
	g_assert_no_error(error);
	g_autoptr(Frame) last = frame_reader_next(pair->reader, &error);
	assert_number(last, 1);
	g_assert_null(frame_reader_next(pair->reader, &error));
	g_assert_no_error(error);
	g_assert_false(frame_reader_fill(pair->reader, pair->ours, &error));
	g_assert_null(frame_reader_next(pair->reader, &error));
	g_assert_no_error(error);
	g_assert_null(receive(pair, &blocking));
	g_assert_error(blocking, NBHOOK_ERROR, NBHOOK_ERROR_UNAVAILABLE);
	g_assert_false(frame_send(pair->ours, body, NULL, 0, -1, &sending));
	g_assert_error(sending, NBHOOK_ERROR, NBHOOK_ERROR_UNAVAILABLE);
}

/* What was read beyond a frame is the next one, without a look at the socket. */
static void
test_reader_receives(Pair *pair, gconstpointer unused)
{
	g_autoptr(GError) late = NULL;
	g_autoptr(GError) gone = NULL;

	send_text(pair, "{\"n\":1}", NULL, 0);
	send_text(pair, "{\"n\":2}", NULL, 0);
	for (int i = 1; i <= 2; i++) {
		g_autoptr(Frame) frame =
			frame_reader_receive(pair->reader, pair->ours, clock_ms(), NULL);

		assert_number(frame, i);
	}
	g_assert_null(frame_reader_receive(pair->reader, pair->ours, clock_ms() + 20, &late));
	g_assert_error(late, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
	send_text(pair, "{\"n\":3}", NULL, 0);
	files_close(&pair->theirs);
	g_autoptr(Frame) last = frame_reader_receive(pair->reader, pair->ours, -1, NULL);
	assert_number(last, 3);
	g_assert_null(frame_reader_receive(pair->reader, pair->ours, -1, &gone));
	g_assert_error(gone, NBHOOK_ERROR, NBHOOK_ERROR_UNAVAILABLE);
}

static size_t
allocated(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

/* A reader lives as long as its connection. (A sanitizer has an allocator of its own: there it shows nothing.) */
static void
test_reader_keeps_nothing(Pair *pair, gconstpointer unused)
{
	g_autofree char *filling = g_strnfill(10000, 'x');
	g_autofree char *text = g_strdup_printf("{\"n\":7,\"filling\":\"%s\"}", filling);
	size_t before = 0;

	for (int i = 0; i < 2000; i++) {
		send_text(pair, text, NULL, 0);
		g_autoptr(Frame) frame = frame_reader_receive(pair->reader, pair->ours, -1, NULL);
		assert_number(frame, 7);
		if (i == 10)
			before = allocated();
	}
	g_assert_cmpint((gint64) allocated() - (gint64) before, <, 1 << 20);
}

static void
add(const char *name, gconstpointer data, void (*test)(Pair *, gconstpointer))
{
	g_test_add(name, Pair, data, pair_set_up, test, pair_tear_down);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	add("/frame/descriptors/reader", NULL, test_descriptors_arrive_with_their_frame);
	add("/frame/descriptors/blocking", "", test_descriptors_arrive_with_their_frame);
	add("/frame/names", NULL, test_names);
	add("/frame/many-in-one-read", NULL, test_many_in_one_read);
	add("/frame/split", NULL, test_split);
	add("/frame/reads-nothing-beyond", NULL, test_reads_nothing_beyond);
	add("/frame/garbage/reader", NULL, test_garbage);
	add("/frame/garbage/blocking", "", test_garbage);
	add("/frame/surplus-descriptors", NULL, test_surplus_descriptors);
	add("/frame/long-stream", NULL, test_long_stream);
	add("/frame/big", NULL, test_big);
	add("/frame/too-big-to-send", NULL, test_too_big_to_send);
	add("/frame/deadlines", NULL, test_deadlines);
	add("/frame/end", NULL, test_end);
	add("/frame/reader-receives", NULL, test_reader_receives);
	add("/frame/reader-keeps-nothing", NULL, test_reader_keeps_nothing);
	return g_test_run();
}
