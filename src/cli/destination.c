#include "cli/destination.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"

#define MODE 0666

struct Destination {
	char *file;
	int stream; /* what is written into; -1: the file is replaced */
	int folder;
	char *name; /* in folder */
	mode_t mode;
};

void
destination_free(Destination *destination)
{
	if (destination == NULL)
		return;
	files_close(&destination->stream);
	files_close(&destination->folder);
	g_free(destination->file);
	g_free(destination->name);
	g_free(destination);
}

static mode_t
mode_of_new_files(void)
{
	mode_t mask = umask(0);

	umask(mask);
	return MODE & ~mask;
}

static gboolean
open_stream(Destination *destination, GError **error)
{
	destination->stream = strcmp(destination->file, "-") == 0
				      ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0)
				      : open(destination->file, O_WRONLY | O_CLOEXEC);
	return destination->stream >= 0 ||
	       nbhook_error_set_errno(error, errno, "writing to %s", destination->file);
}

/* The folder must take a new file, which then gets the name. */
static gboolean
open_folder(Destination *destination, GError **error)
{
	g_autofree char *resolved = realpath(destination->file, NULL);
	const char *path = resolved != NULL ? resolved : destination->file;
	g_autofree char *folder = g_path_get_dirname(path);

	destination->name = g_path_get_basename(path);
	destination->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (destination->folder < 0 ||
		faccessat(destination->folder, ".", W_OK | X_OK, AT_EACCESS) < 0)
		return nbhook_error_set_errno(error, errno, "writing to the folder %s", folder);
	return TRUE;
}

static gboolean
open_it(Destination *destination, GError **error)
{
	struct stat info;

	destination->mode = mode_of_new_files();
	if (strcmp(destination->file, "-") == 0)
		return open_stream(destination, error);
	if (*destination->file == '\0' || g_str_has_suffix(destination->file, "/")) {
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST,
			"\"%s\" is not the name of a file", destination->file);
		return FALSE;
	}
	if (stat(destination->file, &info) < 0)
		return open_folder(destination, error);
	if (S_ISDIR(info.st_mode))
		return nbhook_error_set_errno(error, EISDIR, "writing to %s", destination->file);
	if (!S_ISREG(info.st_mode))
		return open_stream(destination, error);
	if (access(destination->file, W_OK) < 0)
		return nbhook_error_set_errno(error, errno, "writing to %s", destination->file);
	destination->mode = info.st_mode & 0777;
	return open_folder(destination, error);
}

Destination *
destination_new(const char *file, GError **error)
{
	g_autoptr(Destination) destination = g_new0(Destination, 1);

	destination->file = g_strdup(file);
	destination->stream = destination->folder = -1;
	return open_it(destination, error) ? g_steal_pointer(&destination) : NULL;
}

gboolean
destination_write(const Destination *destination, const char *bytes, size_t size, GError **error)
{
	if (destination->stream < 0)
		return files_replace(destination->folder, destination->name, bytes, size,
			destination->mode, TRUE, error);
	return files_write_all(destination->stream, bytes, size, error);
}
