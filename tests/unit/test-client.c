/* The asking end at a socket whose other end goes away, starts again or says nothing. */
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/files.h"
#include "control/client.h"

typedef struct {
	char *folder, *path;
	int listener;
	ControlClient *client;
} Fixture;

static void
set_up(Fixture *fixture, gconstpointer unused)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	fixture->folder = g_dir_make_tmp("nbhook-XXXXXX", NULL);
	fixture->path = g_build_filename(fixture->folder, "socket", NULL);
	g_strlcpy(address.sun_path, fixture->path, sizeof address.sun_path);
	fixture->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	g_assert_cmpint(
		bind(fixture->listener, (struct sockaddr *) &address, sizeof address), ==, 0);
	g_assert_cmpint(listen(fixture->listener, 8), ==, 0);
	fixture->client = control_client_new(fixture->path);
}

static void
tear_down(Fixture *fixture, gconstpointer unused)
{
	control_client_free(fixture->client);
	files_close(&fixture->listener);
	g_unlink(fixture->path);
	g_rmdir(fixture->folder);
	g_free(fixture->path);
	g_free(fixture->folder);
}

static Frame *
call(Fixture *fixture, int patience_ms, GError **error)
{
	return control_call(fixture->client, "anything", NULL, NULL, NULL, 0,
		clock_ms() + patience_ms, NULL, error);
}

static void
break_next(Fixture *fixture)
{
	AUTO_FD broken = accept4(fixture->listener, NULL, NULL, SOCK_CLOEXEC);

	g_assert_cmpint(broken, >=, 0);
}

/* Takes three connections without a word and answers on the fourth. */
static gpointer
break_thrice(gpointer data)
{
	Fixture *fixture = data;

	for (int i = 0; i < 3; i++)
		break_next(fixture);
	AUTO_FD socket = accept4(fixture->listener, NULL, NULL, SOCK_CLOEXEC);
	g_autoptr(Frame) request = frame_receive(socket, clock_ms() + 5000, NULL);
	g_assert_nonnull(request);
	g_assert_true(frame_send(socket, request->body, NULL, 0, clock_ms() + 5000, NULL));
	return NULL;
}

static void
test_a_peer_that_is_started_again_and_again(Fixture *fixture, gconstpointer unused)
{
	GThread *thread = g_thread_new("breaker", break_thrice, fixture);
	g_autoptr(GError) error = NULL;
	g_autoptr(Frame) reply = call(fixture, 10000, &error);

	g_thread_join(thread);
	g_assert_no_error(error);
	g_assert_cmpstr(json_string_member(reply->body, "op"), ==, "anything");
}

static gpointer
break_and_close(gpointer data)
{
	Fixture *fixture = data;

	break_next(fixture);
	files_close(&fixture->listener);
	return NULL;
}

static void
test_a_peer_that_stays_away(Fixture *fixture, gconstpointer unused)
{
	GThread *thread = g_thread_new("breaker", break_and_close, fixture);
	gint64 begun = clock_ms();
	g_autoptr(GError) error = NULL;

	g_assert_null(call(fixture, 60000, &error));
	g_thread_join(thread);
	g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNAVAILABLE);
	g_assert_cmpint(clock_ms() - begun, <, 4000);
}

static void
test_an_asker_who_hangs_up(Fixture *fixture, gconstpointer unused)
{
	g_autoptr(GError) error = NULL;
	int ends[2];

	g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), ==, 0);
	AUTO_FD asker = ends[0];
	control_client_set_asker(fixture->client, asker);
	g_assert_cmpint(shutdown(ends[1], SHUT_WR), ==, 0); /* who has said all still listens */
	g_assert_null(call(fixture, 50, &error));
	g_assert_error(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
	g_clear_error(&error);
	files_close(&ends[1]);
	g_assert_null(call(fixture, 60000, &error));
	g_assert_error(error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
	g_clear_error(&error);
	control_client_set_asker(fixture->client, -1);
	g_assert_null(call(fixture, 50, &error));
	g_assert_error(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
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
	add("/client/breaks", test_a_peer_that_is_started_again_and_again);
	add("/client/stays-away", test_a_peer_that_stays_away);
	add("/client/asker", test_an_asker_who_hangs_up);
	return g_test_run();
}
