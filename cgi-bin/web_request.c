/* CGI variables become a request by one pass over the environment; what cannot be taken as it is (a
 * number, an encoded path) is kept as text until web_request_check() has a place for an error. */
#include "web_request.h"

#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/files.h"

#define PIECE_SIZE (64 * 1024)

/* What a web server puts in the place of a request's header Proxy (CVE-2016-5385). */
#define EMPTIED "HTTP_PROXY="

static const char *
variable(char **environment, const char *name)
{
	size_t length = strlen(name);

	for (char **entry = environment; *entry != NULL; entry++)
		if ((*entry)[0] == name[0] && strncmp(*entry, name, length) == 0 &&
			(*entry)[length] == '=')
			return *entry + length + 1;
	return "";
}

/* Field values are UTF-8 here; other bytes were ISO 8859-1 once (RFC 9110 section 5.5). */
static char *
header_text(const char *value)
{
	if (g_utf8_validate(value, -1, NULL))
		return g_strdup(value);
	return g_convert(value, -1, "UTF-8", "ISO-8859-1", NULL, NULL, NULL);
}

/* A name that comes twice is one list (RFC 9110 section 5.3). */
static void
add_header(WebRequest *request, const char *name, const char *value)
{
	const char *earlier = json_string_member(request->headers, name);
	g_autofree char *text = header_text(value);
	g_autofree char *joined =
		earlier == NULL ? g_strdup(text)
				: g_strconcat(earlier, strcmp(name, "cookie") == 0 ? "; " : ", ",
					  text, NULL);

	request->headers_size += strlen(name) + strlen(value);
	json_put_string(request->headers, name, joined);
}

static char *
header_name(const char *variable_name, size_t length)
{
	g_autofree char *name = g_ascii_strdown(variable_name, (gssize) length);

	return g_strdelimit(g_steal_pointer(&name), "_", '-');
}

static void
collect_headers(WebRequest *request, char **environment)
{
	for (char **entry = environment; *entry != NULL; entry++) {
		const char *equals = strchr(*entry, '=');

		if (equals == NULL || !g_str_has_prefix(*entry, "HTTP_") ||
			strcmp(*entry, EMPTIED) == 0)
			continue;
		g_autofree char *name = header_name(*entry + 5, (size_t) (equals - *entry) - 5);
		add_header(request, name, equals + 1);
	}
	/* These two have no HTTP_ before them (RFC 3875 section 4.1); an empty one was not sent. */
	const char *type = variable(environment, "CONTENT_TYPE");
	const char *length = variable(environment, "CONTENT_LENGTH");
	if (type[0] != '\0' && web_request_header(request, "content-type") == NULL)
		add_header(request, "content-type", type);
	if (length[0] != '\0') {
		request->length_text = g_strdup(length);
		if (web_request_header(request, "content-length") == NULL)
			add_header(request, "content-length", length);
	}
}

/* REQUEST_URI is what was received; a CGI host that does not have it gives the decoded path. A program
 * that is mounted below a path of its own (SCRIPT_NAME, with the rest in PATH_INFO) does not see it. */
static char *
target_of(char **environment)
{
	const char *uri = variable(environment, "REQUEST_URI");
	const char *script = variable(environment, "SCRIPT_NAME");
	const char *rest = variable(environment, "PATH_INFO");

	if (uri[0] == '\0') {
		g_autofree char *path = g_uri_escape_bytes(
			(const guint8 *) rest, strlen(rest), G_URI_RESERVED_CHARS_ALLOWED_IN_PATH);
		const char *query = variable(environment, "QUERY_STRING");

		return g_strconcat(
			path[0] != '\0' ? path : "/", query[0] != '\0' ? "?" : "", query, NULL);
	}
	size_t mount = strlen(script);
	if (rest[0] == '/' && mount > 0 && strncmp(uri, script, mount) == 0 && uri[mount] == '/')
		uri += mount;
	return g_strdup(uri);
}

/* NBHOOK_ACCEL is nginx's word, in its configuration; a caller's headers all begin with HTTP_. */
static char *
accel_of(char **environment)
{
	const char *accel = variable(environment, "NBHOOK_ACCEL");

	return accel[0] == '/' ? g_strdup(accel) : NULL;
}

WebRequest *
web_request_new(char **environment, const WebIo *io, gpointer peer)
{
	WebRequest *request = g_new0(WebRequest, 1);

	request->io = io;
	request->peer = peer;
	request->connection = -1;
	request->arrived_ms = clock_ms();
	request->method = g_strdup(variable(environment, "REQUEST_METHOD"));
	request->target = target_of(environment);
	const char *question = strchr(request->target, '?');
	request->path = question == NULL
				? g_strdup(request->target)
				: g_strndup(request->target, (size_t) (question - request->target));
	request->query = g_strdup(question == NULL ? "" : question + 1);
	request->length = -1;
	request->accel = accel_of(environment);
	request->headers = json_object_new_object();
	collect_headers(request, environment);
	return request;
}

void
web_request_free(WebRequest *request)
{
	if (request == NULL)
		return;
	g_free(request->method);
	g_free(request->target);
	g_free(request->path);
	g_free(request->query);
	g_free(request->accel);
	g_free(request->length_text);
	g_strfreev(request->segments);
	json_object_put(request->headers);
	g_free(request);
}

const char *
web_request_header(const WebRequest *request, const char *name)
{
	return json_string_member(request->headers, name);
}

static gboolean
check_headers(const WebRequest *request, gint64 max_headers, GError **error)
{
	if ((gint64) request->headers_size > max_headers) {
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST,
			"the request headers have %zu bytes, more than the setting max_headers "
			"allows (%" G_GINT64_FORMAT ")",
			request->headers_size, max_headers);
		return FALSE;
	}
	json_object_object_foreach (request->headers, name, value) {
		if (strpbrk(json_object_get_string(value), "\r\n") == NULL)
			continue;
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST,
			"the value of the request header %s holds a line break", name);
		return FALSE;
	}
	return TRUE;
}

static gboolean
check_length(WebRequest *request, GError **error)
{
	guint64 length;

	if (request->length_text == NULL)
		return TRUE;
	if (!g_ascii_string_to_unsigned(request->length_text, 10, 0, G_MAXINT64, &length, NULL)) {
		g_set_error_literal(error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST,
			"Content-Length is not a number of bytes");
		return FALSE;
	}
	request->length = (gint64) length;
	return TRUE;
}

static gboolean
decode_segment(char **segment, GError **error)
{
	g_autofree char *decoded = g_uri_unescape_string(*segment, NULL);

	if (decoded == NULL || !g_utf8_validate(decoded, -1, NULL)) {
		g_set_error_literal(error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST,
			"the path of the URL is broken: percent signs must be followed by two hex "
			"digits, "
			"and the decoded text must be UTF-8 without NUL");
		return FALSE;
	}
	g_free(*segment);
	*segment = g_steal_pointer(&decoded);
	return TRUE;
}

static gboolean
split_path(WebRequest *request, GError **error)
{
	if (request->path[0] != '/') {
		g_set_error_literal(error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST,
			"the path of the URL does not begin with a slash");
		return FALSE;
	}
	g_auto(GStrv) segments = g_strsplit(request->path + 1, "/", -1);
	for (char **segment = segments; *segment != NULL; segment++)
		if (!decode_segment(segment, error))
			return FALSE;
	request->segments = g_steal_pointer(&segments);
	return TRUE;
}

gboolean
web_request_check(WebRequest *request, const Settings *settings, GError **error)
{
	size_t uri_size = strlen(request->target);

	if ((gint64) uri_size > settings->max_uri) {
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_URI_TOO_LONG,
			"the URI has %zu bytes, more than the setting max_uri allows "
			"(%" G_GINT64_FORMAT ")",
			uri_size, settings->max_uri);
		return FALSE;
	}
	return check_headers(request, settings->max_headers, error) &&
	       check_length(request, error) && split_path(request, error);
}

static gboolean
check_body_size(gint64 size, gint64 max, const char *setting, GError **error)
{
	if (size <= max)
		return TRUE;
	g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_TOO_LARGE,
		"the request body is larger than the setting %s allows (%" G_GINT64_FORMAT
		" bytes)",
		setting, max);
	return FALSE;
}

static gboolean
copy_body(const WebRequest *request, gint64 max, const char *setting, ByteSink take, gpointer sink,
	GError **error)
{
	g_autofree char *piece = g_malloc(PIECE_SIZE);
	gint64 total = 0;
	gssize got;

	if (!check_body_size(request->length, max, setting, error))
		return FALSE;
	while ((got = request->io->read(request->peer, piece, PIECE_SIZE)) > 0) {
		total += got;
		if (!check_body_size(total, max, setting, error) ||
			!take(sink, piece, (size_t) got, error))
			return FALSE;
	}
	if (got < 0 || (request->length >= 0 && total != request->length)) {
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST,
			"the request body ended after %" G_GINT64_FORMAT
			" bytes and not after the length that was announced",
			total);
		return FALSE;
	}
	return TRUE;
}

static gboolean
take_to_memory(gpointer sink, const char *bytes, size_t size, GError **error)
{
	GByteArray *array = sink;

	g_byte_array_append(array, (const guint8 *) bytes, (guint) size);
	return TRUE;
}

gboolean
web_request_save_body(
	const WebRequest *request, int fd, gint64 max, const char *setting, GError **error)
{
	return copy_body(request, max, setting, files_take, &fd, error);
}

GBytes *
web_request_read_body(const WebRequest *request, gint64 max, const char *setting, GError **error)
{
	g_autoptr(GByteArray) array = g_byte_array_new();

	if (!copy_body(request, max, setting, take_to_memory, array, error))
		return NULL;
	return g_byte_array_free_to_bytes(g_steal_pointer(&array));
}
