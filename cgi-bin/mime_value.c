#include "mime_value.h"

#include <string.h>

char *
mime_word(const char *value)
{
	const char *text = value != NULL ? value : "";
	g_autofree char *word = g_ascii_strdown(text, (gssize) strcspn(text, ";"));

	return g_strdup(g_strstrip(word));
}

static void
skip_space(const char **at)
{
	*at += strspn(*at, " \t\r\n");
}

static char *
read_quoted(const char **at)
{
	g_autoptr(GString) text = g_string_new(NULL);

	for (++*at; **at != '\0' && **at != '"'; ++*at) {
		if (**at == '\\' && ((*at)[1] == '"' || (*at)[1] == '\\'))
			++*at;
		g_string_append_c(text, **at);
	}
	if (**at == '"')
		++*at;
	return g_strdup(text->str);
}

static char *
read_value(const char **at)
{
	const char *begin = *at;

	if (*begin == '"')
		return read_quoted(at);
	*at += strcspn(*at, ";");
	g_autofree char *token = g_strndup(begin, (size_t) (*at - begin));
	return g_strdup(g_strstrip(token));
}

/* Reads "name=value" behind a semicolon; *name is NULL at the end or where it is malformed. */
static void
read_parameter(const char **at, char **name, char **value)
{
	skip_space(at);
	size_t length = strcspn(*at, "=;");
	g_autofree char *text = g_ascii_strdown(*at, (gssize) length);

	*at += length;
	if (**at == '=') {
		++*at;
		skip_space(at);
		*value = read_value(at);
	} else {
		*value = g_strdup("");
	}
	*name = g_strdup(g_strstrip(text));
	*at += strcspn(*at, ";");
}

char *
mime_parameter(const char *value, const char *name)
{
	const char *at = value != NULL ? value + strcspn(value, ";") : "";

	while (*at == ';') {
		g_autofree char *found = NULL;
		g_autofree char *text = NULL;

		at++;
		read_parameter(&at, &found, &text);
		if (strcmp(found, name) == 0)
			return g_steal_pointer(&text);
	}
	return NULL;
}

/* RFC 8187 section 3.2.1: charset, language, percent-encoded text, with an apostrophe between. */
static char *
decode_extended(const char *text)
{
	g_auto(GStrv) parts = g_strsplit(text, "'", 3);

	if (g_strv_length(parts) != 3)
		return NULL;
	g_autofree char *bytes = g_uri_unescape_string(parts[2], NULL);
	if (bytes == NULL)
		return NULL;
	if (g_ascii_strcasecmp(parts[0], "iso-8859-1") == 0)
		return g_convert(bytes, -1, "UTF-8", "ISO-8859-1", NULL, NULL, NULL);
	return g_ascii_strcasecmp(parts[0], "utf-8") == 0 && g_utf8_validate(bytes, -1, NULL)
		       ? g_steal_pointer(&bytes)
		       : NULL;
}

char *
mime_text(const char *value, const char *name)
{
	g_autofree char *extended_name = g_strconcat(name, "*", NULL);
	g_autofree char *extended = mime_parameter(value, extended_name);
	char *decoded = extended != NULL ? decode_extended(extended) : NULL;
	char *plain = decoded == NULL ? mime_parameter(value, name) : NULL;

	if (plain == NULL)
		return decoded;
	g_autoptr(GString) text = g_string_new(plain);
	g_free(plain);
	g_string_replace(text, "%22", "\"", 0);
	g_string_replace(text, "%0D", "\r", 0);
	g_string_replace(text, "%0A", "\n", 0);
	return g_strdup(text->str);
}
