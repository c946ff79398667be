/* notebook/notebook.h: a notebook file in memory.
 *
 * A Notebook is a valid nbformat 4 document (at the minor it came with; format 3 becomes 4.5) from
 * notebook_parse() on; unknown members are kept, text is in one piece (notebook/lines.h). Cells
 * are addressed by their index in the document, which moves when cells are put in or taken out;
 * the index that a cell had in the file stays known. It owns its JSON. */
#pragma once

#include <glib.h>

#include "base/json.h"

typedef struct Notebook Notebook;

/* Parses and checks a notebook file. Errors (UNPROCESSABLE) say what is wrong and where: not JSON,
 * not a notebook, nbformat 1, 2 or from the future (and what to do). The caller frees the
 * result. */
Notebook *notebook_parse(const char *text, size_t size, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void notebook_free(Notebook *notebook);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Notebook, notebook_free)

/* The name of the notebook at a path: "news/daily.ipynb" is daily. The caller frees. */
char *notebook_name(const char *path);

/* Gives the text of its file to take, as nbformat writes it: indent 1, sorted keys, final newline. */
gboolean notebook_write(Notebook *notebook, ByteSink take, gpointer sink, GError **error);

/* metadata.kernelspec.name, and the language (kernelspec.language or language_info.name); NULL if
 * not said. Borrowed. */
const char *notebook_kernel_name(Notebook *notebook);
const char *notebook_language(Notebook *notebook);
json_object *notebook_metadata(Notebook *notebook); /* borrowed, always an object */

size_t notebook_n_cells(Notebook *notebook);
json_object *notebook_cell(Notebook *notebook, size_t index); /* borrowed */

gboolean notebook_cell_is_code(json_object *cell);
gboolean notebook_cell_has_tag(json_object *cell, const char *tag);
/* The source as one string, whatever its form in the file. The caller frees; *size may be NULL. */
char *notebook_cell_source(json_object *cell, size_t *size);
/* The id of a cell, NULL before nbformat 4.5. Borrowed. */
const char *notebook_cell_id(json_object *cell);
/* Whether it is a code cell with something to run: not blank, not tagged skip-execution. */
gboolean notebook_cell_is_run(json_object *cell);

/* Outputs away and execution counts null in every cell that is run; what is passed over keeps its own. */
void notebook_clear_outputs(Notebook *notebook);

/* A new code cell with one tag, with an id where the minor wants one, put at index. Borrowed. */
json_object *notebook_insert_code(
	Notebook *notebook, size_t index, const char *source, const char *tag);

/* Takes out the cells with that tag. */
void notebook_remove_tagged(Notebook *notebook, const char *tag);

/* The index that a cell had in the file; -1 for one that was put in later. */
gssize notebook_author_index(Notebook *notebook, size_t index);

/* The index of the first cell with that tag; -1 if there is none. */
gssize notebook_find_tagged(Notebook *notebook, const char *tag);
