/* notebook/document.h: the JSON of a notebook file, checked at reading and printed as nbformat
 * does.
 *
 * A document from document_read() is a valid nbformat 4 notebook as far as this project looks at
 * it: an object with nbformat 4, nbformat_minor, metadata and cells; every cell is code, markdown
 * or raw, has metadata (object) and source (one string); code cells have outputs (objects with an
 * output_type) and execution_count; from minor 5 on every cell has an id of its own, before that
 * none. */
#pragma once

#include <glib.h>

#include "base/json.h"

/* The minor from which cells have ids. */
#define DOCUMENT_MINOR_WITH_IDS 5

/* UNPROCESSABLE with a sentence for what is no such notebook and cannot be made one. The caller
 * owns the result. */
json_object *document_read(const char *text, size_t size, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Gives the text of the file to take. The document is not changed. */
gboolean document_write(json_object *document, ByteSink take, gpointer sink, GError **error);

/* A new id for a cell. The caller frees. */
char *document_new_cell_id(void);
