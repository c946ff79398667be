/* notebook/markdown.h: Markdown as a page.
 *
 * CommonMark with what GitHub added, as Jupyter shows it: tables, strikethrough, bare links, lists of tasks
 * (https://github.github.com/gfm/). HTML in it and links with a scheme that runs something are left out (the
 * safe mode of libcmark-gfm). */
#pragma once

#include <glib.h>

/* A whole HTML document. A text with a table that is much longer than it is written (rows shorter than a
 * very wide head, by the hundred thousand cells) is shown without its tables. text is UTF-8. The caller frees. */
char *markdown_to_page(const char *text, size_t size, const char *title);
