/* Reading goes in steps, each of which may rely on the one before: JSON, version (3 becomes 4),
 * shape, text in one piece, ids. Writing looks first for the strings that nbformat keeps as lines. */
#include "notebook/document.h"

#include <string.h>

#include "base/error.h"
#include "base/ids.h"
#include "notebook/lines.h"
#include "notebook/upgrade.h"

#define MAX_DEPTH 500 /* of the JSON; Python's reader takes less than 1000 */
#define CELL_ID_LENGTH 8
#define MAX_CELL_ID_LENGTH 64

static gboolean G_GNUC_PRINTF(2, 3) refuse(GError **error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	g_autofree char *message = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	g_set_error_literal(error, NBHOOK_ERROR, NBHOOK_ERROR_UNPROCESSABLE, message);
	return FALSE;
}

static gboolean
refuse_cell(GError **error, size_t index, const char *what)
{
	return refuse(error, "cell %zu (counted from 0): %s", index, what);
}

static json_object *
read_object(const char *text, size_t size, GError **error)
{
	g_autoptr(GError) reason = NULL;
	json_object *value = json_parse_python_object(text, size, MAX_DEPTH, &reason);

	if (value == NULL)
		refuse(error, "not a notebook: %s", reason->message);
	return value;
}

static gboolean
check_version(json_object *document, GError **error)
{
	gint64 major = json_int_member(document, "nbformat", -1);

	if (major == 3 || major == 4)
		return TRUE;
	if (json_member(document, "nbformat") == NULL)
		return refuse(error, "not a notebook: it has no member nbformat");
	if (major < 1)
		return refuse(error, "not a notebook: its member nbformat is no version number");
	if (major < 3)
		return refuse(error,
			"the notebook has format %" G_GINT64_FORMAT
			", which is too old: open it in "
			"Jupyter and save it, or run: jupyter nbconvert --to notebook",
			major);
	return refuse(error,
		"the notebook has format %" G_GINT64_FORMAT
		", which is newer than this program knows: "
		"save it as format 4",
		major);
}

/* Puts a new value where there is none (or a null). */
static void
put_missing(json_object *object, const char *name, json_object *fallback)
{
	if (json_member(object, name) == NULL)
		json_object_object_add(object, name, fallback);
	else
		json_object_put(fallback);
}

static gboolean
has_type(json_object *object, const char *name, json_type type)
{
	return json_object_is_type(json_member(object, name), type);
}

/* An output of no type says nothing, and a run makes new ones: it is left out, as no schema allows it. */
static gboolean
check_outputs(json_object *cell, size_t index, GError **error)
{
	json_object *outputs = json_member(cell, "outputs");

	if (!json_object_is_type(outputs, json_type_array))
		return refuse_cell(error, index, "its outputs are no list");
	for (size_t i = json_object_array_length(outputs); i-- > 0;) {
		json_object *output = json_object_array_get_idx(outputs, i);

		if (!json_object_is_type(output, json_type_object))
			return refuse(error, "cell %zu (counted from 0): output %zu is no object",
				index, i);
		if (json_string_member(output, "output_type") == NULL)
			json_object_array_del_idx(outputs, i, 1);
	}
	return TRUE;
}

/* Of any type: what only a later minor knows is kept, and passed over. */
static gboolean
check_cell(json_object *cell, size_t index, GError **error)
{
	if (!json_object_is_type(cell, json_type_object))
		return refuse_cell(error, index, "it is no object");
	const char *type = json_string_member(cell, "cell_type");
	if (type == NULL)
		return refuse_cell(error, index, "it has no cell_type");
	put_missing(cell, "metadata", json_object_new_object());
	if (!has_type(cell, "metadata", json_type_object))
		return refuse_cell(error, index, "its metadata is no object");
	put_missing(cell, "source", json_object_new_string(""));
	lines_join_member(cell, "source");
	if (!has_type(cell, "source", json_type_string))
		return refuse_cell(
			error, index, "its source is neither a string nor a list of strings");
	if (strcmp(type, "code") != 0)
		return TRUE;
	put_missing(cell, "outputs", json_object_new_array());
	put_missing(cell, "execution_count", NULL);
	return check_outputs(cell, index, error);
}

static gboolean
check_shape(json_object *document, GError **error)
{
	put_missing(document, "metadata", json_object_new_object());
	put_missing(document, "nbformat_minor", json_object_new_int(0));
	if (json_int_member(document, "nbformat_minor", -1) < 0)
		return refuse(error, "not a notebook: its nbformat_minor is no version number");
	if (!has_type(document, "metadata", json_type_object))
		return refuse(error, "not a notebook: its metadata is no object");
	json_object *cells = json_array_member(document, "cells");
	if (cells == NULL)
		return refuse(error, "not a notebook: it has no list of cells");
	for (size_t i = 0; i < json_object_array_length(cells); i++)
		if (!check_cell(json_object_array_get_idx(cells, i), i, error))
			return FALSE;
	return TRUE;
}

static void
join_output(json_object *output)
{
	const char *type = json_string_member(output, "output_type");

	if (strcmp(type, "execute_result") == 0 || strcmp(type, "display_data") == 0)
		lines_join_bundle(json_member(output, "data"));
	else
		lines_join_member(output, "text");
}

static void
join_cell(json_object *cell)
{
	json_object *attachments = json_object_member(cell, "attachments");
	json_object *outputs = json_array_member(cell, "outputs");

	if (attachments != NULL) {
		json_object_object_foreach (attachments, name, bundle) {
			(void) name;
			lines_join_bundle(bundle);
		}
	}
	if (strcmp(json_string_member(cell, "cell_type"), "code") != 0)
		return;
	for (size_t i = 0; i < json_object_array_length(outputs); i++)
		join_output(json_object_array_get_idx(outputs, i));
}

/* What nbformat calls transient: never kept in a file. */
static void
strip_transient(json_object *document)
{
	static const char *const names[] = { "orig_nbformat", "orig_nbformat_minor", "signature" };
	json_object *cells = json_array_member(document, "cells");

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		json_object_object_del(json_member(document, "metadata"), names[i]);
	for (size_t i = 0; i < json_object_array_length(cells); i++) {
		json_object *cell = json_object_array_get_idx(cells, i);

		json_object_object_del(json_member(cell, "metadata"), "trusted");
	}
}

char *
document_new_cell_id(void)
{
	g_autofree char *uuid = ids_uuid();

	return g_strndup(uuid, CELL_ID_LENGTH);
}

static gboolean
is_cell_id(const char *id)
{
	size_t length = id != NULL ? strlen(id) : 0;

	if (length == 0 || length > MAX_CELL_ID_LENGTH)
		return FALSE;
	for (size_t i = 0; i < length; i++)
		if (!g_ascii_isalnum(id[i]) && id[i] != '-' && id[i] != '_')
			return FALSE;
	return TRUE;
}

/* Every cell gets an id that no cell before it has; what is right stays. */
static void
repair_ids(json_object *cells)
{
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (size_t i = 0; i < json_object_array_length(cells); i++) {
		json_object *cell = json_object_array_get_idx(cells, i);
		g_autofree char *id = g_strdup(json_string_member(cell, "id"));

		while (!is_cell_id(id) || g_hash_table_contains(seen, id)) {
			g_free(id);
			id = document_new_cell_id();
			json_put_string(cell, "id", id);
		}
		g_hash_table_add(seen, g_steal_pointer(&id));
	}
}

static void
settle_ids(json_object *document)
{
	json_object *cells = json_array_member(document, "cells");

	if (json_int_member(document, "nbformat_minor", 0) >= DOCUMENT_MINOR_WITH_IDS) {
		repair_ids(cells);
		return;
	}
	for (size_t i = 0; i < json_object_array_length(cells); i++)
		json_object_object_del(json_object_array_get_idx(cells, i), "id");
}

json_object *
document_read(const char *text, size_t size, GError **error)
{
	g_autoptr(json_object) document = read_object(text, size, error);

	if (document == NULL || !check_version(document, error))
		return NULL;
	if (json_int_member(document, "nbformat", 0) == 3 && !upgrade_document(document, error))
		return NULL;
	if (!check_shape(document, error))
		return NULL;
	json_object *cells = json_array_member(document, "cells");
	for (size_t i = 0; i < json_object_array_length(cells); i++)
		join_cell(json_object_array_get_idx(cells, i));
	strip_transient(document);
	settle_ids(document);
	return g_steal_pointer(&document);
}

static void
collect_output(GHashTable *strings, json_object *output)
{
	const char *type = json_string_member(output, "output_type");

	if (g_strcmp0(type, "execute_result") == 0 || g_strcmp0(type, "display_data") == 0)
		lines_collect_bundle(strings, json_member(output, "data"));
	else if (g_strcmp0(type, "stream") == 0)
		lines_collect(strings, json_member(output, "text"));
}

static void
collect_cell(GHashTable *strings, json_object *cell)
{
	json_object *attachments = json_object_member(cell, "attachments");

	lines_collect(strings, json_member(cell, "source"));
	if (attachments != NULL) {
		json_object_object_foreach (attachments, name, bundle) {
			(void) name;
			lines_collect_bundle(strings, bundle);
		}
	}
	if (strcmp(json_string_member(cell, "cell_type"), "code") != 0)
		return;
	json_object *outputs = json_array_member(cell, "outputs");
	for (size_t i = 0; i < json_object_array_length(outputs); i++)
		collect_output(strings, json_object_array_get_idx(outputs, i));
}

gboolean
document_write(json_object *document, ByteSink take, gpointer sink, GError **error)
{
	g_autoptr(GHashTable) strings = g_hash_table_new(g_direct_hash, g_direct_equal);
	json_object *cells = json_array_member(document, "cells");
	const JsonSplit lines = { "cells", strings, lines_first };

	for (size_t i = 0; i < json_object_array_length(cells); i++)
		collect_cell(strings, json_object_array_get_idx(cells, i));
	return json_write_sorted(document, &lines, take, sink, error);
}
