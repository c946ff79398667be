/* A value is written from the inside to the outside. A part that has reached the height of a step becomes
 * one, and what contains it goes on with the name of its variable, whose height is 0. */
#include "notebook/literal.h"

#include <string.h>

typedef struct {
	const LiteralStyle *style;
	GString *steps;
	guint n_steps;
} Writer;

/* The parts of a container: names (only of an object) and items. */
typedef struct {
	GPtrArray *names;
	GPtrArray *items;
} Parts;

static char *write_value(Writer *writer, json_object *value, int *height);

/* Makes a step of an expression, which is freed; gives the step's variable. */
static char *
make_step(Writer *writer, char *expression)
{
	char *variable = g_strdup_printf("v%u", ++writer->n_steps);

	g_string_append_printf(
		writer->steps, "%s%s%s; ", variable, writer->style->assign, expression);
	g_free(expression);
	return variable;
}

static void
add_part(Writer *writer, Parts *parts, json_object *name, json_object *value, int *height)
{
	int own = 0;
	char *item = write_value(writer, value, &own);

	if (own >= writer->style->max_height) {
		item = make_step(writer, item);
		own = 0;
	}
	*height = MAX(*height, own + 1);
	g_ptr_array_add(parts->items, item);
	if (name != NULL)
		g_ptr_array_add(parts->names, name);
}

static void
name_release(gpointer name)
{
	json_object_put(name);
}

void
literal_append_items(GString *source, char *const *items, guint n)
{
	for (guint i = 0; i < n; i++)
		g_string_append_printf(source, "%s%s", i > 0 ? ", " : "", items[i]);
}

static void
append_list(GString *source, const LiteralStyle *style, char *const *items, guint n)
{
	g_string_append(source, style->list_begin);
	literal_append_items(source, items, n);
	g_string_append(source, style->list_end);
}

static void
append_number(GString *source, const LiteralStyle *style, json_object *value)
{
	g_autofree char *text = json_print(value);

	if (text[strspn(text, "-0123456789")] == '\0')
		style->append_integer(source, text);
	else
		style->append_double(source, text);
}

static void
append_scalar(GString *source, const LiteralStyle *style, json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_boolean:
		g_string_append(source, style->words[json_object_get_boolean(value)]);
		break;
	case json_type_int:
	case json_type_double:
		append_number(source, style, value);
		break;
	case json_type_string:
		style->append_string(source, value);
		break;
	default:
		g_string_append(source, style->words[2]);
	}
}

static char *
write_parts(const Writer *writer, const Parts *parts, guint from, guint n, gboolean is_dict)
{
	GString *source = g_string_new(NULL);
	char *const *items = (char *const *) parts->items->pdata + from;

	if (is_dict)
		writer->style->append_dict(
			source, (json_object *const *) parts->names->pdata + from, items, n);
	else
		append_list(source, writer->style, items, n);
	return g_string_free(source, FALSE);
}

/* In as many steps as the language wants. */
static char *
join_parts(Writer *writer, const Parts *parts, gboolean is_dict, int *height)
{
	guint n = parts->items->len;
	guint most = writer->style->max_items != 0 ? writer->style->max_items : n;
	char *source = write_parts(writer, parts, 0, MIN(n, most), is_dict);

	if (n <= most)
		return source;
	*height = 0;
	char *variable = make_step(writer, source);
	for (guint from = most; from < n; from += most) {
		g_autofree char *part =
			write_parts(writer, parts, from, MIN(n - from, most), is_dict);

		writer->style->append_extension(writer->steps, variable, part, is_dict);
		g_string_append(writer->steps, "; ");
	}
	return variable;
}

static char *
write_container(Writer *writer, json_object *value, int *height)
{
	gboolean is_dict = json_object_is_type(value, json_type_object);
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(name_release);
	g_autoptr(GPtrArray) items = g_ptr_array_new_with_free_func(g_free);
	Parts parts = { names, items };

	*height = 1;
	if (is_dict) {
		json_object_object_foreach (value, name, member)
			add_part(writer, &parts, json_object_new_string(name), member, height);
	} else {
		for (size_t i = 0; i < json_object_array_length(value); i++)
			add_part(writer, &parts, NULL, json_object_array_get_idx(value, i), height);
	}
	return join_parts(writer, &parts, is_dict, height);
}

static char *
write_value(Writer *writer, json_object *value, int *height)
{
	if (json_object_is_type(value, json_type_array) ||
		json_object_is_type(value, json_type_object))
		return write_container(writer, value, height);
	GString *source = g_string_new(NULL);
	*height = 0;
	append_scalar(source, writer->style, value);
	return g_string_free(source, FALSE);
}

void
literal_append(GString *source, const LiteralStyle *style, json_object *value)
{
	g_autoptr(GString) steps = g_string_new(NULL);
	Writer writer = { style, steps, 0 };
	int height = 0;
	g_autofree char *expression = write_value(&writer, value, &height);

	if (steps->len == 0)
		g_string_append(source, expression);
	else
		g_string_append_printf(
			source, "%s%s%s%s", style->begin, steps->str, expression, style->end);
}

gboolean
literal_is_plain(gunichar character)
{
	switch (g_unichar_type(character)) {
	case G_UNICODE_CONTROL:
	case G_UNICODE_FORMAT:
	case G_UNICODE_SURROGATE:
	case G_UNICODE_LINE_SEPARATOR:
	case G_UNICODE_PARAGRAPH_SEPARATOR:
		return FALSE;
	default:
		return TRUE;
	}
}

gboolean
literal_starts_identifier(gunichar character)
{
	switch (g_unichar_type(character)) {
	case G_UNICODE_UPPERCASE_LETTER:
	case G_UNICODE_LOWERCASE_LETTER:
	case G_UNICODE_TITLECASE_LETTER:
	case G_UNICODE_MODIFIER_LETTER:
	case G_UNICODE_OTHER_LETTER:
	case G_UNICODE_LETTER_NUMBER:
		return character != 0x2e2f; /* Pattern_Syntax */
	default:
		return character == '_';
	}
}

gboolean
literal_continues_identifier(gunichar character)
{
	switch (g_unichar_type(character)) {
	case G_UNICODE_NON_SPACING_MARK:
	case G_UNICODE_SPACING_MARK:
	case G_UNICODE_DECIMAL_NUMBER:
	case G_UNICODE_CONNECT_PUNCTUATION:
		return TRUE;
	default:
		return literal_starts_identifier(character);
	}
}

gboolean
literal_is_identifier(const char *name, GNormalizeMode mode)
{
	g_autofree char *normal = g_utf8_normalize(name, -1, mode);

	if (normal == NULL || strcmp(normal, name) != 0 ||
		!literal_starts_identifier(g_utf8_get_char(name)))
		return FALSE;
	for (; *name != '\0'; name = g_utf8_next_char(name))
		if (!literal_continues_identifier(g_utf8_get_char(name)))
			return FALSE;
	return TRUE;
}
