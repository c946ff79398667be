/* A path is held against each root, as it is written and as it is resolved: a kernel says the one, where
 * it asks for its directory, and a setting the other. What is behind the root is left to openat2(2). */
#include "exec/attachment.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/files.h"
#include "notebook/excerpt.h"

/* What is said of a file that cannot be the response; %s is its name. */
#define OUTSIDE                                                                                    \
	"the notebook responds with the file \"%s\", which is outside its folder, its job's "      \
	"files "                                                                                   \
	"and the folders of the setting response_folders"
#define LEAVES                                                                                     \
	"the notebook responds with the file \"%s\", whose path leaves its folder by a link or "   \
	"by \"..\""
#define MISSING "the notebook responds with the file \"%s\", which is not there"
#define UNREADABLE "the notebook responds with the file \"%s\", which cannot be read"
#define IRREGULAR "the notebook responds with \"%s\", which is no regular file"

typedef struct {
	char *prefix; /* what a path begins with */
	char *folder; /* where that is */
} Root;

static void
root_free(gpointer data)
{
	Root *root = data;

	g_free(root->prefix);
	g_free(root->folder);
	g_free(root);
}

static void
add_root(GPtrArray *roots, const char *prefix, const char *folder)
{
	Root *root = g_new0(Root, 1);

	root->prefix = g_canonicalize_filename(prefix, "/");
	root->folder = g_strdup(folder);
	g_ptr_array_add(roots, root);
}

static void
add_folder(GPtrArray *roots, const char *folder)
{
	char *resolved = folder != NULL ? realpath(folder, NULL) : NULL;

	if (folder != NULL)
		add_root(roots, folder, folder);
	if (resolved != NULL)
		add_root(roots, resolved, folder);
	free(resolved);
}

static GPtrArray *
new_roots(const Settings *settings, const AttachmentPlace *place)
{
	GPtrArray *roots = g_ptr_array_new_with_free_func(root_free);
	g_auto(GStrv) further = g_strsplit(settings->response_folders, ":", -1);
	g_autofree char *author = g_path_get_dirname(place->path);

	add_folder(roots, place->folder);
	add_folder(roots, place->files);
	for (char **folder = further; *folder != NULL; folder++)
		if (**folder != '\0')
			add_folder(roots, *folder);
	if (strcmp(author, "/") != 0 && strcmp(author, ".") != 0)
		add_root(roots, author, place->folder);
	return roots;
}

/* What is left of path behind a root; NULL when it is not below it. */
static const char *
behind(const char *path, const char *prefix)
{
	size_t length = strlen(prefix);

	if (strncmp(path, prefix, length) != 0 || path[length] != '/')
		return NULL;
	return path + length + strspn(path + length, "/");
}

static int
open_below(const Root *root, const char *rest, const char *name, GError **error)
{
	g_autoptr(GError) failure = NULL;
	AUTO_FD folder = open(root->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = folder < 0 ? -1
			    : files_open_beneath(
				      folder, rest, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, &failure);

	if (fd >= 0)
		return fd;
	if (folder < 0 || g_error_matches(failure, NBHOOK_ERROR, NBHOOK_ERROR_NOT_FOUND))
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_NOT_FOUND, MISSING, name);
	else if (g_error_matches(failure, NBHOOK_ERROR, NBHOOK_ERROR_FORBIDDEN))
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_FORBIDDEN, LEAVES, name);
	else
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNPROCESSABLE, UNREADABLE, name);
	return -1;
}

/* The first root that has such a file; else the first that could. */
static int
open_allowed(GPtrArray *roots, const char *path, const char *name, GError **error)
{
	g_autoptr(GError) first = NULL;

	for (guint i = 0; i < roots->len; i++) {
		const Root *root = g_ptr_array_index(roots, i);
		const char *rest = behind(path, root->prefix);
		g_autoptr(GError) failure = NULL;

		if (rest == NULL)
			continue;
		int fd = open_below(root, *rest != '\0' ? rest : ".", name, &failure);
		if (fd >= 0)
			return fd;
		if (first == NULL)
			first = g_steal_pointer(&failure);
	}
	if (first != NULL)
		g_propagate_error(error, g_steal_pointer(&first));
	else
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_FORBIDDEN, OUTSIDE, name);
	return -1;
}

int
attachment_open(
	const Settings *settings, const AttachmentPlace *place, const char *path, GError **error)
{
	g_autoptr(GPtrArray) roots = new_roots(settings, place);
	g_autofree char *whole = g_path_is_absolute(path)
					 ? g_strdup(path)
					 : g_strconcat(place->folder, "/", path, NULL);
	g_autofree char *last = g_path_get_basename(path);
	g_autofree char *name = excerpt(last);
	AUTO_FD fd = open_allowed(roots, whole, name, error);
	struct stat status;

	if (fd < 0)
		return -1;
	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) {
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNPROCESSABLE, IRREGULAR, name);
		return -1;
	}
	return files_steal_fd(&fd);
}
