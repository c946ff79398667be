#include "cli/command.h"

#include "base/error.h"
#include "cli/admin.h"
#include "cli/table.h"
#include "exec/kernel_list.h"

static gboolean run_kernels(Cli *cli, int argc, char **argv, GError **error);

const Command command_kernels = {
	.name = "kernels",
	.summary = "list the kernels, and what is wrong with them",
	.description = "Lists the kernels that runs can have, and why one cannot be started.",
	.run = run_kernels,
};

static gboolean option_local;

static const GOptionEntry options[] = {
	{ "local", 'l', 0, G_OPTION_ARG_NONE, &option_local,
		"Those of this user, for \"nbhook exec\"; needs no service", NULL },
	{ NULL },
};

static json_object *
list(Cli *cli, GError **error)
{
	if (option_local) {
		const Settings *settings = cli_settings(cli, error);

		return settings != NULL ? kernel_list(settings) : NULL;
	}
	g_autoptr(json_object) reply = admin_call(cli, "kernel.list", NULL, -1, error);
	if (reply == NULL)
		return NULL;
	json_object *kernels = json_array_member(reply, "kernels");
	if (kernels == NULL)
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_INTERNAL,
			"nbhookd's answer to kernel.list has no kernels");
	return json_object_get(kernels);
}

/* How many executors wait with it, of how many there are to be; "-" where none is kept. */
static void
add_ready(Table *table, json_object *kernel)
{
	gint64 wanted = json_int_member(kernel, "wanted", 0);
	g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT "/%" G_GINT64_FORMAT,
		json_int_member(kernel, "ready", 0), wanted);

	table_add(table, wanted > 0 ? text : "-");
}

/* How many runs play with it, of how many may; "-" where no service was asked. */
static void
add_playing(Table *table, json_object *kernel)
{
	gint64 max = json_int_member(kernel, "max", 0);
	g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT "/%" G_GINT64_FORMAT,
		json_int_member(kernel, "playing", 0), max);

	table_add(table, max > 0 ? text : "-");
}

static gboolean
print_table(Cli *cli, json_object *kernels, GError **error)
{
	static const char *const headings[] = { "NAME", "LANGUAGE", "PARAMS", "READY", "PLAYING",
		"FORKS", "TITLE", "FOLDER", "TROUBLE", NULL };
	g_autoptr(Table) table = table_new(headings);

	for (size_t i = 0; i < json_object_array_length(kernels); i++) {
		json_object *kernel = json_object_array_get_idx(kernels, i);

		table_add_member(table, kernel, "name");
		table_add_member(table, kernel, "language");
		table_add_member(table, kernel, "parameters");
		add_ready(table, kernel);
		add_playing(table, kernel);
		table_add_member(table, kernel, "fork_server");
		table_add_member(table, kernel, "display_name");
		table_add_member(table, kernel, "folder");
		table_add_member(table, kernel, "trouble");
	}
	return cli_print_table(cli, table, error);
}

static gboolean
run_kernels(Cli *cli, int argc, char **argv, GError **error)
{
	g_auto(GStrv) none = cli_parse(cli, &command_kernels, options, argc, argv, error);
	g_autoptr(json_object) kernels = none != NULL ? list(cli, error) : NULL;

	if (kernels == NULL)
		return FALSE;
	return cli->json ? cli_print_json(kernels, error) : print_table(cli, kernels, error);
}
