#include "cli/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "cli/admin.h"
#include "cli/ask.h"

#define PIECE_SIZE (64 * 1024)
#define TURN_MS 300
#define PATIENCE_MS 60000
#define MAX_JSON_LOG (G_GINT64_CONSTANT(1024) * 1024 * 1024)

static gboolean run_logs(Cli *cli, int argc, char **argv, GError **error);

const Command command_logs = {
	.name = "logs",
	.arguments = "JOB",
	.n_arguments = 1,
	.summary = "print what a job's kernel printed and what happened to it",
	.description = "Prints the log of JOB, a job's id or its uuid. The outputs of the "
		       "notebook's cells\n"
		       "are in the executed notebook and not here.",
	.run = run_logs,
};

/* Asks for the log, which another attempt of the job begins anew. */
static Frame *
ask(Cli *cli, const char *job, GError **error)
{
	json_object *members = ask_members(job, error);

	return members != NULL ? admin_ask(cli, "job.log", members, -1, PATIENCE_MS, error) : NULL;
}

/* Writes what is there from *offset on. */
static gboolean
copy_from(int log, off_t *offset, GError **error)
{
	g_autofree char *piece = g_malloc(PIECE_SIZE);
	struct stat status;
	ssize_t got;

	if (fstat(log, &status) == 0 && status.st_size < *offset)
		*offset = 0;
	while ((got = pread(log, piece, PIECE_SIZE, *offset)) > 0) {
		if (!files_write_all(STDOUT_FILENO, piece, (size_t) got, error))
			return FALSE;
		*offset += got;
	}
	return got == 0 || nbhook_error_set_errno(error, errno, "reading the log");
}

/* Whether another turn is worth while after this failure. */
static gboolean
may_go_on(GError **failure, int *n_failures)
{
	if (!admin_may_recover(*failure) || ++*n_failures > PATIENCE_MS / TURN_MS)
		return FALSE;
	g_clear_error(failure);
	return TRUE;
}

/* Until the job has ended and all is written. */
static gboolean
follow(Cli *cli, const char *job, GError **error)
{
	gboolean ended = FALSE;
	int n_failures = 0;
	off_t offset = 0;

	while (!ended) {
		g_autoptr(GError) failure = NULL;
		g_autoptr(Frame) reply = ask(cli, job, &failure);
		AUTO_FD log = reply != NULL ? frame_steal_fd(reply, "log") : -1;

		if (reply == NULL && !may_go_on(&failure, &n_failures)) {
			g_propagate_error(error, g_steal_pointer(&failure));
			return FALSE;
		}
		if (reply != NULL) {
			ended = json_bool_member(reply->body, "ended", TRUE);
			n_failures = 0;
		}
		if (log >= 0 && !copy_from(log, &offset, error))
			return FALSE;
		if (!ended)
			g_usleep(TURN_MS * 1000);
	}
	return TRUE;
}

static gboolean
print_json(Cli *cli, const char *job, int log, gboolean ended, GError **error)
{
	g_autoptr(json_object) printed = json_object_new_object();
	size_t size = 0;
	g_autofree char *bytes =
		log >= 0 ? files_read_all(log, MAX_JSON_LOG, "output_limit", &size, error)
			 : g_strdup("");

	if (bytes == NULL)
		return FALSE;
	g_autofree char *text = g_utf8_make_valid(bytes, (gssize) size);
	json_put_string(printed, "job", job);
	json_put_bool(printed, "ended", ended);
	json_put_string(printed, "log", text);
	return cli_print_json(printed, error);
}

static gboolean
print_once(Cli *cli, const char *job, GError **error)
{
	g_autoptr(Frame) reply = ask(cli, job, error);
	off_t offset = 0;

	if (reply == NULL)
		return FALSE;
	AUTO_FD log = frame_steal_fd(reply, "log");
	if (cli->json)
		return print_json(
			cli, job, log, json_bool_member(reply->body, "ended", TRUE), error);
	return log < 0 || copy_from(log, &offset, error);
}

static gboolean
run_logs(Cli *cli, int argc, char **argv, GError **error)
{
	gboolean follows = FALSE;
	const GOptionEntry options[] = {
		{ "follow", 'f', 0, G_OPTION_ARG_NONE, &follows, "Go on until the job has ended",
			NULL },
		{ NULL },
	};
	g_auto(GStrv) jobs = cli_parse(cli, &command_logs, options, argc, argv, error);

	if (jobs == NULL)
		return FALSE;
	if (follows && cli->json) {
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			"logs: --follow and --json exclude each other");
		return FALSE;
	}
	return follows ? follow(cli, jobs[0], error) : print_once(cli, jobs[0], error);
}
