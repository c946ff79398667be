#include "notebook/markdown.h"

#include <cmark.h>
#include <stdlib.h>

char *
markdown_to_page(const char *text, size_t size, const char *title)
{
	g_autofree char *escaped = g_markup_escape_text(title, -1);
	char *body = cmark_markdown_to_html(text, size, CMARK_OPT_SAFE | CMARK_OPT_VALIDATE_UTF8);
	char *page = g_strdup_printf("<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n"
				     "<title>%s</title>\n</head>\n<body>\n%s</body>\n</html>\n",
		escaped, body);

	free(body);
	return page;
}
