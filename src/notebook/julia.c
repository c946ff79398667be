/* Overflow is an error to Julia's parser, and a call with very many arguments is slow to compile: numbers
 * beyond the range are Inf, long lists are made in parts. */
#include "notebook/julia.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "notebook/literal.h"

#define MAX_HEIGHT 30
#define MAX_ITEMS 500

/* "Keywords" of the manual, and the words that are operators or reserved in some places. */
static const char *const keywords[] = { "abstract", "as", "baremodule", "begin", "break", "catch",
	"ccall", "const", "continue", "do", "else", "elseif", "end", "export", "false", "finally",
	"for", "function", "global", "if", "import", "in", "isa", "let", "local", "macro", "module",
	"mutable", "new", "outer", "primitive", "public", "quote", "return", "struct", "true",
	"try", "type", "using", "where", "while", NULL };

/* Characters that Julia takes for others. */
static const char *const aliases[] = { "\u00b5", "\u025b", "\u00b7", "\u0387", "\u210f", NULL };

static int
compare_words(const void *word, const void *entry)
{
	return strcmp(word, *(const char *const *) entry);
}

static gboolean
is_exported(const char *name)
{
	size_t n = g_strv_length((char **) julia_exports);

	return bsearch(name, julia_exports, n, sizeof *julia_exports, compare_words) != NULL;
}

static gboolean
has_alias(const char *name)
{
	for (size_t i = 0; aliases[i] != NULL; i++)
		if (strstr(name, aliases[i]) != NULL)
			return TRUE;
	return FALSE;
}

/* A name of underscores alone can be assigned to and not be read. */
static gboolean
accepts_name(const char *name, size_t size)
{
	(void) size;
	return literal_is_identifier(name, G_NORMALIZE_NFC) && !has_alias(name) &&
	       name[strspn(name, "_")] != '\0' && !g_strv_contains(keywords, name) &&
	       !is_exported(name);
}

static void
append_name(GString *source, const char *name)
{
	g_string_append(source, name);
}

/* "\x" would be a byte and not a character. */
static void
append_character(GString *source, gunichar character)
{
	if (character == '\n')
		g_string_append(source, "\\n");
	else if (character == '\t')
		g_string_append(source, "\\t");
	else if (character == '\r')
		g_string_append(source, "\\r");
	else if (character == '"' || character == '\\' || character == '$')
		g_string_append_printf(source, "\\%c", (char) character);
	else if (literal_is_plain(character))
		g_string_append_unichar(source, character);
	else
		g_string_append_printf(
			source, character < 0x10000 ? "\\u%04x" : "\\U%08x", character);
}

static void
append_string(GString *source, json_object *string)
{
	const char *text = json_object_get_string(string);
	const char *end = text + json_object_get_string_len(string);

	g_string_append_c(source, '"');
	for (; text < end; text = g_utf8_next_char(text))
		append_character(source, g_utf8_get_char(text));
	g_string_append_c(source, '"');
}

static void
append_integer(GString *source, const char *text)
{
	gint64 number;

	if (strcmp(text, "-0") == 0)
		text = "0";
	errno = 0;
	number = g_ascii_strtoll(text, NULL, 10);
	if (errno == 0 && number != G_MININT64)
		g_string_append(source, text);
	else if (errno == 0)
		g_string_append(source, "typemin(Int64)");
	else
		g_string_append_printf(source, "big\"%s\"", text);
}

static void
append_double(GString *source, const char *text)
{
	double number = g_ascii_strtod(text, NULL);

	if (isinf(number))
		g_string_append(source, number < 0 ? "-Inf" : "Inf");
	else if (number == 0)
		g_string_append(source, signbit(number) ? "-0.0" : "0.0");
	else
		g_string_append(source, text);
}

static void
append_dict(GString *source, json_object *const *names, char *const *items, guint n)
{
	g_string_append(source, "Dict{String,Any}(");
	for (guint i = 0; i < n; i++) {
		g_string_append(source, i > 0 ? ", " : "");
		append_string(source, names[i]);
		g_string_append_printf(source, " => %s", items[i]);
	}
	g_string_append_c(source, ')');
}

static void
append_extension(GString *source, const char *variable, const char *part, gboolean is_dict)
{
	g_string_append_printf(
		source, "%s(%s, %s)", is_dict ? "merge!" : "append!", variable, part);
}

static void
append_value(GString *source, json_object *value)
{
	static const LiteralStyle style = {
		.max_height = MAX_HEIGHT,
		.max_items = MAX_ITEMS,
		.begin = "let; ",
		.end = "; end",
		.assign = " = ",
		.words = { "false", "true", "nothing" },
		.list_begin = "Any[",
		.list_end = "]",
		.append_integer = append_integer,
		.append_double = append_double,
		.append_string = append_string,
		.append_dict = append_dict,
		.append_extension = append_extension,
	};

	literal_append(source, &style, value);
}

const Translator julia_translator = {
	.language = "julia",
	.title = "Julia",
	.comment = "# ",
	.assignment = " = ",
	.accepts_name = accepts_name,
	.append_name = append_name,
	.append_value = append_value,
};
