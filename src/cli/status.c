#include "cli/command.h"

#include "base/clock.h"
#include "cli/ask.h"
#include "cli/show.h"

static gboolean run_status(Cli *cli, int argc, char **argv, GError **error);

const Command command_status = {
	.name = "status",
	.arguments = "JOB",
	.n_arguments = 1,
	.summary = "say how far a job is, or how it ended",
	.description = "Shows the status document of JOB, which is a job's id or its uuid.",
	.run = run_status,
};

static gboolean
run_status(Cli *cli, int argc, char **argv, GError **error)
{
	g_auto(GStrv) jobs = cli_parse(cli, &command_status, NULL, argc, argv, error);
	g_autoptr(json_object) status = jobs != NULL ? ask_status(cli, jobs[0], error) : NULL;

	if (status == NULL)
		return FALSE;
	if (cli->json)
		return cli_print_json(status, error);
	g_autofree char *text = show_status(status, clock_wall_us());
	return cli_print_line(text, error);
}
