#include "cli/command.h"

#include <stdio.h>

#include "cli/admin.h"
#include "cli/table.h"

static gboolean run_currents(Cli *cli, int argc, char **argv, GError **error);

const Command command_currents = {
	.name = "currents",
	.summary = "list all webhooks",
	.description =
		"Lists the notebooks that have a webhook, with the state and time of the last run.",
	.run = run_currents,
};

/* The jobs that are notebooks. The caller owns the array. */
static json_object *
webhooks_of(json_object *jobs)
{
	json_object *webhooks = json_object_new_array();

	for (size_t i = 0; jobs != NULL && i < json_object_array_length(jobs); i++) {
		json_object *job = json_object_array_get_idx(jobs, i);

		if (g_strcmp0(json_string_member(job, "type"), "notebook") == 0)
			json_object_array_add(webhooks, json_object_get(job));
	}
	return webhooks;
}

static gboolean
print_table(Cli *cli, json_object *jobs, GError **error)
{
	static const char *const headings[] = { "PATH", "STATUS", "LAST RUN", "URL", NULL };
	g_autoptr(Table) table = table_new(headings);

	if (json_object_array_length(jobs) == 0) {
		fputs("There are no webhooks yet; \"nbhook add FILE\" makes one.\n", stderr);
		return TRUE;
	}
	for (size_t i = 0; i < json_object_array_length(jobs); i++) {
		json_object *job = json_object_array_get_idx(jobs, i);

		table_add_member(table, job, "path");
		table_add_member(table, job, "status");
		table_add_member(table, job, "lastRun");
		table_add_member(table, job, "url");
	}
	return cli_print_table(cli, table, error);
}

static gboolean
run_currents(Cli *cli, int argc, char **argv, GError **error)
{
	g_auto(GStrv) none = cli_parse(cli, &command_currents, NULL, argc, argv, error);
	g_autoptr(json_object) reply =
		none != NULL ? admin_call(cli, "webhook.list", NULL, -1, error) : NULL;

	if (reply == NULL)
		return FALSE;
	g_autoptr(json_object) jobs = webhooks_of(json_array_member(reply, "jobs"));

	return cli->json ? cli_print_json(jobs, error) : print_table(cli, jobs, error);
}
