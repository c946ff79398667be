/* notebook/markdown.h: Markdown as a page.
 *
 * CommonMark; HTML in it and links with a scheme that runs something are left out (the safe mode of
 * libcmark). */
#pragma once

#include <glib.h>

/* A whole HTML document. text is UTF-8. The caller frees. */
char *markdown_to_page(const char *text, size_t size, const char *title);
