#include "exec/respond.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/copy.h"
#include "base/error.h"
#include "base/files.h"
#include "exec/attachment.h"
#include "exec/nbconvert.h"
#include "exec/outcome.h"
#include "notebook/media.h"

/* A notebook larger than this is not put into the page that says why there is none. */
#define MAX_OFFERED (32 * 1024 * 1024)

static gboolean
write_here(int fd, const ResponseForm *form, GError **error)
{
	return outcome_write_file(fd, form->bytes, form->size, "the response", error);
}

/* Copies a file into a descriptor and waits until that is on disk. */
static gboolean
copy_into(int from, int to, gint64 max, const char *setting, size_t *size, GError **error)
{
	struct stat status;
	gint64 copied = 0;

	if (fstat(from, &status) < 0)
		return nbhook_error_set_errno(error, errno, "looking at the response");
	if ((gint64) status.st_size > max) {
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_TOO_LARGE,
			"the notebook's response has %" G_GINT64_FORMAT
			" bytes, more than %s allows (%" G_GINT64_FORMAT ")",
			(gint64) status.st_size, setting, max);
		return FALSE;
	}
	if (!copy_file(from, to, (gint64) status.st_size, &copied, "the response", error) ||
		!files_sync(to, "the response", error))
		return FALSE;
	*size = (size_t) copied;
	return TRUE;
}

static gboolean
write_file(const Settings *settings, const PlaySpec *play, Response *response, GError **error)
{
	AttachmentPlace place = { play->folder, play->path, play->files };
	AUTO_FD file = attachment_open(settings, &place, response->path, error);
	g_autofree char *name = g_path_get_basename(response->path);

	if (file < 0)
		return FALSE;
	response->body.type = media_type_of_file(file, name, error);
	response->body.filename = g_utf8_make_valid(name, -1);
	return response->body.type != NULL &&
	       copy_into(file, play->response, settings->max_response_file, "max_response_file",
		       &response->body.size, error);
}

/* The executed notebook as the target of a link, where it is not too large. */
static void
offer(GString *page, const PlaySpec *play, const char *filename)
{
	size_t size = 0;
	g_autofree char *text =
		files_read_all(play->executed, MAX_OFFERED, "MAX_OFFERED", &size, NULL);
	g_autofree char *base64 =
		text != NULL ? g_base64_encode((const guchar *) text, size) : NULL;
	g_autofree char *name = g_markup_escape_text(filename, -1);

	if (base64 != NULL)
		g_string_append_printf(page,
			"<p><a download=\"%s\" href=\"data:application/x-ipynb+json;base64,%s\">"
			"Save the executed notebook</a></p>\n",
			name, base64);
}

/* The page instead of the one that could not be made. */
static void
set_excuse(Response *response, const PlaySpec *play, const GError *why)
{
	g_autoptr(GString) page = g_string_new(NULL);
	g_autofree char *sentence = g_markup_escape_text(why->message, -1);
	g_autofree char *title = g_markup_escape_text(response->alternative.filename, -1);

	g_string_append_printf(page,
		"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		"<title>%s</title>\n</head>\n<body>\n<h1>%s</h1>\n<p>%s.</p>\n",
		title, title, sentence);
	offer(page, play, response->alternative.filename);
	g_string_append_printf(page,
		"<p>With the header <code>Accept: %s</code> this URL answers with the executed "
		"notebook itself.</p>\n</body>\n</html>\n",
		response->alternative.type);
	response->body.size = page->len;
	response->body.bytes = g_string_free(g_steal_pointer(&page), FALSE);
}

static gboolean
write_page(const Settings *settings, const PlaySpec *play, Response *response, GError **error)
{
	NbconvertSpec spec = { .settings = settings,
		.title = response->alternative.filename,
		.notebook = play->executed,
		.page = play->response,
		.log = play->log };
	g_autoptr(GError) why = NULL;
	struct stat status;

	if (!nbconvert_run(&spec, &why)) {
		g_message("%s: %s", play->job, why->message);
		set_excuse(response, play, why);
		return write_here(play->response, &response->body, error);
	}
	if (fstat(play->response, &status) < 0)
		return nbhook_error_set_errno(error, errno, "looking at the response");
	response->body.size = (size_t) status.st_size;
	return files_sync(play->response, "the response", error);
}

static gboolean
write_notebook(const Settings *settings, const PlaySpec *play, Response *response, GError **error)
{
	return write_page(settings, play, response, error) &&
	       (play->alternative < 0 ||
		       copy_into(play->executed, play->alternative, settings->max_response,
			       "max_response", &response->alternative.size, error));
}

static gboolean
write_bytes(const Settings *settings, const PlaySpec *play, Response *response, GError **error)
{
	if (response->alternative.type != NULL &&
		!write_here(play->alternative, &response->alternative, error))
		return FALSE;
	return write_here(play->response, &response->body, error);
}

gboolean
respond_write(const Settings *settings, const PlaySpec *play, Response *response, GError **error)
{
	static gboolean (*const writers[])(
		const Settings *, const PlaySpec *, Response *, GError **) = {
		[RESPONSE_HERE] = write_bytes,
		[RESPONSE_FILE] = write_file,
		[RESPONSE_NOTEBOOK] = write_notebook,
	};

	if (play->alternative < 0) /* an older daemon has no place for it */
		g_clear_pointer(&response->alternative.type, g_free);
	if (writers[response->source](settings, play, response, error))
		return TRUE;
	if (ftruncate(play->response, 0) < 0 ||
		(play->alternative >= 0 && ftruncate(play->alternative, 0) < 0))
		g_debug("a response keeps what was written of it: %s", g_strerror(errno));
	return FALSE;
}
