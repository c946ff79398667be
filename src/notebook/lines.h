/* notebook/lines.h: text that a notebook file keeps as a list of lines.
 *
 * In memory such text is one string, from document_read() on. In the file it is a list of lines
 * with their ends, cut where Python's str.splitlines() cuts. Which members are such text is
 * nbformat's rule: sources, streams, and in MIME bundles what is text, JavaScript or SVG. */
#pragma once

#include <glib.h>

#include "base/json.h"

/* The string that a list of strings makes with separator between them; NULL when value is no list
 * of strings. The caller owns it. */
json_object *lines_join(json_object *value, const char *separator);

/* The size of the first line of text with its end; all of it when it has none. */
size_t lines_first(const char *text, size_t size);

/* The list of lines of a string; any other value as it is. The caller owns it. */
json_object *lines_split(json_object *value);

/* Whether a value is text as a file may have it: a string or a list of strings. */
gboolean lines_are_text(json_object *value);

/* Whether data of that MIME type are JSON, of any shape. */
gboolean lines_are_json_type(const char *type);

/* Joins object[name] in place when it is a list of strings. */
void lines_join_member(json_object *object, const char *name);

/* Joins the members of a MIME bundle, JSON types aside. Does nothing when bundle is no object. */
void lines_join_bundle(json_object *bundle);

/* Adds what a file has as lines to a set of json_object *, borrowed: the value when it is a string; of a
 * MIME bundle those members that are. */
void lines_collect(GHashTable *strings, json_object *value);
void lines_collect_bundle(GHashTable *strings, json_object *bundle);
