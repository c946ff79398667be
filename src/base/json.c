/* json_read.c makes the values; json-c keeps them. */
#include "base/json.h"

#include <string.h>

#include "base/error.h"
#include "base/json_read.h"
#include "base/scan.h"

#define PIECE_SIZE ((gsize) 256 << 10) /* of a text that is given to a sink */
#define MAX_INT_SIZE 24                /* of one of 64 bits, its sign and its NUL */
#define PLAIN_SIZE 256                 /* of most documents that are printed without line breaks */

gboolean
json_parse_within(const char *text, size_t size, const JsonLimits *limits, json_object **value,
	GError **error)
{
	return json_read(text, size, limits, FALSE, value, error);
}

gboolean
json_parse(const char *text, size_t size, int max_depth, json_object **value, GError **error)
{
	const JsonLimits limits = { max_depth, G_MAXINT64 };

	return json_read(text, size, &limits, FALSE, value, error);
}

static json_object *
parse_object(const char *text, size_t size, int max_depth, gboolean python, GError **error)
{
	const JsonLimits limits = { max_depth, G_MAXINT64 };
	json_object *value = NULL;

	if (!json_read(text, size, &limits, python, &value, error))
		return NULL;
	if (!json_object_is_type(value, json_type_object)) {
		json_object_put(value);
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST,
			"the JSON is no object at its top level");
		return NULL;
	}
	return value;
}

json_object *
json_parse_object(const char *text, size_t size, int max_depth, GError **error)
{
	return parse_object(text, size, max_depth, FALSE, error);
}

json_object *
json_parse_python_object(const char *text, size_t size, int max_depth, GError **error)
{
	return parse_object(text, size, max_depth, TRUE, error);
}

typedef struct {
	GString *text; /* what has not been given to take yet */
	const JsonSplit *split;
	gboolean splits; /* below that member */
	ByteSink take;   /* NULL: all stays in text */
	gpointer sink;
	GError *failure;
} Printer;

static void
print_indent(GString *text, int depth)
{
	static const char spaces[] = "\n                               ";
	int some = MIN(depth, (int) sizeof spaces - 2);

	g_string_append_len(text, spaces, some + 1);
	for (; some < depth; some++)
		g_string_append_c(text, ' ');
}

static void print_sorted(Printer *printer, json_object *value, int depth);

static void
give(Printer *printer, gsize at_least)
{
	if (printer->take == NULL || printer->text->len < at_least)
		return;
	if (printer->failure == NULL)
		printer->take(
			printer->sink, printer->text->str, printer->text->len, &printer->failure);
	g_string_truncate(printer->text, 0);
}

SCAN_DEFINE(plain_length, SCAN_IS_ESCAPED)

/* As json-c does it, without a buffer for each of the many lines of a notebook. */
static void
print_string(GString *text, const char *string, size_t size)
{
	static const char letters[0x20] = {
		['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'
	};

	g_string_append_c(text, '"');
	for (size_t at = 0; at < size; at++) {
		size_t plain = plain_length(string + at, size - at);

		g_string_append_len(text, string + at, (gssize) plain);
		at += plain;
		if (at == size)
			break;
		unsigned char byte = (unsigned char) string[at];
		g_string_append_c(text, '\\');
		if (byte >= 0x20)
			g_string_append_c(text, (char) byte);
		else if (letters[byte] != '\0')
			g_string_append_c(text, letters[byte]);
		else
			g_string_append_printf(text, "u%04x", byte);
	}
	g_string_append_c(text, '"');
}

/* As the list of its pieces; the empty list when it is empty. */
static void
print_pieces(Printer *printer, json_object *value, int depth)
{
	const char *string = json_object_get_string(value);
	size_t left = (size_t) json_object_get_string_len(value);

	g_string_append_c(printer->text, '[');
	for (size_t done = 0; left > 0; left -= done, string += done) {
		if (done > 0)
			g_string_append_c(printer->text, ',');
		print_indent(printer->text, depth + 1);
		done = printer->split->piece(string, left);
		print_string(printer->text, string, done);
		if (done == left)
			print_indent(printer->text, depth);
		give(printer, PIECE_SIZE);
	}
	g_string_append_c(printer->text, ']');
}

/* The largest may stand for one that has no sign and is larger. */
static gboolean
print_int(GString *text, json_object *value)
{
	char digits[MAX_INT_SIZE];
	gint64 number = json_object_get_int64(value);

	if (number == G_MAXINT64)
		return FALSE;
	g_snprintf(digits, sizeof digits, "%" G_GINT64_FORMAT, number);
	g_string_append(text, digits);
	return TRUE;
}

/* As it was read. */
static gboolean
print_source(GString *text, json_object *value)
{
	const char *source = json_object_get_userdata(value);

	if (source != NULL)
		g_string_append(text, source);
	return source != NULL;
}

/* What json-c prints it keeps, too, as long as the value lives. */
static void
print_kept(GString *text, json_object *value)
{
	size_t length;
	const char *plain = json_object_to_json_string_length(
		value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &length);

	g_string_append_len(text, plain, (gssize) length);
}

static void
print_scalar(GString *text, json_object *value)
{
	json_type type = json_object_get_type(value);

	if (type == json_type_string)
		print_string(text, json_object_get_string(value),
			(size_t) json_object_get_string_len(value));
	else if (type == json_type_boolean)
		g_string_append(text, json_object_get_boolean(value) ? "true" : "false");
	else if ((type != json_type_int || !print_int(text, value)) &&
		 (type != json_type_double || !print_source(text, value)))
		print_kept(text, value);
}

static void
print_plain(GString *text, json_object *value)
{
	char before;

	switch (json_object_get_type(value)) {
	case json_type_object:
		before = '{';
		json_object_object_foreach (value, name, member) {
			g_string_append_c(text, before);
			print_string(text, name, strlen(name));
			g_string_append_c(text, ':');
			print_plain(text, member);
			before = ',';
		}
		g_string_append(text, before == '{' ? "{}" : "}");
		break;
	case json_type_array:
		before = '[';
		for (size_t i = 0; i < json_object_array_length(value); i++) {
			g_string_append_c(text, before);
			print_plain(text, json_object_array_get_idx(value, i));
			before = ',';
		}
		g_string_append(text, before == '[' ? "[]" : "]");
		break;
	default:
		print_scalar(text, value);
	}
}

char *
json_print(json_object *value)
{
	GString *text = g_string_sized_new(PLAIN_SIZE);

	print_plain(text, value);
	return g_string_free(text, FALSE);
}

static void
print_name(GString *text, const char *name)
{
	print_string(text, name, strlen(name));
	g_string_append(text, ": ");
}

static int
compare_names(gconstpointer one, gconstpointer other)
{
	return strcmp(*(char *const *) one, *(char *const *) other);
}

static void
print_object(Printer *printer, json_object *object, int depth)
{
	GString *text = printer->text;
	g_autoptr(GPtrArray) names = g_ptr_array_new();

	json_object_object_foreach (object, key, member) {
		(void) member;
		g_ptr_array_add(names, key);
	}
	g_ptr_array_sort(names, compare_names);
	for (guint i = 0; i < names->len; i++) {
		const char *name = g_ptr_array_index(names, i);

		g_string_append_c(text, i == 0 ? '{' : ',');
		if (depth == 0 && printer->split != NULL)
			printer->splits = strcmp(name, printer->split->member) == 0;
		print_indent(text, depth + 1);
		print_name(text, name);
		print_sorted(printer, json_object_object_get(object, name), depth + 1);
	}
	print_indent(text, depth);
	g_string_append_c(text, '}');
}

static void
print_array(Printer *printer, json_object *array, int depth)
{
	GString *text = printer->text;

	for (size_t i = 0; i < json_object_array_length(array); i++) {
		g_string_append_c(text, i == 0 ? '[' : ',');
		print_indent(text, depth + 1);
		print_sorted(printer, json_object_array_get_idx(array, i), depth + 1);
	}
	print_indent(text, depth);
	g_string_append_c(text, ']');
}

static void
print_sorted(Printer *printer, json_object *value, int depth)
{
	if (json_object_is_type(value, json_type_object) && json_object_object_length(value) > 0)
		print_object(printer, value, depth);
	else if (json_object_is_type(value, json_type_array) && json_object_array_length(value) > 0)
		print_array(printer, value, depth);
	else if (printer->splits && g_hash_table_contains(printer->split->strings, value))
		print_pieces(printer, value, depth);
	else
		print_scalar(printer->text, value);
	give(printer, PIECE_SIZE);
}

gboolean
json_write_sorted(
	json_object *value, const JsonSplit *split, ByteSink take, gpointer sink, GError **error)
{
	Printer printer = {
		.text = g_string_new(NULL), .split = split, .take = take, .sink = sink
	};

	print_sorted(&printer, value, 0);
	g_string_append_c(printer.text, '\n');
	give(&printer, 0);
	g_string_free(printer.text, TRUE);
	if (printer.failure == NULL)
		return TRUE;
	g_propagate_error(error, printer.failure);
	return FALSE;
}

char *
json_print_sorted(json_object *value)
{
	Printer printer = { .text = g_string_new(NULL) };

	print_sorted(&printer, value, 0);
	g_string_append_c(printer.text, '\n');
	return g_string_free(printer.text, FALSE);
}

json_object *
json_member(json_object *object, const char *name)
{
	json_object *member = NULL;

	if (!json_object_is_type(object, json_type_object))
		return NULL;
	json_object_object_get_ex(object, name, &member);
	return member;
}

static json_object *
typed_member(json_object *object, const char *name, json_type type)
{
	json_object *member = json_member(object, name);

	return member != NULL && json_object_is_type(member, type) ? member : NULL;
}

const char *
json_string_member(json_object *object, const char *name)
{
	json_object *member = typed_member(object, name, json_type_string);

	return member != NULL ? json_object_get_string(member) : NULL;
}

gint64
json_int_member(json_object *object, const char *name, gint64 fallback)
{
	json_object *member = typed_member(object, name, json_type_int);

	return member != NULL ? json_object_get_int64(member) : fallback;
}

double
json_double_member(json_object *object, const char *name, double fallback)
{
	json_object *member = json_member(object, name);

	if (member == NULL || (!json_object_is_type(member, json_type_double) &&
				      !json_object_is_type(member, json_type_int)))
		return fallback;
	return json_object_get_double(member);
}

gboolean
json_bool_member(json_object *object, const char *name, gboolean fallback)
{
	json_object *member = typed_member(object, name, json_type_boolean);

	return member != NULL ? json_object_get_boolean(member) : fallback;
}

json_object *
json_object_member(json_object *object, const char *name)
{
	return typed_member(object, name, json_type_object);
}

json_object *
json_array_member(json_object *object, const char *name)
{
	return typed_member(object, name, json_type_array);
}

void
json_put_string(json_object *object, const char *name, const char *text)
{
	json_object_object_add(object, name, text != NULL ? json_object_new_string(text) : NULL);
}

void
json_put_int(json_object *object, const char *name, gint64 number)
{
	json_object_object_add(object, name, json_object_new_int64(number));
}

void
json_put_bool(json_object *object, const char *name, gboolean truth)
{
	json_object_object_add(object, name, json_object_new_boolean(truth));
}

void
json_put_double(json_object *object, const char *name, double number)
{
	char text[G_ASCII_DTOSTR_BUF_SIZE];

	for (int digits = 1; digits <= 17; digits++) {
		g_autofree char *format = g_strdup_printf("%%.%dg", digits);

		g_ascii_formatd(text, sizeof text, format, number);
		if (g_ascii_strtod(text, NULL) == number)
			break;
	}
	json_object_object_add(object, name, json_object_new_double_s(number, text));
}

void
json_put_shared(json_object *object, const char *name, json_object *value)
{
	json_object_object_add(object, name, json_object_get(value));
}

json_object *
json_copy(json_object *value)
{
	json_object *copy = NULL;

	if (value != NULL)
		json_object_deep_copy(value, &copy, NULL);
	return copy;
}
