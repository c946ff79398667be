/* JSON: what is accepted comes back byte for byte, what is not is refused with its place. */
#include <pthread.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"

#define DEEPEST 600 /* of what any caller allows: base/frame.c */

static const char *const round_trips[] = {
	"null",
	"true",
	"0",
	"-0",
	"7",
	"-7",
	"9223372036854775807",
	"18446744073709551616",
	"100000000000000000000000000",
	"-100000000000000000000000000",
	"1.50",
	"1e+00",
	"1e+000",
	"[12345678901234567890123,1e+00,{\"a\":-0}]",
	"1E400",
	"0.1000000000000000055511151231257827",
	"\"a/b\"",
	"\"\\u0000x\"",
	"\"\u20ac \U0001F600\"",
	"{\"a\":{\"b\":[]},\"c\":{}}",
	"[[],[[]]]",
	"{}",
	"[]",
	"\"\\u0001\\b\\t\\n\\u000b\\f\\r\\u001f\x7f\\\"\\\\\"",
	"{\"\":{\"a\\\"\\n\":[null,true,false,-1,\"\"],\"b\":0.5},\"c\":[{}]}",
};

static void
check_print(json_object *value)
{
	g_autoptr(json_object) owned = value;
	g_autofree char *text = json_print(owned);

	g_assert_cmpstr(text, ==,
		json_object_to_json_string_ext(
			owned, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
}

/* Those that were not read. */
static void
test_made_numbers(void)
{
	static const gint64 integers[] = { 0, -1, 1, G_MAXINT64 - 1, G_MAXINT64, G_MININT64 };
	static const double fractions[] = { 0, -0.0, 0.1, 1e300, -2.5, 3 };

	for (size_t i = 0; i < G_N_ELEMENTS(integers); i++)
		check_print(json_object_new_int64(integers[i]));
	check_print(json_object_new_uint64((guint64) G_MAXINT64 + 1));
	check_print(json_object_new_uint64(G_MAXUINT64));
	for (size_t i = 0; i < G_N_ELEMENTS(fractions); i++)
		check_print(json_object_new_double(fractions[i]));
}

/* What is printed is also what json-c prints. */
static void
test_round_trips(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(round_trips); i++) {
		g_autoptr(GError) error = NULL;
		json_object *value = NULL;

		g_assert_true(
			json_parse(round_trips[i], strlen(round_trips[i]), 10, &value, &error));
		g_assert_no_error(error);
		g_autofree char *text = json_print(value);
		g_assert_cmpstr(text, ==, round_trips[i]);
		check_print(value);
	}
}

static const struct {
	const char *text, *means;
} escapes[] = {
	{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t" },
	{ "\"a\\u0041\\u00e9\\u20AC.\"", "aA\u00e9\u20ac." },
	{ "\"\\ud83d\\ude00\"", "\U0001F600" },
	{ "\"\\uDBFF\\uDFFFx\"", "\U0010FFFFx" },
	{ "\"\\ud937\\udc8a\"", "\U0005DC8A" }, /* json-c 0.16 reads U+FFFD */
	/* halves of pairs */
	{ "\"\\ud83d\"", "\ufffd" },
	{ "\"\\ude00\"", "\ufffd" },
	{ "\"\\ud83d\\n\"", "\ufffd\n" },
	{ "\"\\ud83dude00\"", "\ufffdude00" },
	{ "\"\\ud83d\\u0041\"", "\ufffdA" },
	{ "\"\\ud83d\\ud83d\\ude00\\ude00\"", "\ufffd\U0001F600\ufffd" },
	{ "\"\\\\ud83d\"", "\\ud83d" },
};

/* Each byte at each place of a text, since readers and writers look at many at a time. */
static void
test_each_byte(void)
{
	for (size_t size = 1; size <= 40; size++)
		for (size_t at = 0; at < size; at++)
			for (int byte = 0; byte < 0x80; byte++) {
				g_autofree char *text = g_strnfill(size, 'x');
				json_object *value = NULL;

				text[at] = (char) byte;
				g_autoptr(json_object) made =
					json_object_new_string_len(text, (int) size);
				g_autofree char *ours = json_print(made);
				g_assert_cmpstr(ours, ==,
					json_object_to_json_string_ext(
						made, JSON_C_TO_STRING_PLAIN |
							      JSON_C_TO_STRING_NOSLASHESCAPE));
				g_assert_true(json_parse(ours, strlen(ours), 1, &value, NULL));
				g_assert_cmpmem(json_object_get_string(value),
					json_object_get_string_len(value), text, size);
				json_object_put(value);
			}
}

/* Characters of two bytes and broken ones, wherever they stand. */
static void
test_each_place_of_a_character(void)
{
	for (size_t before = 0; before <= 40; before++) {
		g_autofree char *plain = g_strnfill(before, 'x');
		g_autofree char *sound = g_strdup_printf("\"%s\u00e9%s\"", plain, plain);
		g_autofree char *broken = g_strdup_printf("\"%s\xc3%s\"", plain, plain);
		g_autofree char *wanted =
			g_strdup_printf("the JSON is broken at byte %zu: not UTF-8", before + 1);
		g_autoptr(GError) error = NULL;
		json_object *value = NULL;

		g_assert_true(json_parse(sound, strlen(sound), 1, &value, NULL));
		g_autofree char *again = json_print(value);
		g_assert_cmpstr(again, ==, sound);
		json_object_put(value);
		g_assert_false(json_parse(broken, strlen(broken), 1, &value, &error));
		g_assert_nonnull(strstr(error->message, wanted));
	}
}

static void
test_escapes(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(escapes); i++) {
		g_autofree char *text =
			g_strdup_printf("{%s:[\"\\u0000\",%s]}", escapes[i].text, escapes[i].text);
		g_autoptr(GError) error = NULL;
		g_autoptr(json_object) object = json_parse_object(text, strlen(text), 3, &error);

		g_assert_no_error(error);
		json_object *array = json_array_member(object, escapes[i].means);
		g_assert_nonnull(array);
		json_object *nul = json_object_array_get_idx(array, 0);
		g_assert_cmpint(json_object_get_string_len(nul), ==, 1);
		json_object *string = json_object_array_get_idx(array, 1);
		g_assert_cmpmem(json_object_get_string(string),
			(size_t) json_object_get_string_len(string), escapes[i].means,
			strlen(escapes[i].means));
	}
}

/* As json-c and Python have it. */
static void
test_last_of_a_name(void)
{
	static const char text[] = "{\"a\":1,\"b\":2,\"\\u0061\":3}";
	g_autoptr(GError) error = NULL;
	g_autoptr(json_object) object = json_parse_object(text, strlen(text), 3, &error);
	g_autofree char *printed = json_print(object);

	g_assert_cmpstr(printed, ==, "{\"a\":3,\"b\":2}");
}

static const struct {
	const char *text;
	const char *says;
} refused[] = {
	{ "", "too early" },
	{ "{", "too early" },
	{ "[1,]", "not a JSON value" },
	{ "NaN", "NaN" },
	{ "[NaN]", "NaN" },
	{ "-Infinity", "NaN" },
	{ "nul", "not a JSON value" },
	{ "01", "leading zero" },
	{ "1.", "behind its point" },
	{ "1e", "exponent" },
	{ "\"a", "within a string" },
	{ "\"\n\"", "control character" },
	{ "\"\\x\"", "escape" },
	{ "\"\\u12g4\"", "hex" },
	{ "\"\\u12", "hex" },
	{ "\"\\ud83d\\u1\"", "hex" },
	{ "\"\\", "escape" },
	{ "1 2", "behind the value" },
	{ "{a:1}", "quotes" },
	{ "{\"a\" 1}", "\":\"" },
	{ "[1 2]", "missing" },
	{ "'a'", "not a JSON value" },
	{ "\"\xff\"", "UTF-8" },
	{ "[[[[1]]]]", "max_json_depth" },
	{ "/*c*/1", "not a JSON value" },
	{ "{\"a\\u0000b\":1}", "NUL" },
};

static void
test_refused(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(refused); i++) {
		g_autoptr(GError) error = NULL;
		json_object *value = NULL;

		g_assert_false(
			json_parse(refused[i].text, strlen(refused[i].text), 3, &value, &error));
		g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST);
		g_assert_nonnull(strstr(error->message, refused[i].says));
		g_assert_null(value);
	}
}

/* The text need not end in a NUL, and a NUL within it is refused. */
static void
test_size_counts(void)
{
	g_autoptr(GError) error = NULL;
	json_object *value = NULL;

	g_assert_true(json_parse("123456", 3, 3, &value, &error));
	g_assert_cmpint(json_object_get_int(value), ==, 123);
	json_object_put(value);
	g_assert_false(json_parse("1\0", 2, 3, &value, &error));
	g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST);
}

static void
test_sorted(void)
{
	static const char text[] = "{\"b\":[1,{\"z\":null,\"a\":\"x\"}],\"a\":{},\"c\":[]}";
	g_autoptr(GError) error = NULL;
	g_autoptr(json_object) value = json_parse_object(text, strlen(text), 5, &error);
	g_autofree char *printed = json_print_sorted(value);

	g_assert_no_error(error);
	g_assert_cmpstr(printed, ==,
		"{\n \"a\": {},\n \"b\": [\n  1,\n  {\n   \"a\": \"x\",\n   \"z\": null\n  }\n "
		"],\n "
		"\"c\": []\n}\n");
}

static void
test_doubles_are_short(void)
{
	g_autoptr(json_object) object = json_object_new_object();

	json_put_double(object, "a", 0.1);
	json_put_double(object, "b", 1234.5678);
	g_autofree char *text = json_print(object);
	g_assert_cmpstr(text, ==, "{\"a\":0.1,\"b\":1234.5678}");
}

static void
test_copy_keeps_numbers(void)
{
	static const char text[] = "{\"n\":123456789012345678901234567890,\"d\":1.50}";
	g_autoptr(GError) error = NULL;
	g_autoptr(json_object) value = json_parse_object(text, strlen(text), 5, &error);
	g_autoptr(json_object) copy = json_copy(value);
	g_autofree char *printed = json_print(copy);

	g_assert_cmpstr(printed, ==, text);
}

/* A member of another type is as good as none. */
static void
test_members(void)
{
	static const char text[] = "{\"s\":\"x\",\"i\":7,\"d\":1.5,\"b\":true,\"n\":null,"
				   "\"o\":{},\"a\":[],\"i\":8,\"big\":100000000000000000000}";
	g_autoptr(json_object) object = json_parse_object(text, strlen(text), 5, NULL);

	g_assert_cmpstr(json_string_member(object, "s"), ==, "x");
	g_assert_null(json_string_member(object, "i"));
	g_assert_null(json_string_member(object, "n"));
	g_assert_cmpint(json_int_member(object, "i", 1), ==, 8); /* the last one counts */
	g_assert_cmpint(json_int_member(object, "s", 1), ==, 1);
	g_assert_cmpint(json_int_member(object, "big", 1), ==, 1);
	g_assert_cmpfloat(json_double_member(object, "d", 0), ==, 1.5);
	g_assert_cmpfloat(json_double_member(object, "i", 0), ==, 8);
	g_assert_true(json_bool_member(object, "b", FALSE));
	g_assert_true(json_bool_member(object, "i", TRUE));
	g_assert_nonnull(json_object_member(object, "o"));
	g_assert_null(json_object_member(object, "a"));
	g_assert_nonnull(json_array_member(object, "a"));
	g_assert_null(json_member(object, "missing"));
	g_assert_null(json_string_member(NULL, "s"));
}

/* However deep, a line is indented by its depth. */
static void
test_indent(void)
{
	for (size_t depth = 1; depth <= 80; depth++) {
		g_autofree char *open = g_strnfill(depth, '[');
		g_autofree char *close = g_strnfill(depth, ']');
		g_autofree char *text = g_strconcat(open, "1", close, NULL);
		g_autofree char *spaces = g_strnfill(depth, ' ');
		g_autofree char *wanted = g_strconcat("[\n", spaces, "1\n", spaces + 1, "]", NULL);
		g_autoptr(json_object) value = NULL;

		g_assert_true(json_parse(text, strlen(text), (int) depth, &value, NULL));
		g_autofree char *printed = json_print_sorted(value);
		g_assert_nonnull(strstr(printed, wanted));
	}
}

/* As deep as allowed is allowed, one deeper is not. */
static void
test_depth(void)
{
	for (int depth = DEEPEST - 1; depth <= DEEPEST + 1; depth++) {
		g_autofree char *open = g_strnfill((gsize) depth, '[');
		g_autofree char *close = g_strnfill((gsize) depth, ']');
		g_autofree char *text = g_strconcat(open, close, NULL);
		g_autoptr(json_object) value = NULL;

		g_assert_cmpint(json_parse(text, strlen(text), DEEPEST, &value, NULL), ==,
			depth <= DEEPEST);
	}
}

static void *
read_deep(void *text)
{
	json_object *value = NULL;

	g_assert_true(json_parse(text, strlen(text), DEEPEST, &value, NULL));
	g_autofree char *printed = json_print(value);
	g_assert_cmpstr(printed, ==, text);
	json_object_put(value);
	return NULL;
}

/* What a thread of nbhook.fcgi has (cgi-bin/server.c) is enough, also with sanitizers. */
static void
test_depth_with_a_small_stack(void)
{
#ifdef __SANITIZE_THREAD__
	g_test_skip("the thread sanitizer keeps most of such a stack for itself");
	return;
#endif
	g_autoptr(GString) text = g_string_new(NULL);
	pthread_attr_t attributes;
	pthread_t thread;

	for (int i = 0; i < DEEPEST; i++)
		g_string_append(text, "{\"a\\n\":");
	g_string_append(text, "1.5");
	for (int i = 0; i < DEEPEST; i++)
		g_string_append_c(text, '}');
	pthread_attr_init(&attributes);
	g_assert_cmpint(pthread_attr_setstacksize(&attributes, 1024 << 10), ==, 0);
	g_assert_cmpint(pthread_create(&thread, &attributes, read_deep, text->str), ==, 0);
	pthread_join(thread, NULL);
	pthread_attr_destroy(&attributes);
}

/* Every byte as a string of its own, and between others, as json-c escapes it. */
static void
test_sorted_strings(void)
{
	for (int byte = 0; byte < 0x80; byte++) {
		const char text[] = { 'a', (char) byte, (char) byte, '/', 'b' };
		g_autoptr(json_object) value = json_object_new_string_len(text, sizeof text);
		g_autoptr(json_object) single = json_object_new_string_len(text + 1, 1);
		g_autofree char *printed = json_print_sorted(value);
		g_autofree char *printed_single = json_print_sorted(single);
		g_autofree char *wanted = g_strconcat(
			json_object_to_json_string_ext(value, JSON_C_TO_STRING_NOSLASHESCAPE), "\n",
			NULL);
		g_autofree char *wanted_single = g_strconcat(
			json_object_to_json_string_ext(single, JSON_C_TO_STRING_NOSLASHESCAPE),
			"\n", NULL);

		g_assert_cmpstr(printed, ==, wanted);
		g_assert_cmpstr(printed_single, ==, wanted_single);
	}
}

/* Python writes numbers that JSON has not; nothing else is let through with them. */
static void
test_python_numbers(void)
{
	static const char text[] =
		"{\"a\":[NaN,Infinity,-Infinity,1e5,100000000000000000000],\"b\":-0}";
	static const char *const others[] = { "{\"a\":nan}", "{\"a\":-NaN}", "{\"a\":Inf}",
		"{\"a\":NaNa}", "{NaN:1}", "{\"a\":+Infinity}", "{\"a\":infinity}" };
	g_autoptr(json_object) value = json_parse_python_object(text, strlen(text), 10, NULL);
	g_autofree char *printed = json_print(value);

	g_assert_cmpstr(printed, ==, text);
	for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
		g_assert_null(json_parse_python_object(others[i], strlen(others[i]), 10, NULL));
}

static gboolean
take_some(gpointer sink, const char *bytes, size_t size, GError **error)
{
	GString *taken = sink;

	if (taken->len + size > 600000) {
		g_set_error_literal(error, NBHOOK_ERROR, NBHOOK_ERROR_NO_SPACE, "full");
		return FALSE;
	}
	g_string_append_len(taken, bytes, (gssize) size);
	return TRUE;
}

static size_t
two_bytes(const char *text, size_t size)
{
	(void) text;
	return MIN(size, 2);
}

/* One string that stands in two places. */
static void
test_split(void)
{
	g_autoptr(GHashTable) strings = g_hash_table_new(NULL, NULL);
	g_autoptr(json_object) document = json_object_new_object();
	json_object *string = json_object_new_string("abc");
	g_autoptr(GString) taken = g_string_new(NULL);
	const JsonSplit split = { "cells", strings, two_bytes };

	json_object_object_add(document, "cells", string);
	json_put_shared(document, "a", string);
	json_put_shared(document, "z", string);
	g_hash_table_add(strings, string);
	g_assert_true(json_write_sorted(document, &split, take_some, taken, NULL));
	g_assert_cmpstr(taken->str, ==,
		"{\n \"a\": \"abc\",\n \"cells\": [\n  \"ab\",\n  \"c\"\n ],\n \"z\": "
		"\"abc\"\n}\n");
}

static void
test_sink_that_is_full(void)
{
	g_autofree char *text = g_strnfill(100000, 'x');
	g_autoptr(json_object) document = json_object_new_array();
	g_autoptr(GString) taken = g_string_new(NULL);
	g_autoptr(GError) error = NULL;

	for (int i = 0; i < 20; i++)
		json_object_array_add(document, json_object_new_string(text));
	g_assert_false(json_write_sorted(document, NULL, take_some, taken, &error));
	g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_NO_SPACE);
	g_assert_cmpuint(taken->len, <=, 600000);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/json/round-trips", test_round_trips);
	g_test_add_func("/json/made-numbers", test_made_numbers);
	g_test_add_func("/json/split", test_split);
	g_test_add_func("/json/sink-that-is-full", test_sink_that_is_full);
	g_test_add_func("/json/each-byte", test_each_byte);
	g_test_add_func("/json/each-place", test_each_place_of_a_character);
	g_test_add_func("/json/escapes", test_escapes);
	g_test_add_func("/json/last-of-a-name", test_last_of_a_name);
	g_test_add_func("/json/refused", test_refused);
	g_test_add_func("/json/size-counts", test_size_counts);
	g_test_add_func("/json/sorted", test_sorted);
	g_test_add_func("/json/sorted-strings", test_sorted_strings);
	g_test_add_func("/json/doubles-are-short", test_doubles_are_short);
	g_test_add_func("/json/copy-keeps-numbers", test_copy_keeps_numbers);
	g_test_add_func("/json/members", test_members);
	g_test_add_func("/json/indent", test_indent);
	g_test_add_func("/json/depth", test_depth);
	g_test_add_func("/json/depth-with-a-small-stack", test_depth_with_a_small_stack);
	g_test_add_func("/json/python-numbers", test_python_numbers);
	return g_test_run();
}
