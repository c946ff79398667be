#include "receive.h"

#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/files.h"
#include "notebook/body.h"
#include "upload.h"

#define LARGE (1024 * 1024) /* what would hold up threads of nbhookd */

void
reception_clear(Reception *reception)
{
	files_close(&reception->file);
	files_close(&reception->scratch);
	g_clear_pointer(&reception->inputs, inputs_free);
}

/* The token is in no file, wherever the caller repeated it. */
static void
hide_token(json_object *headers, const char *token)
{
	json_object_object_foreach (headers, name, value) {
		g_autoptr(GString) text = g_string_new(json_object_get_string(value));

		if (g_string_replace(text, token, "-", 0) > 0)
			json_put_string(headers, name, text->str);
	}
}

static gboolean
write_head(Reception *reception, gboolean has_value, GError **error)
{
	const WebRequest *request = reception->request;
	g_autoptr(GString) target = g_string_new("/webhook/-");
	g_autoptr(json_object) headers = json_copy(request->headers);
	g_autoptr(GString) head = g_string_new(NULL);

	if (strchr(request->target, '?') != NULL)
		g_string_append_printf(target, "?%s", request->query);
	g_string_replace(target, reception->token, "-", 0);
	hide_token(headers, reception->token);
	if (has_value)
		json_put_string(headers, REQUEST_VALUE, REQUEST_VALUE_KIND);
	if (!request_print_head(
		    head, request->method, target->str, headers, &reception->redaction, error))
		return FALSE;
	reception->head_size = (gint64) head->len;
	return files_write_all(reception->file, head->str, head->len, error);
}

/* A request without a length has a body only where it says that it comes in chunks. */
static gboolean
may_hold_files(const WebRequest *request)
{
	gboolean has_body =
		request->length > 0 ||
		(request->length < 0 && web_request_header(request, "transfer-encoding") != NULL);

	return has_body && body_kind(web_request_header(request, "content-type")) != BODY_TEXT;
}

gboolean
receive_body(Reception *reception, GError **error)
{
	const WebRequest *request = reception->request;
	gint64 max = reception->settings->max_body;

	if (may_hold_files(request)) {
		reception->scratch = reception->create(reception->call, NULL, error);
		return reception->scratch >= 0 &&
		       web_request_save_body(request, reception->scratch, max, "max_body", error);
	}
	return write_head(reception, FALSE, error) &&
	       web_request_save_body(request, reception->file, max, "max_body", error);
}

int
receive_where(const Reception *reception, gint64 *offset)
{
	*offset = reception->scratch >= 0 ? 0 : reception->head_size;
	return reception->scratch >= 0 ? reception->scratch : reception->file;
}

/* "request" for a body that was received elsewhere. */
static gboolean
write_request(Reception *reception, GError **error)
{
	const Upload upload = { .settings = reception->settings,
		.headers = reception->request->headers,
		.body = reception->scratch,
		.create = reception->create,
		.data = reception->call };
	g_autoptr(json_object) value = NULL;

	if (!upload_take(&upload, &value, error) || !write_head(reception, value != NULL, error))
		return FALSE;
	if (value == NULL)
		return files_read_pieces(
			reception->scratch, 0, files_take, &reception->file, error);
	g_autofree char *text = json_print(value);
	return files_write_all(reception->file, text, strlen(text), error);
}

/* Whether a notebook could take its inputs from what was received. */
static gboolean
check(Reception *reception, GError **error)
{
	RequestLimits limits = request_limits(reception->settings);
	g_autoptr(GMappedFile) file = g_mapped_file_new_from_fd(reception->file, FALSE, error);

	if (file == NULL)
		return FALSE;
	g_clear_pointer(&reception->inputs, inputs_free);
	reception->inputs = inputs_new(
		g_mapped_file_get_contents(file), g_mapped_file_get_length(file), &limits, error);
	return reception->inputs != NULL;
}

/* nbhookd syncs it in any case, with the folder, before it keeps the job. */
static gboolean
sync_large(const Reception *reception, GError **error)
{
	struct stat info;

	return fstat(reception->file, &info) < 0 || info.st_size < LARGE ||
	       files_sync(reception->file, "the request", error);
}

gboolean
receive_finish(Reception *reception, GError **error)
{
	return (reception->scratch < 0 || write_request(reception, error)) &&
	       check(reception, error) && sync_large(reception, error);
}

gboolean
receive_again(Reception *reception, int file, GError **error)
{
	AUTO_FD before = files_steal_fd(&reception->file);

	reception->file = file;
	return reception->scratch >= 0 ||
	       files_read_pieces(before, 0, files_take, &reception->file, error);
}
