/* Only what has the shape of format 3 is moved; what has not is left for the checks of format 4. */
#include "notebook/upgrade.h"

#include <string.h>

#include "base/error.h"
#include "notebook/document.h"
#include "notebook/lines.h"

#define MAX_OUTPUT_DEPTH 400 /* what is around it adds to it */

/* Moves a member to another name; a missing one becomes fallback (owned; may be NULL). */
static void
move_member(json_object *object, const char *from, const char *to, json_object *fallback)
{
	json_object *value = NULL;

	if (json_object_object_get_ex(object, from, &value)) {
		json_object_put(fallback);
		fallback = json_object_get(value);
		json_object_object_del(object, from);
	}
	json_object_object_add(object, to, fallback);
}

/* Format 3 has lists of lines with their ends, and older ones without. */
static void
join_text(json_object *object, const char *name)
{
	json_object *value = json_array_member(object, name);
	json_object *first = value != NULL && json_object_array_length(value) > 0
				     ? json_object_array_get_idx(value, 0)
				     : NULL;

	if (!json_object_is_type(first, json_type_string)) {
		lines_join_member(object, name);
		return;
	}
	const char *line = json_object_get_string(first);
	gboolean has_ends = g_str_has_suffix(line, "\n") || g_str_has_suffix(line, "\r");
	json_object *joined = lines_join(value, has_ends ? "" : "\n");
	if (joined != NULL)
		json_object_object_add(object, name, joined);
}

/* clang-format off */
static const struct {
	const char *alias;
	const char *type;
} types[] = {
	{ "text", "text/plain" },
	{ "html", "text/html" },
	{ "svg", "image/svg+xml" },
	{ "png", "image/png" },
	{ "jpeg", "image/jpeg" },
	{ "latex", "text/latex" },
	{ "json", "application/json" },
	{ "javascript", "application/javascript" },
};
/* clang-format on */

static void
rename_types(json_object *bundle)
{
	for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
		if (json_object_object_get_ex(bundle, types[i].alias, NULL))
			move_member(bundle, types[i].alias, types[i].type, NULL);
}

/* Format 3 keeps JSON as text. */
static void
parse_json_type(json_object *data)
{
	json_object *text = json_member(data, "application/json");
	json_object *value = NULL;

	if (json_object_is_type(text, json_type_string) &&
		json_parse(json_object_get_string(text), (size_t) json_object_get_string_len(text),
			MAX_OUTPUT_DEPTH, &value, NULL))
		json_object_object_add(data, "application/json", value);
}

static gboolean
is_frame_member(const char *name)
{
	static const char *const names[] = { "output_type", "execution_count", "metadata", NULL };

	return g_strv_contains(names, name);
}

static void
upgrade_display(json_object *output)
{
	static const char *const texts[] = { "text", "html", "svg", "latex", "javascript", "json" };
	json_object *data = json_object_new_object();
	struct lh_entry *entry, *next;

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
		join_text(output, texts[i]);
	if (json_object_member(output, "metadata") == NULL)
		json_object_object_add(output, "metadata", json_object_new_object());
	lh_foreach_safe(json_object_get_object(output), entry, next)
	{
		const char *name = lh_entry_k(entry);

		if (is_frame_member(name))
			continue;
		json_put_shared(data, name, (json_object *) lh_entry_v(entry));
		json_object_object_del(output, name);
	}
	rename_types(data);
	rename_types(json_member(output, "metadata"));
	parse_json_type(data);
	json_object_object_add(output, "data", data);
}

static void
upgrade_output(json_object *output)
{
	const char *type = json_string_member(output, "output_type");

	if (g_strcmp0(type, "pyout") == 0) {
		move_member(output, "prompt_number", "execution_count", NULL);
		json_put_string(output, "output_type", "execute_result");
		upgrade_display(output);
	} else if (g_strcmp0(type, "display_data") == 0) {
		upgrade_display(output);
	} else if (g_strcmp0(type, "pyerr") == 0) {
		json_put_string(output, "output_type", "error");
	} else if (g_strcmp0(type, "stream") == 0) {
		join_text(output, "text");
		move_member(output, "stream", "name", json_object_new_string("stdout"));
	}
}

static void
upgrade_code(json_object *cell)
{
	json_object *outputs = json_array_member(cell, "outputs");
	json_object *metadata = json_object_member(cell, "metadata");

	json_object_object_del(cell, "language");
	if (metadata != NULL && json_member(cell, "collapsed") != NULL) {
		json_put_shared(metadata, "collapsed", json_member(cell, "collapsed"));
		json_object_object_del(cell, "collapsed");
	}
	join_text(cell, "input");
	move_member(cell, "input", "source", json_object_new_string(""));
	move_member(cell, "prompt_number", "execution_count", NULL);
	for (size_t i = 0; outputs != NULL && i < json_object_array_length(outputs); i++)
		upgrade_output(json_object_array_get_idx(outputs, i));
}

static void
upgrade_heading(json_object *cell)
{
	gint64 level = CLAMP(json_int_member(cell, "level", 1), 1, 6);
	g_autoptr(json_object) lines = lines_split(json_member(cell, "source"));
	g_autoptr(GString) text = g_string_new(NULL);

	for (gint64 i = 0; i < level; i++)
		g_string_append_c(text, '#');
	g_string_append_c(text, ' ');
	for (size_t i = 0; i < json_object_array_length(lines); i++) {
		json_object *line = json_object_array_get_idx(lines, i);
		g_autofree char *words = g_strdup(json_object_get_string(line));

		g_strdelimit(words, "\r\n\v\f\x1c\x1d\x1e", '\0'); /* its end */
		g_string_append_printf(text, "%s%s", i > 0 ? " " : "", words);
	}
	json_object_object_del(cell, "level");
	json_put_string(cell, "cell_type", "markdown");
	json_put_string(cell, "source", text->str);
}

static void
upgrade_cell(json_object *cell)
{
	const char *type = json_string_member(cell, "cell_type");

	if (json_member(cell, "metadata") == NULL)
		json_object_object_add(cell, "metadata", json_object_new_object());
	json_object_object_del(cell, "trusted");
	if (g_strcmp0(type, "code") == 0) {
		upgrade_code(cell);
		return;
	}
	join_text(cell, "source");
	join_text(cell, "rendered");
	if (g_strcmp0(type, "heading") == 0 && json_string_member(cell, "source") != NULL)
		upgrade_heading(cell);
	else if (g_strcmp0(type, "html") == 0)
		json_put_string(cell, "cell_type", "markdown");
}

/* Notes the language of a code cell where the metadata says none. */
static void
keep_language(json_object *document, json_object *cell)
{
	json_object *metadata = json_object_member(document, "metadata");
	const char *language = json_string_member(cell, "language");

	if (language == NULL || metadata == NULL ||
		json_member(metadata, "language_info") != NULL ||
		json_member(metadata, "kernelspec") != NULL)
		return;
	json_object *info = json_object_new_object();
	json_put_string(info, "name", language);
	json_object_object_add(metadata, "language_info", info);
}

static gboolean
refuse(GError **error, const char *what)
{
	g_set_error_literal(error, NBHOOK_ERROR, NBHOOK_ERROR_UNPROCESSABLE, what);
	return FALSE;
}

/* Moves the cells of a worksheet, upgraded, behind those in cells. */
static gboolean
take_worksheet(json_object *document, json_object *worksheet, json_object *cells, GError **error)
{
	json_object *old = json_array_member(worksheet, "cells");

	if (old == NULL)
		return refuse(
			error, "not a notebook of format 3: a worksheet has no list of cells");
	for (size_t i = 0; i < json_object_array_length(old); i++) {
		json_object *cell = json_object_array_get_idx(old, i);

		if (json_object_is_type(cell, json_type_object)) {
			keep_language(document, cell);
			upgrade_cell(cell);
		}
		json_object_array_add(cells, json_object_get(cell));
	}
	return TRUE;
}

gboolean
upgrade_document(json_object *document, GError **error)
{
	json_object *worksheets = json_array_member(document, "worksheets");
	g_autoptr(json_object) cells = json_object_new_array();

	if (worksheets == NULL)
		return refuse(error, "not a notebook of format 3: it has no list of worksheets");
	if (json_member(document, "metadata") == NULL)
		json_object_object_add(document, "metadata", json_object_new_object());
	for (size_t i = 0; i < json_object_array_length(worksheets); i++)
		if (!take_worksheet(
			    document, json_object_array_get_idx(worksheets, i), cells, error))
			return FALSE;
	json_object *metadata = json_object_member(document, "metadata");
	if (metadata != NULL)
		json_object_object_del(metadata, "name");
	json_object_object_del(document, "orig_nbformat");
	json_object_object_del(document, "orig_nbformat_minor");
	json_object_object_del(document, "worksheets");
	json_object_object_add(document, "cells", g_steal_pointer(&cells));
	json_put_int(document, "nbformat", 4);
	json_put_int(document, "nbformat_minor", DOCUMENT_MINOR_WITH_IDS);
	return TRUE;
}
