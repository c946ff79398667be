#include "cli/command.h"

#include "base/error.h"
#include "cli/admin.h"

static gboolean run_find(Cli *cli, int argc, char **argv, GError **error);

const Command command_find = {
	.name = "find",
	.arguments = "FILE",
	.n_arguments = 1,
	.summary = "print the URL of a notebook",
	.description =
		"Prints the URL at which the notebook FILE answers. FILE need not exist any more.",
	.run = run_find,
};

static gboolean
print_found(Cli *cli, json_object *reply, GError **error)
{
	if (!cli->json)
		return cli_print_line(json_string_member(reply, "url"), error);
	g_autoptr(json_object) printed = json_object_new_object();

	json_put_shared(printed, "url", json_member(reply, "url"));
	json_put_shared(printed, "job", json_member(reply, "job"));
	return cli_print_json(printed, error);
}

static gboolean
run_find(Cli *cli, int argc, char **argv, GError **error)
{
	g_auto(GStrv) files = cli_parse(cli, &command_find, NULL, argc, argv, error);
	g_autofree char *path = files != NULL ? cli_absolute_path(files[0], error) : NULL;
	g_autoptr(GError) failure = NULL;

	if (path == NULL)
		return FALSE;
	json_object *members = json_object_new_object();
	json_put_string(members, "path", path);
	json_put_string(members, "type", "notebook");
	g_autoptr(json_object) reply = admin_call(cli, "webhook.get", members, -1, &failure);
	if (reply != NULL)
		return print_found(cli, reply, error);
	if (g_error_matches(failure, NBHOOK_ERROR, NBHOOK_ERROR_NOT_FOUND))
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_NOT_FOUND,
			"%s has no webhook; \"nbhook add\" makes one", path);
	else
		g_propagate_error(error, g_steal_pointer(&failure));
	return FALSE;
}
