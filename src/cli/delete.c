#include "cli/command.h"

#include "base/error.h"
#include "cli/admin.h"

static gboolean run_delete(Cli *cli, int argc, char **argv, GError **error);

const Command command_delete = {
	.name = "delete",
	.arguments = "FILE",
	.n_arguments = 1,
	.summary = "take the webhook of a notebook down",
	.description =
		"Takes the webhook of the notebook FILE down: its URL answers 404 from then on.\n"
		"Its earlier versions and the outputs of its runs are removed. Runs that have "
		"begun\n"
		"go on to their end. A later \"nbhook add\" makes a new URL.",
	.run = run_delete,
};

static json_object *
members_of(const char *path)
{
	json_object *members = json_object_new_object();

	json_put_string(members, "path", path);
	json_put_string(members, "type", "notebook");
	return members;
}

static gboolean
take_down(Cli *cli, const char *path, GError **error)
{
	g_autoptr(GError) failure = NULL;
	g_autoptr(json_object) reply =
		admin_call(cli, "webhook.delete", members_of(path), -1, &failure);

	if (reply != NULL)
		return TRUE;
	if (g_error_matches(failure, NBHOOK_ERROR, NBHOOK_ERROR_NOT_FOUND))
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_NOT_FOUND,
			"%s has no webhook: there is nothing to delete", path);
	else
		g_propagate_error(error, g_steal_pointer(&failure));
	return FALSE;
}

/* Removes what is kept of it, versions or (mode) outputs; that nothing is kept is no error. */
static gboolean
clear(Cli *cli, const char *path, const char *mode, GError **error)
{
	g_autoptr(GError) failure = NULL;
	json_object *members = members_of(path);

	json_put_string(members, "histo", "all");
	if (mode != NULL)
		json_put_string(members, "mode", mode);
	g_autoptr(json_object) reply = admin_call(cli, "webhook.clear", members, -1, &failure);
	if (reply != NULL || g_error_matches(failure, NBHOOK_ERROR, NBHOOK_ERROR_NOT_FOUND))
		return TRUE;
	g_propagate_prefixed_error(error, g_steal_pointer(&failure),
		"the webhook is deleted, but not all that was kept of it: ");
	return FALSE;
}

static gboolean
print_deleted(Cli *cli, const char *path, GError **error)
{
	if (!cli->json) {
		g_autofree char *line = g_strdup_printf("The webhook of %s is deleted.", path);

		return cli_print_line(line, error);
	}
	g_autoptr(json_object) printed = json_object_new_object();

	json_put_string(printed, "status", "delete");
	json_put_string(printed, "path", path);
	return cli_print_json(printed, error);
}

static gboolean
run_delete(Cli *cli, int argc, char **argv, GError **error)
{
	gboolean keep = FALSE;
	const GOptionEntry options[] = {
		{ "keep", 'k', 0, G_OPTION_ARG_NONE, &keep,
			"Keep its versions and the outputs of its runs", NULL },
		{ NULL },
	};
	g_auto(GStrv) files = cli_parse(cli, &command_delete, options, argc, argv, error);
	g_autofree char *path = files != NULL ? cli_absolute_path(files[0], error) : NULL;

	if (path == NULL || !take_down(cli, path, error))
		return FALSE;
	if (!keep && (!clear(cli, path, NULL, error) || !clear(cli, path, "output", error)))
		return FALSE;
	return print_deleted(cli, path, error);
}
