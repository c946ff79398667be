/* base/json.h: JSON with limits, numbers kept byte for byte.
 *
 * The values are json-c's; they are read here, strictly: depth, NaN, broken UTF-8, trailing bytes, control
 * characters in strings. Integers beyond 64 bits, which json-c would clamp silently, become doubles that carry
 * their source text and are printed as it. A json_object belongs to whom the function says; every
 * json_object_object_add takes over the reference of its value. */
#pragma once

#include <glib.h>
#include <json-c/json.h>
#include <stdint.h>

#include "base/files.h"

static inline void
json_object_release(json_object *object)
{
	json_object_put(object);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(json_object, json_object_release)

/* Parses size bytes (no terminator needed) as one JSON value (RFC 8259) nested at most max_depth deep.
 * *value is NULL for the JSON value null. Errors: NBHOOK_ERROR_BAD_REQUEST, with the byte offset. */
gboolean json_parse(
	const char *text, size_t size, int max_depth, json_object **value, GError **error);

#define JSON_VALUES_OF_OBJECT 5

/* What a text from elsewhere may hold. */
typedef struct JsonLimits {
	int depth; /* of arrays and objects in each other */
	/* All together, arrays too, and an object as JSON_VALUES_OF_OBJECT: each takes up to 200 bytes of memory
	 * beside its text. */
	gint64 values;
} JsonLimits;

/* The same with a ceiling for the values: NBHOOK_ERROR_TOO_LARGE above it. */
gboolean json_parse_within(const char *text, size_t size, const JsonLimits *limits,
	json_object **value, GError **error);

/* The same for a document that must be an object. The caller owns the result. */
json_object *json_parse_object(
	const char *text, size_t size, int max_depth, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same for what Python's json module has written: it takes NaN, Infinity and -Infinity, and they are
 * printed so again. Notebook files hold them. */
json_object *json_parse_python_object(
	const char *text, size_t size, int max_depth, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Compact text, "/" unescaped, numbers as they were read. The caller frees it. */
char *json_print(json_object *value);

/* The same with sorted keys, indented by one space, as nbformat writes notebooks; with a final newline. */
char *json_print_sorted(json_object *value);

/* Strings that are printed as lists of pieces. */
typedef struct JsonSplit {
	const char *member;  /* of the document; what is not below it is printed whole */
	GHashTable *strings; /* a set of json_object * */
	/* The size of the first piece of text, whose size is not 0. */
	size_t (*piece)(const char *text, size_t size);
} JsonSplit;

/* The same text, given to take piece by piece. split may be NULL. */
gboolean json_write_sorted(
	json_object *value, const JsonSplit *split, ByteSink take, gpointer sink, GError **error);

/* Members of an object. Strings are borrowed from it; NULL (or the fallback) when the member is missing
 * or of another type. A string that holds a NUL is cut there: use json_member and
 * json_object_get_string_len where that matters. */
json_object *json_member(json_object *object, const char *name); /* borrowed */
const char *json_string_member(json_object *object, const char *name);
gint64 json_int_member(json_object *object, const char *name, gint64 fallback);
double json_double_member(json_object *object, const char *name, double fallback);
gboolean json_bool_member(json_object *object, const char *name, gboolean fallback);
json_object *json_object_member(json_object *object, const char *name); /* borrowed, an object */
json_object *json_array_member(json_object *object, const char *name);  /* borrowed, an array */

/* Puts a member; a NULL text is the JSON null. */
void json_put_string(json_object *object, const char *name, const char *text);
void json_put_int(json_object *object, const char *name, gint64 number);
void json_put_bool(json_object *object, const char *name, gboolean truth);
/* A double in the shortest text that reads back as the same number. */
void json_put_double(json_object *object, const char *name, double number);
/* Puts a reference of its own to a value that the caller keeps. */
void json_put_shared(json_object *object, const char *name, json_object *value);

/* A deep copy in which numbers keep their source text. The caller owns it. */
json_object *json_copy(json_object *value);
