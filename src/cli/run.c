#include "cli/command.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "cli/admin.h"
#include "cli/ask.h"
#include "cli/interrupt.h"
#include "cli/params.h"
#include "cli/publish.h"
#include "cli/request.h"
#include "cli/result.h"
#include "cli/show.h"

static gboolean run_run(Cli *cli, int argc, char **argv, GError **error);

const Command command_run = {
	.name = "run",
	.arguments = "FILE",
	.n_arguments = 1,
	.summary = "run a notebook once in production and print its response",
	.description =
		"Publishes the notebook FILE, runs it once, waits for its end without a limit and\n"
		"prints the body of its response. If it had no webhook before it has none\n"
		"afterwards, also after an error or Ctrl-C, which stops the run.",
	.run = run_run,
};

#define EXIT_SIGNAL 128
#define STOP_MS 15000 /* for a notebook that does not want to stop */

typedef struct {
	Cli *cli;
	const char *path; /* of the notebook */
	gboolean was_there;
	char *job; /* its id, once it is accepted */
	gboolean bar;
	gint64 begun_ms;
	gint64 give_up_ms; /* when a stopped run is no longer waited for; -1: it is not stopped */
} Session;

static json_object *
notebook_members(const Session *session)
{
	json_object *members = json_object_new_object();

	json_put_string(members, "path", session->path);
	json_put_string(members, "type", "notebook");
	return members;
}

static gboolean
look_before(Session *session, GError **error)
{
	g_autoptr(GError) failure = NULL;
	g_autoptr(json_object) reply =
		admin_call(session->cli, "webhook.get", notebook_members(session), -1, &failure);

	session->was_there = reply != NULL;
	if (reply != NULL || g_error_matches(failure, NBHOOK_ERROR, NBHOOK_ERROR_NOT_FOUND))
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&failure));
	return FALSE;
}

/* Whether this failure only says that there is nothing to remove. */
static gboolean
is_harmless(const GError *failure)
{
	return failure == NULL || g_error_matches(failure, NBHOOK_ERROR, NBHOOK_ERROR_NOT_FOUND);
}

/* Takes the webhook and its versions away if they were not there before. What the run left stays. */
static void
tidy_up(const Session *session)
{
	g_autoptr(GError) failure = NULL;

	if (session->was_there)
		return;
	g_autoptr(json_object) deleted =
		admin_call(session->cli, "webhook.delete", notebook_members(session), -1, &failure);
	if (is_harmless(failure)) {
		json_object *members = notebook_members(session);

		g_clear_error(&failure);
		json_put_string(members, "histo", "all");
		g_autoptr(json_object) cleared =
			admin_call(session->cli, "webhook.clear", members, -1, &failure);
	}
	if (!is_harmless(failure))
		fprintf(stderr, "nbhook: the webhook of %s was not taken down: %s\n", session->path,
			failure->message);
}

static void
stop(Session *session)
{
	json_object *members = ask_members(session->job, NULL);
	g_autoptr(GError) failure = NULL;
	g_autoptr(json_object) reply = admin_call(session->cli, "job.stop", members, -1, &failure);

	session->give_up_ms = clock_ms() + STOP_MS;
	if (reply == NULL && !g_error_matches(failure, NBHOOK_ERROR, NBHOOK_ERROR_CONFLICT))
		fprintf(stderr, "nbhook: %s was not stopped: %s\n", session->job, failure->message);
}

static gboolean
watch(json_object *status, gpointer data)
{
	Session *session = data;

	if (interrupt_signal() != 0 && session->give_up_ms < 0)
		stop(session);
	if (session->bar) {
		g_autofree char *line =
			show_bar(status, (double) (clock_ms() - session->begun_ms) / 1000);

		fprintf(stderr, "\r%s\033[K", line);
	}
	return session->give_up_ms < 0 || clock_ms() < session->give_up_ms;
}

static void
wipe_bar(const Session *session)
{
	if (session->bar)
		fprintf(stderr, "\r\033[K");
}

static void
set_interrupted(Cli *cli, GError **error)
{
	cli->exit_code = EXIT_SIGNAL + interrupt_signal();
	g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_INTERNAL,
		"the run was ended by a signal (%s)", strsignal(interrupt_signal()));
}

/* Publishes, calls, waits; the reply to job.wait. */
static Frame *
play(Session *session, const char *file, json_object *params, GError **error)
{
	g_autoptr(json_object) published = publish_notebook(session->cli, file, NULL, error);
	const char *token = json_string_member(json_object_member(published, "job"), "value");
	Frame *result = NULL;

	if (published == NULL)
		return NULL;
	if (token == NULL) {
		g_set_error_literal(error, NBHOOK_ERROR, NBHOOK_ERROR_INTERNAL,
			"nbhookd's answer to webhook.publish has no token");
		return NULL;
	}
	if (interrupt_signal() == 0) {
		session->job = request_call(session->cli, token, params, error);
		if (session->job == NULL)
			return NULL;
		result = ask_wait(session->cli, session->job, watch, session, error);
		wipe_bar(session);
	}
	if (interrupt_signal() != 0) {
		g_clear_error(error);
		g_clear_pointer(&result, frame_free);
		set_interrupted(session->cli, error);
	}
	return result;
}

static void
say_outcome(Frame *result, json_object *status)
{
	g_autofree char *cells = show_progress(status);

	fprintf(stderr, "%s %s after %.3f s (%s)\n", json_string_member(result->body, "job"),
		json_string_member(result->body, "status"),
		json_double_member(result->body, "seconds", 0), cells);
}

static gboolean
hand_on(Cli *cli, Frame *result, GError **error)
{
	g_autoptr(json_object) status =
		ask_status(cli, json_string_member(result->body, "job"), error);

	if (status == NULL || (cli->json && !cli_print_json(status, error)))
		return FALSE;
	if (!cli->json)
		say_outcome(result, status);
	return result_check(cli, result, error) && (cli->json || result_write(result, NULL, error));
}

static gboolean
run_once(Cli *cli, const char *file, const char *path, json_object *params, GError **error)
{
	Session session = {
		.cli = cli,
		.path = path,
		.bar = isatty(STDERR_FILENO) && !cli->json,
		.begun_ms = clock_ms(),
		.give_up_ms = -1,
	};

	interrupt_catch();
	if (!look_before(&session, error))
		return FALSE;
	g_autoptr(Frame) result = play(&session, file, params, error);
	tidy_up(&session);
	g_free(session.job);
	return result != NULL && hand_on(cli, result, error);
}

static gboolean
run_run(Cli *cli, int argc, char **argv, GError **error)
{
	g_auto(GStrv) param_texts = NULL;
	const GOptionEntry options[] = {
		{ "param", 'p', 0, G_OPTION_ARG_FILENAME_ARRAY, &param_texts,
			"Give the run a param; V is JSON, else a string. May be repeated", "K=V" },
		{ NULL },
	};
	g_auto(GStrv) files = cli_parse(cli, &command_run, options, argc, argv, error);
	g_autoptr(json_object) params = files != NULL ? params_read(param_texts, error) : NULL;
	g_autofree char *path = params != NULL ? cli_absolute_path(files[0], error) : NULL;

	return path != NULL && run_once(cli, files[0], path, params, error);
}
