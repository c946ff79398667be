#include "cli/command.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/error.h"
#include "cli/admin.h"
#include "cli/show.h"
#include "cli/table.h"
#include "job/state.h"

#define DEFAULT_LIMIT 20

static gboolean run_jobs(Cli *cli, int argc, char **argv, GError **error);

const Command command_jobs = {
	.name = "jobs",
	.summary = "list jobs, the newest first",
	.description = "Lists the latest jobs, those that have ended too, the newest first.",
	.run = run_jobs,
};

typedef struct {
	char *status;
	char *file;
	int limit;
} Wanted;

static void
wanted_clear(Wanted *wanted)
{
	g_free(wanted->status);
	g_free(wanted->file);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Wanted, wanted_clear)

static gboolean
check_wanted(const Wanted *wanted, GError **error)
{
	JobStatus status;

	if (wanted->status != NULL && !job_status_from_word(wanted->status, &status)) {
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			"--status: it is pending, active, completed, failed or stopped");
		return FALSE;
	}
	if (wanted->limit < 1) {
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			"--limit: it is 1 or more");
		return FALSE;
	}
	return TRUE;
}

/* Asks for the status documents; a reference to their array, or NULL. */
static json_object *
ask(Cli *cli, const Wanted *wanted, GError **error)
{
	g_autofree char *path =
		wanted->file != NULL ? cli_absolute_path(wanted->file, error) : NULL;

	if (wanted->file != NULL && path == NULL)
		return NULL;
	json_object *members = json_object_new_object();
	json_put_int(members, "limit", wanted->limit);
	if (wanted->status != NULL)
		json_put_string(members, "status", wanted->status);
	if (path != NULL)
		json_put_string(members, "path", path);
	g_autoptr(json_object) reply = admin_call(cli, "job.list", members, -1, error);
	json_object *jobs = reply != NULL ? json_array_member(reply, "jobs") : NULL;
	if (reply != NULL && jobs == NULL)
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_INTERNAL,
			"nbhookd's answer to job.list has no jobs");
	return json_object_get(jobs);
}

static void
add_row(Table *table, json_object *job, gint64 now_us)
{
	json_object *progress = json_object_member(job, "progress");
	g_autofree char *cells = g_strdup_printf("%" G_GINT64_FORMAT "/%" G_GINT64_FORMAT,
		json_int_member(progress, "done", 0), json_int_member(progress, "total", 0));
	g_autofree char *seconds = show_seconds(job, now_us);

	table_add_member(table, job, "jobId");
	table_add_member(table, job, "status");
	table_add_member(table, job, "accepted");
	table_add(table, seconds);
	table_add(table, cells);
	table_add_member(table, job, "notebook");
}

static gboolean
print_table(Cli *cli, json_object *jobs, GError **error)
{
	static const char *const headings[] = { "JOB", "STATUS", "ACCEPTED", "SECONDS", "CELLS",
		"NOTEBOOK", NULL };
	g_autoptr(Table) table = table_new(headings);
	gint64 now_us = clock_wall_us();

	if (json_object_array_length(jobs) == 0) {
		fputs("There are no such jobs.\n", stderr);
		return TRUE;
	}
	for (size_t i = 0; i < json_object_array_length(jobs); i++)
		add_row(table, json_object_array_get_idx(jobs, i), now_us);
	return cli_print_table(cli, table, error);
}

static gboolean
run_jobs(Cli *cli, int argc, char **argv, GError **error)
{
	g_auto(Wanted) wanted = { .limit = DEFAULT_LIMIT };
	const GOptionEntry options[] = {
		{ "status", 's', 0, G_OPTION_ARG_FILENAME, &wanted.status,
			"Only those that are pending, active, completed, failed or stopped", "S" },
		{ "path", 'p', 0, G_OPTION_ARG_FILENAME, &wanted.file,
			"Only those of the notebook FILE", "FILE" },
		{ "limit", 'n', 0, G_OPTION_ARG_INT, &wanted.limit, "At most N of them (else 20)",
			"N" },
		{ NULL },
	};
	g_auto(GStrv) none = cli_parse(cli, &command_jobs, options, argc, argv, error);

	if (none == NULL || !check_wanted(&wanted, error))
		return FALSE;
	g_autoptr(json_object) jobs = ask(cli, &wanted, error);
	if (jobs == NULL)
		return FALSE;
	return cli->json ? cli_print_json(jobs, error) : print_table(cli, jobs, error);
}
