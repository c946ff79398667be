#include "cli/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "cli/admin.h"
#include "notebook/notebook.h"

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

json_object *
publish_notebook(Cli *cli, const char *file, json_object *params, GError **error)
{
	AUTO_FD fd = open_notebook(file, error);
	g_autofree char *path = fd >= 0 ? cli_absolute_path(file, error) : NULL;
	json_object *kernel = path != NULL ? read_kernel(cli, fd, file, error) : NULL;

	if (kernel == NULL)
		return NULL;
	json_object *members = json_object_new_object();
	json_put_string(members, "path", path);
	json_put_string(members, "type", "notebook");
	json_object_object_add(members, "kernel", kernel);
	if (params != NULL) {
		json_put_shared(members, "params", params);
	} else {
		json_put_bool(members, "keep", TRUE);
		json_put_bool(members, "debug", TRUE);
	}
	return admin_call(cli, "webhook.publish", members, fd, error);
}
