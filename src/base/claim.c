/* A claim is a lock on the folder itself, flock(2). Who sweeps takes the lock before removing, so that a
 * folder is only removed by one, and one that was made but not yet locked is noticed by its maker: it has no
 * link left, and another is made. systemd-tmpfiles(8) leaves locked folders alone, too, however old. */
#include "base/claim.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"

#define RANDOM "XXXXXX"
#define TRIES 10

/* The locked folder; -1 if it is gone or somebody else's. */
static int
lock(int parent, const char *name)
{
	AUTO_FD fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat info;

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &info) < 0 ||
		info.st_nlink == 0)
		return -1;
	return files_steal_fd(&fd);
}

Claim *
claim_new(const char *parent, const char *prefix, GError **error)
{
	g_autoptr(Claim) claim = g_new0(Claim, 1);

	claim->fd = -1;
	for (int i = 0; i < TRIES && claim->fd < 0; i++) {
		g_autofree char *path = g_strconcat(parent, "/", prefix, RANDOM, NULL);

		if (g_mkdtemp_full(path, 0700) == NULL) {
			nbhook_error_set_errno(error, errno, "making a folder in %s", parent);
			return NULL;
		}
		claim->fd = lock(AT_FDCWD, path);
		if (claim->fd >= 0)
			claim->path = g_steal_pointer(&path);
	}
	if (claim->fd >= 0)
		return g_steal_pointer(&claim);
	g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_INTERNAL,
		"a new folder in %s could not be locked", parent);
	return NULL;
}

void
claim_leave(Claim *claim)
{
	if (claim == NULL)
		return;
	files_close(&claim->fd);
	g_free(claim->path);
	g_free(claim);
}

void
claim_free(Claim *claim)
{
	if (claim != NULL && claim->fd >= 0) {
		g_autofree char *parent_path = g_path_get_dirname(claim->path);
		g_autofree char *name = g_path_get_basename(claim->path);
		g_autoptr(GError) error = NULL;
		AUTO_FD parent = open(parent_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (!files_remove_tree(parent, name, &error))
			g_warning("%s stays behind: %s", claim->path, error->message);
	}
	claim_leave(claim);
}

static gboolean
is_named(const char *name, const char *prefix)
{
	return name[0] != '.' && g_str_has_prefix(name, prefix) &&
	       strlen(name) == strlen(prefix) + strlen(RANDOM);
}

void
claim_sweep(const char *parent, const char *prefix)
{
	DIR *entries = opendir(parent);
	struct dirent *entry;

	while (entries != NULL && (entry = readdir(entries)) != NULL) {
		AUTO_FD locked = -1;
		g_autoptr(GError) error = NULL;
		struct stat info;

		if (!is_named(entry->d_name, prefix))
			continue;
		locked = lock(dirfd(entries), entry->d_name);
		if (locked < 0 || fstat(locked, &info) < 0 || info.st_uid != geteuid())
			continue;
		if (!files_remove_tree(dirfd(entries), entry->d_name, &error))
			g_info("%s/%s stays behind: %s", parent, entry->d_name, error->message);
	}
	if (entries != NULL)
		closedir(entries);
}
