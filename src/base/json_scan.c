/* The scanner follows RFC 8259 production by production. A number that json-c would not keep is marked:
 * an integer of more than 18 digits (and "-0") gets "e+00" behind it, which makes json-c read a double and
 * keep the source text. So that the mark is never mistaken, a number that already ends in "e+00",
 * "e+000" … gets one more zero. After parsing, both are taken back. */
#include "base/json_scan.h"

#include <string.h>

#include "base/error.h"

#define MARK "e+00"
#define MARK_LENGTH 4
#define SAFE_DIGITS 18 /* an integer with so many digits fits 64 bits */

typedef struct {
	const char *text;
	size_t size;
	size_t at;
	int depth;
	gint64 values; /* so far */
	const JsonLimits *limits;
	gboolean python; /* takes NaN, Infinity and -Infinity */
	GString *out;    /* NULL until a number has to be rewritten */
	size_t copied;   /* how much of text out already holds */
	GError **error;
} Scan;

static gboolean scan_value(Scan *scan);

static gboolean
fail(Scan *scan, const char *what)
{
	g_set_error(scan->error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST,
		"the JSON is broken at byte %zu: %s", scan->at, what);
	return FALSE;
}

static int
peek(Scan *scan)
{
	return scan->at < scan->size ? (unsigned char) scan->text[scan->at] : -1;
}

static void
skip_space(Scan *scan)
{
	while (scan->at < scan->size && strchr(" \t\r\n", scan->text[scan->at]) != NULL &&
		scan->text[scan->at] != '\0')
		scan->at++;
}

static size_t
skip_digits(Scan *scan)
{
	size_t start = scan->at;

	while (scan->at < scan->size && g_ascii_isdigit(scan->text[scan->at]))
		scan->at++;
	return scan->at - start;
}

/* Copies what stands before the end of the number just scanned, and the addition. */
static void
rewrite(Scan *scan, const char *addition)
{
	if (scan->out == NULL)
		scan->out = g_string_sized_new(scan->size + 64);
	g_string_append_len(
		scan->out, scan->text + scan->copied, (gssize) (scan->at - scan->copied));
	g_string_append(scan->out, addition);
	scan->copied = scan->at;
}

/* Whether the exponent text is "e+00", "e+000" … */
static gboolean
is_marklike(const char *exponent, size_t length)
{
	if (length < MARK_LENGTH || memcmp(exponent, MARK, MARK_LENGTH) != 0)
		return FALSE;
	for (size_t i = MARK_LENGTH; i < length; i++)
		if (exponent[i] != '0')
			return FALSE;
	return TRUE;
}

static gboolean
scan_exponent(Scan *scan)
{
	size_t start = scan->at++;

	if (peek(scan) == '+' || peek(scan) == '-')
		scan->at++;
	if (skip_digits(scan) == 0)
		return fail(scan, "a number without digits in its exponent");
	if (is_marklike(scan->text + start, scan->at - start))
		rewrite(scan, "0");
	return TRUE;
}

/* Goes over a name that Python gives a number which JSON has not. */
static gboolean
skip_python_name(Scan *scan)
{
	static const char *const names[] = { "NaN", "Infinity", "-Infinity" };

	for (size_t i = 0; scan->python && i < G_N_ELEMENTS(names); i++) {
		size_t length = strlen(names[i]);

		if (scan->size - scan->at < length ||
			memcmp(scan->text + scan->at, names[i], length) != 0)
			continue;
		scan->at += length;
		return TRUE;
	}
	return FALSE;
}

static gboolean
scan_number(Scan *scan)
{
	gboolean integer = TRUE;
	gboolean negative = peek(scan) == '-';

	if (skip_python_name(scan))
		return TRUE;
	if (negative)
		scan->at++;
	gboolean zero = peek(scan) == '0';
	size_t digits = skip_digits(scan);
	if (digits == 0)
		return fail(scan, "not a JSON value (NaN and Infinity are none)");
	if (zero && digits > 1)
		return fail(scan, "a number with a leading zero");
	if (peek(scan) == '.') {
		integer = FALSE;
		scan->at++;
		if (skip_digits(scan) == 0)
			return fail(scan, "a number without digits behind its point");
	}
	if (peek(scan) == 'e' || peek(scan) == 'E') {
		integer = FALSE;
		if (!scan_exponent(scan))
			return FALSE;
	}
	if (integer && (digits > SAFE_DIGITS || (zero && negative)))
		rewrite(scan, MARK);
	return TRUE;
}

static gboolean
scan_escape(Scan *scan)
{
	static const char letters[] = "\"\\/bfnrt";

	scan->at++;
	if (peek(scan) == 'u') {
		for (int i = 0; i < 4; i++) {
			scan->at++;
			if (peek(scan) < 0 || !g_ascii_isxdigit(peek(scan)))
				return fail(scan, "\\u needs four hex digits");
		}
	} else if (peek(scan) <= 0 || strchr(letters, peek(scan)) == NULL) {
		return fail(scan, "an unknown escape in a string");
	}
	scan->at++;
	return TRUE;
}

/* Past what needs no look of its own. */
static void
skip_plain(Scan *scan)
{
	const unsigned char *text = (const unsigned char *) scan->text;
	size_t at = scan->at;

	while (at < scan->size && text[at] >= 0x20 && text[at] != '"' && text[at] != '\\')
		at++;
	scan->at = at;
}

static gboolean
scan_string(Scan *scan)
{
	scan->at++;
	for (;;) {
		skip_plain(scan);
		int byte = peek(scan);

		if (byte < 0)
			return fail(scan, "the text ends within a string");
		if (byte < 0x20)
			return fail(scan, "a control character in a string");
		if (byte == '\\') {
			if (!scan_escape(scan))
				return FALSE;
			continue;
		}
		scan->at++;
		if (byte == '"')
			return TRUE;
	}
}

static gboolean
scan_word(Scan *scan, const char *word)
{
	size_t length = strlen(word);

	if (scan->size - scan->at < length || memcmp(scan->text + scan->at, word, length) != 0)
		return fail(scan, "not a JSON value (NaN and Infinity are none)");
	scan->at += length;
	return TRUE;
}

/* json-c would cut the name there. */
static gboolean
holds_nul(const char *string, size_t size)
{
	for (size_t i = 0; i + 5 < size; i++) {
		if (string[i] != '\\')
			continue;
		if (memcmp(string + i + 1, "u0000", 5) == 0)
			return TRUE;
		i++; /* what stands behind a backslash begins no escape */
	}
	return FALSE;
}

static gboolean
scan_member(Scan *scan)
{
	skip_space(scan);
	if (peek(scan) != '"')
		return fail(scan, peek(scan) < 0 ? "the text ends too early"
						 : "a member's name in quotes is missing");
	size_t start = scan->at;
	if (!scan_string(scan))
		return FALSE;
	if (holds_nul(scan->text + start, scan->at - start))
		return fail(scan, "a NUL in a member's name");
	skip_space(scan);
	if (peek(scan) != ':')
		return fail(scan, "\":\" is missing");
	scan->at++;
	return scan_value(scan);
}

static gboolean
scan_container(Scan *scan, char close, gboolean (*scan_item)(Scan *))
{
	if (++scan->depth > scan->limits->depth) {
		g_set_error(scan->error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST,
			"the JSON is nested deeper than %d at byte %zu (for requests, "
			"max_json_depth is "
			"the setting)",
			scan->limits->depth, scan->at);
		return FALSE;
	}
	scan->at++;
	skip_space(scan);
	if (peek(scan) == close) {
		scan->at++;
		scan->depth--;
		return TRUE;
	}
	for (;;) {
		if (!scan_item(scan))
			return FALSE;
		skip_space(scan);
		int byte = peek(scan);
		if (byte != ',' && byte != close)
			return fail(scan, byte < 0 ? "the text ends too early"
						   : "\",\" or a closing bracket is missing");
		scan->at++;
		if (byte == close) {
			scan->depth--;
			return TRUE;
		}
	}
}

/* json-c gives the smallest object a table of sixteen members. */
static gboolean
count_value(Scan *scan)
{
	scan->values += peek(scan) == '{' ? JSON_VALUES_OF_OBJECT : 1;
	if (scan->values <= scan->limits->values)
		return TRUE;
	g_set_error(scan->error, NBHOOK_ERROR, NBHOOK_ERROR_TOO_LARGE,
		"the JSON has more values than max_values allows (%" G_GINT64_FORMAT ")",
		scan->limits->values);
	return FALSE;
}

static gboolean
scan_value(Scan *scan)
{
	skip_space(scan);
	if (!count_value(scan))
		return FALSE;
	switch (peek(scan)) {
	case -1:
		return fail(scan, "the text ends too early");
	case '{':
		return scan_container(scan, '}', scan_member);
	case '[':
		return scan_container(scan, ']', scan_value);
	case '"':
		return scan_string(scan);
	case 't':
		return scan_word(scan, "true");
	case 'f':
		return scan_word(scan, "false");
	case 'n':
		return scan_word(scan, "null");
	default:
		return scan_number(scan);
	}
}

static gboolean
scan_document(Scan *scan)
{
	const char *bad = NULL;

	if (!g_utf8_validate_len(scan->text, scan->size, &bad)) {
		scan->at = (size_t) (bad - scan->text);
		return fail(scan, "not UTF-8, or a NUL");
	}
	if (!scan_value(scan))
		return FALSE;
	skip_space(scan);
	if (scan->at != scan->size)
		return fail(scan, "something stands behind the value");
	if (scan->out != NULL)
		rewrite(scan, "");
	return TRUE;
}

gboolean
json_scan(const char *text, size_t size, const JsonLimits *limits, gboolean python, char **marked,
	GError **error)
{
	Scan scan = {
		.text = text, .size = size, .limits = limits, .python = python, .error = error
	};
	gboolean sound = scan_document(&scan);

	*marked = scan.out != NULL ? g_string_free(scan.out, FALSE) : NULL;
	if (!sound)
		g_clear_pointer(marked, g_free);
	return sound;
}

/* A number with its source text, the mark taken off; NULL when the number carries no mark. */
static json_object *
unmarked(json_object *number)
{
	const char *text = json_object_get_userdata(number);
	const char *mark = text != NULL ? strstr(text, MARK) : NULL;

	if (mark == NULL || !is_marklike(mark, strlen(mark)))
		return NULL;
	size_t keep = strlen(text) - (strlen(mark) == MARK_LENGTH ? MARK_LENGTH : 1);
	g_autofree char *source = g_strndup(text, keep);
	return json_object_new_double_s(json_object_get_double(number), source);
}

json_object *
json_scan_unmark(json_object *value)
{
	json_object *mended;

	switch (json_object_get_type(value)) {
	case json_type_double:
		return unmarked(value);
	case json_type_array:
		for (size_t i = 0; i < json_object_array_length(value); i++)
			if ((mended = json_scan_unmark(json_object_array_get_idx(value, i))) !=
				NULL)
				json_object_array_put_idx(value, i, mended);
		return NULL;
	case json_type_object: {
		struct lh_entry *entry;

		lh_foreach(json_object_get_object(value), entry)
		{
			if ((mended = json_scan_unmark((json_object *) lh_entry_v(entry))) !=
				NULL) {
				json_object_put((json_object *) lh_entry_v(entry));
				lh_entry_set_val(entry, mended);
			}
		}
		return NULL;
	}
	default:
		return NULL;
	}
}
