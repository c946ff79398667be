/* notebook/html_table.h: the table of an HTML text as CSV, in the form that naas gives it.
 *
 * The first table: a line for each row, its cells quoted, ";" between them, "\n" behind. Of a cell only the
 * text counts: the pieces between its tags, each without the space around it, joined. What stands in a
 * table within the table is text of the cell around it. */
#pragma once

#include <glib.h>

/* UNPROCESSABLE when there is no table. *size may be NULL. The caller frees. */
char *html_table_to_csv(
	const char *html, size_t size, size_t *csv_size, GError **error) G_GNUC_WARN_UNUSED_RESULT;
