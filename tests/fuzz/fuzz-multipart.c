/* Up to the first line break a Content-Type, then the body: how it is cut into pieces changes nothing, and its
 * names become names of files. */
#include "fuzz.h"

#include <glib.h>
#include <string.h>

#include "file_name.h"
#include "mime_value.h"
#include "multipart.h"

static gboolean
begin(gpointer data, json_object *headers, gint64 number, GError **error)
{
	const char *disposition = json_string_member(headers, "content-disposition");
	g_autofree char *sent = mime_text(disposition, "filename");
	g_autofree char *safe = file_name_safe(sent != NULL ? sent : "");

	g_assert_true(g_utf8_validate(safe, -1, NULL));
	g_assert_cmpuint(strlen(safe), <=, 200);
	g_assert_true(*safe != '\0' && *safe != '.' && strchr(safe, '/') == NULL);
	g_string_append_printf(data, "%" G_GINT64_FORMAT " %s|", number, safe);
	return TRUE;
}

static gboolean
take(gpointer data, const char *bytes, size_t size, GError **error)
{
	g_assert_cmpuint(size, >, 0);
	g_string_append_len(data, bytes, (gssize) size);
	return TRUE;
}

static gboolean
end(gpointer data, GError **error)
{
	g_string_append_c(data, '\n');
	return TRUE;
}

static const MultipartHandler handler = { begin, take, end };

static GString *
read_all(const char *type, const char *body, size_t size, size_t piece)
{
	GString *got = g_string_new(NULL);
	g_autoptr(GError) error = NULL;
	g_autoptr(Multipart) multipart = multipart_new(type, 20, &handler, got, &error);
	gboolean good = multipart != NULL;

	for (size_t at = 0; good && at < size; at += piece) {
		size_t length = MIN(piece, size - at);
		g_autofree char *exact = g_memdup2(body + at, length);

		good = multipart_feed(multipart, exact, length, &error);
	}
	if (good)
		multipart_finish(multipart, &error);
	if (error != NULL) {
		g_assert_true(g_utf8_validate(error->message, -1, NULL));
		g_string_assign(got, error->message);
	}
	return got;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *) data;
	const char *line_end = size > 0 ? memchr(text, '\n', size) : NULL;

	if (line_end == NULL || !g_utf8_validate_len(text, (size_t) (line_end - text), NULL))
		return 0;
	g_autofree char *type = g_strndup(text, (gsize) (line_end - text));
	const char *body = line_end + 1;
	size_t left = size - (size_t) (body - text);
	g_autoptr(GString) whole = read_all(type, body, left, left > 0 ? left : 1);
	g_autoptr(GString) bytewise = read_all(type, body, left, 1);
	g_autoptr(GString) by_sevens = read_all(type, body, left, 7);

	g_assert_true(g_string_equal(whole, bytewise) && g_string_equal(whole, by_sevens));
	return 0;
}
