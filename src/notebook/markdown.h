/* notebook/markdown.h: Markdown as a page.
 *
 * CommonMark with what GitHub added, as Jupyter shows it: tables, strikethrough, bare links, lists of tasks
 * (https://github.github.com/gfm/). HTML in it and links with a scheme that runs something are left out (the
 * safe mode of libcmark-gfm). */
#pragma once

#include <glib.h>

/* A whole HTML document. A text that is not long but whose tables would be (rows much shorter than a very wide
 * head, by the hundred thousand cells) is shown without them. text is UTF-8. The caller frees. */
char *markdown_to_page(const char *text, size_t size, const char *title);
