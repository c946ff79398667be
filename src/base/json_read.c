/* The reader follows RFC 8259 production by production. json-c's own lets through what is no JSON, clamps integers
 * beyond 64 bits and copies each string twice. A number keeps its source text, unless it is an integer that fits 64
 * bits for certain; a name that stands twice has its last value, as with json-c and Python. */
#include "base/json_read.h"

#include <string.h>

#include "base/error.h"
#include "base/scan.h"

#define SAFE_DIGITS 18 /* an integer with so many digits fits 64 bits */
#define SHORT_NAME 64  /* most members' names are shorter */
/* The halves of UTF-16's pairs. */
#define HIGH_FIRST 0xd800
#define LOW_FIRST 0xdc00
#define N_HALVES 0x400
#define PAIRS_FIRST 0x10000
#define REPLACEMENT 0xfffd
#define UNIT_SIZE 6 /* of "\u0000" */

typedef struct {
	const char *text;
	size_t size;
	size_t at;
	int depth;
	gint64 values; /* so far */
	const JsonLimits *limits;
	gboolean python; /* takes NaN, Infinity and -Infinity */
	GError **error;
} Reader;

/* A sound string as it stands in the text, without its quotes. */
typedef struct {
	const char *bytes;
	size_t size;
	gboolean escaped; /* there are escapes in it */
} String;

#define IS_NO_ASCII(byte) (((byte) == 0) | ((byte) >= 0x80))

SCAN_DEFINE(plain_length, SCAN_IS_ESCAPED)
SCAN_DEFINE(ascii_length, IS_NO_ASCII)

static gboolean read_value(Reader *reader, json_object **value);

static gboolean
fail(Reader *reader, const char *what)
{
	g_set_error(reader->error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST,
		"the JSON is broken at byte %zu: %s", reader->at, what);
	return FALSE;
}

static int
peek(const Reader *reader)
{
	return reader->at < reader->size ? (unsigned char) reader->text[reader->at] : -1;
}

static void
skip_space(Reader *reader)
{
	for (int byte = peek(reader); byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
		byte = peek(reader))
		reader->at++;
}

static size_t
skip_digits(Reader *reader)
{
	size_t start = reader->at;

	while (reader->at < reader->size && g_ascii_isdigit(reader->text[reader->at]))
		reader->at++;
	return reader->at - start;
}

static json_object *
number_with_source(const char *source)
{
	return json_object_new_double_s(g_ascii_strtod(source, NULL), source);
}

/* A number that Python writes and JSON has not. */
static gboolean
read_python_name(Reader *reader, json_object **value)
{
	static const char *const names[] = { "NaN", "Infinity", "-Infinity" };

	for (size_t i = 0; reader->python && i < G_N_ELEMENTS(names); i++) {
		size_t length = strlen(names[i]);

		if (reader->size - reader->at < length ||
			memcmp(reader->text + reader->at, names[i], length) != 0)
			continue;
		reader->at += length;
		*value = number_with_source(names[i]);
		return TRUE;
	}
	return FALSE;
}

static gboolean
skip_fraction_and_exponent(Reader *reader)
{
	if (peek(reader) == '.') {
		reader->at++;
		if (skip_digits(reader) == 0)
			return fail(reader, "a number without digits behind its point");
	}
	if (peek(reader) != 'e' && peek(reader) != 'E')
		return TRUE;
	reader->at++;
	if (peek(reader) == '+' || peek(reader) == '-')
		reader->at++;
	return skip_digits(reader) > 0 || fail(reader, "a number without digits in its exponent");
}

static gboolean
read_number(Reader *reader, json_object **value)
{
	size_t start = reader->at;
	gboolean negative = peek(reader) == '-';

	if (read_python_name(reader, value))
		return TRUE;
	if (negative)
		reader->at++;
	gboolean zero = peek(reader) == '0';
	size_t digits = skip_digits(reader);
	size_t integer_end = reader->at;
	if (digits == 0)
		return fail(reader, "not a JSON value (NaN and Infinity are none)");
	if (zero && digits > 1)
		return fail(reader, "a number with a leading zero");
	if (!skip_fraction_and_exponent(reader))
		return FALSE;
	g_autofree char *source = g_strndup(reader->text + start, reader->at - start);
	gboolean plain = reader->at == integer_end && digits <= SAFE_DIGITS && !(zero && negative);
	*value = plain ? json_object_new_int64(g_ascii_strtoll(source, NULL, 10))
		       : number_with_source(source);
	return TRUE;
}

static gboolean
skip_escape(Reader *reader)
{
	static const char letters[] = "\"\\/bfnrt";

	reader->at++;
	if (peek(reader) == 'u') {
		for (int i = 0; i < 4; i++) {
			reader->at++;
			if (peek(reader) < 0 || !g_ascii_isxdigit(peek(reader)))
				return fail(reader, "\\u needs four hex digits");
		}
	} else if (peek(reader) <= 0 || strchr(letters, peek(reader)) == NULL) {
		return fail(reader, "an unknown escape in a string");
	}
	reader->at++;
	return TRUE;
}

static gboolean
read_string(Reader *reader, String *string)
{
	size_t start = ++reader->at;

	string->escaped = FALSE;
	for (;;) {
		reader->at += plain_length(reader->text + reader->at, reader->size - reader->at);
		int byte = peek(reader);

		if (byte < 0)
			return fail(reader, "the text ends within a string");
		if (byte < 0x20)
			return fail(reader, "a control character in a string");
		if (byte == '"')
			break;
		string->escaped = TRUE;
		if (!skip_escape(reader))
			return FALSE;
	}
	string->bytes = reader->text + start;
	string->size = reader->at++ - start;
	return TRUE;
}

static gunichar
code_unit(const char *digits)
{
	gunichar unit = 0;

	for (int i = 0; i < 4; i++)
		unit = unit << 4 | (gunichar) g_ascii_xdigit_value(digits[i]);
	return unit;
}

static gboolean
is_half(gunichar unit, gunichar first)
{
	return unit >= first && unit < first + N_HALVES;
}

/* What the escape at *at stands for, which is gone past; a half of a pair without the other is U+FFFD. */
static gunichar
escaped_character(const String *string, size_t *at)
{
	static const char meanings[128] = {
		['b'] = '\b', ['f'] = '\f', ['n'] = '\n', ['r'] = '\r', ['t'] = '\t'
	};
	const char *escape = string->bytes + *at;

	if (escape[1] != 'u') {
		char meaning = meanings[(unsigned char) escape[1]];

		*at += 2;
		return (gunichar) (meaning != '\0' ? meaning : escape[1]);
	}
	gunichar unit = code_unit(escape + 2);
	*at += UNIT_SIZE;
	if (is_half(unit, HIGH_FIRST) && string->size - *at >= UNIT_SIZE &&
		memcmp(escape + UNIT_SIZE, "\\u", 2) == 0 &&
		is_half(code_unit(escape + UNIT_SIZE + 2), LOW_FIRST)) {
		*at += UNIT_SIZE;
		return PAIRS_FIRST + ((unit - HIGH_FIRST) << 10) +
		       (code_unit(escape + UNIT_SIZE + 2) - LOW_FIRST);
	}
	return is_half(unit, HIGH_FIRST) || is_half(unit, LOW_FIRST) ? REPLACEMENT : unit;
}

/* The size of what the string stands for, which is never more than its own; written to out unless that is NULL. */
static size_t
decode(const String *string, char *out)
{
	size_t done = 0;

	for (size_t at = 0; at < string->size;) {
		const char *from = string->bytes + at;
		const char *escape = memchr(from, '\\', string->size - at);
		size_t plain = escape != NULL ? (size_t) (escape - from) : string->size - at;

		if (out != NULL)
			memcpy(out + done, from, plain);
		done += plain;
		at += plain;
		if (escape != NULL)
			done += (size_t) g_unichar_to_utf8(
				escaped_character(string, &at), out != NULL ? out + done : NULL);
	}
	return done;
}

/* json-c has no string that can be filled. The bytes are the string's own, and here they still are to be written. */
static gboolean
read_text(Reader *reader, json_object **value)
{
	String string;

	if (!read_string(reader, &string))
		return FALSE;
	size_t size = string.escaped ? decode(&string, NULL) : string.size;
	*value = json_object_new_string_len(string.bytes, (int) size);
	if (string.escaped)
		decode(&string, (char *) json_object_get_string(*value));
	return TRUE;
}

static gboolean
read_word(Reader *reader, const char *word)
{
	size_t length = strlen(word);

	if (reader->size - reader->at < length ||
		memcmp(reader->text + reader->at, word, length) != 0)
		return fail(reader, "not a JSON value (NaN and Infinity are none)");
	reader->at += length;
	return TRUE;
}

static gboolean
read_boolean(Reader *reader, gboolean truth, json_object **value)
{
	if (!read_word(reader, truth ? "true" : "false"))
		return FALSE;
	*value = json_object_new_boolean(truth);
	return TRUE;
}

/* json-c's names end with a NUL. */
static gboolean
read_member(Reader *reader, json_object *object)
{
	json_object *value = NULL;
	char short_name[SHORT_NAME];
	g_autofree char *long_name = NULL;
	String string;

	skip_space(reader);
	if (peek(reader) != '"')
		return fail(reader, peek(reader) < 0 ? "the text ends too early"
						     : "a member's name in quotes is missing");
	if (!read_string(reader, &string))
		return FALSE;
	if (string.size >= sizeof short_name)
		long_name = g_malloc(string.size + 1);
	char *name = long_name != NULL ? long_name : short_name;
	size_t size = decode(&string, name);
	name[size] = '\0';
	if (strlen(name) < size)
		return fail(reader, "a NUL in a member's name");
	skip_space(reader);
	if (peek(reader) != ':')
		return fail(reader, "\":\" is missing");
	reader->at++;
	if (!read_value(reader, &value))
		return FALSE;
	json_object_object_add(object, name, value);
	return TRUE;
}

static gboolean
read_item(Reader *reader, json_object *array)
{
	json_object *value = NULL;

	if (!read_value(reader, &value))
		return FALSE;
	json_object_array_add(array, value);
	return TRUE;
}

static gboolean
enter(Reader *reader)
{
	if (++reader->depth <= reader->limits->depth)
		return TRUE;
	g_set_error(reader->error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST,
		"the JSON is nested deeper than %d at byte %zu (for requests, max_json_depth is "
		"the setting)",
		reader->limits->depth, reader->at);
	return FALSE;
}

/* What stands between two brackets. */
static gboolean
read_items(Reader *reader, char close, gboolean (*read_one)(Reader *, json_object *),
	json_object *container)
{
	if (!enter(reader))
		return FALSE;
	reader->at++;
	skip_space(reader);
	gboolean empty = peek(reader) == close;
	if (empty)
		reader->at++;
	for (int byte = empty ? close : ','; byte != close;) {
		if (!read_one(reader, container))
			return FALSE;
		skip_space(reader);
		byte = peek(reader);
		if (byte != ',' && byte != close)
			return fail(reader, byte < 0 ? "the text ends too early"
						     : "\",\" or a closing bracket is missing");
		reader->at++;
	}
	reader->depth--;
	return TRUE;
}

static gboolean
read_object(Reader *reader, json_object **value)
{
	g_autoptr(json_object) object = json_object_new_object();

	if (!read_items(reader, '}', read_member, object))
		return FALSE;
	*value = g_steal_pointer(&object);
	return TRUE;
}

/* json-c makes room for 32 items. */
static gboolean
read_array(Reader *reader, json_object **value)
{
	g_autoptr(json_object) array = json_object_new_array();

	if (!read_items(reader, ']', read_item, array))
		return FALSE;
	json_object_array_shrink(array, 0);
	*value = g_steal_pointer(&array);
	return TRUE;
}

/* json-c gives the smallest object a table of sixteen members. */
static gboolean
count_value(Reader *reader)
{
	reader->values += peek(reader) == '{' ? JSON_VALUES_OF_OBJECT : 1;
	if (reader->values <= reader->limits->values)
		return TRUE;
	g_set_error(reader->error, NBHOOK_ERROR, NBHOOK_ERROR_TOO_LARGE,
		"the JSON has more values than max_values allows (%" G_GINT64_FORMAT ")",
		reader->limits->values);
	return FALSE;
}

static gboolean
read_value(Reader *reader, json_object **value)
{
	skip_space(reader);
	if (!count_value(reader))
		return FALSE;
	switch (peek(reader)) {
	case -1:
		return fail(reader, "the text ends too early");
	case '{':
		return read_object(reader, value);
	case '[':
		return read_array(reader, value);
	case '"':
		return read_text(reader, value);
	case 't':
		return read_boolean(reader, TRUE, value);
	case 'f':
		return read_boolean(reader, FALSE, value);
	case 'n':
		*value = NULL;
		return read_word(reader, "null");
	default:
		return read_number(reader, value);
	}
}

static gboolean
read_document(Reader *reader, json_object **value)
{
	g_autoptr(json_object) document = NULL;
	size_t ascii = ascii_length(reader->text, reader->size);
	const char *bad = NULL;

	if (!g_utf8_validate_len(reader->text + ascii, reader->size - ascii, &bad)) {
		reader->at = (size_t) (bad - reader->text);
		return fail(reader, "not UTF-8, or a NUL");
	}
	if (!read_value(reader, &document))
		return FALSE;
	skip_space(reader);
	if (reader->at != reader->size)
		return fail(reader, "something stands behind the value");
	*value = g_steal_pointer(&document);
	return TRUE;
}

gboolean
json_read(const char *text, size_t size, const JsonLimits *limits, gboolean python,
	json_object **value, GError **error)
{
	Reader reader = {
		.text = text, .size = size, .limits = limits, .python = python, .error = error
	};

	if (size <= G_MAXINT)
		return read_document(&reader, value);
	g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_TOO_LARGE, "the JSON is over 2 GiB");
	return FALSE;
}
