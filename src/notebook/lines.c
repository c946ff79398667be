/* Lines are cut over the UTF-8 bytes: every line end of str.splitlines() is one byte, CR LF,
 * U+0085, U+2028 or U+2029. */
#include "notebook/lines.h"

#include <string.h>

#include "base/scan.h"

/* How many bytes the line end at text has; 0 when there is none. */
static size_t
line_end_length(const char *text, size_t size)
{
	switch ((unsigned char) text[0]) {
	case '\n':
	case '\v':
	case '\f':
	case 0x1c:
	case 0x1d:
	case 0x1e:
		return 1;
	case '\r':
		return size > 1 && text[1] == '\n' ? 2 : 1;
	case 0xc2:
		return size > 1 && memcmp(text, "\xc2\x85", 2) == 0 ? 2 : 0;
	case 0xe2:
		if (size < 3)
			return 0;
		return memcmp(text, "\xe2\x80\xa8", 3) == 0 || memcmp(text, "\xe2\x80\xa9", 3) == 0
			       ? 3
			       : 0;
	default:
		return 0;
	}
}

/* Line ends begin with such a byte. */
#define MAY_BEGIN_END(byte) (((byte) < 0x20) | ((byte) == 0xc2) | ((byte) == 0xe2))

SCAN_DEFINE(length_without_end, MAY_BEGIN_END)

size_t
lines_first(const char *text, size_t size)
{
	for (size_t at = 0;; at++) {
		at += length_without_end(text + at, size - at);
		if (at == size)
			return size;
		size_t end = line_end_length(text + at, size - at);
		if (end > 0)
			return at + end;
	}
}

json_object *
lines_split(json_object *value)
{
	if (!json_object_is_type(value, json_type_string))
		return json_object_get(value);
	const char *text = json_object_get_string(value);
	size_t size = (size_t) json_object_get_string_len(value);
	json_object *lines = json_object_new_array();

	while (size > 0) {
		size_t length = lines_first(text, size);

		json_object_array_add(lines, json_object_new_string_len(text, (int) length));
		text += length;
		size -= length;
	}
	return lines;
}

json_object *
lines_join(json_object *value, const char *separator)
{
	if (!json_object_is_type(value, json_type_array))
		return NULL;
	g_autoptr(GString) text = g_string_new(NULL);

	for (size_t i = 0; i < json_object_array_length(value); i++) {
		json_object *line = json_object_array_get_idx(value, i);

		if (!json_object_is_type(line, json_type_string))
			return NULL;
		if (i > 0)
			g_string_append(text, separator);
		g_string_append_len(
			text, json_object_get_string(line), json_object_get_string_len(line));
	}
	return json_object_new_string_len(text->str, (int) text->len);
}

gboolean
lines_are_text(json_object *value)
{
	if (!json_object_is_type(value, json_type_array))
		return json_object_is_type(value, json_type_string);
	for (size_t i = 0; i < json_object_array_length(value); i++)
		if (!json_object_is_type(json_object_array_get_idx(value, i), json_type_string))
			return FALSE;
	return TRUE;
}

void
lines_join_member(json_object *object, const char *name)
{
	json_object *joined = lines_join(json_member(object, name), "");

	if (joined != NULL)
		json_object_object_add(object, name, joined);
}

gboolean
lines_are_json_type(const char *type)
{
	return strcmp(type, "application/json") == 0 ||
	       (g_str_has_prefix(type, "application/") && g_str_has_suffix(type, "+json"));
}

static gboolean
is_split_type(const char *type)
{
	return g_str_has_prefix(type, "text/") || strcmp(type, "application/javascript") == 0 ||
	       strcmp(type, "image/svg+xml") == 0;
}

void
lines_join_bundle(json_object *bundle)
{
	struct lh_entry *entry;

	if (!json_object_is_type(bundle, json_type_object))
		return;
	lh_foreach(json_object_get_object(bundle), entry)
	{
		if (!lines_are_json_type(lh_entry_k(entry)))
			lines_join_member(bundle, lh_entry_k(entry));
	}
}

void
lines_collect(GHashTable *strings, json_object *value)
{
	if (json_object_is_type(value, json_type_string))
		g_hash_table_add(strings, value);
}

void
lines_collect_bundle(GHashTable *strings, json_object *bundle)
{
	struct lh_entry *entry;

	if (!json_object_is_type(bundle, json_type_object))
		return;
	lh_foreach(json_object_get_object(bundle), entry)
	{
		if (is_split_type(lh_entry_k(entry)))
			lines_collect(strings, json_member(bundle, lh_entry_k(entry)));
	}
}
