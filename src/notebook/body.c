/* The media type chooses a row of a table of parsers; the charset is settled before the parser
 * sees the bytes. Only charsets in a list reach iconv: its rarer ones have had holes. */
#include "notebook/body.h"

#include <string.h>

#include "base/error.h"
#include "base/gunzip.h"
#include "notebook/excerpt.h"

/* A Content-Type, taken apart. Owned; lower case. */
typedef struct MediaType {
	char *type;    /* "text/plain"; "" when there is none */
	char *charset; /* NULL when it is not said */
} MediaType;

static void
media_type_clear(MediaType *media)
{
	g_free(media->type);
	g_free(media->charset);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(MediaType, media_type_clear)

/* The text between quotes if it has them; blanks around it go. The caller frees. */
static char *
unquote(const char *text)
{
	g_autofree char *stripped = g_strstrip(g_strdup(text));
	size_t length = strlen(stripped);

	if (length >= 2 && stripped[0] == '"' && stripped[length - 1] == '"')
		return g_strndup(stripped + 1, length - 2);
	return g_steal_pointer(&stripped);
}

static void
media_type_read(MediaType *media, const char *text)
{
	g_auto(GStrv) parts = g_strsplit(text != NULL ? text : "", ";", -1);

	media->type = g_ascii_strdown(parts[0] != NULL ? g_strstrip(parts[0]) : "", -1);
	for (size_t i = 1; parts[0] != NULL && parts[i] != NULL && media->charset == NULL; i++) {
		char *equals = strchr(parts[i], '=');

		if (equals == NULL)
			continue;
		*equals = '\0';
		if (g_ascii_strcasecmp(g_strstrip(parts[i]), "charset") != 0)
			continue;
		g_autofree char *value = unquote(equals + 1);
		media->charset = g_ascii_strdown(value, -1);
	}
}

static gboolean
matches_any(const char *const *patterns, const char *text)
{
	for (; *patterns != NULL; patterns++)
		if (g_pattern_match_simple(*patterns, text))
			return TRUE;
	return FALSE;
}

static gboolean
is_utf8_charset(const char *charset)
{
	static const char *const names[] = { "utf-8", "utf8", "us-ascii", "ascii", NULL };

	return charset == NULL || matches_any(names, charset);
}

static gboolean
is_known_charset(const char *charset)
{
	static const char *const names[] = { "iso-8859-?", "iso-8859-1?", "latin1", "windows-125?",
		"utf-16", "utf-16le", "utf-16be", "koi8-r", "koi8-u", "macintosh", "shift_jis",
		"euc-jp", "euc-kr", "gbk", "gb2312", "gb18030", "big5", NULL };

	return matches_any(names, charset);
}

static gboolean
refuse_charset(const char *charset, const char *what, GError **error)
{
	g_autofree char *quoted = excerpt(charset);

	g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNSUPPORTED_TYPE,
		"the charset \"%s\" of the body is not offered for %s: send it as UTF-8", quoted,
		what);
	return FALSE;
}

static gboolean
check_text(const char *text, size_t size, GError **error)
{
	const char *end = NULL;

	if (g_utf8_validate_len(text, size, &end))
		return TRUE;
	g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST, "the body has %s at byte %zu",
		*end == '\0' ? "a NUL" : "invalid UTF-8", (size_t) (end - text));
	return FALSE;
}

/* {"str": text} */
static json_object *
text_value(const char *text, size_t size)
{
	json_object *value = json_object_new_object();

	json_object_object_add(value, "str", json_object_new_string_len(text, (int) size));
	return value;
}

/* The text after a byte order mark. */
static void
skip_mark(const char **text, size_t *size)
{
	if (*size >= 3 && memcmp(*text, "\xef\xbb\xbf", 3) == 0) {
		*text += 3;
		*size -= 3;
	}
}

/* A body on its way through a parser. */
typedef struct Body {
	MediaType *media;
	const char *bytes;
	size_t size;
	const RequestLimits *limits;
} Body;

static json_object *
checked_text(const char *text, size_t size, GError **error)
{
	if (!check_text(text, size, error))
		return NULL;
	skip_mark(&text, &size);
	return text_value(text, size);
}

static gboolean
parse_text(Body *body, Inputs *inputs, GError **error)
{
	const char *charset = body->media->charset;
	g_autofree char *converted = NULL;
	const char *text = body->bytes;
	gsize size = body->size;

	if (!is_utf8_charset(charset)) {
		if (!is_known_charset(charset))
			return refuse_charset(charset, "text", error);
		g_autoptr(GError) reason = NULL;
		text = converted = g_convert(
			body->bytes, (gssize) body->size, "UTF-8", charset, NULL, &size, &reason);
		if (g_error_matches(reason, G_CONVERT_ERROR, G_CONVERT_ERROR_NO_CONVERSION))
			return refuse_charset(charset, "text", error);
		if (converted == NULL) {
			g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST,
				"the body is not in its charset \"%s\"", charset);
			return FALSE;
		}
	}
	return (inputs->body = checked_text(text, size, error)) != NULL;
}

/* What a form holds takes far more memory than its text. */
static gboolean
check_fields(const Body *body, GError **error)
{
	gint64 fields = 0;

	for (size_t i = 0; i < body->size; i++)
		fields += body->bytes[i] != '&' && (i == 0 || body->bytes[i - 1] == '&');
	if (fields <= body->limits->max_fields)
		return TRUE;
	g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_TOO_LARGE,
		"the form has %" G_GINT64_FORMAT " fields, more than the setting max_parts allows "
		"(%" G_GINT64_FORMAT ")",
		fields, body->limits->max_fields);
	return FALSE;
}

static gboolean
parse_form(Body *body, Inputs *inputs, GError **error)
{
	if (!is_utf8_charset(body->media->charset))
		return refuse_charset(body->media->charset, "forms", error);
	inputs->body_has_keys = TRUE;
	return check_fields(body, error) && request_parse_form(body->bytes, body->size, "the form",
						    &inputs->body, &inputs->body_all, error);
}

static gboolean
parse_json(Body *body, Inputs *inputs, GError **error)
{
	const JsonLimits limits = { body->limits->max_json_depth, body->limits->max_values };

	if (!is_utf8_charset(body->media->charset))
		return refuse_charset(body->media->charset, "JSON", error);
	skip_mark(&body->bytes, &body->size);
	if (!json_parse_within(body->bytes, body->size, &limits, &inputs->body, error)) {
		g_prefix_error(error, "the body: ");
		return FALSE;
	}
	inputs->body_has_keys = json_object_is_type(inputs->body, json_type_object);
	return TRUE;
}

/* What brings files never stays a body: its value is in the request file (REQUEST_VALUE). */
static gboolean
parse_other(Body *body, Inputs *inputs, GError **error)
{
	return (inputs->body = checked_text(body->bytes, body->size, error)) != NULL;
}

/* The first row that matches counts. */
/* clang-format off */
static const struct {
	const char *pattern;
	BodyKind kind;
	gboolean (*parse)(Body *body, Inputs *inputs, GError **error);
} parsers[] = {
	{ "application/x-www-form-urlencoded", BODY_TEXT, parse_form },
	{ "application/json", BODY_TEXT, parse_json },
	{ "application/*+json", BODY_TEXT, parse_json },
	{ "text/json", BODY_TEXT, parse_json },
	{ "text/*", BODY_TEXT, parse_text },
	{ "multipart/*", BODY_MULTIPART, parse_other },
	{ "image/*+xml", BODY_OTHER, parse_other },
	{ "image/*", BODY_FILE, parse_other },
	{ "application/pdf", BODY_FILE, parse_other },
	{ "message/rfc822", BODY_FILE, parse_other },
	{ "*", BODY_OTHER, parse_other },
};
/* clang-format on */

static size_t
find_parser(const char *type)
{
	size_t i = 0;

	while (!g_pattern_match_simple(parsers[i].pattern, type))
		i++;
	return i;
}

BodyKind
body_kind(const char *content_type)
{
	g_auto(MediaType) media = { 0 };

	media_type_read(&media, content_type);
	return parsers[find_parser(media.type)].kind;
}

gboolean
body_is_packed(json_object *headers, gboolean *packed, GError **error)
{
	static const char *const as_is[] = { "", "identity", NULL };
	static const char *const gzip[] = { "gzip", "x-gzip", NULL };
	const char *encoding = json_string_member(headers, "content-encoding");
	g_autofree char *word = g_strstrip(g_ascii_strdown(encoding != NULL ? encoding : "", -1));

	*packed = g_strv_contains(gzip, word);
	if (*packed || g_strv_contains(as_is, word))
		return TRUE;
	g_autofree char *quoted = excerpt(encoding);
	g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNSUPPORTED_TYPE,
		"the Content-Encoding \"%s\" is not offered: send the body as it is, or as gzip",
		quoted);
	return FALSE;
}

static gboolean
check_size(size_t size, gint64 max, GError **error)
{
	if (size <= (guint64) max && size <= G_MAXINT)
		return TRUE;
	g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_TOO_LARGE,
		"the body has %zu bytes or more, more than max_parsed_body allows "
		"(%" G_GINT64_FORMAT ")",
		size, max);
	return FALSE;
}

/* An unpacked body as far as it goes. */
typedef struct Unpacked {
	GByteArray *bytes;
	gint64 max;
} Unpacked;

static gboolean
take_unpacked(gpointer sink, const char *bytes, size_t size, GError **error)
{
	Unpacked *unpacked = sink;

	if (!check_size(unpacked->bytes->len + size, unpacked->max, error))
		return FALSE;
	g_byte_array_append(unpacked->bytes, (const guint8 *) bytes, (guint) size);
	return TRUE;
}

GBytes *
body_unpack(const char *bytes, size_t size, const RequestLimits *limits, GError **error)
{
	g_autoptr(Gunzip) gunzip = gunzip_new(limits->max_gzip_ratio);
	g_autoptr(GByteArray) array = g_byte_array_new();
	Unpacked unpacked = { array, limits->max_parsed_body };

	if (!gunzip_feed(gunzip, bytes, size, take_unpacked, &unpacked, error) ||
		!gunzip_finish(gunzip, error))
		return NULL;
	return g_byte_array_free_to_bytes(g_steal_pointer(&array));
}

static gboolean
parse(Inputs *inputs, const char *bytes, size_t size, const RequestLimits *limits, GError **error)
{
	g_auto(MediaType) media = { 0 };
	Body body = { &media, bytes, size, limits };

	if (size == 0) {
		inputs->body = text_value("", 0);
		return TRUE;
	}
	if (!check_size(size, limits->max_parsed_body, error))
		return FALSE;
	media_type_read(&media, json_string_member(inputs->headers, "content-type"));
	return parsers[find_parser(media.type)].parse(&body, inputs, error);
}

gboolean
body_parse(
	Inputs *inputs, const char *bytes, size_t size, const RequestLimits *limits, GError **error)
{
	gboolean packed = FALSE;

	if (size == 0)
		return parse(inputs, bytes, size, limits, error);
	if (!body_is_packed(inputs->headers, &packed, error))
		return FALSE;
	if (!packed)
		return parse(inputs, bytes, size, limits, error);
	g_autoptr(GBytes) unpacked = body_unpack(bytes, size, limits, error);
	return unpacked != NULL && parse(inputs, g_bytes_get_data(unpacked, NULL),
					   g_bytes_get_size(unpacked), limits, error);
}
