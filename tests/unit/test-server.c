/* Server and client: who asks is answered once, who has gone is withdrawn, who may not is told so. The
 * asker is a thread with a ControlClient; the server is in the main loop. It is one file because every test
 * needs both. */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/files.h"
#include "base/listen.h"
#include "control/client.h"
#include "control/server.h"

typedef struct {
	char *folder, *path;
	Server *server;
	GPtrArray *kept; /* calls of the op "later" */
	int withdrawn;
	gboolean done; /* the asking thread has ended */
	void (*ask)(void *fixture);
} Fixture;

static void
op_echo(Call *call, gpointer data)
{
	json_object *members = json_object_new_object();

	json_put_shared(members, "text", json_member(call_body(call), "text"));
	json_put_bool(members, "admin", call_is_admin(call));
	call_reply(call, members, NULL, NULL, 0);
}

/* Gives the descriptor "in" back as "out". */
static void
op_descriptor(Call *call, gpointer data)
{
	static const char *const names[] = { "out" };
	AUTO_FD fd = call_steal_fd(call, "in");

	if (fd < 0)
		call_fail_with(call, NBHOOK_ERROR_BAD_REQUEST, "no descriptor came");
	else
		call_reply(call, NULL, names, &fd, 1);
}

static void
op_refuse(Call *call, gpointer data)
{
	g_autoptr(GError) error =
		g_error_new(NBHOOK_ERROR, NBHOOK_ERROR_QUEUE_FULL, "come back later");

	call_fail(call, error, 17);
}

static void
on_withdrawn(Call *call, gpointer data)
{
	Fixture *fixture = data;

	fixture->withdrawn++;
	g_assert_true(g_ptr_array_remove(fixture->kept, call));
	call_drop(call);
}

static void
op_later(Call *call, gpointer data)
{
	Fixture *fixture = data;

	g_ptr_array_add(fixture->kept, call);
	call_set_withdrawn(call, on_withdrawn, fixture);
}

/* Keeps the call without wanting to know whether it is withdrawn. */
static void
op_keep(Call *call, gpointer data)
{
	g_ptr_array_add(((Fixture *) data)->kept, call);
}

static void
op_huge(Call *call, gpointer data)
{
	json_object *members = json_object_new_object();
	g_autofree char *text = g_strnfill(FRAME_MAX_REPLY, 'x');

	json_put_string(members, "text", text);
	call_reply(call, members, NULL, NULL, 0);
}

static const OpRow ops[] = {
	{ "echo", op_echo, FALSE },
	{ "descriptor", op_descriptor, FALSE },
	{ "refuse", op_refuse, FALSE },
	{ "later", op_later, FALSE },
	{ "keep", op_keep, FALSE },
	{ "huge", op_huge, FALSE },
	{ "secret", op_echo, TRUE },
	{ NULL },
};

static int
listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	g_strlcpy(address.sun_path, path, sizeof address.sun_path);
	g_assert_cmpint(bind(fd, (struct sockaddr *) &address, sizeof address), ==, 0);
	g_assert_cmpint(listen(fd, 16), ==, 0);
	return fd;
}

static void
set_up(Fixture *fixture, gconstpointer admin)
{
	fixture->folder = g_dir_make_tmp("nbhook-server-XXXXXX", NULL);
	fixture->path = g_build_filename(fixture->folder, "s", NULL);
	fixture->kept = g_ptr_array_new();
	fixture->server = server_new(ops, NULL, fixture);
	server_listen(fixture->server, listen_at(fixture->path), admin != NULL);
}

static void
tear_down(Fixture *fixture, gconstpointer unused)
{
	server_free(fixture->server);
	g_unlink(fixture->path);
	g_rmdir(fixture->folder);
	g_ptr_array_unref(fixture->kept);
	g_free(fixture->path);
	g_free(fixture->folder);
}

static gboolean
on_asked(gpointer data)
{
	((Fixture *) data)->done = TRUE;
	return G_SOURCE_REMOVE;
}

static gpointer
ask_in_thread(gpointer data)
{
	Fixture *fixture = data;

	fixture->ask(fixture);
	g_idle_add(on_asked, fixture);
	return NULL;
}

/* Serves until ask, in a thread of its own, has ended. */
static void
serve(Fixture *fixture, void (*ask)(void *fixture))
{
	fixture->ask = ask;
	GThread *thread = g_thread_new("asker", ask_in_thread, fixture);
	while (!fixture->done)
		g_main_context_iteration(NULL, TRUE);
	g_thread_join(thread);
	fixture->done = FALSE;
}

static Frame *
call(ControlClient *client, const char *op, const char *text, GError **error)
{
	json_object *members = json_object_new_object();

	json_put_string(members, "text", text);
	return control_call(client, op, members, NULL, NULL, 0, clock_ms() + 10000, NULL, error);
}

static void
ask_echo(void *data)
{
	g_autoptr(ControlClient) client = control_client_new(((Fixture *) data)->path);

	for (int i = 0; i < 3; i++) {
		g_autofree char *text = g_strdup_printf("number %d", i);
		g_autoptr(Frame) reply = call(client, "echo", text, NULL);

		g_assert_nonnull(reply);
		g_assert_cmpstr(json_string_member(reply->body, "text"), ==, text);
		g_assert_cmpint(json_int_member(reply->body, "id", 0), ==, i + 1);
		g_assert_false(json_bool_member(reply->body, "admin", TRUE));
	}
}

static void
test_echo(Fixture *fixture, gconstpointer unused)
{
	serve(fixture, ask_echo);
}

static void
ask_descriptor(void *data)
{
	static const char *const names[] = { "in" };
	g_autoptr(ControlClient) client = control_client_new(((Fixture *) data)->path);
	g_autoptr(GError) error = NULL;
	g_autofree char *path = NULL;
	AUTO_FD fd = g_file_open_tmp("nbhook-server-XXXXXX", &path, NULL);
	size_t size;

	g_unlink(path);
	g_assert_true(files_write_all(fd, "hello", 5, NULL));
	g_autoptr(Frame) reply = control_call(
		client, "descriptor", NULL, names, &fd, 1, clock_ms() + 10000, NULL, &error);
	g_assert_no_error(error);
	AUTO_FD back = frame_steal_fd(reply, "out");
	g_autofree char *text = files_read_all(back, 10, "x", &size, NULL);
	g_assert_cmpstr(text, ==, "hello");
	g_assert_null(call(client, "descriptor", NULL, &error));
	g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST);
}

static void
test_descriptor(Fixture *fixture, gconstpointer unused)
{
	serve(fixture, ask_descriptor);
}

static void
ask_refused(void *data)
{
	g_autoptr(ControlClient) client = control_client_new(((Fixture *) data)->path);
	g_autoptr(GError) error = NULL;
	g_autoptr(GError) unknown = NULL;
	g_autoptr(GError) secret = NULL;
	int retry_after = 0;

	g_assert_null(control_call(
		client, "refuse", NULL, NULL, NULL, 0, clock_ms() + 10000, &retry_after, &error));
	g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_QUEUE_FULL);
	g_assert_cmpstr(error->message, ==, "come back later");
	g_assert_cmpint(retry_after, ==, 17);
	g_assert_null(call(client, "no.such.op", NULL, &unknown));
	g_assert_error(unknown, NBHOOK_ERROR, NBHOOK_ERROR_FORBIDDEN);
	g_assert_nonnull(strstr(unknown->message, "no.such.op"));
	g_assert_null(call(client, "secret", NULL, &secret));
	g_assert_error(secret, NBHOOK_ERROR, NBHOOK_ERROR_FORBIDDEN);
}

static void
test_refused(Fixture *fixture, gconstpointer unused)
{
	serve(fixture, ask_refused);
}

static void
ask_secret(void *data)
{
	g_autoptr(ControlClient) client = control_client_new(((Fixture *) data)->path);
	g_autoptr(Frame) reply = call(client, "secret", "x", NULL);

	g_assert_nonnull(reply);
	g_assert_true(json_bool_member(reply->body, "admin", FALSE));
}

static void
test_admin(Fixture *fixture, gconstpointer unused)
{
	serve(fixture, ask_secret);
}

/* The connection stands after an answer that was too long. */
static void
ask_huge(void *data)
{
	g_autoptr(ControlClient) client = control_client_new(((Fixture *) data)->path);
	g_autoptr(GError) error = NULL;

	g_assert_null(call(client, "huge", NULL, &error));
	g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_INTERNAL);
	g_autoptr(Frame) reply = call(client, "echo", "x", NULL);
	g_assert_cmpint(json_int_member(reply->body, "id", 0), ==, 2);
}

static void
test_huge(Fixture *fixture, gconstpointer unused)
{
	serve(fixture, ask_huge);
}

/* Whatever stands in a request: an answer, and nothing breaks. */
static void
ask_oddly(void *data)
{
	static const char *const texts[] = { "{}", "{\"op\":7,\"id\":1}", "{\"op\":null}",
		"{\"op\":\"echo\",\"id\":{\"a\":[]}}", "{\"op\":\"echo\",\"id\":1e400}",
		"{\"op\":\"descriptor\",\"fds\":[\"in\"]}" };
	AUTO_FD socket = listen_connect(((Fixture *) data)->path, clock_ms() + 5000, NULL);

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autoptr(json_object) body =
			json_parse_object(texts[i], strlen(texts[i]), 10, NULL);

		g_assert_true(frame_send(socket, body, NULL, 0, clock_ms() + 5000, NULL));
		g_autoptr(Frame) reply = frame_receive(socket, clock_ms() + 5000, NULL);
		g_assert_nonnull(reply);
	}
}

static void
test_odd_requests(Fixture *fixture, gconstpointer unused)
{
	serve(fixture, ask_oddly);
}

static void
ask_without_patience(void *data)
{
	g_autoptr(ControlClient) client = control_client_new(((Fixture *) data)->path);
	g_autoptr(GError) error = NULL;

	g_assert_null(
		control_call(client, "later", NULL, NULL, NULL, 0, clock_ms() + 50, NULL, &error));
	g_assert_error(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
}

static void
test_withdrawn(Fixture *fixture, gconstpointer unused)
{
	serve(fixture, ask_without_patience);
	while (fixture->withdrawn == 0)
		g_main_context_iteration(NULL, TRUE);
	g_assert_cmpint(fixture->withdrawn, ==, 1);
	g_assert_cmpuint(fixture->kept->len, ==, 0);
}

/* Three requests on one connection that then goes. */
static void
ask_thrice(void *data)
{
	AUTO_FD socket = listen_connect(((Fixture *) data)->path, clock_ms() + 5000, NULL);

	for (int i = 0; i < 3; i++) {
		g_autoptr(json_object) body = json_object_new_object();

		json_put_string(body, "op", i == 2 ? "keep" : "later");
		json_put_int(body, "id", i);
		g_assert_true(frame_send(socket, body, NULL, 0, -1, NULL));
	}
}

/* An answer to somebody who has gone goes nowhere. */
static void
test_answer_after_withdrawal(Fixture *fixture, gconstpointer unused)
{
	serve(fixture, ask_thrice);
	while (fixture->withdrawn < 2)
		g_main_context_iteration(NULL, TRUE);
	g_assert_cmpuint(fixture->kept->len, ==, 1);
	op_descriptor(g_ptr_array_index(fixture->kept, 0), NULL);
	g_ptr_array_set_size(fixture->kept, 0);
	serve(fixture, ask_echo);
}

static void
ask_later_twice(void *data)
{
	AUTO_FD socket = listen_connect(((Fixture *) data)->path, clock_ms() + 5000, NULL);

	for (int i = 0; i < 2; i++) {
		g_autoptr(json_object) body = json_object_new_object();

		json_put_string(body, "op", "later");
		json_put_int(body, "id", 10 + i);
		g_assert_true(frame_send(socket, body, NULL, 0, -1, NULL));
	}
	for (int i = 0; i < 2; i++) { /* the second is answered first */
		g_autoptr(Frame) reply = frame_receive(socket, clock_ms() + 5000, NULL);

		g_assert_cmpint(json_int_member(reply->body, "id", 0), ==, 11 - i);
	}
}

static gboolean
answer_backwards(gpointer data)
{
	Fixture *fixture = data;

	if (fixture->kept->len < 2)
		return G_SOURCE_CONTINUE;
	call_reply(g_ptr_array_steal_index(fixture->kept, 1), NULL, NULL, NULL, 0);
	call_reply(g_ptr_array_steal_index(fixture->kept, 0), NULL, NULL, NULL, 0);
	return G_SOURCE_REMOVE;
}

static void
test_any_order(Fixture *fixture, gconstpointer unused)
{
	g_timeout_add(5, answer_backwards, fixture);
	serve(fixture, ask_later_twice);
	g_assert_cmpint(fixture->withdrawn, ==, 0);
}

/* That nobody is there is said at once. */
static void
test_nobody(Fixture *fixture, gconstpointer unused)
{
	g_autoptr(ControlClient) nobody = control_client_new("/nonexistent/socket");
	g_autoptr(GError) error = NULL;
	gint64 start = clock_ms();

	g_assert_null(call(nobody, "echo", "x", &error));
	g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNAVAILABLE);
	g_assert_cmpint(clock_ms() - start, <, 3000);
}

static gboolean
replace_server(gpointer data)
{
	Fixture *fixture = data;

	server_free(fixture->server);
	g_unlink(fixture->path);
	fixture->server = server_new(ops, NULL, fixture);
	server_listen(fixture->server, listen_at(fixture->path), FALSE);
	fixture->done = TRUE;
	return G_SOURCE_REMOVE;
}

/* A kept connection that has died is made again by the call that finds it so. */
static void
ask_across_restart(void *data)
{
	Fixture *fixture = data;
	g_autoptr(ControlClient) client = control_client_new(fixture->path);
	g_autoptr(Frame) first = call(client, "echo", "1", NULL);
	g_autoptr(GError) error = NULL;

	g_assert_nonnull(first);
	g_idle_add(replace_server, fixture);
	g_usleep(100 * 1000);
	g_autoptr(Frame) second = call(client, "echo", "2", &error);
	g_assert_no_error(error);
	g_assert_cmpstr(json_string_member(second->body, "text"), ==, "2");
}

static void
test_restart(Fixture *fixture, gconstpointer unused)
{
	fixture->ask = ask_across_restart;
	GThread *thread = g_thread_new("asker", ask_in_thread, fixture);
	while (!fixture->done)
		g_main_context_iteration(NULL, TRUE);
	fixture->done = FALSE;
	while (!fixture->done)
		g_main_context_iteration(NULL, TRUE);
	g_thread_join(thread);
}

static int pauses;

static void
count_pause(const char *domain, GLogLevelFlags level, const char *message, gpointer data)
{
	g_assert_nonnull(strstr(message, "a pause is made"));
	pauses++;
}

static gboolean
is_not_fatal(const char *domain, GLogLevelFlags level, const char *message, gpointer data)
{
	return FALSE;
}

/* Opens descriptors until there are no more; gives them. */
static GArray *
take_all_descriptors(void)
{
	GArray *taken = g_array_new(FALSE, FALSE, sizeof(int));
	int fd;

	while ((fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
		g_array_append_val(taken, fd);
	g_assert_cmpint(errno, ==, EMFILE);
	return taken;
}

static gboolean
on_time(gpointer data)
{
	*(gboolean *) data = TRUE;
	return G_SOURCE_REMOVE;
}

/* Without descriptors a connection waits, the loop sleeps meanwhile, and later it is served. */
static void
test_no_descriptors(Fixture *fixture, gconstpointer unused)
{
	struct rlimit limit, low;
	gboolean time_is_up = FALSE;
	int turns = 0;

	g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &limit), ==, 0);
	low = limit;
	low.rlim_cur = 64;
	g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &low), ==, 0);
	int connection = listen_connect(fixture->path, 0, NULL);
	g_assert_cmpint(connection, >=, 0);
	g_autoptr(GArray) taken = take_all_descriptors();
	guint handler =
		g_log_set_handler(NULL, G_LOG_LEVEL_CRITICAL | G_LOG_FLAG_FATAL, count_pause, NULL);
	g_test_log_set_fatal_handler(is_not_fatal, NULL);
	g_timeout_add(350, on_time, &time_is_up);
	for (; !time_is_up; turns++)
		g_main_context_iteration(NULL, TRUE);
	g_assert_cmpint(pauses, >=, 1);
	g_assert_cmpint(turns, <=, 12); /* three pauses, not a loop */
	for (guint i = 0; i < taken->len; i++)
		close(g_array_index(taken, int, i));
	g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &limit), ==, 0);
	serve(fixture, ask_echo);
	g_log_remove_handler(NULL, handler);
	close(connection);
}

static void
add(const char *name, gconstpointer admin, void (*test)(Fixture *, gconstpointer))
{
	g_test_add(name, Fixture, admin, set_up, test, tear_down);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	add("/server/echo", NULL, test_echo);
	add("/server/descriptor", NULL, test_descriptor);
	add("/server/refused", NULL, test_refused);
	add("/server/admin", "", test_admin);
	add("/server/huge", NULL, test_huge);
	add("/server/odd-requests", NULL, test_odd_requests);
	add("/server/withdrawn", NULL, test_withdrawn);
	add("/server/answer-after-withdrawal", NULL, test_answer_after_withdrawal);
	add("/server/any-order", NULL, test_any_order);
	add("/server/nobody", NULL, test_nobody);
	add("/server/restart", NULL, test_restart);
	add("/server/no-descriptors", NULL, test_no_descriptors);
	return g_test_run();
}
