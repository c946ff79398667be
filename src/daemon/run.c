/* The steps, each started by the event that ends the one before:
 *
 *   take      the runner hands over the socket of an executor                 (runner link);
 *             meanwhile files of the run are made, and its listening socket
 *   play      run.play with its descriptors; the executor says "taken"        (handover channel),
 *             or is ended when it says nothing for start_timeout
 *   begin     run.begin, when the owner says that the run may begin. Until then the executor lives as long
 *             as this channel, and executes nothing of the author's
 *   follow    the run socket: state, progress, the end                        (run channel)
 *   look      when that connection ends: connect again, or read the outcome
 *
 * An adopted run begins at follow. */
#include "daemon/run.h"

#include <unistd.h>

#include "base/error.h"
#include "base/listen.h"
#include "control/channel.h"
#include "daemon/outcome.h"
#include "daemon/run_files.h"
#include "daemon/runner_link.h"
#include "daemon/snapshot.h"

#define SHORT_ID_LENGTH 12

struct Run {
	Daemon *daemon;
	const Job *job;
	int execution;
	char *key;
	char *socket_path;
	int fds[RUN_FD_N]; /* until "taken" */
	RunnerRequest *request;
	gboolean is_taken, may_begin;
	pid_t executor; /* from take to "taken" */
	Channel *handover;
	Channel *follow;
	gint64 cells_done, cells_total;
	Outcome *outcome;
	char *failure;
	gboolean passing; /* its files could not be made: the host lacked space or descriptors */
	char *stop_reason;
	guint idle;
	guint again;    /* a connection that is due */
	guint patience; /* with an executor that has not said "taken" */
	gboolean over;
	RunEvent last;
	RunTold told;
	gpointer data;
};

void
run_free(Run *run)
{
	if (run == NULL)
		return;
	if (run->idle != 0)
		g_source_remove(run->idle);
	if (run->again != 0)
		g_source_remove(run->again);
	if (run->patience != 0)
		g_source_remove(run->patience);
	if (run->request != NULL)
		runner_link_cancel(run->request);
	channel_free(run->handover);
	channel_free(run->follow);
	if (!run->may_begin)
		unlink(run->socket_path);
	run_files_close(run->fds);
	outcome_free(run->outcome);
	g_free(run->key);
	g_free(run->socket_path);
	g_free(run->failure);
	g_free(run->stop_reason);
	g_free(run);
}

gint64
run_cells_done(const Run *run)
{
	return run->cells_done;
}

gint64
run_cells_total(const Run *run)
{
	return run->cells_total;
}

json_object *
run_outcome(const Run *run)
{
	return run->outcome != NULL ? run->outcome->ended : NULL;
}

const char *
run_failure(const Run *run)
{
	return run->failure;
}

gboolean
run_failure_is_passing(const Run *run)
{
	return run->passing;
}

static gboolean
tell_last(gpointer data)
{
	Run *run = data;

	run->idle = 0;
	run->told(run, run->last, run->data);
	return G_SOURCE_REMOVE;
}

static void
tell_last_soon(Run *run)
{
	run->idle = g_idle_add_full(G_PRIORITY_DEFAULT, tell_last, run, NULL);
}

/* The run is over; its owner hears of it from the loop, never from within a call of its own, nor before the run may
 * begin. */
static void
end(Run *run, RunEvent event)
{
	if (run->over)
		return;
	run->over = TRUE;
	run->last = event;
	unlink(run->socket_path);
	if (run->may_begin)
		tell_last_soon(run);
}

/* failure is given away. */
static void
end_not_begun(Run *run, char *failure)
{
	g_free(run->failure);
	run->failure = failure;
	end(run, RUN_NOT_BEGUN);
}

static void
fail(Run *run, const char *what, const GError *error)
{
	end_not_begun(run, g_strdup_printf("%s: %s", what,
				   error != NULL ? error->message : "no reason given"));
}

/* The executor is gone or done: the outcome file says how it ended. */
static void
read_outcome(Run *run)
{
	outcome_free(run->outcome);
	run->outcome = outcome_load(run->execution);
	if (run->outcome->ended != NULL)
		end(run, RUN_ENDED);
	else
		end(run, run->outcome->begun ? RUN_LOST : RUN_NOT_BEGUN);
}

static void follow(Run *run);

static void
on_follow_frame(Channel *channel, Frame *frame, gpointer data)
{
	g_autoptr(Frame) owned = frame;
	Run *run = data;
	json_object *progress = json_object_member(owned->body, "progress");

	if (!run->over)
		snapshot_hear(run->daemon->folders, run->job, run->execution, channel, owned->body);
	if (run->over || g_strcmp0(json_string_member(owned->body, "event"), "state") != 0)
		return;
	run->cells_done = json_int_member(progress, "done", run->cells_done);
	run->cells_total = json_int_member(progress, "total", run->cells_total);
	const char *state = json_string_member(owned->body, "state");
	if (g_strcmp0(state, "ended") == 0)
		read_outcome(run);
	else if (g_strcmp0(state, "playing") == 0)
		run->told(run, RUN_PLAYING, run->data);
}

static void
on_follow_closed(Channel *channel, const GError *failure, gpointer data)
{
	Run *run = data;

	channel_free(run->follow);
	run->follow = NULL;
	if (!run->over)
		follow(run);
}

static gboolean
on_again(gpointer data)
{
	Run *run = data;

	run->again = 0;
	follow(run);
	return G_SOURCE_REMOVE;
}

/* Says that the run is to stop, when that is so. */
static void
send_stop(Run *run)
{
	if (run->stop_reason == NULL)
		return;
	g_autoptr(json_object) body = json_object_new_object();
	json_put_string(body, "op", "run.stop");
	json_put_string(body, "reason", run->stop_reason);
	channel_send(run->follow, body, NULL, 0);
}

/* Only a socket that nobody holds says that the executor is gone; what we lack ourselves (descriptors)
 * says nothing. */
static void
follow(Run *run)
{
	g_autoptr(GError) error = NULL;
	int fd = listen_connect(run->socket_path, 0, &error);

	if (fd >= 0) {
		run->follow = channel_new(fd, on_follow_frame, on_follow_closed, run);
		send_stop(run);
	} else if (g_error_matches(error, NBHOOK_ERROR, NBHOOK_ERROR_UNAVAILABLE)) {
		read_outcome(run);
	} else {
		run->again = g_timeout_add_seconds(1, on_again, run);
	}
}

/* The executor has answered, or never will. */
static void
end_patience(Run *run)
{
	if (run->patience != 0)
		g_source_remove(run->patience);
	run->patience = 0;
	run_files_close(run->fds);
}

/* There is nothing more to tell it over this connection, or nobody. */
static void
end_handover(Run *run)
{
	end_patience(run);
	g_clear_pointer(&run->handover, channel_free);
}

void
run_stop(Run *run, const char *reason)
{
	if (run->over)
		return;
	g_free(run->stop_reason);
	run->stop_reason = g_strdup(reason);
	if (run->request != NULL) {
		runner_link_cancel(run->request);
		run->request = NULL;
		end(run, RUN_NOT_BEGUN);
	} else if (run->follow != NULL) {
		send_stop(run);
	} else if (run->handover != NULL && run->may_begin) { /* it has not taken the job */
		end_handover(run);
		end(run, RUN_NOT_BEGUN);
	}
}

/* It has taken the job, and may begin: one that has not said so cannot have begun. (By then it has read all that was
 * sent before, so this goes at once.) */
static void
let_begin(Run *run)
{
	g_autoptr(json_object) body = json_object_new_object();

	json_put_string(body, "op", "run.begin");
	if (run->handover != NULL)
		channel_send(run->handover, body, NULL, 0);
	end_handover(run);
	follow(run);
}

static void
on_handover_frame(Channel *channel, Frame *frame, gpointer data)
{
	g_autoptr(Frame) owned = frame;
	Run *run = data;
	json_object *failure = json_object_member(owned->body, "error");

	if (json_member(owned->body, "id") == NULL)
		return; /* that its kernel has become ready */
	end_patience(run);
	if (failure != NULL) {
		end_handover(run);
		end_not_begun(run, g_strdup(json_string_member(failure, "message")));
		return;
	}
	run->is_taken = TRUE;
	if (run->may_begin)
		let_begin(run);
}

/* What becomes of one that has taken the job is seen when that may begin. */
static void
on_handover_closed(Channel *channel, const GError *failure, gpointer data)
{
	Run *run = data;

	end_handover(run);
	if (!run->is_taken)
		fail(run, "the executor went away before it took the job", failure);
}

static gboolean
on_patience_over(gpointer data)
{
	Run *run = data;
	double seconds = (double) run->daemon->settings->start_timeout_ms / 1000;

	run->patience = 0;
	g_warning("job %s: executor %d has not taken it after %g seconds (setting start_timeout) "
		  "and is ended",
		run->job->id, (int) run->executor, seconds);
	runner_link_end(run->daemon->runner, run->executor);
	end_handover(run);
	end_not_begun(
		run, g_strdup_printf("the executor has not taken the job after %g seconds (setting "
				     "start_timeout)",
			     seconds));
	return G_SOURCE_REMOVE;
}

static json_object *
play_message(Run *run)
{
	json_object *body = json_object_new_object();
	const Task *task = &run->job->task;
	g_autofree char *cwd = g_path_get_dirname(task->path);
	g_autofree char *folder =
		g_build_filename(run->daemon->settings->state_dir, "production", cwd, NULL);
	g_autofree char *files = g_build_filename(run->daemon->settings->state_dir,
		"pipeline_executions", run->job->folder, "files", NULL);

	json_put_string(body, "op", "run.play");
	json_put_int(body, "id", 1);
	json_put_string(body, "job", run->job->id);
	json_put_string(body, "path", task->path);
	json_put_string(body, "cwd", folder);
	json_put_string(body, "files", files);
	json_put_string(body, "kernel", task->kernel);
	json_put_string(body, "language", task->language);
	json_put_shared(body, "params", run->job->params);
	json_put_string(body, "key", run->key);
	json_put_string(body, "url", run->daemon->settings->public_url);
	json_put_string(body, "runtime", run->job->uuid);
	return body;
}

static void
hand_over(Run *run, int executor)
{
	g_autoptr(json_object) body = play_message(run);

	run->handover = channel_new(executor, on_handover_frame, on_handover_closed, run);
	if (channel_send_named(run->handover, body, run_fd_names, run->fds, RUN_FD_N)) {
		run->patience = g_timeout_add(
			(guint) run->daemon->settings->start_timeout_ms, on_patience_over, run);
		files_close(&run->fds[RUN_FD_RUN]); /* it lives as long as the executor's copy */
		return;
	}
	end_handover(run);
	fail(run, "the registered params are too long", NULL);
}

static void
on_executor(int executor, pid_t pid, const GError *failure, gpointer data)
{
	Run *run = data;

	run->request = NULL;
	run->executor = pid;
	if (executor < 0)
		fail(run, "no executor", failure);
	else
		hand_over(run, executor);
}

void
run_begin(Run *run)
{
	run->may_begin = TRUE;
	if (run->over)
		tell_last_soon(run);
	else if (run->is_taken)
		let_begin(run);
}

/* While the runner looks for an executor. */
static void
make_files(Run *run)
{
	g_autoptr(GError) error = NULL;

	if (run_files_open(run->fds, run->daemon->folders, run->job, run->execution,
		    run->socket_path, &error))
		return;
	runner_link_cancel(run->request);
	run->request = NULL;
	run->passing = g_error_matches(error, NBHOOK_ERROR, NBHOOK_ERROR_NO_SPACE) ||
		       g_error_matches(error, NBHOOK_ERROR, NBHOOK_ERROR_UNAVAILABLE);
	fail(run, "preparing the run", error);
}

static Run *
new_run(Daemon *daemon, const Job *job, int execution, RunTold told, gpointer data)
{
	Run *run = g_new0(Run, 1);

	run->daemon = daemon;
	run->job = job;
	run->execution = execution;
	run->socket_path = g_strdup_printf(
		"%s/j/%.*s", daemon->settings->run_dir, SHORT_ID_LENGTH, job->uuid + 24);
	run_files_init(run->fds);
	run->told = told;
	run->data = data;
	return run;
}

Run *
run_new(Daemon *daemon, const Job *job, int execution, const char *key, RunTold told, gpointer data)
{
	Run *run = new_run(daemon, job, execution, told, data);

	run->key = g_strdup(key);
	run->request = runner_link_take(
		daemon->runner, job->task.kernel, job->task.language, on_executor, run);
	make_files(run);
	return run;
}

Run *
run_adopt(Daemon *daemon, const Job *job, int execution, RunTold told, gpointer data)
{
	Run *run = new_run(daemon, job, execution, told, data);

	run->may_begin = TRUE;
	follow(run);
	return run;
}
