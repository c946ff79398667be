/* libxml2 reads the HTML, as browsers would and in pieces, and calls back for each tag and each text;
 * nothing but the CSV itself grows. */
#include "notebook/html_table.h"

#include <libxml/HTMLparser.h>
#include <string.h>

#include "base/error.h"

#define PIECE_SIZE (64 * 1024)

typedef struct {
	GString *csv;
	GString *cell; /* the text of the open cell */
	GString *text; /* the piece since the last tag */
	int depth;     /* of tables */
	gboolean found, done;
	gboolean in_row, in_cell;
	gboolean has_cell; /* the open row has one already */
} Table;

static void
end_text(Table *table)
{
	g_autofree char *valid = g_utf8_make_valid(table->text->str, (gssize) table->text->len);
	char *begin = valid;
	char *end;

	while (*begin != '\0' && g_unichar_isspace(g_utf8_get_char(begin)))
		begin = g_utf8_next_char(begin);
	end = begin + strlen(begin);
	while (end > begin && g_unichar_isspace(g_utf8_get_char(g_utf8_prev_char(end))))
		end = g_utf8_prev_char(end);
	g_string_append_len(table->cell, begin, end - begin);
	g_string_truncate(table->text, 0);
}

static void
end_cell(Table *table)
{
	if (!table->in_cell)
		return;
	g_string_replace(table->cell, "\"", "\"\"", 0);
	g_string_append_printf(
		table->csv, "%s\"%s\"", table->has_cell ? ";" : "", table->cell->str);
	g_string_truncate(table->cell, 0);
	table->in_cell = FALSE;
	table->has_cell = TRUE;
}

static void
end_row(Table *table)
{
	end_cell(table);
	if (table->in_row)
		g_string_append_c(table->csv, '\n');
	table->in_row = table->has_cell = FALSE;
}

static gboolean
is_cell(const xmlChar *name)
{
	return strcmp((const char *) name, "td") == 0 || strcmp((const char *) name, "th") == 0;
}

static void
on_start(void *data, const xmlChar *name, const xmlChar **attributes)
{
	Table *table = data;

	end_text(table);
	if (strcmp((const char *) name, "table") == 0) {
		table->depth++;
		table->found = TRUE;
	}
	if (table->done || table->depth != 1)
		return;
	if (strcmp((const char *) name, "tr") == 0) {
		end_row(table);
		table->in_row = TRUE;
	} else if (is_cell(name) && table->in_row) {
		end_cell(table);
		table->in_cell = TRUE;
	}
}

static void
on_end(void *data, const xmlChar *name)
{
	Table *table = data;

	end_text(table);
	if (table->depth == 1 && is_cell(name))
		end_cell(table);
	if (table->depth == 1 && strcmp((const char *) name, "tr") == 0)
		end_row(table);
	if (strcmp((const char *) name, "table") != 0 || table->depth == 0)
		return;
	if (--table->depth == 0) {
		end_row(table);
		table->done = TRUE;
	}
}

static void
on_text(void *data, const xmlChar *text, int size)
{
	Table *table = data;

	if (table->in_cell && !table->done)
		g_string_append_len(table->text, (const char *) text, size);
}

static gboolean
parse(Table *table, const char *html, size_t size)
{
	htmlSAXHandler handler = { .startElement = on_start,
		.endElement = on_end,
		.characters = on_text,
		.ignorableWhitespace = on_text,
		.cdataBlock = on_text };
	htmlParserCtxtPtr parser =
		htmlCreatePushParserCtxt(&handler, table, NULL, 0, NULL, XML_CHAR_ENCODING_UTF8);

	if (parser == NULL)
		return FALSE;
	htmlCtxtUseOptions(parser, HTML_PARSE_NONET | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING);
	for (size_t at = 0; at < size && !table->done; at += PIECE_SIZE)
		htmlParseChunk(parser, html + at, (int) MIN(size - at, PIECE_SIZE), FALSE);
	htmlParseChunk(parser, NULL, 0, TRUE);
	htmlFreeParserCtxt(parser);
	return TRUE;
}

char *
html_table_to_csv(const char *html, size_t size, size_t *csv_size, GError **error)
{
	g_autoptr(GString) cell = g_string_new(NULL);
	g_autoptr(GString) text = g_string_new(NULL);
	g_autoptr(GString) csv = g_string_new(NULL);
	Table table = { .csv = csv, .cell = cell, .text = text };

	if (!parse(&table, html, size) || !table.found) {
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNPROCESSABLE,
			"the notebook's response is HTML that is to become CSV, and has no table");
		return NULL;
	}
	end_row(&table);
	if (csv_size != NULL)
		*csv_size = csv->len;
	return g_string_free(g_steal_pointer(&csv), FALSE);
}
