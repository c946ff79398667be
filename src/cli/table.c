#include "cli/table.h"

#include "cli/show.h"

#define GAP "  "

struct Table {
	const char *const *headings;
	guint n_columns;
	GPtrArray *cells; /* of char *, row after row */
};

Table *
table_new(const char *const *headings)
{
	Table *table = g_new0(Table, 1);

	table->headings = headings;
	table->n_columns = g_strv_length((char **) headings);
	table->cells = g_ptr_array_new_with_free_func(g_free);
	return table;
}

void
table_free(Table *table)
{
	if (table == NULL)
		return;
	g_ptr_array_unref(table->cells);
	g_free(table);
}

void
table_add(Table *table, const char *cell)
{
	g_ptr_array_add(table->cells, show_line(cell));
}

void
table_add_member(Table *table, json_object *object, const char *name)
{
	json_object *value = json_member(object, name);

	if (value == NULL)
		table_add(table, "-");
	else if (json_object_is_type(value, json_type_boolean))
		table_add(table, json_object_get_boolean(value) ? "yes" : "no");
	else
		table_add(table, json_object_get_string(value));
}

static guint
width_of(const char *text)
{
	guint width = 0;

	for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at)) {
		gunichar character = g_utf8_get_char(at);

		if (g_unichar_iswide(character))
			width += 2;
		else if (!g_unichar_iszerowidth(character))
			width += 1;
	}
	return width;
}

static guint
column_width(const Table *table, guint column)
{
	guint width = width_of(table->headings[column]);

	for (guint i = column; i < table->cells->len; i += table->n_columns)
		width = MAX(width, width_of(g_ptr_array_index(table->cells, i)));
	return width;
}

static void
append_row(const Table *table, const guint *widths, const char *const *cells, GString *text)
{
	for (guint column = 0; column < table->n_columns; column++) {
		gboolean last = column + 1 == table->n_columns;
		guint padding = last ? 0 : widths[column] - width_of(cells[column]);

		g_string_append_printf(
			text, "%s%*s%s", cells[column], (int) padding, "", last ? "" : GAP);
	}
}

char *
table_text(const Table *table, gboolean colour)
{
	GString *text = g_string_new(NULL);
	g_autofree guint *widths = g_new(guint, table->n_columns);

	for (guint column = 0; column < table->n_columns; column++)
		widths[column] = column_width(table, column);
	g_string_append(text, colour ? "\033[1m" : "");
	append_row(table, widths, table->headings, text);
	g_string_append(text, colour ? "\033[0m\n" : "\n");
	for (guint row = 0; row + table->n_columns <= table->cells->len; row += table->n_columns) {
		append_row(table, widths, (const char *const *) table->cells->pdata + row, text);
		g_string_append_c(text, '\n');
	}
	return g_string_free(text, FALSE);
}
