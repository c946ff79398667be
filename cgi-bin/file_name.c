#include "file_name.h"

#include <string.h>

#define MAX_BYTES 200
#define MAX_EXTENSION_BYTES 20

/* Where the extension begins, dot included; the end of name if it has none, or one too long to be kept. */
static const char *
extension_of(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot != NULL && dot > name && strlen(dot) <= MAX_EXTENSION_BYTES
		       ? dot
		       : name + strlen(name);
}

/* At most max bytes of text, cut between characters. */
static char *
cut(const char *text, size_t length, size_t max)
{
	while (length > max)
		length = (size_t) (g_utf8_prev_char(text + length) - text);
	return g_strndup(text, length);
}

static const char *
last_component(const char *path)
{
	for (const char *c = path; *c != '\0'; c++)
		if (*c == '/' || *c == '\\')
			path = c + 1;
	return path;
}

char *
file_name_safe(const char *sent)
{
	g_autoptr(GString) name = g_string_new(NULL);

	for (const char *at = last_component(sent); *at != '\0'; at = g_utf8_next_char(at)) {
		gunichar character = g_utf8_get_char(at);
		gboolean special = g_unichar_iscntrl(character) ||
				   g_unichar_type(character) == G_UNICODE_FORMAT ||
				   g_unichar_type(character) == G_UNICODE_LINE_SEPARATOR ||
				   g_unichar_type(character) == G_UNICODE_PARAGRAPH_SEPARATOR;

		g_string_append_unichar(name, special ? '_' : character);
	}
	g_strstrip(name->str);
	if (name->str[0] == '.')
		name->str[0] = '_';
	if (name->str[0] == '\0')
		return g_strdup("file");
	const char *extension = extension_of(name->str);
	g_autofree char *stem =
		cut(name->str, (size_t) (extension - name->str), MAX_BYTES - strlen(extension));
	return g_strconcat(stem, extension, NULL);
}

char *
file_name_unique(GHashTable *taken, const char *name)
{
	const char *extension = extension_of(name);
	char *unique = g_strdup(name);

	for (int number = 2; !g_hash_table_add(taken, g_strdup(unique)); number++) {
		g_free(unique);
		unique = g_strdup_printf(
			"%.*s-%d%s", (int) (extension - name), name, number, extension);
	}
	return unique;
}
