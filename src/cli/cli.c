/* GOption would convert words from the locale's character set and refuse what is not in it, in cron's C
 * locale every accent; so all text options are declared as file names, which are left as they are. */
#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "cli/command.h"

void
cli_clear(Cli *cli)
{
	g_clear_pointer(&cli->config, g_free);
	g_clear_pointer(&cli->settings, settings_free);
	g_clear_pointer(&cli->admin, control_client_free);
}

void
cli_add_common_options(Cli *cli, GOptionContext *context)
{
	const GOptionEntry entries[] = {
		{ "config", 'c', 0, G_OPTION_ARG_FILENAME, &cli->config,
			"Read this configuration (else $NBHOOK_CONF, " NBHOOK_SYSCONFDIR
			"/nbhook/nbhook.conf)",
			"FILE" },
		{ "json", 'j', 0, G_OPTION_ARG_NONE, &cli->json,
			"Print JSON instead of text for people", NULL },
		{ NULL },
	};

	g_option_context_add_main_entries(context, entries, NULL);
}

static gboolean
check_count(const Command *command, char **arguments, GError **error)
{
	guint n_given = arguments == NULL ? 0 : g_strv_length(arguments);

	if (n_given < command->n_arguments)
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
			"%s: %s is missing; try \"nbhook %s --help\"", command->name,
			command->arguments, command->name);
	if (n_given > command->n_arguments)
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
			"%s: \"%s\" is one argument too many; try \"nbhook %s --help\"",
			command->name, arguments[command->n_arguments], command->name);
	return n_given == command->n_arguments;
}

char **
cli_parse(Cli *cli, const Command *command, const GOptionEntry *options, int argc, char **argv,
	GError **error)
{
	g_auto(GStrv) arguments = NULL;
	g_autofree char *usage =
		g_strdup_printf("%s%s%s", command->name, command->arguments == NULL ? "" : " ",
			command->arguments == NULL ? "" : command->arguments);
	g_autoptr(GOptionContext) context = g_option_context_new(usage);
	const GOptionEntry rest[] = {
		{ G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &arguments, NULL, NULL },
		{ NULL },
	};

	g_option_context_set_summary(context, command->description);
	if (options != NULL)
		g_option_context_add_main_entries(context, options, NULL);
	cli_add_common_options(cli, context);
	g_option_context_add_main_entries(context, rest, NULL);
	if (!g_option_context_parse(context, &argc, &argv, error)) {
		g_prefix_error(error, "%s: ", command->name);
		return NULL;
	}
	if (!check_count(command, arguments, error))
		return NULL;
	return arguments == NULL ? g_new0(char *, 1) : g_steal_pointer(&arguments);
}

const Settings *
cli_settings(Cli *cli, GError **error)
{
	if (cli->settings == NULL)
		cli->settings = settings_load(settings_path(cli->config), error);
	return cli->settings;
}

/* A folder as it is on disk; below what is there of it by name alone: a webhook's may be gone. */
static char *
absolute_folder(const char *folder)
{
	g_autofree char *resolved = realpath(folder, NULL);
	g_autofree char *parent = g_path_get_dirname(folder);

	if (resolved != NULL)
		return g_steal_pointer(&resolved);
	if (strcmp(parent, folder) == 0)
		return g_canonicalize_filename(folder, NULL);
	g_autofree char *above = absolute_folder(parent);
	g_autofree char *name = g_path_get_basename(folder);
	return g_canonicalize_filename(name, above);
}

char *
cli_absolute_path(const char *file, GError **error)
{
	if (file[0] == '\0' || g_str_has_suffix(file, "/")) {
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST,
			"\"%s\" is not the name of a file", file);
		return NULL;
	}
	g_autofree char *folder = g_path_get_dirname(file);
	g_autofree char *name = g_path_get_basename(file);

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST,
			"%s is a folder; name a notebook in it", file);
		return NULL;
	}
	g_autofree char *absolute = absolute_folder(folder);
	g_autofree char *path = g_build_filename(absolute, name, NULL);

	if (!g_utf8_validate(path, -1, NULL)) {
		g_autofree char *shown = g_filename_display_name(path);

		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST,
			"the path %s is not valid UTF-8; rename the file or its folder", shown);
		return NULL;
	}
	return g_steal_pointer(&path);
}

static gboolean
print(const char *text, const char *end, GError **error)
{
	if (fputs(text, stdout) == EOF || fputs(end, stdout) == EOF || fflush(stdout) == EOF)
		return nbhook_error_set_errno(error, errno, "cannot write the result");
	return TRUE;
}

gboolean
cli_print_line(const char *text, GError **error)
{
	return print(text, "\n", error);
}

gboolean
cli_print_table(const Cli *cli, const Table *table, GError **error)
{
	g_autofree char *text = table_text(table, cli->colour);

	return print(text, "", error);
}

gboolean
cli_print_json(json_object *value, GError **error)
{
	g_autofree char *text = json_print(value);

	return cli_print_line(text, error);
}
