/* A machine with four states. What was fed and not yet given on is held; a step gives on or drops what it
 * can be sure of, which is all but the beginning of a delimiter or the headers of a part.
 *
 *   PREAMBLE -delimiter-> HEADERS -blank line-> CONTENT -delimiter-> HEADERS …
 *                                                       -final delimiter-> EPILOGUE
 *
 * A delimiter is CR LF "--" boundary; the first may lack the CR LF, so one is put before the body. */
#include "multipart.h"

#include <string.h>

#include "base/error.h"
#include "mime_value.h"

#define MAX_BOUNDARY 70 /* RFC 2046 section 5.1.1 */
#define MAX_HEADERS_SIZE (16 * 1024)
#define MAX_PADDING 256

typedef enum {
	PREAMBLE,
	HEADERS,
	CONTENT,
	EPILOGUE,
} State;

struct Multipart {
	char *delimiter;
	size_t delimiter_size;
	gint64 max_parts, n_parts;
	const MultipartHandler *handler;
	gpointer data;
	State state;
	GByteArray *held;
	size_t used; /* so many bytes of held are done with */
};

static gboolean
is_boundary(const char *text)
{
	size_t size = text != NULL ? strlen(text) : 0;

	return size > 0 && size <= MAX_BOUNDARY && text[size - 1] != ' ' &&
	       strspn(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			    "'()+_,-./:=? ") == size;
}

Multipart *
multipart_new(const char *content_type, gint64 max_parts, const MultipartHandler *handler,
	gpointer data, GError **error)
{
	g_autofree char *boundary = mime_parameter(content_type, "boundary");

	if (!is_boundary(boundary)) {
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST,
			"the Content-Type of a multipart body must have a boundary of 1 to %d "
			"letters, digits and characters that RFC 2046 allows",
			MAX_BOUNDARY);
		return NULL;
	}
	Multipart *multipart = g_new0(Multipart, 1);
	multipart->delimiter = g_strconcat("\r\n--", boundary, NULL);
	multipart->delimiter_size = strlen(multipart->delimiter);
	multipart->max_parts = max_parts;
	multipart->handler = handler;
	multipart->data = data;
	multipart->held = g_byte_array_new();
	g_byte_array_append(multipart->held, (const guint8 *) "\r\n", 2);
	return multipart;
}

void
multipart_free(Multipart *multipart)
{
	if (multipart == NULL)
		return;
	g_free(multipart->delimiter);
	g_byte_array_unref(multipart->held);
	g_free(multipart);
}

/* What follows a delimiter on its line. */
typedef enum {
	LINE_OPEN, /* not all of it is there */
	LINE_PART,
	LINE_FINAL,
	LINE_NONE, /* this was no delimiter */
} Line;

/* *end is set behind a line that is a delimiter's. */
static Line
look_behind(const char *at, size_t size, const char **end)
{
	if (size >= 2 && memcmp(at, "--", 2) == 0) {
		*end = at + 2;
		return LINE_FINAL;
	}
	if (size == 1 && *at == '-')
		return LINE_OPEN;
	size_t padding = 0;
	while (padding < size && padding <= MAX_PADDING &&
		(at[padding] == ' ' || at[padding] == '\t'))
		padding++;
	if (padding > MAX_PADDING)
		return LINE_NONE;
	if (size - padding >= 2 && memcmp(at + padding, "\r\n", 2) == 0) {
		*end = at + padding + 2;
		return LINE_PART;
	}
	return size == padding || (size == padding + 1 && at[padding] == '\r') ? LINE_OPEN
									       : LINE_NONE;
}

/* Looks for the next delimiter. *content is set behind what is certainly before one, *end behind its line. */
static Line
find_delimiter(const Multipart *multipart, const char *bytes, size_t size, const char **content,
	const char **end)
{
	const char *stop = bytes + size;
	const char *at = bytes;

	while ((at = memmem(at, (size_t) (stop - at), multipart->delimiter,
			multipart->delimiter_size)) != NULL) {
		const char *behind = at + multipart->delimiter_size;
		Line line = look_behind(behind, (size_t) (stop - behind), end);

		*content = at;
		if (line != LINE_NONE)
			return line;
		at++;
	}
	*content = bytes + (size - MIN(size, multipart->delimiter_size - 1));
	return LINE_OPEN;
}

/* One step of PREAMBLE or CONTENT; *on: there may be another. */
static gboolean
read_to_delimiter(
	Multipart *multipart, const char *bytes, size_t size, gboolean *on, GError **error)
{
	const MultipartHandler *handler = multipart->handler;
	gboolean in_part = multipart->state == CONTENT;
	const char *content = bytes;
	const char *end = bytes;
	Line line = find_delimiter(multipart, bytes, size, &content, &end);

	if (in_part && content > bytes &&
		!handler->take(multipart->data, bytes, (size_t) (content - bytes), error))
		return FALSE;
	*on = line != LINE_OPEN;
	multipart->used += (size_t) ((*on ? end : content) - bytes);
	if (!*on)
		return TRUE;
	multipart->state = line == LINE_FINAL ? EPILOGUE : HEADERS;
	return !in_part || handler->end(multipart->data, error);
}

static gboolean
refuse(const Multipart *multipart, int code, const char *what, GError **error)
{
	g_set_error(error, NBHOOK_ERROR, code, "part %" G_GINT64_FORMAT " of the body %s",
		multipart->n_parts, what);
	return FALSE;
}

static gboolean
is_token(const char *text)
{
	size_t size = strspn(text, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz");

	return size > 0 && text[size] == '\0';
}

/* One header line, unfolded, into headers. */
static gboolean
read_header(const Multipart *multipart, json_object *headers, const char *line, GError **error)
{
	g_auto(GStrv) parts = g_strsplit(line, ":", 2);

	if (g_strv_length(parts) == 2) {
		g_autofree char *name = g_ascii_strdown(g_strchomp(parts[0]), -1);
		const char *text = g_strstrip(parts[1]);
		g_autofree char *value =
			g_utf8_validate(text, -1, NULL)
				? g_strdup(text)
				: g_convert(text, -1, "UTF-8", "ISO-8859-1", NULL, NULL, NULL);

		if (is_token(name) && strpbrk(value, "\r\n") == NULL) {
			json_put_string(headers, name, value);
			return TRUE;
		}
	}
	return refuse(multipart, NBHOOK_ERROR_BAD_REQUEST, "has a broken header line", error);
}

/* The lines of text (owned by the caller, and changed), where one that begins with a space goes on the one
 * before it. */
static gboolean
read_headers(const Multipart *multipart, json_object *headers, char *text, GError **error)
{
	for (char *fold = text; (fold = strstr(fold, "\r\n")) != NULL; fold += 2)
		if (fold[2] == ' ' || fold[2] == '\t')
			fold[0] = fold[1] = ' ';
	g_auto(GStrv) lines = g_strsplit(text, "\r\n", -1);
	for (char **line = lines; *line != NULL; line++)
		if (**line != '\0' && !read_header(multipart, headers, *line, error))
			return FALSE;
	return TRUE;
}

static gboolean
begin_part(Multipart *multipart, const char *bytes, size_t size, GError **error)
{
	g_autoptr(json_object) headers = json_object_new_object();

	if (++multipart->n_parts > multipart->max_parts) {
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_TOO_LARGE,
			"the body has more parts than the setting max_parts allows "
			"(%" G_GINT64_FORMAT ")",
			multipart->max_parts);
		return FALSE;
	}
	if (memchr(bytes, '\0', size) != NULL)
		return refuse(
			multipart, NBHOOK_ERROR_BAD_REQUEST, "has a NUL in its headers", error);
	g_autofree char *text = g_strndup(bytes, size);
	return read_headers(multipart, headers, text, error) &&
	       multipart->handler->begin(multipart->data, headers, multipart->n_parts, error);
}

static gboolean
read_part_headers(
	Multipart *multipart, const char *bytes, size_t size, gboolean *on, GError **error)
{
	gboolean none = size >= 2 && memcmp(bytes, "\r\n", 2) == 0;
	const char *blank = none ? bytes : memmem(bytes, size, "\r\n\r\n", 4);

	if ((blank != NULL ? (size_t) (blank - bytes) : size) > MAX_HEADERS_SIZE) {
		multipart->n_parts++;
		return refuse(multipart, NBHOOK_ERROR_TOO_LARGE,
			"has headers of more than 16384 bytes", error);
	}
	*on = blank != NULL;
	if (!*on)
		return TRUE;
	multipart->used += (size_t) (blank - bytes) + (none ? 2 : 4);
	multipart->state = CONTENT;
	return begin_part(multipart, bytes, (size_t) (blank - bytes), error);
}

static gboolean
step(Multipart *multipart, gboolean *on, GError **error)
{
	const char *bytes = (const char *) multipart->held->data + multipart->used;
	size_t size = multipart->held->len - multipart->used;

	switch (multipart->state) {
	case HEADERS:
		return read_part_headers(multipart, bytes, size, on, error);
	case EPILOGUE:
		multipart->used += size;
		*on = FALSE;
		return TRUE;
	case PREAMBLE:
	case CONTENT:
	default:
		return read_to_delimiter(multipart, bytes, size, on, error);
	}
}

gboolean
multipart_feed(Multipart *multipart, const char *bytes, size_t size, GError **error)
{
	gboolean on = size > 0;

	g_byte_array_append(multipart->held, (const guint8 *) bytes, (guint) size);
	while (on)
		if (!step(multipart, &on, error))
			return FALSE;
	g_byte_array_remove_range(multipart->held, 0, (guint) multipart->used);
	multipart->used = 0;
	return TRUE;
}

gboolean
multipart_finish(Multipart *multipart, GError **error)
{
	if (multipart->state == EPILOGUE)
		return TRUE;
	if (multipart->state == PREAMBLE)
		g_set_error_literal(error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST,
			"the multipart body has no line with the boundary that its Content-Type "
			"names");
	else
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST,
			"the multipart body ends without its final boundary, after "
			"%" G_GINT64_FORMAT " parts have begun",
			multipart->n_parts);
	return FALSE;
}
