/* tests/print.h: the text of a notebook's file. */
#pragma once

#include "notebook/notebook.h"

static inline gboolean
print_take(gpointer sink, const char *bytes, size_t size, GError **error)
{
	(void) error;
	g_string_append_len(sink, bytes, (gssize) size);
	return TRUE;
}

/* The caller frees. */
static inline char *
print_notebook(Notebook *notebook)
{
	GString *text = g_string_new(NULL);

	g_assert_true(notebook_write(notebook, print_take, text, NULL));
	return g_string_free(text, FALSE);
}
