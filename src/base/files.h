/* base/files.h: files that survive a crash, and paths that cannot leave their root.
 *
 * Everything that must be on disk before somebody is told goes through files_sync; everything whose
 * path comes from a user goes through the *_beneath functions, which follow no link and no "..". */
#pragma once

#include <glib.h>
#include <glib/gstdio.h>
#include <sys/types.h>

static inline void
files_close(int *fd)
{
	if (*fd >= 0)
		g_close(*fd, NULL);
	*fd = -1;
}
/* A descriptor that closes itself at the end of its scope; -1 is none. */
#define AUTO_FD __attribute__((cleanup(files_close))) int

/* Takes the descriptor out of an AUTO_FD. */
static inline int
files_steal_fd(int *fd)
{
	int taken = *fd;
	*fd = -1;
	return taken;
}

/* Waits until the bytes of a file (or the entries of a folder) are on disk. what names it in the error. */
gboolean files_sync(int fd, const char *what, GError **error);

gboolean files_write_all(int fd, const char *bytes, size_t size, GError **error);

/* All bytes of a regular file from its beginning, at most max of them: more is NBHOOK_ERROR_TOO_LARGE
 * that names the setting. The descriptor's offset is not used or changed. A NUL follows the bytes. */
char *files_read_all(int fd, gint64 max, const char *setting, size_t *size,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Takes the next bytes of something large; an error of it ends the reading. */
typedef gboolean (*ByteSink)(gpointer sink, const char *bytes, size_t size, GError **error);

/* Gives the bytes of a file from offset on to take, at most 64 KiB at a time. The descriptor's own offset is
 * not used or changed. */
gboolean files_read_pieces(int fd, gint64 offset, ByteSink take, gpointer sink, GError **error);

/* A ByteSink: writes to the descriptor that sink points to. */
gboolean files_take(gpointer sink, const char *bytes, size_t size, GError **error);

/* Replaces dir/name by bytes: a temporary file in the same folder, renamed there; when durable it is
 * synced first. mode is that of the new file. */
gboolean files_replace(int dir, const char *name, const char *bytes, size_t size, mode_t mode,
	gboolean durable, GError **error);

/* Opens path (relative; "a/b/c") beneath root; no component may be a link or "..". flags as for open(2).
 * NOT_FOUND, FORBIDDEN or INTERNAL. -1 on error. */
int files_open_beneath(int root, const char *path, int flags, mode_t mode, GError **error);

/* Makes the folders of path (relative) beneath root with mode, gives the last, opened. Folders that are
 * new get the group gid unless that is (gid_t) -1. -1 on error. */
int files_make_folders(int root, const char *path, mode_t mode, gid_t gid, GError **error);

/* An author's absolute path as the relative path below production/: no leading slash, no empty, "." or
 * ".." component, valid UTF-8, no control character, components of at most 240 and 1024 bytes in all.
 * FORBIDDEN for "..", BAD_REQUEST for the rest. The caller frees. */
char *files_published_path(const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Removes what is at path beneath root, a folder with all it holds, following no link. A missing path is
 * success; FORBIDDEN for one that ends in "." or "..". */
gboolean files_remove_tree(int root, const char *path, GError **error);
