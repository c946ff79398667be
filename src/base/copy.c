#include "base/copy.h"

#include <errno.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

#define PIECE_SIZE (64 * 1024)
#define MAX_RANGE (1024 * 1024 * 1024)

/* One piece by reading and writing, at most size bytes; as copy_file_range(2) answers. */
static ssize_t
copy_piece(int from, off_t *from_at, int to, off_t *to_at, size_t size)
{
	g_autofree char *piece = g_malloc(PIECE_SIZE);
	ssize_t got = pread(from, piece, MIN(size, PIECE_SIZE), *from_at);
	ssize_t written = got > 0 ? pwrite(to, piece, (size_t) got, *to_at) : got;

	if (written > 0) {
		*from_at += written;
		*to_at += written;
	}
	return written;
}

static ssize_t
copy_some(int from, off_t *from_at, int to, off_t *to_at, size_t size)
{
	ssize_t copied = copy_file_range(from, from_at, to, to_at, MIN(size, MAX_RANGE), 0);

	/* Two kinds of file systems, or one that says 0 for what it makes up as it is read. */
	if (copied == 0 || (copied < 0 && (errno == EXDEV || errno == EINVAL || errno == ENOSYS ||
						  errno == EOPNOTSUPP || errno == EBADF)))
		return copy_piece(from, from_at, to, to_at, size);
	return copied;
}

gboolean
copy_file(int from, int to, gint64 size, gint64 *copied, const char *what, GError **error)
{
	off_t from_at = 0;
	off_t to_at = 0;

	if (ftruncate(to, 0) < 0)
		return nbhook_error_set_errno(error, errno, "copying %s", what);
	if (ioctl(to, FICLONE, from) == 0) {
		struct stat status;

		if (fstat(to, &status) < 0 ||
			(status.st_size > size && ftruncate(to, (off_t) size) < 0))
			return nbhook_error_set_errno(error, errno, "copying %s", what);
		*copied = MIN((gint64) status.st_size, size);
		return TRUE;
	}
	while (to_at < size) {
		ssize_t some = copy_some(from, &from_at, to, &to_at, (size_t) (size - to_at));

		if (some < 0 && errno == EINTR)
			continue;
		if (some < 0)
			return nbhook_error_set_errno(error, errno, "copying %s", what);
		if (some == 0)
			break;
	}
	*copied = (gint64) to_at;
	return TRUE;
}
