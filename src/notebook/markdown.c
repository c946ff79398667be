#include "notebook/markdown.h"

#include <cmark-gfm-core-extensions.h>
#include <cmark-gfm.h>
#include <stdlib.h>

#define OPTIONS (CMARK_OPT_SAFE | CMARK_OPT_VALIDATE_UTF8)

#define FEW_CELLS ((size_t) 1 << 19)

static const char *const extensions[] = { "strikethrough", "autolink", "tasklist", NULL };

/* Also at the end of the text. Of CR LF, only the LF. */
static gboolean
is_line_end(const char *text, size_t at, size_t size)
{
	if (at == size || text[at] == '\n')
		return TRUE;
	return text[at] == '\r' && (at + 1 == size || text[at + 1] != '\n');
}

/* A row that is shorter than the head of its table is filled up, so that a few kilobytes could become
 * gigabytes. A table whose rows are written out has fewer cells than bytes. An empty line ends a table. */
static gboolean
tables_are_bounded(const char *text, size_t size)
{
	size_t cells = 0;
	size_t lines = 0;
	size_t widest = 0;
	size_t bars = 0;
	gboolean empty = TRUE;

	for (size_t i = 0; i <= size; i++) {
		if (!is_line_end(text, i, size)) {
			bars += text[i] == '|';
			empty = empty && (text[i] == ' ' || text[i] == '\t' || text[i] == '\r');
			continue;
		}
		lines++;
		widest = MAX(widest, bars);
		if (empty || i == size) {
			cells += (widest + 1) * lines;
			lines = widest = 0;
		}
		bars = 0;
		empty = TRUE;
	}
	return cells <= MAX(size, FEW_CELLS);
}

static void
attach(cmark_parser *parser, const char *extension)
{
	cmark_parser_attach_syntax_extension(parser, cmark_find_syntax_extension(extension));
}

static cmark_parser *
new_parser(gboolean tables)
{
	cmark_parser *parser = cmark_parser_new(OPTIONS);

	cmark_gfm_core_extensions_ensure_registered();
	for (const char *const *name = extensions; *name != NULL; name++)
		attach(parser, *name);
	if (tables)
		attach(parser, "table");
	return parser;
}

char *
markdown_to_page(const char *text, size_t size, const char *title)
{
	g_autofree char *escaped = g_markup_escape_text(title, -1);
	cmark_parser *parser = new_parser(tables_are_bounded(text, size));

	cmark_parser_feed(parser, text, size);
	cmark_node *document = cmark_parser_finish(parser);
	char *body =
		cmark_render_html(document, OPTIONS, cmark_parser_get_syntax_extensions(parser));
	char *page = g_strdup_printf("<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n"
				     "<title>%s</title>\n</head>\n<body>\n%s</body>\n</html>\n",
		escaped, body);

	free(body);
	cmark_node_free(document);
	cmark_parser_free(parser);
	return page;
}
