/* Channels: frames of any size reach a slow reader whole and in order, one that does not read is cut
 * off, the end is told once. */
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/files.h"
#include "control/channel.h"

typedef struct {
	Channel *channel;
	int peer;
	GPtrArray *frames;
	int closed; /* how often that was told */
	GError *failure;
	gboolean free_in_callback;
	int frames_to_send; /* of the reading thread */
} Fixture;

static void
on_frame(Channel *channel, Frame *frame, gpointer data)
{
	Fixture *fixture = data;

	g_assert_true(channel == fixture->channel);
	g_assert_cmpint(fixture->closed, ==, 0);
	g_ptr_array_add(fixture->frames, frame);
	if (fixture->free_in_callback)
		g_clear_pointer(&fixture->channel, channel_free);
}

static void
on_closed(Channel *channel, const GError *failure, gpointer data)
{
	Fixture *fixture = data;

	fixture->closed++;
	fixture->failure = failure != NULL ? g_error_copy(failure) : NULL;
	if (fixture->free_in_callback)
		g_clear_pointer(&fixture->channel, channel_free);
}

static void
set_up(Fixture *fixture, gconstpointer unused)
{
	int fds[2];

	g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
	fixture->peer = fds[1];
	fixture->frames = g_ptr_array_new_with_free_func((GDestroyNotify) frame_free);
	fixture->channel = channel_new(fds[0], on_frame, on_closed, fixture);
}

static void
tear_down(Fixture *fixture, gconstpointer unused)
{
	channel_free(fixture->channel);
	files_close(&fixture->peer);
	g_ptr_array_unref(fixture->frames);
	g_clear_error(&fixture->failure);
	while (g_main_context_iteration(NULL, FALSE))
		continue;
}

static void
run_until_closed(Fixture *fixture)
{
	while (fixture->closed == 0)
		g_main_context_iteration(NULL, TRUE);
	while (g_main_context_iteration(NULL, FALSE))
		continue;
	g_assert_cmpint(fixture->closed, ==, 1);
}

static json_object *
numbered(int number, size_t filling_size)
{
	json_object *body = json_object_new_object();
	g_autofree char *filling = g_strnfill(filling_size, 'x');

	json_put_int(body, "n", number);
	json_put_string(body, "filling", filling);
	return body;
}

static void
peer_sends(Fixture *fixture, int number)
{
	g_autoptr(json_object) body = numbered(number, 10);

	g_assert_true(frame_send(fixture->peer, body, NULL, 0, clock_ms() + 5000, NULL));
}

static int
word_file(int number)
{
	g_autofree char *text = g_strdup_printf("%d", number);
	g_autofree char *path = NULL;
	int fd = g_file_open_tmp("nbhook-channel-XXXXXX", &path, NULL);

	g_assert_cmpint(fd, >=, 0);
	g_unlink(path);
	g_assert_true(files_write_all(fd, text, strlen(text), NULL));
	return fd;
}

/* Reads slowly in a thread; each frame's descriptor holds its number. */
static gpointer
read_slowly(gpointer data)
{
	Fixture *fixture = data;

	for (int i = 0; i < fixture->frames_to_send; i++) {
		g_autoptr(Frame) frame = frame_receive(fixture->peer, clock_ms() + 20000, NULL);
		size_t size;

		g_assert_nonnull(frame);
		g_assert_cmpint(json_int_member(frame->body, "n", -1), ==, i);
		AUTO_FD fd = frame_steal_fd(frame, "number");
		g_autofree char *text = files_read_all(fd, 10, "x", &size, NULL);
		g_assert_cmpint(g_ascii_strtoll(text, NULL, 10), ==, i);
		g_usleep(2000);
	}
	files_close(&fixture->peer);
	return NULL;
}

static void
test_slow_reader(Fixture *fixture, gconstpointer unused)
{
	static const char *const names[] = { "number" };

	fixture->frames_to_send = 12;
	for (int i = 0; i < fixture->frames_to_send; i++) {
		g_autoptr(json_object) body = numbered(i, i % 3 == 0 ? 3 * 1024 * 1024 : 10);
		AUTO_FD fd = word_file(i);

		g_assert_true(channel_send_named(fixture->channel, body, names, &fd, 1));
	}
	GThread *reader = g_thread_new("reader", read_slowly, fixture);
	run_until_closed(fixture);
	g_thread_join(reader);
	g_assert_no_error(fixture->failure);
}

/* What piles up for a peer that does not read has a ceiling, and passing it ends the connection. */
static void
test_no_reader(Fixture *fixture, gconstpointer unused)
{
	g_autoptr(json_object) body = numbered(1, FRAME_MAX_SIZE - 100);

	for (size_t sent = 0; sent <= CHANNEL_MAX_QUEUED + FRAME_MAX_SIZE; sent += FRAME_MAX_SIZE) {
		g_assert_true(channel_send(fixture->channel, body, NULL, 0));
		g_assert_cmpint(fixture->closed, ==, 0); /* never from within */
	}
	run_until_closed(fixture);
	g_assert_error(fixture->failure, NBHOOK_ERROR, NBHOOK_ERROR_UNAVAILABLE);
	g_assert_true(channel_send(fixture->channel, body, NULL, 0));
}

static void
test_too_large(Fixture *fixture, gconstpointer unused)
{
	g_autoptr(json_object) large = numbered(1, FRAME_MAX_REPLY);
	g_autoptr(json_object) small = numbered(2, 1);

	g_assert_false(channel_send(fixture->channel, large, NULL, 0));
	g_assert_true(channel_send(fixture->channel, small, NULL, 0));
	g_autoptr(Frame) frame = frame_receive(fixture->peer, clock_ms() + 5000, NULL);
	g_assert_cmpint(json_int_member(frame->body, "n", -1), ==, 2);
}

/* The last frames come before the end. */
static void
test_peer_ends(Fixture *fixture, gconstpointer unused)
{
	for (int i = 0; i < 5; i++)
		peer_sends(fixture, i);
	files_close(&fixture->peer);
	run_until_closed(fixture);
	g_assert_no_error(fixture->failure);
	g_assert_cmpuint(fixture->frames->len, ==, 5);
}

static void
test_peer_sends_garbage(Fixture *fixture, gconstpointer unused)
{
	peer_sends(fixture, 1);
	g_assert_cmpint(write(fixture->peer, "GET / HTTP/1.1\r\n", 16), ==, 16);
	run_until_closed(fixture);
	g_assert_error(fixture->failure, NBHOOK_ERROR, NBHOOK_ERROR_UNAVAILABLE);
	g_assert_cmpuint(fixture->frames->len, ==, 1);
}

static void
test_sending_to_the_dead(Fixture *fixture, gconstpointer unused)
{
	g_autoptr(json_object) body = numbered(1, 1000);

	files_close(&fixture->peer);
	for (int i = 0; i < 10; i++)
		channel_send(fixture->channel, body, NULL, 0);
	g_assert_cmpint(fixture->closed, ==, 0);
	run_until_closed(fixture);
}

/* Freed within on_frame: the frames behind it are not given out, and the end is not told. */
static void
test_freed_in_frame(Fixture *fixture, gconstpointer unused)
{
	fixture->free_in_callback = TRUE;
	peer_sends(fixture, 1);
	peer_sends(fixture, 2);
	while (fixture->channel != NULL)
		g_main_context_iteration(NULL, TRUE);
	while (g_main_context_iteration(NULL, FALSE))
		continue;
	g_assert_cmpuint(fixture->frames->len, ==, 1);
	g_assert_cmpint(fixture->closed, ==, 0);
}

static void
test_freed_in_closed(Fixture *fixture, gconstpointer unused)
{
	fixture->free_in_callback = TRUE;
	files_close(&fixture->peer);
	run_until_closed(fixture);
	g_assert_null(fixture->channel);
}

static void
test_freed_while_sending(Fixture *fixture, gconstpointer unused)
{
	static const char *const names[] = { "number" };
	g_autoptr(json_object) body = numbered(1, FRAME_MAX_SIZE - 1000);
	AUTO_FD fd = word_file(1);

	for (int i = 0; i < 3; i++)
		g_assert_true(channel_send_named(fixture->channel, body, names, &fd, 1));
	g_clear_pointer(&fixture->channel, channel_free);
	while (g_main_context_iteration(NULL, FALSE))
		continue;
	g_assert_cmpint(fixture->closed, ==, 0);
}

static void
add(const char *name, void (*test)(Fixture *, gconstpointer))
{
	g_test_add(name, Fixture, NULL, set_up, test, tear_down);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	add("/channel/slow-reader", test_slow_reader);
	add("/channel/no-reader", test_no_reader);
	add("/channel/too-large", test_too_large);
	add("/channel/peer-ends", test_peer_ends);
	add("/channel/peer-sends-garbage", test_peer_sends_garbage);
	add("/channel/sending-to-the-dead", test_sending_to_the_dead);
	add("/channel/freed-in-frame", test_freed_in_frame);
	add("/channel/freed-in-closed", test_freed_in_closed);
	add("/channel/freed-while-sending", test_freed_while_sending);
	return g_test_run();
}
