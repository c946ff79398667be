#include "daemon/folders.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/ids.h"

#define PREPARED ".new-" /* begins the name of a file that has not been asked for yet */
#define MAX_RUN_DIR 92 /* with "/j/", twelve characters and a NUL that fills an address (unix(7)) */

static gboolean
find_group(const char *name, const char *setting, gid_t *gid, GError **error)
{
	const struct group *group = getgrnam(name);

	if (group == NULL) {
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNPROCESSABLE,
			"there is no group \"%s\" (setting %s)", name, setting);
		return FALSE;
	}
	*gid = group->gr_gid;
	return TRUE;
}

gboolean
folders_check(const Settings *settings, GError **error)
{
	const char *const places[] = { settings->state_dir, "state_dir", settings->run_dir,
		"run_dir" };
	gid_t gid;

	if (!find_group(settings->run_group, "run_group", &gid, error) ||
		!find_group(settings->web_group, "web_group", &gid, error))
		return FALSE;
	for (size_t i = 0; i < G_N_ELEMENTS(places); i += 2) {
		if (g_file_test(places[i], G_FILE_TEST_IS_DIR))
			continue;
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNPROCESSABLE,
			"there is no folder %s (setting %s)", places[i], places[i + 1]);
		return FALSE;
	}
	if (strlen(settings->run_dir) <= MAX_RUN_DIR)
		return TRUE;
	g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNPROCESSABLE,
		"%s (setting run_dir) is longer than %d bytes: no socket fits below it",
		settings->run_dir, MAX_RUN_DIR);
	return FALSE;
}

static int
open_folder(int parent, const char *name, mode_t mode, gid_t gid, GError **error)
{
	int fd = files_make_folders(parent, name, mode, gid, error);

	if (fd < 0)
		g_prefix_error(error, "state_dir: ");
	return fd;
}

static gboolean
open_all(Folders *folders, const Settings *settings, GError **error)
{
	if (!find_group(settings->run_group, "run_group", &folders->run_group, error) ||
		!find_group(settings->web_group, "web_group", &folders->web_group, error))
		return FALSE;
	folders->state = open(settings->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folders->state < 0)
		return nbhook_error_set_errno(
			error, errno, "opening %s (setting state_dir)", settings->state_dir);
	folders->production = open_folder(
		folders->state, "production", FOLDERS_PRODUCTION_MODE, folders->run_group, error);
	if (folders->production >= 0)
		folders->versions =
			open_folder(folders->state, "versions", 0700, (gid_t) -1, error);
	if (folders->versions >= 0)
		folders->executions =
			open_folder(folders->state, "pipeline_executions", 0711, (gid_t) -1, error);
	return folders->executions >= 0;
}

Folders *
folders_new(const Settings *settings, GError **error)
{
	g_autoptr(Folders) folders = g_new0(Folders, 1);

	folders->state = folders->production = folders->versions = folders->executions = -1;
	return open_all(folders, settings, error) ? g_steal_pointer(&folders) : NULL;
}

void
folders_free(Folders *folders)
{
	if (folders == NULL)
		return;
	files_close(&folders->state);
	files_close(&folders->production);
	files_close(&folders->versions);
	files_close(&folders->executions);
	g_free(folders);
}

int
folders_make_production(const Folders *folders, const char *path, GError **error)
{
	g_autofree char *folder = g_path_get_dirname(path);

	return files_make_folders(
		folders->production, folder, FOLDERS_PRODUCTION_MODE, folders->run_group, error);
}

/* A daemon that died may have left one for the same call, half made or with files of it: it is swept later. */
static gboolean
move_away(int executions, const char *name, GError **error)
{
	g_autofree char *unique = ids_uuid();
	g_autofree char *gone = g_strconcat(FOLDERS_GONE, unique, NULL);

	return renameat(executions, name, executions, gone) == 0 || errno == ENOENT ||
	       nbhook_error_set_errno(error, errno, "moving an earlier %s away", name);
}

static int
make_execution(const Folders *folders, int parent, const char *name, GError **error)
{
	AUTO_FD execution = files_make_folders(parent, name, 0711, (gid_t) -1, error);
	if (execution < 0)
		return -1;
	AUTO_FD files = files_make_folders(execution, "files", 02770, folders->run_group, error);
	return files >= 0 ? files_steal_fd(&execution) : -1;
}

int
folders_make_execution(const Folders *folders, const char *name, GError **error)
{
	if (!move_away(folders->executions, name, error))
		return -1;
	return make_execution(folders, folders->executions, name, error);
}

int
folders_make_spare(const Folders *folders, const char *spare, GError **error)
{
	AUTO_FD parent =
		files_make_folders(folders->executions, FOLDERS_SPARE, 0700, (gid_t) -1, error);

	return parent >= 0 ? make_execution(folders, parent, spare, error) : -1;
}

/* Its time is that of its new name: what is old there is swept. */
int
folders_use_spare(const Folders *folders, const char *spare, const char *name, GError **error)
{
	g_autofree char *path = g_build_filename(FOLDERS_SPARE, spare, NULL);

	if (!move_away(folders->executions, name, error))
		return -1;
	if (utimensat(folders->executions, path, NULL, AT_SYMLINK_NOFOLLOW) < 0 ||
		renameat(folders->executions, path, folders->executions, name) < 0) {
		nbhook_error_set_errno(error, errno, "moving a spare folder to %s", name);
		return -1;
	}
	return folders_open_execution(folders, name, error);
}

gboolean
folders_remove_spare(const Folders *folders, const char *spare, GError **error)
{
	g_autofree char *path = g_build_filename(FOLDERS_SPARE, spare, NULL);

	return files_remove_tree(folders->executions, path, error);
}

gboolean
folders_remove_spares(const Folders *folders, GError **error)
{
	return files_remove_tree(folders->executions, FOLDERS_SPARE, error);
}

int
folders_open_execution(const Folders *folders, const char *name, GError **error)
{
	return files_open_beneath(folders->executions, name, O_RDONLY | O_DIRECTORY, 0, error);
}

static int
create_file(
	const Folders *folders, int execution, const char *name, gboolean for_web, GError **error)
{
	mode_t mode = for_web ? 0640 : 0600;
	AUTO_FD fd = files_open_beneath(execution, name, O_RDWR | O_CREAT | O_EXCL, mode, error);

	if (fd < 0)
		return -1;
	if (fchmod(fd, mode) < 0 || (for_web && fchown(fd, (uid_t) -1, folders->web_group) < 0)) {
		nbhook_error_set_errno(error, errno, "setting the owner of %s", name);
		return -1;
	}
	return files_steal_fd(&fd);
}

gboolean
folders_prepare_file(
	const Folders *folders, int execution, const char *name, gboolean for_web, GError **error)
{
	g_autofree char *prepared = g_strconcat(PREPARED, name, NULL);
	AUTO_FD fd = create_file(folders, execution, prepared, for_web, error);

	return fd >= 0;
}

/* Nobody else can have a prepared file open: once it has its name it cannot be had again. */
int
folders_create_file(
	const Folders *folders, int execution, const char *name, gboolean for_web, GError **error)
{
	g_autofree char *prepared = g_strconcat(PREPARED, name, NULL);

	if (renameat(execution, prepared, execution, name) == 0)
		return files_open_beneath(execution, name, O_RDWR, 0, error);
	if (unlinkat(execution, name, 0) < 0 && errno != ENOENT) {
		nbhook_error_set_errno(error, errno, "replacing %s", name);
		return -1;
	}
	return create_file(folders, execution, name, for_web, error);
}

void
folders_drop_prepared(int execution)
{
	int copy = openat(execution, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = copy >= 0 ? fdopendir(copy) : NULL;
	struct dirent *entry;

	while (entries != NULL && (entry = readdir(entries)) != NULL)
		if (g_str_has_prefix(entry->d_name, PREPARED))
			unlinkat(execution, entry->d_name, 0);
	if (entries != NULL)
		closedir(entries);
	else
		files_close(&copy);
}

int
folders_create_upload(const Folders *folders, int execution, const char *name, GError **error)
{
	AUTO_FD files = files_open_beneath(execution, "files", O_RDONLY | O_DIRECTORY, 0, error);

	if (files < 0)
		return -1;
	AUTO_FD fd =
		openat(files, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0660);
	if (fd < 0 && errno == EEXIST) {
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_CONFLICT,
			"the job has a file \"%s\" already", name);
		return -1;
	}
	/* whatever the umask and the file system's idea of set-group-ID folders are */
	if (fd < 0 || fchmod(fd, 0660) < 0 || fchown(fd, (uid_t) -1, folders->run_group) < 0) {
		nbhook_error_set_errno(error, errno, "making the file %s", name);
		return -1;
	}
	return files_steal_fd(&fd);
}

int
folders_create_scratch(const Folders *folders, int execution, GError **error)
{
	AUTO_FD fd = folders_create_file(folders, execution, "scratch", FALSE, error);

	if (fd >= 0 && unlinkat(execution, "scratch", 0) < 0) {
		nbhook_error_set_errno(error, errno, "preparing the receipt of a body");
		return -1;
	}
	return files_steal_fd(&fd);
}
