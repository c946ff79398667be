#include "cli/command.h"

#include "base/error.h"
#include "cli/ask.h"
#include "cli/result.h"
#include "cli/show.h"

static gboolean run_results(Cli *cli, int argc, char **argv, GError **error);

const Command command_results = {
	.name = "results",
	.arguments = "JOB",
	.n_arguments = 1,
	.summary = "print what a job responded",
	.description =
		"Prints the body of the response of JOB, a job's id or its uuid; of a job that\n"
		"responded nothing the JSON that its caller got. The error of a job that failed\n"
		"goes to standard error.",
	.run = run_results,
};

/* Whether there is a result: the job has ended. */
static gboolean
check_ended(Cli *cli, const char *job, GError **error)
{
	g_autoptr(json_object) status = ask_status(cli, job, error);

	if (status == NULL)
		return FALSE;
	if (ask_is_ended(status))
		return TRUE;
	g_autofree char *progress = show_progress(status);
	g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_CONFLICT,
		"%s has not ended yet (%s): ask again later, or with --wait", job, progress);
	return FALSE;
}

static gboolean
hand_on(Cli *cli, Frame *result, const char *file, GError **error)
{
	g_autoptr(json_object) document = result_document(result);

	if (cli->json && !cli_print_json(document, error))
		return FALSE;
	if (!result_check(cli, result, error))
		return FALSE;
	return (cli->json && file == NULL) || result_write(result, file, error);
}

static gboolean
run_results(Cli *cli, int argc, char **argv, GError **error)
{
	g_autofree char *file = NULL;
	gboolean wait = FALSE;
	const GOptionEntry options[] = {
		{ "output", 'o', 0, G_OPTION_ARG_FILENAME, &file, "Write the response to FILE",
			"FILE" },
		{ "wait", 'w', 0, G_OPTION_ARG_NONE, &wait, "Wait until the job has ended", NULL },
		{ NULL },
	};
	g_auto(GStrv) jobs = cli_parse(cli, &command_results, options, argc, argv, error);

	if (jobs == NULL || (!wait && !check_ended(cli, jobs[0], error)))
		return FALSE;
	g_autoptr(Frame) result = ask_wait(cli, jobs[0], NULL, NULL, error);
	return result != NULL && hand_on(cli, result, file, error);
}
