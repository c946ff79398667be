#include "published_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "base/error.h"
#include "base/files.h"
#include "base/base64.h"
#include "notebook/notebook.h"

static guchar *
decode(json_object *file, const Settings *settings, size_t *size, GError **error)
{
	json_object *member = json_member(file, "data");
	const char *data = json_string_member(file, "data");
	g_autofree guchar *bytes =
		data == NULL
			? NULL
			: base64_decode(data, (size_t) json_object_get_string_len(member), size);

	if (bytes == NULL) {
		g_set_error_literal(error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST,
			"file.data is not base64 text: it must be the bytes of the notebook, "
			"padded and without line breaks");
		return NULL;
	}
	if ((gint64) *size > settings->max_notebook) {
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_TOO_LARGE,
			"the notebook has %zu bytes, more than the setting max_notebook allows "
			"(%" G_GINT64_FORMAT ")",
			*size, settings->max_notebook);
		return NULL;
	}
	return g_steal_pointer(&bytes);
}

static int
seal(const guchar *bytes, size_t size, GError **error)
{
	AUTO_FD fd = memfd_create("content", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0) {
		nbhook_error_set_errno(error, errno, "making a memory file");
		return -1;
	}
	if (!files_write_all(fd, (const char *) bytes, size, error))
		return -1;
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0) {
		nbhook_error_set_errno(error, errno, "sealing a memory file");
		return -1;
	}
	return files_steal_fd(&fd);
}

PublishedFile *
published_file_new(json_object *file, const Settings *settings, GError **error)
{
	size_t size = 0;
	g_autofree guchar *bytes = decode(file, settings, &size, error);

	if (bytes == NULL)
		return NULL;
	g_autoptr(Notebook) notebook = notebook_parse((const char *) bytes, size, error);
	if (notebook == NULL)
		return NULL;
	int fd = seal(bytes, size, error);
	if (fd < 0)
		return NULL;
	PublishedFile *published = g_new0(PublishedFile, 1);
	published->fd = fd;
	published->kernel = json_object_new_object();
	json_put_string(published->kernel, "name", notebook_kernel_name(notebook));
	json_put_string(published->kernel, "language", notebook_language(notebook));
	return published;
}

void
published_file_free(PublishedFile *file)
{
	if (file == NULL)
		return;
	files_close(&file->fd);
	json_object_put(file->kernel);
	g_free(file);
}
