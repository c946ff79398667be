#include "cli/command.h"

#include "cli/params.h"
#include "cli/publish.h"

#define MAX_DEPTH 4

static gboolean run_add(Cli *cli, int argc, char **argv, GError **error);

const Command command_add = {
	.name = "add",
	.arguments = "FILE",
	.n_arguments = 1,
	.summary = "publish a notebook and print its URL",
	.description =
		"Publishes the notebook FILE as a new version and prints the URL where it "
		"answers.\n"
		"A notebook that has a URL keeps it; its params are replaced by those given now.",
	.run = run_add,
};

static gboolean
print_published(Cli *cli, json_object *reply, GError **error)
{
	if (!cli->json)
		return cli_print_line(json_string_member(reply, "url"), error);
	g_autoptr(json_object) printed = json_object_new_object();

	json_put_shared(printed, "url", json_member(reply, "url"));
	json_put_shared(printed, "status", json_member(reply, "status"));
	json_put_shared(printed, "job", json_member(reply, "job"));
	return cli_print_json(printed, error);
}

/* Puts the param "signature" from a file, so that its secrets are in no command line. */
static gboolean
put_signature(json_object *params, const char *file, GError **error)
{
	g_autofree char *text = NULL;
	json_object *signature = NULL;
	gsize size = 0;

	if (file == NULL)
		return TRUE;
	if (!g_file_get_contents(file, &text, &size, error))
		return FALSE;
	if (!json_parse(text, size, MAX_DEPTH, &signature, error)) {
		g_prefix_error(error, "%s: ", file);
		return FALSE;
	}
	json_object_object_add(params, "signature", signature);
	return TRUE;
}

static gboolean
run_add(Cli *cli, int argc, char **argv, GError **error)
{
	g_auto(GStrv) param_texts = NULL;
	g_autofree char *signature = NULL;
	const GOptionEntry options[] = {
		{ "param", 'p', 0, G_OPTION_ARG_FILENAME_ARRAY, &param_texts,
			"Set a param of the webhook; V is JSON, else a string. May be repeated",
			"K=V" },
		{ "signature", 's', 0, G_OPTION_ARG_FILENAME, &signature,
			"Take signed calls only, as FILE says in JSON", "FILE" },
		{ NULL },
	};
	g_auto(GStrv) files = cli_parse(cli, &command_add, options, argc, argv, error);
	g_autoptr(json_object) params = files != NULL ? params_read(param_texts, error) : NULL;
	g_autoptr(json_object) reply = params != NULL && put_signature(params, signature, error)
					       ? publish_notebook(cli, files[0], params, error)
					       : NULL;

	return reply != NULL && print_published(cli, reply, error);
}
