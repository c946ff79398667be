/* The three commands about API keys, each with its entry first. */
#include "cli/command.h"

#include <stdio.h>

#include "base/error.h"
#include "cli/admin.h"
#include "cli/table.h"

static gboolean run_add(Cli *cli, int argc, char **argv, GError **error);
static gboolean run_list(Cli *cli, int argc, char **argv, GError **error);
static gboolean run_revoke(Cli *cli, int argc, char **argv, GError **error);

const Command command_key_add = {
	.name = "key add",
	.arguments = "NAME",
	.n_arguments = 1,
	.summary = "make an API key and print it",
	.description =
		"Makes an API key called NAME, for the module naas and the HTTP interface, and\n"
		"prints it. It is shown this once; only its hash is kept.",
	.run = run_add,
};

const Command command_key_list = {
	.name = "key list",
	.summary = "list the API keys",
	.description = "Lists the names of the API keys that are good, when they were made, and "
		       "when they\n"
		       "were last used.",
	.run = run_list,
};

const Command command_key_revoke = {
	.name = "key revoke",
	.arguments = "NAME",
	.n_arguments = 1,
	.summary = "make an API key worthless",
	.description =
		"Revokes the API key called NAME: requests with it are refused from then on.",
	.run = run_revoke,
};

/* Asks op about the key that the command's one argument names. */
static json_object *
call_about_key(
	Cli *cli, const Command *command, const char *op, int argc, char **argv, GError **error)
{
	g_auto(GStrv) names = cli_parse(cli, command, NULL, argc, argv, error);

	if (names == NULL)
		return NULL;
	if (names[0][0] == '\0' || !g_utf8_validate(names[0], -1, NULL)) {
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			"%s: NAME must not be empty and must be UTF-8", command->name);
		return NULL;
	}
	json_object *members = json_object_new_object();

	json_put_string(members, "name", names[0]);
	json_object *reply = admin_call(cli, op, members, -1, error);
	if (reply == NULL)
		g_prefix_error(error, "key \"%s\": ", names[0]);
	return reply;
}

static gboolean
run_add(Cli *cli, int argc, char **argv, GError **error)
{
	g_autoptr(json_object) reply =
		call_about_key(cli, &command_key_add, "key.add", argc, argv, error);

	if (reply == NULL)
		return FALSE;
	if (cli->json) {
		g_autoptr(json_object) printed = json_object_new_object();

		json_put_shared(printed, "name", json_member(reply, "name"));
		json_put_shared(printed, "key", json_member(reply, "key"));
		if (!cli_print_json(printed, error))
			return FALSE;
	} else if (!cli_print_line(json_string_member(reply, "key"), error)) {
		return FALSE;
	}
	fputs("nbhook: this key is shown only once; keep it in a safe place\n", stderr);
	return TRUE;
}

static gboolean
print_keys(Cli *cli, json_object *keys, GError **error)
{
	static const char *const headings[] = { "NAME", "CREATED", "LAST USE", NULL };
	g_autoptr(Table) table = table_new(headings);

	if (json_object_array_length(keys) == 0) {
		fputs("There are no keys yet; \"nbhook key add NAME\" makes one.\n", stderr);
		return TRUE;
	}
	for (size_t i = 0; i < json_object_array_length(keys); i++) {
		json_object *key = json_object_array_get_idx(keys, i);

		table_add_member(table, key, "name");
		table_add_member(table, key, "created");
		table_add_member(table, key, "last_use");
	}
	return cli_print_table(cli, table, error);
}

static gboolean
run_list(Cli *cli, int argc, char **argv, GError **error)
{
	g_auto(GStrv) none = cli_parse(cli, &command_key_list, NULL, argc, argv, error);
	g_autoptr(json_object) reply =
		none != NULL ? admin_call(cli, "key.list", NULL, -1, error) : NULL;

	if (reply == NULL)
		return FALSE;
	json_object *keys = json_array_member(reply, "keys");
	if (keys == NULL) {
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_INTERNAL,
			"nbhookd's answer to key.list has no keys");
		return FALSE;
	}
	return cli->json ? cli_print_json(keys, error) : print_keys(cli, keys, error);
}

static gboolean
run_revoke(Cli *cli, int argc, char **argv, GError **error)
{
	g_autoptr(json_object) reply =
		call_about_key(cli, &command_key_revoke, "key.revoke", argc, argv, error);

	if (reply == NULL)
		return FALSE;
	g_autofree char *line =
		g_strdup_printf("The key %s is revoked.", json_string_member(reply, "name"));
	if (!cli->json)
		return cli_print_line(line, error);
	g_autoptr(json_object) printed = json_object_new_object();

	json_put_shared(printed, "name", json_member(reply, "name"));
	return cli_print_json(printed, error);
}
