/* All that is not ASCII is escaped, since R reads other characters by its locale. Numbers are written as
 * hexadecimal ones where R, which does not round correctly, would read another number than was meant. */
#include "notebook/r.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "notebook/literal.h"

/* R's parser takes 50 brackets within brackets, and a list with names has two. */
#define MAX_HEIGHT 20
/* Names of a call's arguments are symbols, which may have 10000 bytes. */
#define MAX_TAG 1000
/* What a long double of 64 bits holds exactly. */
#define EXACT_DIGITS 18
#define EXACT_EXPONENT 27

/* help("Reserved"), and of base what is no function: values hide only such. */
static const char *const reserved[] = { "if", "else", "repeat", "while", "function", "for", "next",
	"break", "in", "TRUE", "FALSE", "NULL", "Inf", "NaN", "NA", "NA_integer_", "NA_real_",
	"NA_complex_", "NA_character_", "T", "F", "LETTERS", "letters", "month.abb", "month.name",
	"pi", NULL };

/* A name that begins with a dot is one that R does not list. */
static gboolean
accepts_name(const char *name, size_t size)
{
	(void) size;
	if (*name == '_' || g_strv_contains(reserved, name))
		return FALSE;
	g_autofree char *undotted = g_strdelimit(g_strdup(name), ".", '_');
	return *name != '.' && literal_is_identifier(undotted, G_NORMALIZE_NFC);
}

static void
append_name(GString *source, const char *name)
{
	const char *quote = g_str_is_ascii(name) ? "" : "`";

	g_string_append_printf(source, "%s%s%s", quote, name, quote);
}

static void
append_character(GString *source, gunichar character)
{
	if (character == '\n')
		g_string_append(source, "\\n");
	else if (character == '\t')
		g_string_append(source, "\\t");
	else if (character == '\r')
		g_string_append(source, "\\r");
	else if (character == '"' || character == '\\')
		g_string_append_printf(source, "\\%c", (char) character);
	else if (character >= ' ' && character < 0x7f)
		g_string_append_c(source, (char) character);
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

/* Splits the text of a positive number into its digits and the power of ten; FALSE where they are too many
 * to be exact below. */
static gboolean
split_number(const char *text, guint64 *digits, int *exponent)
{
	size_t n = 0;

	*digits = 0;
	*exponent = 0;
	for (gboolean fraction = FALSE; g_ascii_isdigit(*text) || *text == '.'; text++) {
		if (*text == '.') {
			fraction = TRUE;
			continue;
		}
		*digits = *digits * 10 + (guint64) g_ascii_digit_value(*text);
		*exponent -= fraction ? 1 : 0;
		if (++n > EXACT_DIGITS)
			return FALSE;
	}
	if (*text != '\0') {
		gint64 further = g_ascii_strtoll(text + 1, NULL, 10);

		if (ABS(further) > 2 * EXACT_EXPONENT)
			return FALSE;
		*exponent += (int) further;
	}
	return ABS(*exponent) <= EXACT_EXPONENT;
}

/* Whether R reads the text of a positive number as number: it computes digits and power as long doubles and
 * rounds what comes of them. */
static gboolean
is_read_as(const char *text, double number)
{
	long double power = 1;
	guint64 digits;
	int exponent;

	if (!split_number(text, &digits, &exponent))
		return FALSE;
	for (int i = 0; i < ABS(exponent); i++)
		power *= 10;
	return (double) (exponent < 0 ? digits / power : digits * power) == number;
}

static void
append_double(GString *source, const char *text)
{
	double number = g_ascii_strtod(text, NULL);

	if (isinf(number))
		g_string_append(source, number < 0 ? "-Inf" : "Inf");
	else if (is_read_as(text + (*text == '-'), fabs(number)))
		g_string_append(source, text);
	else
		g_string_append_printf(source, "%a", number);
}

/* Whether a numeric holds the integer of text exactly. */
static gboolean
is_exact(const char *text)
{
	g_autofree char *exact = g_strdup_printf("%.0f", g_ascii_strtod(text, NULL));

	return strcmp(exact, text) == 0;
}

static void
append_integer(GString *source, const char *text)
{
	gint64 number = g_ascii_strtoll(text, NULL, 10);

	if (number >= -G_MAXINT32 && number <= G_MAXINT32)
		g_string_append_printf(source, "%" G_GINT64_FORMAT "L", number);
	else if (is_exact(text))
		append_double(source, text);
	else
		g_string_append_printf(source, "\"%s\"", text);
}

/* Whether a name can be written before its argument. */
static gboolean
is_tag(json_object *name)
{
	const char *text = json_object_get_string(name);

	return *text != '\0' && strlen(text) <= MAX_TAG && g_str_is_ascii(text);
}

static gboolean
are_tags(json_object *const *names, guint n)
{
	for (guint i = 0; i < n; i++)
		if (!is_tag(names[i]))
			return FALSE;
	return n > 0;
}

static void
append_tagged(GString *source, json_object *const *names, char *const *items, guint n)
{
	g_string_append(source, "list(");
	for (guint i = 0; i < n; i++) {
		g_string_append(source, i > 0 ? ", " : "");
		append_string(source, names[i]);
		g_string_append_printf(source, " = %s", items[i]);
	}
	g_string_append_c(source, ')');
}

static void
append_dict(GString *source, json_object *const *names, char *const *items, guint n)
{
	if (are_tags(names, n)) {
		append_tagged(source, names, items, n);
		return;
	}
	g_string_append(source, "structure(list(");
	literal_append_items(source, items, n);
	g_string_append(source, n > 0 ? "), names = c(" : "), names = character(");
	for (guint i = 0; i < n; i++) {
		g_string_append(source, i > 0 ? ", " : "");
		append_string(source, names[i]);
	}
	g_string_append(source, "))");
}

static void
append_value(GString *source, json_object *value)
{
	static const LiteralStyle style = {
		.max_height = MAX_HEIGHT,
		.begin = "local({ ",
		.end = " })",
		.assign = " <- ",
		.words = { "FALSE", "TRUE", "NULL" },
		.list_begin = "list(",
		.list_end = ")",
		.append_integer = append_integer,
		.append_double = append_double,
		.append_string = append_string,
		.append_dict = append_dict,
	};

	literal_append(source, &style, value);
}

const Translator r_translator = {
	.language = "r",
	.title = "R",
	.comment = "# ",
	.assignment = " <- ",
	.lacks_nul = TRUE,
	.accepts_name = accepts_name,
	.append_name = append_name,
	.append_value = append_value,
};
