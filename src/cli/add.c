#include "cli/command.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "cli/admin.h"
#include "cli/params.h"
#include "notebook/notebook.h"

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

/* Opens FILE for the daemon to read. */
static int
open_notebook(const char *file, GError **error)
{
	struct stat status;
	AUTO_FD fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0 || fstat(fd, &status) != 0) {
		nbhook_error_set_errno(error, errno, "%s", file);
		return -1;
	}
	if (!S_ISREG(status.st_mode)) {
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNPROCESSABLE,
			"%s is not a regular file", file);
		return -1;
	}
	return files_steal_fd(&fd);
}

/* What the daemon must know of the notebook, which it does not parse; NULL if FILE is none. */
static json_object *
read_kernel(Cli *cli, int fd, const char *file, GError **error)
{
	const Settings *settings = cli_settings(cli, error);
	size_t size;

	if (settings == NULL)
		return NULL;
	g_autofree char *text =
		files_read_all(fd, settings->max_notebook, "max_notebook", &size, error);
	g_autoptr(Notebook) notebook = text != NULL ? notebook_parse(text, size, error) : NULL;
	if (notebook == NULL) {
		g_prefix_error(error, "%s: ", file);
		return NULL;
	}
	json_object *kernel = json_object_new_object();

	json_put_string(kernel, "name", notebook_kernel_name(notebook));
	json_put_string(kernel, "language", notebook_language(notebook));
	return kernel;
}

/* What all --param say together; texts may be NULL. */
static json_object *
read_params(char **texts, GError **error)
{
	g_autoptr(json_object) params = json_object_new_object();

	for (char **text = texts; text != NULL && *text != NULL; text++)
		if (!params_add(params, *text, error))
			return NULL;
	return g_steal_pointer(&params);
}

static json_object *
publish(Cli *cli, const char *file, json_object *params, GError **error)
{
	AUTO_FD fd = open_notebook(file, error);
	g_autofree char *path = fd >= 0 ? cli_absolute_path(file, error) : NULL;
	json_object *kernel = path != NULL ? read_kernel(cli, fd, file, error) : NULL;

	if (kernel == NULL)
		return NULL;
	json_object *members = json_object_new_object();
	json_put_string(members, "path", path);
	json_put_string(members, "type", "notebook");
	json_put_shared(members, "params", params);
	json_object_object_add(members, "kernel", kernel);
	return admin_call(cli, "webhook.publish", members, fd, error);
}

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

static gboolean
run_add(Cli *cli, int argc, char **argv, GError **error)
{
	g_auto(GStrv) param_texts = NULL;
	const GOptionEntry options[] = {
		{ "param", 'p', 0, G_OPTION_ARG_FILENAME_ARRAY, &param_texts,
			"Set a param of the webhook; V is JSON, else a string. May be repeated",
			"K=V" },
		{ NULL },
	};
	g_auto(GStrv) files = cli_parse(cli, &command_add, options, argc, argv, error);
	g_autoptr(json_object) params = files != NULL ? read_params(param_texts, error) : NULL;
	g_autoptr(json_object) reply =
		params != NULL ? publish(cli, files[0], params, error) : NULL;

	return reply != NULL && print_published(cli, reply, error);
}
