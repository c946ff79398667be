#include "cli/command.h"

#include "base/error.h"
#include "cli/admin.h"
#include "cli/ask.h"

static gboolean run_stop(Cli *cli, int argc, char **argv, GError **error);

const Command command_stop = {
	.name = "stop",
	.arguments = "JOB",
	.n_arguments = 1,
	.summary = "end a job before its time",
	.description = "Stops JOB, a job's id or its uuid. One that waits does not begin; a "
		       "notebook that\n"
		       "runs is interrupted, then sent SIGTERM, then killed.",
	.run = run_stop,
};

static gboolean
print_stopped(Cli *cli, json_object *reply, GError **error)
{
	const char *job = json_string_member(reply, "job");

	if (!cli->json) {
		g_autofree char *line = g_strdup_printf("%s is being stopped.", job);

		return cli_print_line(line, error);
	}
	g_autoptr(json_object) printed = json_object_new_object();

	json_put_string(printed, "job", job);
	return cli_print_json(printed, error);
}

static gboolean
run_stop(Cli *cli, int argc, char **argv, GError **error)
{
	g_autofree char *reason = NULL;
	const GOptionEntry options[] = {
		{ "reason", 'r', 0, G_OPTION_ARG_FILENAME, &reason,
			"Why: it is kept with the job (else: stopped_by_user)", "TEXT" },
		{ NULL },
	};
	g_auto(GStrv) jobs = cli_parse(cli, &command_stop, options, argc, argv, error);

	if (jobs == NULL)
		return FALSE;
	if (reason != NULL && !g_utf8_validate(reason, -1, NULL)) {
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			"--reason: it is not valid UTF-8");
		return FALSE;
	}
	json_object *members = ask_members(jobs[0], error);
	if (members == NULL)
		return FALSE;
	if (reason != NULL)
		json_put_string(members, "reason", reason);
	g_autoptr(json_object) reply = admin_call(cli, "job.stop", members, -1, error);
	return reply != NULL && print_stopped(cli, reply, error);
}
