/* The document is what document_read() gives. json-c 0.16 cannot insert into an array, so a new
 * list of cells is built where one is needed. The indexes of the file are kept by the cells'
 * addresses, which the list of cells keeps alive. */
#include "notebook/notebook.h"

#include <string.h>

#include "notebook/document.h"

#define BOM "\xef\xbb\xbf" /* some editors put it first (RFC 8259, section 8.1) */

struct Notebook {
	json_object *document;
	GHashTable *author_indexes; /* cell -> index in the file; cells put in later have none */
};

char *
notebook_name(const char *path)
{
	g_autofree char *name = g_path_get_basename(path);

	if (g_str_has_suffix(name, ".ipynb"))
		name[strlen(name) - strlen(".ipynb")] = '\0';
	return g_steal_pointer(&name);
}

Notebook *
notebook_parse(const char *text, size_t size, GError **error)
{
	size_t skipped =
		size >= strlen(BOM) && memcmp(text, BOM, strlen(BOM)) == 0 ? strlen(BOM) : 0;
	json_object *document = document_read(text + skipped, size - skipped, error);

	if (document == NULL)
		return NULL;
	Notebook *notebook = g_new0(Notebook, 1);
	notebook->document = document;
	notebook->author_indexes = g_hash_table_new(NULL, NULL);
	for (size_t i = 0; i < notebook_n_cells(notebook); i++)
		g_hash_table_insert(
			notebook->author_indexes, notebook_cell(notebook, i), GSIZE_TO_POINTER(i));
	return notebook;
}

void
notebook_free(Notebook *notebook)
{
	if (notebook == NULL)
		return;
	json_object_put(notebook->document);
	g_hash_table_unref(notebook->author_indexes);
	g_free(notebook);
}

gboolean
notebook_write(Notebook *notebook, ByteSink take, gpointer sink, GError **error)
{
	return document_write(notebook->document, take, sink, error);
}

json_object *
notebook_metadata(Notebook *notebook)
{
	return json_object_member(notebook->document, "metadata");
}

const char *
notebook_kernel_name(Notebook *notebook)
{
	return json_string_member(json_member(notebook_metadata(notebook), "kernelspec"), "name");
}

const char *
notebook_language(Notebook *notebook)
{
	json_object *metadata = notebook_metadata(notebook);
	const char *language = json_string_member(json_member(metadata, "kernelspec"), "language");

	if (language != NULL)
		return language;
	return json_string_member(json_member(metadata, "language_info"), "name");
}

static json_object *
cells_of(Notebook *notebook)
{
	return json_array_member(notebook->document, "cells");
}

size_t
notebook_n_cells(Notebook *notebook)
{
	return json_object_array_length(cells_of(notebook));
}

json_object *
notebook_cell(Notebook *notebook, size_t index)
{
	return json_object_array_get_idx(cells_of(notebook), index);
}

gboolean
notebook_cell_is_code(json_object *cell)
{
	return g_strcmp0(json_string_member(cell, "cell_type"), "code") == 0;
}

gboolean
notebook_cell_has_tag(json_object *cell, const char *tag)
{
	json_object *tags = json_array_member(json_member(cell, "metadata"), "tags");

	for (size_t i = 0; tags != NULL && i < json_object_array_length(tags); i++) {
		json_object *value = json_object_array_get_idx(tags, i);

		if (json_object_is_type(value, json_type_string) &&
			strcmp(json_object_get_string(value), tag) == 0)
			return TRUE;
	}
	return FALSE;
}

char *
notebook_cell_source(json_object *cell, size_t *size)
{
	json_object *source = json_member(cell, "source");
	size_t length = (size_t) json_object_get_string_len(source);
	char *copy = g_malloc(length + 1);

	memcpy(copy, json_object_get_string(source), length);
	copy[length] = '\0';
	if (size != NULL)
		*size = length;
	return copy;
}

const char *
notebook_cell_id(json_object *cell)
{
	return json_string_member(cell, "id");
}

/* White space as Python's str.strip() sees it. */
static gboolean
is_space(gunichar character)
{
	return g_unichar_isspace(character) || character == '\v' || character == 0x85 ||
	       (character >= 0x1c && character <= 0x1f);
}

static gboolean
is_blank(json_object *source)
{
	const char *text = json_object_get_string(source);
	const char *end = text + json_object_get_string_len(source);

	for (; text < end; text = g_utf8_next_char(text))
		if (!is_space(g_utf8_get_char(text)))
			return FALSE;
	return TRUE;
}

gboolean
notebook_cell_is_run(json_object *cell)
{
	return notebook_cell_is_code(cell) && !notebook_cell_has_tag(cell, "skip-execution") &&
	       !is_blank(json_member(cell, "source"));
}

void
notebook_clear_outputs(Notebook *notebook)
{
	for (size_t i = 0; i < notebook_n_cells(notebook); i++) {
		json_object *cell = notebook_cell(notebook, i);

		if (!notebook_cell_is_run(cell))
			continue;
		json_object_object_add(cell, "outputs", json_object_new_array());
		json_object_object_add(cell, "execution_count", NULL);
	}
}

static json_object *
new_code_cell(Notebook *notebook, const char *source, const char *tag)
{
	json_object *cell = json_object_new_object();
	json_object *metadata = json_object_new_object();
	json_object *tags = json_object_new_array();

	if (json_int_member(notebook->document, "nbformat_minor", 0) >= DOCUMENT_MINOR_WITH_IDS) {
		g_autofree char *id = document_new_cell_id();

		json_put_string(cell, "id", id);
	}
	json_object_array_add(tags, json_object_new_string(tag));
	json_object_object_add(metadata, "tags", tags);
	json_put_string(cell, "cell_type", "code");
	json_object_object_add(cell, "metadata", metadata);
	json_object_object_add(cell, "execution_count", NULL);
	json_put_string(cell, "source", source);
	json_object_object_add(cell, "outputs", json_object_new_array());
	return cell;
}

json_object *
notebook_insert_code(Notebook *notebook, size_t index, const char *source, const char *tag)
{
	json_object *cell = new_code_cell(notebook, source, tag);
	json_object *cells = json_object_new_array();
	size_t n_cells = notebook_n_cells(notebook);

	index = MIN(index, n_cells);
	for (size_t i = 0; i <= n_cells; i++) {
		if (i == index)
			json_object_array_add(cells, cell);
		if (i < n_cells)
			json_object_array_add(cells, json_object_get(notebook_cell(notebook, i)));
	}
	json_object_object_add(notebook->document, "cells", cells);
	return cell;
}

void
notebook_remove_tagged(Notebook *notebook, const char *tag)
{
	for (size_t i = notebook_n_cells(notebook); i-- > 0;) {
		json_object *cell = notebook_cell(notebook, i);

		if (!notebook_cell_has_tag(cell, tag))
			continue;
		g_hash_table_remove(notebook->author_indexes, cell);
		json_object_array_del_idx(cells_of(notebook), i, 1);
	}
}

gssize
notebook_author_index(Notebook *notebook, size_t index)
{
	gpointer position = NULL;

	if (!g_hash_table_lookup_extended(
		    notebook->author_indexes, notebook_cell(notebook, index), NULL, &position))
		return -1;
	return (gssize) GPOINTER_TO_SIZE(position);
}

gssize
notebook_find_tagged(Notebook *notebook, const char *tag)
{
	for (size_t i = 0; i < notebook_n_cells(notebook); i++)
		if (notebook_cell_has_tag(notebook_cell(notebook, i), tag))
			return (gssize) i;
	return -1;
}
