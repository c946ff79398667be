/* The *_beneath functions leave the walk to openat2(2) with RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS, so
 * that no check can be overtaken by a rename. */
#include "base/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/ids.h"

#define MAX_COMPONENT 240 /* an execution has files with more before the name */
#define MAX_PATH 1024
#define MAX_DEPTH 64
#define PIECE_SIZE (64 * 1024)

gboolean
files_sync(int fd, const char *what, GError **error)
{
	if (fsync(fd) == 0)
		return TRUE;
	return nbhook_error_set_errno(error, errno, "writing %s to disk", what);
}

gboolean
files_write_all(int fd, const char *bytes, size_t size, GError **error)
{
	while (size > 0) {
		ssize_t written = write(fd, bytes, size);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return nbhook_error_set_errno(error, errno, "writing a file");
		bytes += written;
		size -= (size_t) written;
	}
	return TRUE;
}

gboolean
files_read_pieces(int fd, gint64 offset, ByteSink take, gpointer sink, GError **error)
{
	g_autofree char *piece = g_malloc(PIECE_SIZE);
	ssize_t got;

	while ((got = pread(fd, piece, PIECE_SIZE, (off_t) offset)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return nbhook_error_set_errno(error, errno, "reading a file");
		if (!take(sink, piece, (size_t) got, error))
			return FALSE;
		offset += got;
	}
	return TRUE;
}

gboolean
files_take(gpointer sink, const char *bytes, size_t size, GError **error)
{
	return files_write_all(*(const int *) sink, bytes, size, error);
}

char *
files_read_all(int fd, gint64 max, const char *setting, size_t *size, GError **error)
{
	struct stat info;
	size_t got = 0;

	if (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode)) {
		g_set_error(
			error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST, "that is no regular file");
		return NULL;
	}
	if (info.st_size > max) {
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_TOO_LARGE,
			"the file has %" G_GINT64_FORMAT " bytes, more than %" G_GINT64_FORMAT
			" (setting %s)",
			(gint64) info.st_size, max, setting);
		return NULL;
	}
	g_autofree char *bytes = g_malloc((size_t) info.st_size + 1);
	while (got < (size_t) info.st_size) {
		ssize_t part = pread(fd, bytes + got, (size_t) info.st_size - got, (off_t) got);

		if (part < 0 && errno == EINTR)
			continue;
		if (part < 0) {
			nbhook_error_set_errno(error, errno, "reading a file");
			return NULL;
		}
		if (part == 0)
			break;
		got += (size_t) part;
	}
	bytes[got] = '\0';
	*size = got;
	return g_steal_pointer(&bytes);
}

gboolean
files_replace(int dir, const char *name, const char *bytes, size_t size, mode_t mode,
	gboolean durable, GError **error)
{
	g_autofree char *unique = ids_uuid();
	g_autofree char *temporary = g_strdup_printf(".%.8s.tmp", unique);
	AUTO_FD fd =
		openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);

	if (fd < 0)
		return nbhook_error_set_errno(error, errno, "creating %s", name);
	gboolean written = fchmod(fd, mode) == 0 ||
			   nbhook_error_set_errno(error, errno, "setting the mode of %s", name);
	written = written && files_write_all(fd, bytes, size, error);
	if (written && durable)
		written = files_sync(fd, name, error);
	if (written && renameat(dir, temporary, dir, name) < 0)
		written = nbhook_error_set_errno(error, errno, "renaming %s", name);
	if (!written)
		unlinkat(dir, temporary, 0);
	return written;
}

static void
set_open_error(GError **error, int cause, const char *path)
{
	if (cause == ENOENT || cause == ENOTDIR)
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_NOT_FOUND, "there is no %s", path);
	else if (cause == ELOOP || cause == EXDEV)
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_FORBIDDEN,
			"%s leaves its folder, by a link or by \"..\"", path);
	else
		nbhook_error_set_errno(error, cause, "opening %s", path);
}

int
files_open_beneath(int root, const char *path, int flags, mode_t mode, GError **error)
{
	struct open_how how = { .flags = (guint64) (flags | O_CLOEXEC),
		.mode = (flags & O_CREAT) != 0 ? mode : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };
	long fd;

	do
		fd = syscall(SYS_openat2, root, path, &how, sizeof how);
	while (fd < 0 && (errno == EINTR || errno == EAGAIN));
	if (fd < 0)
		set_open_error(error, errno, path);
	return (int) fd;
}

static gboolean
set_owner(int fd, const char *name, mode_t mode, gid_t gid, GError **error)
{
	if (gid != (gid_t) -1 && fchown(fd, (uid_t) -1, gid) < 0)
		return nbhook_error_set_errno(
			error, errno, "giving the folder %s to its group", name);
	if (fchmod(fd, mode) < 0)
		return nbhook_error_set_errno(
			error, errno, "setting the mode of the folder %s", name);
	return TRUE;
}

/* A new folder that cannot be made ours entirely is taken back: the next try must not find it. */
static int
make_folder(int parent, const char *name, mode_t mode, gid_t gid, GError **error)
{
	gboolean made = mkdirat(parent, name, mode) == 0;

	if (!made && errno != EEXIST) {
		nbhook_error_set_errno(error, errno, "making the folder %s", name);
		return -1;
	}
	AUTO_FD fd = files_open_beneath(parent, name, O_RDONLY | O_DIRECTORY, 0, error);
	if (fd < 0)
		return -1;
	if (made && !set_owner(fd, name, mode, gid, error)) {
		unlinkat(parent, name, AT_REMOVEDIR);
		return -1;
	}
	return files_steal_fd(&fd);
}

int
files_make_folders(int root, const char *path, mode_t mode, gid_t gid, GError **error)
{
	g_auto(GStrv) names = g_strsplit(path, "/", -1);
	AUTO_FD at = fcntl(root, F_DUPFD_CLOEXEC, 0);

	if (at < 0)
		nbhook_error_set_errno(error, errno, "opening a folder");
	for (char **name = names; at >= 0 && *name != NULL; name++) {
		int next;

		if (**name == '\0')
			continue;
		next = make_folder(at, *name, mode, gid, error);
		files_close(&at);
		at = next;
		if (at < 0)
			return -1;
	}
	return files_steal_fd(&at);
}

static gboolean
check_component(const char *name, GError **error)
{
	if (strcmp(name, "..") == 0) {
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_FORBIDDEN,
			"the path has a \"..\"; give the absolute path itself");
		return FALSE;
	}
	if (*name == '\0' || strcmp(name, ".") == 0 || strlen(name) > MAX_COMPONENT) {
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST,
			"the path has an empty, a \".\" or a too long part (at most %d bytes)",
			MAX_COMPONENT);
		return FALSE;
	}
	for (const char *at = name; *at != '\0'; at++) {
		if ((unsigned char) *at < 0x20 || *at == 0x7f) {
			g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST,
				"the path has a control character");
			return FALSE;
		}
	}
	return TRUE;
}

char *
files_published_path(const char *path, GError **error)
{
	if (path[0] != '/' || path[1] == '\0' || strlen(path) > MAX_PATH ||
		!g_utf8_validate(path, -1, NULL)) {
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST,
			"a path must be absolute, UTF-8, and have at most %d bytes", MAX_PATH);
		return NULL;
	}
	g_auto(GStrv) names = g_strsplit(path + 1, "/", -1);
	for (char **name = names; *name != NULL; name++)
		if (!check_component(*name, error))
			return NULL;
	return g_strdup(path + 1);
}

/* A tree that is being removed. What lies deeper than MAX_DEPTH is moved up to its top and removed from
 * there, so that no tree, however deep, takes more than so many descriptors. */
typedef struct {
	int top;
	gboolean moved; /* something was moved up since the last look */
} Removal;

static gboolean remove_entry(
	Removal *removal, int parent, const char *name, int depth, GError **error);

static gboolean
remove_contents(Removal *removal, int folder, int depth, GError **error)
{
	int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = copy >= 0 ? fdopendir(copy) : NULL;
	gboolean removed = TRUE;
	struct dirent *entry;

	if (entries == NULL) {
		nbhook_error_set_errno(error, errno, "reading a folder");
		files_close(&copy);
		return FALSE;
	}
	while (removed && (entry = readdir(entries)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			removed = remove_entry(removal, folder, entry->d_name, depth, error);
	closedir(entries);
	return removed;
}

/* Opens a folder that is to be removed, made writable where it is ours. */
static int
open_doomed(int parent, const char *name, GError **error)
{
	int folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (folder < 0)
		nbhook_error_set_errno(error, errno, "opening %s to remove it", name);
	else if (fchmod(folder, 0700) < 0)
		g_debug("%s stays as it is: %s", name, g_strerror(errno));
	return folder;
}

static gboolean
move_up(Removal *removal, int parent, const char *name, GError **error)
{
	g_autofree char *unique = ids_uuid();
	AUTO_FD folder = open_doomed(parent, name, error);

	if (folder < 0)
		return FALSE;
	removal->moved = TRUE;
	if (renameat(parent, name, removal->top, unique) == 0)
		return TRUE;
	return nbhook_error_set_errno(error, errno, "moving %s up to remove it", name);
}

static gboolean
remove_entry(Removal *removal, int parent, const char *name, int depth, GError **error)
{
	if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
		return TRUE;
	if (errno != EISDIR && errno != EPERM)
		return nbhook_error_set_errno(error, errno, "removing %s", name);
	if (unlinkat(parent, name, AT_REMOVEDIR) == 0)
		return TRUE;
	if (depth >= MAX_DEPTH)
		return move_up(removal, parent, name, error);
	AUTO_FD folder = open_doomed(parent, name, error);
	if (folder < 0)
		return FALSE;
	if (!remove_contents(removal, folder, depth + 1, error))
		return FALSE;
	if (unlinkat(parent, name, AT_REMOVEDIR) < 0)
		return nbhook_error_set_errno(error, errno, "removing the folder %s", name);
	return TRUE;
}

/* Removes what a folder holds, again as long as something came up from its depths. */
static gboolean
empty_folder(int parent, const char *name, GError **error)
{
	AUTO_FD top = open_doomed(parent, name, error);
	Removal removal = { top, TRUE };

	if (top < 0)
		return FALSE;
	while (removal.moved) {
		removal.moved = FALSE;
		if (!remove_contents(&removal, top, 1, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean
remove_whole(int parent, const char *name, GError **error)
{
	if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
		return TRUE;
	if (errno != EISDIR && errno != EPERM)
		return nbhook_error_set_errno(error, errno, "removing %s", name);
	if (!empty_folder(parent, name, error))
		return FALSE;
	if (unlinkat(parent, name, AT_REMOVEDIR) < 0)
		return nbhook_error_set_errno(error, errno, "removing the folder %s", name);
	return TRUE;
}

gboolean
files_remove_tree(int root, const char *path, GError **error)
{
	g_autofree char *folder = g_path_get_dirname(path);
	g_autofree char *name = g_path_get_basename(path);
	g_autoptr(GError) failure = NULL;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_FORBIDDEN,
			"%s names no entry of a folder", path);
		return FALSE;
	}
	AUTO_FD parent = files_open_beneath(root, folder, O_RDONLY | O_DIRECTORY, 0, &failure);

	if (parent < 0 && g_error_matches(failure, NBHOOK_ERROR, NBHOOK_ERROR_NOT_FOUND))
		return TRUE;
	if (parent < 0) {
		g_propagate_error(error, g_steal_pointer(&failure));
		return FALSE;
	}
	return remove_whole(parent, name, error);
}
