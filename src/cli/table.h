/* cli/table.h: rows for people, in aligned columns.
 *
 * Cells are UTF-8; wide characters count two columns. A control character, which could command the
 * terminal, is shown as "?", a line's end as a space. The last column is not padded. */
#pragma once

#include <glib.h>

#include "base/json.h"

typedef struct Table Table;

/* headings ends with NULL and must outlive the table. */
Table *table_new(const char *const *headings);
void table_free(Table *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Table, table_free)

/* Adds a cell, the next of its row; a row is full after as many as there are headings. */
void table_add(Table *table, const char *cell);

/* Adds a member of a row's object: text as it is, true and false as "yes" and "no", null or none as "-". */
void table_add_member(Table *table, json_object *object, const char *name);

/* The text, each line with its newline; headings are bold where colour is true. The caller frees. */
char *table_text(const Table *table, gboolean colour);
