/* The head of a request file is written and read by the functions here alone, so it is read
 * strictly: lines end with CR LF, a header is "name: value". */
#include "notebook/request.h"

#include <string.h>

#include "base/error.h"
#include "notebook/body.h"
#include "notebook/excerpt.h"
#include "notebook/translate.h"

#define REDACTED "[redacted]"
#define MAX_VALUE_DEPTH 8 /* fields, and files with their members */

static gboolean G_GNUC_PRINTF(2, 3) refuse(GError **error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	g_autofree char *message = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	g_set_error_literal(error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST, message);
	return FALSE;
}

static gboolean
is_credential(const char *name)
{
	static const char *const names[] = { "authorization", "cookie", "proxy-authorization",
		"x-gitlab-token", "x-shopify-hmac-sha256", NULL };

	return g_strv_contains(names, name) || strstr(name, "signature") != NULL;
}

static gboolean
has_line_end(const char *text, size_t size)
{
	return memchr(text, '\r', size) != NULL || memchr(text, '\n', size) != NULL ||
	       memchr(text, '\0', size) != NULL;
}

/* RFC 9110 section 5.6.2, in lower case. */
static gboolean
is_header_name(const char *name)
{
	size_t length = strspn(name, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz");

	return length > 0 && name[length] == '\0';
}

static gboolean
holds_name(json_object *names, const char *name)
{
	for (size_t i = 0; names != NULL && i < json_object_array_length(names); i++) {
		json_object *each = json_object_array_get_idx(names, i);

		if (json_object_is_type(each, json_type_string) &&
			g_ascii_strcasecmp(json_object_get_string(each), name) == 0)
			return TRUE;
	}
	return FALSE;
}

static gboolean
redacts(const Redaction *redaction, const char *name)
{
	return (is_credential(name) || g_strcmp0(redaction->secret, name) == 0) &&
	       !holds_name(redaction->unredacted, name);
}

static gboolean
print_header(GString *text, const char *name, json_object *value, const Redaction *redaction,
	GError **error)
{
	if (!is_header_name(name))
		return refuse(error, "a header's name is broken");
	if (!json_object_is_type(value, json_type_string))
		return refuse(error, "the header %s is no text", name);
	const char *bytes = json_object_get_string(value);
	size_t size = (size_t) json_object_get_string_len(value);
	if (has_line_end(bytes, size))
		return refuse(error, "the header %s has a CR, LF or NUL in its value", name);
	g_string_append_printf(text, "%s: ", name);
	if (redacts(redaction, name))
		g_string_append(text, REDACTED);
	else
		g_string_append_len(text, bytes, (gssize) size);
	g_string_append(text, "\r\n");
	return TRUE;
}

gboolean
request_print_head(GString *text, const char *method, const char *target, json_object *headers,
	const Redaction *redaction, GError **error)
{
	g_autoptr(GString) head = g_string_new(NULL);

	if (*method == '\0' || strchr(method, ' ') != NULL || has_line_end(method, strlen(method)))
		return refuse(error, "the method is broken");
	if (has_line_end(target, strlen(target)))
		return refuse(error, "the URL has a CR or LF");
	g_string_append_printf(head, "%s %s HTTP/1.1\r\n", method, target);
	json_object_object_foreach (headers, name, value) {
		if (!print_header(head, name, value, redaction, error))
			return FALSE;
	}
	g_string_append(head, "\r\n");
	g_string_append_len(text, head->str, (gssize) head->len);
	return TRUE;
}

/* Where a form's part stands, for errors. */
typedef struct Part {
	const char *names; /* "the query", "the form" */
	const char *field; /* NULL in a name */
	const char *text;  /* of the whole form */
} Part;

static gboolean
refuse_part(const Part *part, const char *what, const char *at, GError **error)
{
	size_t offset = (size_t) (at - part->text);

	if (part->field == NULL)
		return refuse(error, "%s has %s at byte %zu, in a name", part->names, what, offset);
	g_autofree char *field = excerpt(part->field);
	return refuse(error, "%s has %s at byte %zu, in the value of \"%s\"", part->names, what,
		offset, field);
}

/* Decodes what stands between begin and end; NULL and an error if it cannot be. */
static GString *
decode(const Part *part, const char *begin, const char *end, GError **error)
{
	g_autoptr(GString) out = g_string_sized_new((gsize) (end - begin));

	for (const char *at = begin; at < end; at++) {
		int byte = *at == '+' ? ' ' : (guchar) *at;

		if (*at == '%') {
			if (end - at < 3 || !g_ascii_isxdigit(at[1]) || !g_ascii_isxdigit(at[2])) {
				refuse_part(part, "a broken percent-encoding", at, error);
				return NULL;
			}
			byte = g_ascii_xdigit_value(at[1]) * 16 + g_ascii_xdigit_value(at[2]);
		}
		if (byte == 0) {
			refuse_part(part, "a NUL", at, error);
			return NULL;
		}
		if (*at == '%')
			at += 2;
		g_string_append_c(out, (char) byte);
	}
	if (!g_utf8_validate_len(out->str, out->len, NULL)) {
		refuse_part(part, "invalid UTF-8", begin, error);
		return NULL;
	}
	return g_steal_pointer(&out);
}

void
request_add_value(json_object *all, const char *name, json_object *value)
{
	json_object *list = json_member(all, name);

	if (list == NULL) {
		list = json_object_new_array_ext(1);
		json_object_object_add(all, name, list);
	}
	json_object_array_add(list, value);
}

/* One "name=value" into both shapes. */
static gboolean
parse_pair(Part *part, const char *begin, const char *end, json_object *last, json_object *all,
	GError **error)
{
	const char *equals = memchr(begin, '=', (size_t) (end - begin));
	const char *name_end = equals != NULL ? equals : end;

	part->field = NULL;
	g_autoptr(GString) name = decode(part, begin, name_end, error);
	if (name == NULL)
		return FALSE;
	part->field = name->str;
	g_autoptr(GString) value = decode(part, equals != NULL ? equals + 1 : end, end, error);
	if (value == NULL)
		return FALSE;
	g_autoptr(json_object) string = json_object_new_string_len(value->str, (int) value->len);
	json_put_shared(last, name->str, string);
	request_add_value(all, name->str, json_object_get(string));
	return TRUE;
}

gboolean
request_parse_form(const char *text, size_t size, const char *names, json_object **last,
	json_object **all, GError **error)
{
	g_autoptr(json_object) last_values = json_object_new_object();
	g_autoptr(json_object) all_values = json_object_new_object();
	const char *end = text + size;
	Part part = { .names = names, .text = text };

	while (text < end) {
		const char *pair_end = memchr(text, '&', (size_t) (end - text));

		if (pair_end == NULL)
			pair_end = end;
		if (pair_end > text &&
			!parse_pair(&part, text, pair_end, last_values, all_values, error))
			return FALSE;
		text = pair_end + 1;
	}
	*last = g_steal_pointer(&last_values);
	*all = g_steal_pointer(&all_values);
	return TRUE;
}

/* What of a request file has not been read yet. */
typedef struct Cursor {
	const char *at;
	const char *end;
} Cursor;

/* The next line without its end; NULL when there is no whole line. */
static char *
next_line(Cursor *cursor)
{
	const char *line_end = memmem(cursor->at, (size_t) (cursor->end - cursor->at), "\r\n", 2);

	if (line_end == NULL || memchr(cursor->at, '\0', (size_t) (line_end - cursor->at)) != NULL)
		return NULL;
	char *line = g_strndup(cursor->at, (gsize) (line_end - cursor->at));
	cursor->at = line_end + 2;
	return line;
}

/* A header's value as UTF-8; what is not is taken as ISO 8859-1, HTTP's old charset. The caller
 * frees. */
static char *
header_text(const char *value)
{
	if (g_utf8_validate(value, -1, NULL))
		return g_strdup(value);
	GString *text = g_string_new(NULL);
	for (; *value != '\0'; value++)
		g_string_append_unichar(text, (guchar) *value);
	return g_string_free(text, FALSE);
}

/* A repeated header is one with its values joined (RFC 9110 section 5.3). */
static gboolean
read_header(json_object *headers, const char *line, GError **error)
{
	g_auto(GStrv) parts = g_strsplit(line, ": ", 2);

	if (g_strv_length(parts) != 2 || !is_header_name(parts[0]))
		return refuse(error, "the head of the request has a broken header line");
	const char *before = json_string_member(headers, parts[0]);
	g_autofree char *value = header_text(parts[1]);
	g_autofree char *joined =
		g_strconcat(before != NULL ? before : "", before != NULL ? ", " : "", value, NULL);
	json_put_string(headers, parts[0], joined);
	return TRUE;
}

static gboolean
read_headers(Inputs *inputs, Cursor *cursor, GError **error)
{
	inputs->headers = json_object_new_object();
	for (;;) {
		g_autofree char *line = next_line(cursor);

		if (line == NULL)
			return refuse(error, "the head of the request is cut off");
		if (*line == '\0')
			return TRUE;
		if (!read_header(inputs->headers, line, error))
			return FALSE;
	}
}

/* Takes the query out of a request line. */
static gboolean
read_query(Inputs *inputs, char *line, GError **error)
{
	char *version = line != NULL ? g_strrstr(line, " HTTP/1.1") : NULL;
	const char *target = line != NULL ? strchr(line, ' ') : NULL;

	if (version == NULL || target == NULL || version <= target)
		return refuse(error, "the head of the request has no request line");
	*version = '\0';
	const char *query = strchr(target, '?');
	query = query != NULL ? query + 1 : "";
	return request_parse_form(query, strcspn(query, "#"), "the query", &inputs->params,
		&inputs->params_all, error);
}

RequestLimits
request_limits(const Settings *settings)
{
	return (RequestLimits){ .max_parsed_body = settings->max_parsed_body,
		.max_json_depth = (int) settings->max_json_depth,
		.max_values = settings->max_values,
		.max_fields = settings->max_parts,
		.max_gzip_ratio = settings->max_gzip_ratio };
}

RequestLimits
request_limits_accepted(const Settings *settings)
{
	RequestLimits limits = request_limits(settings);

	limits.max_values = G_MAXINT64;
	limits.max_fields = G_MAXINT64;
	return limits;
}

/* What stands in place of a body that brought files; in a request that an earlier version accepted, only
 * the body. */
static gboolean
read_value(Inputs *inputs, gboolean both, const char *text, size_t size, GError **error)
{
	g_autoptr(json_object) value = json_parse_object(text, size, MAX_VALUE_DEPTH, error);

	if (value == NULL)
		return FALSE;
	inputs->body_has_keys = TRUE;
	if (!both) {
		inputs->body = g_steal_pointer(&value);
		return TRUE;
	}
	inputs->body = json_object_get(json_object_member(value, "body"));
	inputs->body_all = json_object_get(json_object_member(value, "body_all"));
	return (inputs->body != NULL && inputs->body_all != NULL) ||
	       refuse(error, "what stands for the body of the request is broken");
}

static gboolean
read_body(Inputs *inputs, const Cursor *cursor, const RequestLimits *limits, GError **error)
{
	size_t size = (size_t) (cursor->end - cursor->at);
	const char *kind = json_string_member(inputs->headers, REQUEST_VALUE);
	gboolean has_value = kind != NULL;
	gboolean both = g_strcmp0(kind, REQUEST_VALUE_KIND) == 0;

	json_object_object_del(inputs->headers, REQUEST_VALUE);
	if (!(has_value ? read_value(inputs, both, cursor->at, size, error)
			: body_parse(inputs, cursor->at, size, limits, error)))
		return FALSE;
	if (inputs->body_all == NULL)
		inputs->body_all = json_object_new_object();
	return TRUE;
}

Inputs *
inputs_new(const char *request, size_t size, const RequestLimits *limits, GError **error)
{
	g_autoptr(Inputs) inputs = g_new0(Inputs, 1);
	Cursor cursor = { request, request + size };
	g_autofree char *line = next_line(&cursor);

	if (!read_query(inputs, line, error) || !read_headers(inputs, &cursor, error) ||
		!read_body(inputs, &cursor, limits, error))
		return NULL;
	return g_steal_pointer(&inputs);
}

void
inputs_free(Inputs *inputs)
{
	if (inputs == NULL)
		return;
	json_object_put(inputs->params);
	json_object_put(inputs->params_all);
	json_object_put(inputs->body);
	json_object_put(inputs->body_all);
	json_object_put(inputs->headers);
	g_free(inputs);
}

void
inputs_place_files(Inputs *inputs, const char *folder)
{
	json_object *files = json_array_member(inputs->body, "files");

	for (size_t i = 0; files != NULL && i < json_object_array_length(files); i++) {
		json_object *file = json_object_array_get_idx(files, i);
		const char *name = json_string_member(file, "path");
		g_autofree char *path = name != NULL ? g_build_filename(folder, name, NULL) : NULL;

		if (path != NULL)
			json_put_string(file, "path", path);
	}
}

/* Registered params that are settings of a webhook. */
static const char *const webhook_settings[] = { "notif_up", "notif_down", "next_url", "inline",
	"methods", "respond_async", "unredacted_headers", NULL };

static const char *const own_names[] = { "params", "params_all", "body", "body_all", "headers",
	"naas", NULL };

gboolean
inputs_accepts_name(const char *name, const char *language)
{
	const Translator *translator = translator_find(language);

	return !g_strv_contains(own_names, name) &&
	       (translator == NULL || translator_accepts_name(translator, name, strlen(name)));
}

/* Adds what may be a variable. */
static void
add_variables(json_object *variables, json_object *values, const char *const *skipped,
	const char *language)
{
	if (!json_object_is_type(values, json_type_object))
		return;
	json_object_object_foreach (values, name, value)
		if (!g_strv_contains(skipped, name) && inputs_accepts_name(name, language))
			json_put_shared(variables, name, value);
}

json_object *
inputs_variables(Inputs *inputs, json_object *registered, const char *language)
{
	static const char *const none[] = { NULL };
	json_object *variables = json_object_new_object();

	json_put_shared(variables, "params", inputs->params);
	json_put_shared(variables, "params_all", inputs->params_all);
	json_put_shared(variables, "body", inputs->body);
	json_put_shared(variables, "body_all", inputs->body_all);
	json_put_shared(variables, "headers", inputs->headers);
	add_variables(variables, registered, webhook_settings, language);
	add_variables(variables, inputs->params, none, language);
	if (inputs->body_has_keys)
		add_variables(variables, inputs->body, none, language);
	return variables;
}
