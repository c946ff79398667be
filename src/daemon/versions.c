#include "daemon/versions.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

/* Syncs root and every folder on the way down to path, so that the path survives. */
static gboolean
sync_chain(int root, const char *path, GError **error)
{
	g_auto(GStrv) names = g_strsplit(path, "/", -1);
	AUTO_FD at = fcntl(root, F_DUPFD_CLOEXEC, 0);

	if (at < 0)
		return nbhook_error_set_errno(error, errno, "opening a folder");
	for (char **name = names; at >= 0 && files_sync(at, "a folder", error); name++) {
		if (*name == NULL)
			return TRUE;
		int next = files_open_beneath(at, *name, O_RDONLY | O_DIRECTORY, 0, error);
		files_close(&at);
		at = next;
	}
	return FALSE;
}

static gboolean
keep_version(const Folders *folders, const char *path, const char *histo, const char *bytes,
	size_t size, GError **error)
{
	g_autofree char *folder = g_strdup_printf("%s/%s", path, histo);
	g_autofree char *file = g_path_get_basename(path);
	AUTO_FD fd = files_make_folders(folders->versions, folder, 0700, (gid_t) -1, error);

	return fd >= 0 && files_replace(fd, file, bytes, size, 0600, TRUE, error) &&
	       sync_chain(folders->versions, folder, error);
}

static gboolean
put_into_production(
	const Folders *folders, const char *path, const char *bytes, size_t size, GError **error)
{
	g_autofree char *folder = g_path_get_dirname(path);
	g_autofree char *file = g_path_get_basename(path);
	AUTO_FD fd = folders_make_production(folders, path, error);

	return fd >= 0 && files_replace(fd, file, bytes, size, 0660, TRUE, error) &&
	       sync_chain(folders->production, folder, error);
}

/* Notebooks work in production, and may have made what is in the way. */
static void
explain(GError *error, const char *path)
{
	g_autofree char *cause = g_steal_pointer(&error->message);

	if (g_error_matches(error, NBHOOK_ERROR, NBHOOK_ERROR_INTERNAL))
		error->code = NBHOOK_ERROR_CONFLICT;
	error->message =
		g_strdup_printf("/%s cannot be put into production, where a notebook may have left "
				"something in its place: %s",
			path, cause);
}

gboolean
versions_publish(const Folders *folders, const char *path, const char *histo, const char *bytes,
	size_t size, GError **error)
{
	g_autofree char *version = g_strdup_printf("%s/%s", path, histo);
	g_autoptr(GError) failure = NULL;

	if (!keep_version(folders, path, histo, bytes, size, error))
		return FALSE;
	if (put_into_production(folders, path, bytes, size, &failure))
		return TRUE;
	files_remove_tree(folders->versions, version, NULL);
	explain(failure, path);
	g_propagate_error(error, g_steal_pointer(&failure));
	return FALSE;
}

int
versions_open(const Folders *folders, const char *path, const char *histo, GError **error)
{
	g_autofree char *file = g_path_get_basename(path);
	g_autofree char *version = g_strdup_printf("%s/%s/%s", path, histo, file);

	return files_open_beneath(folders->versions, version, O_RDONLY, 0, error);
}

gboolean
versions_withdraw(const Folders *folders, const char *path, GError **error)
{
	return files_remove_tree(folders->production, path, error);
}

static int
compare_texts(gconstpointer one, gconstpointer other)
{
	return -strcmp(*(char *const *) one, *(char *const *) other);
}

/* The ids of the versions of a path, newest first. */
static GPtrArray *
list_versions(int folder)
{
	GPtrArray *ids = g_ptr_array_new_with_free_func(g_free);
	int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = copy >= 0 ? fdopendir(copy) : NULL;
	struct dirent *entry;

	while (entries != NULL && (entry = readdir(entries)) != NULL)
		if (strspn(entry->d_name, "0123456789") == strlen(entry->d_name))
			g_ptr_array_add(ids, g_strdup(entry->d_name));
	if (entries != NULL)
		closedir(entries);
	g_ptr_array_sort(ids, compare_texts);
	return ids;
}

gboolean
versions_clear(const Folders *folders, const char *path, const char *histo, GPtrArray *kept,
	GPtrArray *removed, GPtrArray *left, GError **error)
{
	AUTO_FD folder =
		files_open_beneath(folders->versions, path, O_RDONLY | O_DIRECTORY, 0, NULL);

	if (folder < 0)
		return TRUE;
	g_autoptr(GPtrArray) ids = list_versions(folder);
	for (guint i = 0; i < ids->len; i++) {
		const char *id = g_ptr_array_index(ids, i);
		gboolean wanted = histo == NULL || strcmp(histo, id) == 0;

		if (!wanted || g_ptr_array_find_with_equal_func(kept, id, g_str_equal, NULL)) {
			g_ptr_array_add(left, g_strdup(id));
			continue;
		}
		if (!files_remove_tree(folder, id, error))
			return FALSE;
		g_ptr_array_add(removed, g_strdup(id));
	}
	return TRUE;
}

gboolean
versions_remove_output(
	const Folders *folders, const char *execution, const char *name, GError **error)
{
	AUTO_FD folder = folders_open_execution(folders, execution, NULL);

	if (folder < 0)
		return FALSE;
	if (unlinkat(folder, name, 0) == 0)
		return TRUE;
	if (errno != ENOENT)
		nbhook_error_set_errno(error, errno, "removing an output");
	return FALSE;
}

gboolean
versions_has_output(const Folders *folders, const char *execution, const char *name)
{
	AUTO_FD folder = folders_open_execution(folders, execution, NULL);
	struct stat info;

	return folder >= 0 && fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) == 0;
}
