/* The daemon's parts together: calls begin, are submitted, run and are waited for; askers go, runs are
 * lost, a daemon is replaced by the next. The runner and its executors are played by this program, in the
 * same loop. It is one file because every test needs the whole fixture. */
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/listen.h"
#include "control/channel.h"
#include "daemon/daemon.h"

#define STARTED "{\"mark\":\"started\"}\n"
#define SUCCEED                                                                                    \
	"{\"mark\":\"ended\",\"status\":\"succeed\",\"response\":{\"kind\":\"text\","              \
	"\"type\":\"text/plain\",\"size\":2},\"progress\":{\"done\":1,\"total\":1}}\n"
#define FAILED                                                                                     \
	"{\"mark\":\"ended\",\"status\":\"failed\",\"reason\":\"cell_error\","                     \
	"\"error\":{\"ename\":\"ValueError\",\"evalue\":\"bad\"}}\n"

typedef struct {
	char *folder;
	Settings *settings;
	Daemon *daemon;
	Server *runner;
	GPtrArray *executors;
	const char *outcome; /* what an executor writes before it goes; NULL: it waits */
	gboolean silent;     /* executors do not answer when they are given a job */
	int ended;           /* how many the daemon had killed */
	int plays;           /* how many jobs executors were given */
	int begins;          /* how many of them may begin */
	int let_go;          /* how many of them the daemon has no more to say */
	gboolean leaving;    /* executors go when they have taken a job */
	char *token;
} Fixture;

typedef struct {
	Fixture *fixture;
	Channel *channel;
	int run, outcome, response; /* -1 until it plays */
} Executor;

typedef struct {
	Channel *channel;
	GPtrArray *replies;
} Asker;

static void
executor_free(Executor *executor)
{
	channel_free(executor->channel);
	files_close(&executor->run);
	files_close(&executor->outcome);
	files_close(&executor->response);
	g_free(executor);
}

/* The executor writes its outcome and is gone. */
static void
executor_end(Executor *executor, const char *outcome)
{
	g_assert_true(files_write_all(executor->outcome, outcome, strlen(outcome), NULL));
	g_assert_true(files_write_all(executor->response, "hi", 2, NULL));
	files_close(&executor->run);
}

static void
on_play(Channel *channel, Frame *frame, gpointer data)
{
	static const char taken[] = "{\"id\":1,\"taken\":true}";
	g_autoptr(Frame) owned = frame;
	g_autoptr(json_object) reply = json_parse_object(taken, strlen(taken), 5, NULL);
	Executor *executor = data;
	Fixture *fixture = executor->fixture;

	if (g_strcmp0(json_string_member(owned->body, "op"), "run.begin") == 0) {
		fixture->begins++;
		if (fixture->outcome != NULL && !fixture->silent)
			executor_end(executor, fixture->outcome);
		return;
	}
	g_assert_cmpstr(json_string_member(owned->body, "op"), ==, "run.play");
	fixture->plays++;
	executor->run = frame_steal_fd(owned, "run");
	executor->outcome = frame_steal_fd(owned, "outcome");
	executor->response = frame_steal_fd(owned, "response");
	if (fixture->silent)
		return;
	channel_send(channel, reply, NULL, 0);
	if (!fixture->leaving)
		return;
	files_close(&executor->run);
	channel_free(executor->channel);
	executor->channel = NULL;
}

static void
on_executor_let_go(Channel *channel, const GError *failure, gpointer data)
{
	((Executor *) data)->fixture->let_go++;
}

static void
on_let_go(Channel *channel, const GError *failure, gpointer data)
{
}

static void
take_executor(Call *call, gpointer data)
{
	static const char *const names[] = { "executor" };
	Executor *executor = g_new0(Executor, 1);
	int fds[2];

	g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
	executor->fixture = data;
	executor->run = executor->outcome = executor->response = -1;
	executor->channel = channel_new(fds[1], on_play, on_executor_let_go, executor);
	g_ptr_array_add(executor->fixture->executors, executor);
	g_autoptr(json_object) members = json_object_new_object();
	json_put_int(members, "pid", (gint64) executor->fixture->executors->len);
	call_reply(call, g_steal_pointer(&members), names, fds, 1);
	close(fds[0]);
}

static void
end_executor(Call *call, gpointer data)
{
	Fixture *fixture = data;
	gint64 pid = json_int_member(call_body(call), "pid", 0);

	files_close(&((Executor *) g_ptr_array_index(fixture->executors, pid - 1))->run);
	fixture->ended++;
	call_reply(call, NULL, NULL, NULL, 0);
}

static const OpRow runner_ops[] = { { "executor.take", take_executor, FALSE },
	{ "executor.end", end_executor, FALSE }, { NULL } };

static int
listen_at(const Fixture *fixture, const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	g_autofree char *path = g_build_filename(fixture->settings->run_dir, name, NULL);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	g_strlcpy(address.sun_path, path, sizeof address.sun_path);
	unlink(path);
	g_assert_cmpint(bind(fd, (struct sockaddr *) &address, sizeof address), ==, 0);
	g_assert_cmpint(listen(fd, 16), ==, 0);
	return fd;
}

static void
start_daemon(Fixture *fixture)
{
	g_autoptr(GError) error = NULL;

	fixture->daemon = daemon_new(fixture->settings, &error);
	g_assert_no_error(error);
	server_listen(fixture->daemon->server, listen_at(fixture, "admin.sock"), TRUE);
	server_listen(fixture->daemon->server, listen_at(fixture, "http.sock"), FALSE);
}

static void
stop_daemon(Fixture *fixture)
{
	daemon_drain(fixture->daemon);
	g_clear_pointer(&fixture->daemon, daemon_free);
}

static void
on_reply(Channel *channel, Frame *frame, gpointer data)
{
	g_ptr_array_add(((Asker *) data)->replies, frame);
}

static Asker *
asker_at(Fixture *fixture, const char *name)
{
	g_autofree char *path = g_build_filename(fixture->settings->run_dir, name, NULL);
	Asker *asker = g_new0(Asker, 1);

	asker->replies = g_ptr_array_new_with_free_func((GDestroyNotify) frame_free);
	asker->channel = channel_new(listen_connect(path, 0, NULL), on_reply, on_let_go, asker);
	return asker;
}

static Asker *
asker_new(Fixture *fixture)
{
	return asker_at(fixture, "admin.sock");
}

static void
asker_free(Asker *asker)
{
	channel_free(asker->channel);
	g_ptr_array_unref(asker->replies);
	g_free(asker);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Asker, asker_free)

/* Asks without waiting. members is JSON text without its braces. */
static void
ask(Asker *asker, const char *op, const char *members, const char *fd_name, int fd)
{
	g_autofree char *text = g_strdup_printf(
		"{\"id\":1,\"op\":\"%s\"%s%s}", op, *members != '\0' ? "," : "", members);
	g_autoptr(json_object) body = json_parse_object(text, strlen(text), 10, NULL);

	g_assert_nonnull(body);
	channel_send_named(asker->channel, body, &fd_name, &fd, fd_name != NULL ? 1 : 0);
}

static Frame *
answer(Asker *asker)
{
	gint64 deadline_ms = clock_ms() + 20000;

	while (asker->replies->len == 0) {
		g_assert_cmpint(clock_ms(), <, deadline_ms);
		g_main_context_iteration(NULL, TRUE);
	}
	return g_ptr_array_steal_index(asker->replies, 0);
}

static void
assert_error(Frame *frame, const char *code)
{
	g_autofree char *text = json_print(frame->body);

	g_test_message("%s", text);
	g_assert_cmpstr(
		json_string_member(json_object_member(frame->body, "error"), "code"), ==, code);
}

static void
publish(Fixture *fixture)
{
	g_autoptr(Asker) asker = asker_new(fixture);
	g_autofree char *path = NULL;
	AUTO_FD content = g_file_open_tmp("nbhook-daemon-XXXXXX", &path, NULL);

	unlink(path);
	g_assert_true(files_write_all(content, "{}", 2, NULL));
	ask(asker, "webhook.publish",
		"\"path\":\"/home/a/report.ipynb\",\"type\":\"notebook\","
		"\"kernel\":{\"name\":\"python3\",\"language\":\"python\"}",
		"content", content);
	g_autoptr(Frame) reply = answer(asker);
	assert_error(reply, NULL);
	g_free(fixture->token);
	fixture->token =
		g_strdup(json_string_member(json_object_member(reply->body, "job"), "value"));
	g_assert_true(ids_is_token(fixture->token));
}

static void
make_file(const char *folder, const char *name, const char *text)
{
	g_autofree char *path = g_build_filename(folder, name, NULL);

	g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void
set_up(Fixture *fixture, gconstpointer unused)
{
	const char *group = getgrgid(getgid())->gr_name;
	Settings *settings = fixture->settings = settings_new();

	fixture->folder = g_dir_make_tmp("nbhook-daemon-XXXXXX", NULL);
	char **const texts[] = { &settings->state_dir, &settings->run_dir, &settings->kernel_path,
		&settings->run_group, &settings->web_group };
	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_free(*texts[i]);
		*texts[i] = g_strdup(i < 3 ? fixture->folder : group);
	}
	settings->disk_reserve = 0;
	g_autofree char *sockets = g_build_filename(fixture->folder, "j", NULL);
	g_autofree char *kernel = g_build_filename(fixture->folder, "kernels", "python3", NULL);
	g_assert_cmpint(g_mkdir_with_parents(sockets, 0700), ==, 0);
	g_assert_cmpint(g_mkdir_with_parents(kernel, 0700), ==, 0);
	make_file(kernel, "kernel.json",
		"{\"argv\":[\"x\"],\"display_name\":\"x\",\"language\":\"python\"}");
	fixture->executors = g_ptr_array_new_with_free_func((GDestroyNotify) executor_free);
	fixture->runner = server_new(runner_ops, NULL, fixture);
	server_listen(fixture->runner, listen_at(fixture, "runner.sock"), FALSE);
	start_daemon(fixture);
	publish(fixture);
}

static void
tear_down(Fixture *fixture, gconstpointer unused)
{
	g_autofree char *name = g_path_get_basename(fixture->folder);
	AUTO_FD parent = open(g_get_tmp_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	stop_daemon(fixture);
	server_free(fixture->runner);
	g_ptr_array_unref(fixture->executors);
	while (g_main_context_iteration(NULL, FALSE))
		continue;
	g_assert_true(files_remove_tree(parent, name, NULL));
	settings_free(fixture->settings);
	g_free(fixture->token);
	g_free(fixture->folder);
}

static Frame *
begin(Fixture *fixture, Asker *asker, const char *uuid, gboolean again)
{
	g_autofree char *members = g_strdup_printf("\"uuid\":\"%s\",\"token\":\"%s\",\"again\":%s",
		uuid, fixture->token, again ? "true" : "false");

	ask(asker, "call.begin", members, NULL, -1);
	return answer(asker);
}

static void
send_submit(Asker *asker, const char *uuid)
{
	g_autofree char *members = g_strdup_printf("\"uuid\":\"%s\",\"size\":0", uuid);

	ask(asker, "call.submit", members, NULL, -1);
}

static void
send_wait(Asker *asker, const char *uuid)
{
	g_autofree char *members = g_strdup_printf("\"uuid\":\"%s\"", uuid);

	ask(asker, "job.wait", members, NULL, -1);
}

static void
call(Fixture *fixture, Asker *asker, const char *uuid)
{
	g_autoptr(Frame) begun = begin(fixture, asker, uuid, FALSE);
	AUTO_FD request = frame_steal_fd(begun, "request");

	g_assert_cmpint(request, >=, 0);
	g_assert_true(files_write_all(request, "{}", 2, NULL));
	send_submit(asker, uuid);
	g_autoptr(Frame) accepted = answer(asker);
	assert_error(accepted, NULL);
	g_assert_true(json_bool_member(accepted->body, "accepted", FALSE));
}

static void
await_plays(Fixture *fixture, int plays)
{
	while (fixture->plays < plays)
		g_main_context_iteration(NULL, TRUE);
}

static void
assert_ended(Asker *asker, const char *uuid, const char *status, const char *reason)
{
	send_wait(asker, uuid);
	g_autoptr(Frame) reply = answer(asker);
	json_object *failure = json_object_member(reply->body, "error_info");

	g_assert_cmpstr(json_string_member(reply->body, "status"), ==, status);
	g_assert_cmpstr(json_string_member(failure, "reason"), ==, reason);
	if (reason != NULL)
		return;
	AUTO_FD response = frame_steal_fd(reply, "response");
	size_t size;
	g_autofree char *text = files_read_all(response, 10, "x", &size, NULL);
	g_assert_cmpstr(text, ==, "hi");
}

static const struct {
	const char *name, *outcome;
	int plays; /* how often it is tried */
	const char *status, *reason;
} ends[] = {
	{ "succeed", STARTED SUCCEED, 1, "completed", NULL },
	{ "fail", STARTED FAILED, 1, "failed", "cell_error" },
	{ "lost", STARTED, 1, "failed", "lost" },
	{ "cut off", STARTED "{\"mark\":\"ended\",\"status\":\"succeed\"}", 1, "failed", "lost" },
	{ "never begun", "", 3, "failed", "kernel_failed" },
};

static void
test_ends(Fixture *fixture, gconstpointer unused)
{
	g_autoptr(Asker) asker = asker_new(fixture);

	for (size_t i = 0; i < G_N_ELEMENTS(ends); i++) {
		g_autofree char *uuid = ids_uuid();

		fixture->outcome = ends[i].outcome;
		fixture->plays = 0;
		gint64 begun_ms = clock_ms();
		call(fixture, asker, uuid);
		assert_ended(asker, uuid, ends[i].status, ends[i].reason);
		if (ends[i].plays == 3) /* half a second and a second lie between the three */
			g_assert_cmpint(clock_ms() - begun_ms, >=, 1500);
		assert_ended(asker, uuid, ends[i].status, ends[i].reason); /* the store's word */
		g_assert_cmpint(fixture->plays, ==, ends[i].plays);
	}
}

/* Executors that never say that they have taken their job do not hold it, or its slot, for ever. */
static void
test_silent_executor(Fixture *fixture, gconstpointer unused)
{
	g_autoptr(Asker) asker = asker_new(fixture);
	g_autofree char *uuid = ids_uuid();

	g_test_expect_message(NULL, G_LOG_LEVEL_WARNING, "*has not taken it*start_timeout*");
	g_test_expect_message(NULL, G_LOG_LEVEL_WARNING, "*has not taken the job*");
	fixture->settings->start_timeout_ms = 100;
	fixture->silent = TRUE;
	fixture->outcome = STARTED SUCCEED;
	call(fixture, asker, uuid);
	while (fixture->ended < 1)
		g_main_context_iteration(NULL, TRUE);
	fixture->silent = FALSE;
	assert_ended(asker, uuid, "completed", NULL);
	g_assert_cmpint(fixture->plays, ==, 2);
	g_assert_cmpint(fixture->ended, ==, 1);
	g_test_assert_expected_messages();
}

/* What an executor has taken and left before it could begin is played by another. */
static void
test_left_before_begin(Fixture *fixture, gconstpointer unused)
{
	g_autoptr(Asker) asker = asker_new(fixture);
	g_autofree char *uuid = ids_uuid();

	g_test_expect_message(NULL, G_LOG_LEVEL_WARNING, "*attempt 1: *before*first cell*");
	fixture->leaving = TRUE;
	call(fixture, asker, uuid);
	await_plays(fixture, 1);
	fixture->leaving = FALSE;
	fixture->outcome = STARTED SUCCEED;
	assert_ended(asker, uuid, "completed", NULL);
	g_assert_cmpint(fixture->plays, ==, 2);
	g_assert_cmpint(fixture->begins, ==, 1);
	g_test_assert_expected_messages();
}

/* Keeps all of the daemon's workers busy until it is opened, so that nothing becomes durable. */
typedef struct {
	GMutex mutex;
	GCond opened;
	gboolean open;
} Gate;

static gboolean
wait_at_gate(gpointer data, GError **error)
{
	Gate *gate = data;

	g_mutex_lock(&gate->mutex);
	while (!gate->open)
		g_cond_wait(&gate->opened, &gate->mutex);
	g_mutex_unlock(&gate->mutex);
	return TRUE;
}

static void
close_gate(Fixture *fixture, Gate *gate)
{
	gate->open = FALSE;
	for (int i = 0; i < WORKERS_THREADS; i++)
		workers_push(fixture->daemon->workers, wait_at_gate, NULL, gate, NULL);
}

static void
open_gate(Gate *gate)
{
	g_mutex_lock(&gate->mutex);
	gate->open = TRUE;
	g_cond_broadcast(&gate->opened);
	g_mutex_unlock(&gate->mutex);
}

/* Submits a call whose folder becomes durable when the gate is opened; by then an executor has got it. */
static char *
submit_at_gate(Fixture *fixture, Asker *asker, Gate *gate)
{
	char *uuid = ids_uuid();
	g_autoptr(Frame) begun = begin(fixture, asker, uuid, FALSE);

	assert_error(begun, NULL);
	close_gate(fixture, gate);
	send_submit(asker, uuid);
	await_plays(fixture, 1);
	g_assert_cmpuint(asker->replies->len, ==, 0);
	return uuid;
}

static void
assert_accepted(Asker *asker)
{
	g_autoptr(Frame) accepted = answer(asker);

	assert_error(accepted, NULL);
	g_assert_true(json_bool_member(accepted->body, "accepted", FALSE));
}

/* start_timeout of an executor that says nothing is over before the job is durable. */
static void
test_silent_before_durable(Fixture *fixture, gconstpointer unused)
{
	g_autoptr(Asker) asker = asker_new(fixture);
	static Gate gate;

	g_test_expect_message(NULL, G_LOG_LEVEL_WARNING, "*has not taken it*start_timeout*");
	g_test_expect_message(NULL, G_LOG_LEVEL_WARNING, "*attempt 1: *has not taken the job*");
	fixture->settings->start_timeout_ms = 100;
	fixture->silent = TRUE;
	g_autofree char *uuid = submit_at_gate(fixture, asker, &gate);
	while (fixture->ended < 1 || fixture->let_go < 1)
		g_main_context_iteration(NULL, TRUE);
	fixture->silent = FALSE;
	fixture->outcome = STARTED SUCCEED;
	open_gate(&gate);
	assert_accepted(asker);
	assert_ended(asker, uuid, "completed", NULL);
	g_assert_cmpint(fixture->plays, ==, 2);
	g_assert_cmpint(fixture->begins, ==, 1);
	g_test_assert_expected_messages();
}

/* A job that is stopped when an executor has it and it is not durable never begins. */
static void
test_stopped_before_durable(Fixture *fixture, gconstpointer unused)
{
	g_autoptr(Asker) asker = asker_new(fixture);
	g_autoptr(Asker) admin = asker_new(fixture);
	static Gate gate;
	g_autofree char *uuid = submit_at_gate(fixture, asker, &gate);
	g_autofree char *members = g_strdup_printf("\"uuid\":\"%s\"", uuid);

	ask(admin, "job.stop", members, NULL, -1);
	g_autoptr(Frame) stopped = answer(admin);
	assert_error(stopped, NULL);
	open_gate(&gate);
	assert_accepted(asker);
	assert_ended(asker, uuid, "stopped", "stopped_by_user");
	while (fixture->let_go < 1)
		g_main_context_iteration(NULL, TRUE);
	g_assert_cmpint(fixture->begins, ==, 0);
}

/* A job that is stopped before its executor has taken it does not begin. */
static void
test_stopped_before_taken(Fixture *fixture, gconstpointer unused)
{
	g_autoptr(Asker) asker = asker_new(fixture);
	g_autofree char *uuid = ids_uuid();
	g_autofree char *members = g_strdup_printf("\"uuid\":\"%s\"", uuid);

	fixture->silent = TRUE;
	call(fixture, asker, uuid);
	await_plays(fixture, 1);
	ask(asker, "job.stop", members, NULL, -1);
	g_autoptr(Frame) stopped = answer(asker);
	assert_error(stopped, NULL);
	assert_ended(asker, uuid, "stopped", "stopped_by_user");
	while (fixture->let_go < 1)
		g_main_context_iteration(NULL, TRUE);
	g_assert_cmpint(fixture->begins, ==, 0);
}

/* What an executor found out before it could begin is the job's end. */
static void
test_ended_before_durable(Fixture *fixture, gconstpointer unused)
{
	g_autoptr(Asker) asker = asker_new(fixture);
	static Gate gate;
	g_autofree char *uuid = submit_at_gate(fixture, asker, &gate);
	Executor *executor = g_ptr_array_index(fixture->executors, 0);

	executor_end(executor, FAILED);
	g_clear_pointer(&executor->channel, channel_free);
	while (g_main_context_iteration(NULL, FALSE)) /* the daemon hears of it */
		continue;
	open_gate(&gate);
	assert_accepted(asker);
	assert_ended(asker, uuid, "failed", "cell_error");
	g_assert_cmpint(fixture->plays, ==, 1);
}

/* No regular file can be written to. */
static void
set_disk_full(gboolean full)
{
	const struct rlimit limit = { full ? 0 : RLIM_INFINITY, RLIM_INFINITY };

	signal(SIGXFSZ, full ? SIG_IGN : SIG_DFL);
	g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &limit), ==, 0);
}

/* A job that cannot be kept does not begin, and its executor is let go. */
static void
test_row_fails(Fixture *fixture, gconstpointer unused)
{
	g_autoptr(Asker) asker = asker_new(fixture);
	g_autofree char *uuid = ids_uuid();
	g_autoptr(Frame) begun = begin(fixture, asker, uuid, FALSE);

	assert_error(begun, NULL);
	g_test_expect_message(NULL, G_LOG_LEVEL_WARNING, "*status.json*");
	set_disk_full(TRUE);
	send_submit(asker, uuid);
	g_autoptr(Frame) refused = answer(asker);
	while (fixture->let_go < 1)
		g_main_context_iteration(NULL, TRUE);
	set_disk_full(FALSE);
	g_assert_nonnull(json_object_member(refused->body, "error"));
	g_assert_cmpint(fixture->begins, ==, 0);
	g_test_assert_expected_messages();
	fixture->outcome = STARTED SUCCEED;
	call(fixture, asker, uuid);
	assert_ended(asker, uuid, "completed", NULL);
}

/* However often it is begun and submitted, and at whatever time: one job, one run. */
static void
test_repeated(Fixture *fixture, gconstpointer unused)
{
	g_autoptr(Asker) asker = asker_new(fixture);
	g_autofree char *uuid = ids_uuid();
	g_autoptr(Frame) first = begin(fixture, asker, uuid, FALSE);
	g_autoptr(Frame) second = begin(fixture, asker, uuid, FALSE);

	g_assert_cmpuint(first->n_fds, ==, 1);
	g_assert_cmpuint(second->n_fds, ==, 1);
	send_submit(asker, uuid);
	send_submit(asker, uuid);
	for (int i = 0; i < 2; i++) {
		g_autoptr(Frame) accepted = answer(asker);

		g_assert_true(json_bool_member(accepted->body, "accepted", FALSE));
	}
	await_plays(fixture, 1);
	for (int i = 0; i < 4; i++) {
		g_autoptr(Frame) known = begin(fixture, asker, uuid, i % 2 == 1 || i == 2);

		g_assert_true(json_bool_member(known->body, "accepted", FALSE));
		g_assert_cmpuint(known->n_fds, ==, 0);
		send_submit(asker, uuid);
		g_autoptr(Frame) again = answer(asker);
		g_assert_true(json_bool_member(again->body, "accepted", FALSE));
		if (i == 1) {
			executor_end(g_ptr_array_index(fixture->executors, 0), STARTED SUCCEED);
			assert_ended(asker, uuid, "completed", NULL);
		}
	}
	g_assert_cmpint(fixture->plays, ==, 1);
}

/* Who waits may go at any moment; the job goes on. */
static void
test_asker_gone(Fixture *fixture, gconstpointer unused)
{
	g_autoptr(Asker) asker = asker_new(fixture);
	g_autofree char *uuid = ids_uuid();

	call(fixture, asker, uuid);
	await_plays(fixture, 1);
	for (int i = 0; i < 3; i++) {
		Asker *gone = asker_new(fixture);

		send_wait(gone, uuid);
		send_wait(gone, uuid);
		ask(gone, "webhook.list", "", NULL, -1);
		for (int turn = 0; turn < i; turn++)
			g_main_context_iteration(NULL, FALSE);
		asker_free(gone);
	}
	executor_end(g_ptr_array_index(fixture->executors, 0), STARTED SUCCEED);
	assert_ended(asker, uuid, "completed", NULL);
}

static void
test_submitter_gone(Fixture *fixture, gconstpointer unused)
{
	g_autoptr(Asker) asker = asker_new(fixture);
	Asker *gone = asker_new(fixture);
	g_autofree char *uuid = ids_uuid();
	g_autoptr(Frame) begun = begin(fixture, gone, uuid, FALSE);

	assert_error(begun, NULL);
	fixture->outcome = STARTED SUCCEED;
	send_submit(gone, uuid);
	asker_free(gone);
	await_plays(fixture, 1);
	assert_ended(asker, uuid, "completed", NULL);
}

/* The ceiling of the queue holds also when all are submitted in the same moment. */
static void
test_queue(Fixture *fixture, gconstpointer unused)
{
	Asker *askers[6];
	char *uuids[G_N_ELEMENTS(askers)];
	int refused = 0;

	fixture->settings->concurrency = 1;
	fixture->settings->webhook_queue_limit = 2;
	for (size_t i = 0; i < G_N_ELEMENTS(uuids); i++) {
		uuids[i] = ids_uuid();
		askers[i] = asker_new(fixture);
		g_autoptr(Frame) begun = begin(fixture, askers[i], uuids[i], FALSE);
		g_assert_cmpuint(begun->n_fds, ==, 1);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(uuids); i++)
		send_submit(askers[i], uuids[i]);
	for (size_t i = 0; i < G_N_ELEMENTS(uuids); i++) {
		g_autoptr(Frame) reply = answer(askers[i]);
		json_object *failure = json_object_member(reply->body, "error");

		refused += failure != NULL;
		if (failure == NULL)
			continue;
		assert_error(reply, "queue_full");
		g_assert_cmpint(json_int_member(failure, "retry_after", 0), >=, 1);
	}
	g_assert_cmpint(refused, ==, 3); /* one runs, two wait */
	await_plays(fixture, 1);
	fixture->outcome = STARTED SUCCEED;
	executor_end(g_ptr_array_index(fixture->executors, 0), STARTED SUCCEED);
	await_plays(fixture, 3);
	for (size_t i = 0; i < 2 * (size_t) fixture->settings->webhook_queue_limit; i++) {
		g_autofree char *uuid = ids_uuid(); /* nothing is counted for ever */

		call(fixture, askers[0], uuid);
		assert_ended(askers[0], uuid, "completed", NULL);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(uuids); i++) {
		asker_free(askers[i]);
		g_free(uuids[i]);
	}
}

/* Calls of one delivery for which there is no room, submitted in the same moment, are all told so. */
static void
test_queue_of_a_delivery(Fixture *fixture, gconstpointer unused)
{
	Asker *askers[4];
	char *uuids[G_N_ELEMENTS(askers)];
	g_autoptr(Asker) before = asker_new(fixture);
	g_autofree char *playing = ids_uuid();
	g_autofree char *waiting = ids_uuid();

	fixture->settings->concurrency = 1;
	fixture->settings->webhook_queue_limit = 1;
	for (size_t i = 0; i < G_N_ELEMENTS(askers); i++) {
		uuids[i] = ids_uuid();
		askers[i] = asker_new(fixture);
		g_autoptr(Frame) begun = begin(fixture, askers[i], uuids[i], FALSE);
		g_assert_cmpuint(begun->n_fds, ==, 1);
	}
	call(fixture, before, playing);
	call(fixture, before, waiting);
	for (size_t i = 0; i < G_N_ELEMENTS(askers); i++) {
		g_autofree char *members =
			g_strdup_printf("\"uuid\":\"%s\",\"size\":0,\"delivery\":{\"key\":\"k\","
					"\"digest\":\"%064d\"}",
				uuids[i], 0);
		ask(askers[i], "call.submit", members, NULL, -1);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(askers); i++) {
		g_autoptr(Frame) reply = answer(askers[i]);

		assert_error(reply, "queue_full");
		asker_free(askers[i]);
		g_free(uuids[i]);
	}
}

/* But for the spare ones. */
static gboolean
holds_no_executions(const char *path)
{
	g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
	const char *name;

	while ((name = g_dir_read_name(folder)) != NULL)
		if (strcmp(name, FOLDERS_SPARE) != 0)
			return FALSE;
	return TRUE;
}

/* A call that is given up leaves nothing: by its word, by the next begin, by its connection's end. */
static void
test_given_up(Fixture *fixture, gconstpointer unused)
{
	Asker *asker = asker_new(fixture);
	g_autofree char *executions =
		g_build_filename(fixture->folder, "pipeline_executions", NULL);

	for (int i = 0; i < 3; i++) {
		g_autofree char *uuid = ids_uuid();
		g_autoptr(Frame) begun = begin(fixture, asker, uuid, FALSE);

		assert_error(begun, NULL);
	}
	asker_free(asker);
	while (workers_pending(fixture->daemon->workers) > 0 || !holds_no_executions(executions))
		g_main_context_iteration(NULL, TRUE);
}

/* Asks for a file of a call; its descriptor or -1, and then the error. */
static int
ask_for_file(Asker *asker, const char *uuid, const char *name, const char *error)
{
	g_autofree char *members =
		g_strdup_printf("\"uuid\":\"%s\"%s%s%s", uuid, name != NULL ? ",\"name\":\"" : "",
			name != NULL ? name : "", name != NULL ? "\"" : "");

	ask(asker, "call.file", members, NULL, -1);
	g_autoptr(Frame) reply = answer(asker);
	assert_error(reply, error);
	return frame_steal_fd(reply, "file");
}

/* A call gets places for its files under names that are harmless, and only the call itself does. */
static void
test_files_of_a_call(Fixture *fixture, gconstpointer unused)
{
	static const char *const refused[] = { "", ".x", "..", "a/b", "a\\nb", NULL };
	g_autofree char *uuid = ids_uuid();
	g_autoptr(Asker) asker = asker_new(fixture);
	g_autoptr(Asker) other = asker_new(fixture);
	struct stat info;

	fixture->settings->max_parts = 2;
	g_assert_cmpint(ask_for_file(asker, uuid, "a", "not_found"), <, 0);
	g_autoptr(Frame) begun = begin(fixture, asker, uuid, FALSE);
	assert_error(begun, NULL);
	AUTO_FD scratch = ask_for_file(asker, uuid, NULL, NULL);
	g_assert_true(fstat(scratch, &info) == 0 && info.st_nlink == 0);
	AUTO_FD file = ask_for_file(asker, uuid, "a.csv", NULL);
	g_assert_true(fstat(file, &info) == 0 && (info.st_mode & 0777) == 0660);
	g_assert_cmpint(ask_for_file(other, uuid, "b", "not_found"), <, 0);
	g_assert_cmpint(ask_for_file(asker, uuid, "a.csv", "conflict"), <, 0);
	for (size_t i = 0; refused[i] != NULL; i++)
		g_assert_cmpint(ask_for_file(asker, uuid, refused[i], "bad_request"), <, 0);
	AUTO_FD last = ask_for_file(asker, uuid, "b", NULL);
	g_assert_cmpint(last, >=, 0);
	g_assert_cmpint(ask_for_file(asker, uuid, "c", "bad_request"), <, 0);
	send_submit(asker, uuid);
	g_autoptr(Frame) accepted = answer(asker);
	assert_error(accepted, NULL);
	g_assert_cmpint(ask_for_file(asker, uuid, "c", "not_found"), <, 0);
}

/* A daemon that goes disturbs no run: the next one takes it up. */
static void
test_restart(Fixture *fixture, gconstpointer unused)
{
	g_autofree char *playing = ids_uuid();
	g_autofree char *waiting = ids_uuid();
	g_autofree char *begun_only = ids_uuid();
	Asker *before = asker_new(fixture);

	fixture->settings->concurrency = 1;
	call(fixture, before, playing);
	call(fixture, before, waiting);
	g_autoptr(Frame) begun = begin(fixture, before, begun_only, FALSE);
	assert_error(begun, NULL);
	await_plays(fixture, 1);
	send_wait(before, playing);
	stop_daemon(fixture);
	asker_free(before);
	start_daemon(fixture);
	g_autoptr(Asker) asker = asker_new(fixture);
	send_submit(asker, begun_only);
	g_autoptr(Frame) refused = answer(asker);
	assert_error(refused, "not_found");
	fixture->outcome = STARTED SUCCEED;
	executor_end(g_ptr_array_index(fixture->executors, 0), STARTED SUCCEED);
	assert_ended(asker, playing, "completed", NULL);
	assert_ended(asker, waiting, "completed", NULL);
	g_assert_cmpint(fixture->plays, ==, 2);
}

/* What was accepted is played in its version, whatever becomes of its webhook. */
static void
test_deleted_while_running(Fixture *fixture, gconstpointer unused)
{
	g_autoptr(Asker) asker = asker_new(fixture);
	g_autofree char *uuid = ids_uuid();
	static const char path[] = "\"path\":\"/home/a/report.ipynb\",\"type\":\"notebook\"";

	call(fixture, asker, uuid);
	await_plays(fixture, 1);
	ask(asker, "webhook.delete", path, NULL, -1);
	ask(asker, "webhook.clear", path, NULL, -1);
	ask(asker, "webhook.delete", path, NULL, -1);
	g_autoptr(Frame) deleted = answer(asker);
	g_autoptr(Frame) cleared = answer(asker);
	g_autoptr(Frame) missing = answer(asker);
	assert_error(deleted, NULL);
	assert_error(cleared, NULL);
	g_assert_cmpuint(json_object_array_length(json_array_member(cleared->body, "data")), ==, 0);
	assert_error(missing, "not_found");
	g_autoptr(Frame) begun = begin(fixture, asker, uuid, FALSE);
	assert_error(begun, "not_found");
	executor_end(g_ptr_array_index(fixture->executors, 0), STARTED SUCCEED);
	assert_ended(asker, uuid, "completed", NULL);
}

/* What a call will play, once it has begun, is there when it is submitted. */
static void
test_version_of_a_begun_call(Fixture *fixture, gconstpointer unused)
{
	g_autoptr(Asker) asker = asker_new(fixture);
	g_autoptr(Asker) author = asker_new(fixture);
	g_autofree char *uuid = ids_uuid();
	g_autoptr(Frame) begun = begin(fixture, asker, uuid, FALSE);

	assert_error(begun, NULL);
	publish(fixture);
	ask(author, "webhook.clear",
		"\"path\":\"/home/a/report.ipynb\",\"type\":\"notebook\",\"histo\":\"all\"", NULL,
		-1);
	g_autoptr(Frame) cleared = answer(author);
	assert_error(cleared, NULL);
	fixture->outcome = STARTED SUCCEED;
	send_submit(asker, uuid);
	g_autoptr(Frame) accepted = answer(asker);
	assert_error(accepted, NULL);
	assert_ended(asker, uuid, "completed", NULL);
}

/* A flood of changes is refused before it fills the memory, and what waits is still done. */
static void
test_many_changes(Fixture *fixture, gconstpointer unused)
{
	g_autoptr(Asker) asker = asker_new(fixture);
	GQueue *changes = &fixture->daemon->changes;

	for (int i = 0; i < 1000; i++)
		g_queue_push_tail(changes, NULL);
	ask(asker, "webhook.delete", "\"path\":\"/a.ipynb\",\"type\":\"notebook\"", NULL, -1);
	g_autoptr(Frame) refused = answer(asker);
	assert_error(refused, "unavailable");
	g_assert_cmpint(
		json_int_member(json_object_member(refused->body, "error"), "retry_after", 0), >=,
		1);
	g_queue_clear(changes);
	publish(fixture);
}

/* When the only key was last used; the caller frees. */
static char *
last_use(Fixture *fixture)
{
	g_autoptr(Asker) asker = asker_new(fixture);

	ask(asker, "key.list", "", NULL, -1);
	g_autoptr(Frame) reply = answer(asker);
	json_object *keys = json_array_member(reply->body, "keys");
	g_assert_cmpuint(json_object_array_length(keys), ==, 1);
	return g_strdup(json_string_member(json_object_array_get_idx(keys, 0), "last_use"));
}

/* A list shows it at once, the store has it when the daemon ends. */
static void
test_last_use_of_a_key(Fixture *fixture, gconstpointer unused)
{
	g_autoptr(Asker) asker = asker_new(fixture);
	g_autoptr(Asker) user = asker_at(fixture, "http.sock");

	ask(asker, "key.add", "\"name\":\"anna\"", NULL, -1);
	g_autoptr(Frame) added = answer(asker);
	const char *key = json_string_member(added->body, "key");
	g_assert_true(ids_is_token(key));
	g_autofree char *none = last_use(fixture);
	g_assert_null(none);
	g_autofree char *members = g_strdup_printf("\"key\":\"%s\"", key);
	ask(user, "key.check", members, NULL, -1);
	g_autoptr(Frame) checked = answer(user);
	assert_error(checked, NULL);
	g_autofree char *used = last_use(fixture);
	g_assert_nonnull(used);
	stop_daemon(fixture);
	start_daemon(fixture);
	g_autofree char *kept = last_use(fixture);
	g_assert_cmpstr(kept, ==, used);
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
	g_log_set_always_fatal(G_LOG_LEVEL_CRITICAL | G_LOG_FATAL_MASK);
	umask(0007);
	add("/daemon/ends", test_ends);
	add("/daemon/silent-executor", test_silent_executor);
	add("/daemon/left-before-begin", test_left_before_begin);
	add("/daemon/row-fails", test_row_fails);
	add("/daemon/silent-before-durable", test_silent_before_durable);
	add("/daemon/stopped-before-durable", test_stopped_before_durable);
	add("/daemon/ended-before-durable", test_ended_before_durable);
	add("/daemon/stopped-before-taken", test_stopped_before_taken);
	add("/daemon/repeated", test_repeated);
	add("/daemon/asker-gone", test_asker_gone);
	add("/daemon/files-of-a-call", test_files_of_a_call);
	add("/daemon/submitter-gone", test_submitter_gone);
	add("/daemon/queue", test_queue);
	add("/daemon/queue-of-a-delivery", test_queue_of_a_delivery);
	add("/daemon/given-up", test_given_up);
	add("/daemon/version-of-a-begun-call", test_version_of_a_begun_call);
	add("/daemon/many-changes", test_many_changes);
	add("/daemon/last-use-of-a-key", test_last_use_of_a_key);
	add("/daemon/restart", test_restart);
	add("/daemon/deleted-while-running", test_deleted_while_running);
	return g_test_run();
}
