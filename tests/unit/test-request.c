#include <string.h>

#include "base/error.h"
#include "notebook/body.h"
#include "notebook/request.h"

static const RequestLimits limits = { .max_parsed_body = 2 << 20,
	.max_json_depth = 10,
	.max_gzip_ratio = 100,
	.max_values = 1000,
	.max_fields = 100 };

static json_object *
json(const char *text)
{
	json_object *value = NULL;
	g_autoptr(GError) error = NULL;

	json_parse(text, strlen(text), 100, &value, &error);
	g_assert_no_error(error);
	return value;
}

static void
assert_json(json_object *value, const char *expected)
{
	g_autoptr(json_object) wanted = json(expected);
	g_autofree char *expected_text = json_print(wanted);
	g_autofree char *text = json_print(value);

	g_assert_cmpstr(text, ==, expected_text);
}

/* The inputs of a POST with this Content-Type (NULL: none) and body. */
static Inputs *
post(const char *type, const char *body, gssize size, GError **error)
{
	g_autoptr(GString) request = g_string_new("POST /webhook/-?q=1 HTTP/1.1\r\n");

	if (type != NULL)
		g_string_append_printf(request, "content-type: %s\r\n", type);
	g_string_append(request, "\r\n");
	g_string_append_len(request, body, size);
	return inputs_new(request->str, request->len, &limits, error);
}

static void
test_head_and_back(void)
{
	g_autoptr(json_object) headers =
		json("{\"host\": \"example.org\", \"authorization\": \"Bearer secret\", "
		     "\"cookie\": \"asked for\", \"x-token\": \"secret\","
		     "\"proxy-authorization\": \"secret\", \"x-hub-signature-256\": \"secret\","
		     "\"x-empty\": \"\", \"x-colon\": \"a: b\"}");
	g_autoptr(GString) text = g_string_new(NULL);
	g_autoptr(GError) error = NULL;

	const Redaction redaction = { "x-token", json("[\"Cookie\", \"x-other\"]") };

	g_assert_true(request_print_head(
		text, "POST", "/webhook/-?a=1&a=2 x&b", headers, &redaction, &error));
	json_object_put(redaction.unredacted);
	g_assert_null(strstr(text->str, "secret"));
	g_string_append_len(text, "bo\r\n\r\ndy", 8);
	g_autoptr(Inputs) inputs = inputs_new(text->str, text->len, &limits, &error);
	g_assert_no_error(error);
	assert_json(inputs->params, "{\"a\": \"2 x\", \"b\": \"\"}");
	assert_json(inputs->params_all, "{\"a\": [\"1\", \"2 x\"], \"b\": [\"\"]}");
	assert_json(inputs->body, "{\"str\": \"bo\\r\\n\\r\\ndy\"}");
	assert_json(inputs->headers,
		"{\"host\": \"example.org\", \"authorization\": \"[redacted]\", \"cookie\": "
		"\"asked for\", \"x-token\": \"[redacted]\","
		"\"proxy-authorization\": \"[redacted]\", \"x-hub-signature-256\": \"[redacted]\","
		"\"x-empty\": \"\", \"x-colon\": \"a: b\"}");
}

static void
test_head_refuses(void)
{
	/* clang-format off */
	static const struct {
		const char *method, *target, *headers;
	} cases[] = {
		{ "GET", "/", "{\"a\": \"x\\ry\"}" },
		{ "GET", "/", "{\"a\": \"x\\ny\"}" },
		{ "GET", "/", "{\"a\": \"x\\u0000y\"}" },
		{ "GET", "/", "{\"a\": 1}" },
		{ "GET", "/", "{\"a b\": \"x\"}" },
		{ "GET", "/", "{\"a:\": \"x\"}" },
		{ "GET", "/", "{\"\": \"x\"}" },
		{ "GET", "/", "{\"Upper\": \"x\"}" },
		{ "GET", "/a\nb", "{}" },
		{ "G ET", "/", "{}" },
		{ "", "/", "{}" },
	};
	/* clang-format on */

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(json_object) headers = json(cases[i].headers);
		g_autoptr(GString) text = g_string_new("before");
		g_autoptr(GError) error = NULL;

		g_assert_false(request_print_head(text, cases[i].method, cases[i].target, headers,
			&(const Redaction){ 0 }, &error));
		g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST);
		g_assert_cmpstr(text->str, ==, "before");
	}
}

static void
test_broken_heads(void)
{
	static const char *const cases[] = { "", "GET", "GET / HTTP/1.1", "GET / HTTP/1.1\r\n",
		"GET HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\na: b\r\n", "GET / HTTP/1.1\r\na\r\n\r\n",
		"GET / HTTP/1.1\r\n: b\r\n\r\n", "GET / HTTP/1.1\n\n", " HTTP/1.1\r\n\r\n" };

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_null(inputs_new(cases[i], strlen(cases[i]), &limits, &error));
		g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST);
	}
}

static void
test_headers(void)
{
	const char *request = "GET / HTTP/1.1\r\naccept: a\r\naccept: b\r\nx: \xe9\r\n\r\n";
	g_autoptr(GError) error = NULL;
	g_autoptr(Inputs) inputs = inputs_new(request, strlen(request), &limits, &error);

	g_assert_no_error(error);
	assert_json(inputs->headers, "{\"accept\": \"a, b\", \"x\": \"é\"}");
	assert_json(inputs->params, "{}");
	assert_json(inputs->params_all, "{}");
	assert_json(inputs->body, "{\"str\": \"\"}");
}

static void
test_forms(void)
{
	/* clang-format off */
	static const struct {
		const char *text, *last, *all;
	} cases[] = {
		{ "", "{}", "{}" },
		{ "&&", "{}", "{}" },
		{ "a", "{\"a\": \"\"}", "{\"a\": [\"\"]}" },
		{ "=a", "{\"\": \"a\"}", "{\"\": [\"a\"]}" },
		{ "a=1&&b=2&a=3&", "{\"a\": \"3\", \"b\": \"2\"}", "{\"a\": [\"1\", \"3\"], \"b\": [\"2\"]}" },
		{ "a+b=c+d%2B%20e", "{\"a b\": \"c d+ e\"}", "{\"a b\": [\"c d+ e\"]}" },
		{ "a=b=c;d=%3d%26", "{\"a\": \"b=c;d==&\"}", "{\"a\": [\"b=c;d==&\"]}" },
		{ "%C3%A9=%E2%98%83\xe2\x98\x83", "{\"é\": \"☃☃\"}", "{\"é\": [\"☃☃\"]}" },
		{ "a=%0d%0a", "{\"a\": \"\\r\\n\"}", "{\"a\": [\"\\r\\n\"]}" },
	};
	/* clang-format on */

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(json_object) last = NULL;
		g_autoptr(json_object) all = NULL;
		g_autoptr(GError) error = NULL;

		request_parse_form(
			cases[i].text, strlen(cases[i].text), "the form", &last, &all, &error);
		g_assert_no_error(error);
		assert_json(last, cases[i].last);
		assert_json(all, cases[i].all);
	}
}

static void
test_broken_forms(void)
{
	/* clang-format off */
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "a=1&b=x%", "the query has a broken percent-encoding at byte 7, in the value of \"b\"" },
		{ "%2", "the query has a broken percent-encoding at byte 0, in a name" },
		{ "a=%zz", "at byte 2" },
		{ "a=%+1", "at byte 2" },
		{ "a=%u0041", "at byte 2" },
		{ "a=%00", "the query has a NUL at byte 2, in the value of \"a\"" },
		{ "a%00b=1", "the query has a NUL at byte 1, in a name" },
		{ "a=%ff", "the query has invalid UTF-8 at byte 2" },
		{ "%c3=1", "the query has invalid UTF-8 at byte 0, in a name" },
		{ "a=%ed%a0%80", "invalid UTF-8" },
		{ "a=%c0%80", "invalid UTF-8" },
		{ "a%0d%0ab=%ff", "in the value of \"a??b\"" },
	};
	/* clang-format on */

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		json_object *last = NULL, *all = NULL;
		g_autoptr(GError) error = NULL;

		g_assert_false(request_parse_form(
			cases[i].text, strlen(cases[i].text), "the query", &last, &all, &error));
		g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST);
		if (strstr(error->message, cases[i].message) == NULL)
			g_error("%s: %s", cases[i].text, error->message);
		g_assert_null(last);
	}
}

static void
test_bodies(void)
{
	/* clang-format off */
	static const struct {
		const char *type, *body, *expected;
		gboolean has_keys;
	} cases[] = {
		{ "application/json", "", "{\"str\": \"\"}", FALSE },
		{ "application/json", "{\"a\": [10000000000000000000000001, 1.0]}", "{\"a\": [10000000000000000000000001, 1.0]}", TRUE },
		{ "Application/JSON; Charset=\"UTF-8\"", " [1] ", "[1]", FALSE },
		{ "application/cloudevents+json", "null", "null", FALSE },
		{ "text/json", "\"a\"", "\"a\"", FALSE },
		{ "application/json", "\xef\xbb\xbf{}", "{}", TRUE },
		{ "application/x-www-form-urlencoded", "a=1&a=2&b=%7B", "{\"a\": \"2\", \"b\": \"{\"}", TRUE },
		{ "application/x-www-form-urlencoded; charset=utf-8", "{\"a\":1}", "{\"{\\\"a\\\":1}\": \"\"}", TRUE },
		{ "text/plain", "{\"a\": 1}", "{\"str\": \"{\\\"a\\\": 1}\"}", FALSE },
		{ "text/plain; charset=iso-8859-1", "\xe9", "{\"str\": \"é\"}", FALSE },
		{ "text/plain; charset=Windows-1252", "\x80", "{\"str\": \"€\"}", FALSE },
		{ "text/plain; charset=us-ascii", "a", "{\"str\": \"a\"}", FALSE },
		{ "text/xml", "\xef\xbb\xbf<a/>", "{\"str\": \"<a/>\"}", FALSE },
		{ "application/xml", "<é/>", "{\"str\": \"<é/>\"}", FALSE },
		{ "image/png", "text", "{\"str\": \"text\"}", FALSE },
		{ NULL, "{\"a\": 1}", "{\"str\": \"{\\\"a\\\": 1}\"}", FALSE },
		{ ";;;==", "x", "{\"str\": \"x\"}", FALSE },
	};
	/* clang-format on */

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(Inputs) inputs = post(cases[i].type, cases[i].body, -1, &error);

		g_test_message("case %zu", i);
		g_assert_no_error(error);
		assert_json(inputs->body, cases[i].expected);
		g_assert_cmpint(inputs->body_has_keys, ==, cases[i].has_keys);
	}
}

static void
test_broken_bodies(void)
{
	/* clang-format off */
	static const struct {
		const char *type, *body;
		gssize size;
		NbhookErrorCode code;
		const char *message;
	} cases[] = {
		{ "application/json", "{\"a\":", -1, NBHOOK_ERROR_BAD_REQUEST, "the body: " },
		{ "application/json", "{} x", -1, NBHOOK_ERROR_BAD_REQUEST, "byte 3" },
		{ "application/json", "NaN", -1, NBHOOK_ERROR_BAD_REQUEST, "NaN" },
		{ "application/json", "\"\xff\"", -1, NBHOOK_ERROR_BAD_REQUEST, "byte 1" },
		{ "application/json", "\"a\0\"", 4, NBHOOK_ERROR_BAD_REQUEST, "byte 2" },
		{ "application/json", "[[[[[[[[[[[1]]]]]]]]]]]", -1, NBHOOK_ERROR_BAD_REQUEST, "max_json_depth" },
		{ "application/json; charset=utf-16", "[\0", 2, NBHOOK_ERROR_UNSUPPORTED_TYPE, "utf-16" },
		{ "application/x-www-form-urlencoded", "a=%", -1, NBHOOK_ERROR_BAD_REQUEST, "the form" },
		{ "application/x-www-form-urlencoded", "a=\0", 3, NBHOOK_ERROR_BAD_REQUEST, "a NUL at byte 2" },
		{ "application/x-www-form-urlencoded; charset=latin1", "a", -1, NBHOOK_ERROR_UNSUPPORTED_TYPE, "latin1" },
		{ "text/plain", "ab\xff", -1, NBHOOK_ERROR_BAD_REQUEST, "invalid UTF-8 at byte 2" },
		{ "text/plain", "ab\0", 3, NBHOOK_ERROR_BAD_REQUEST, "a NUL at byte 2" },
		{ "text/plain; charset=utf-16le", "a\0b", 3, NBHOOK_ERROR_BAD_REQUEST, "utf-16le" },
		{ "text/plain; charset=iso-8859-1", "a\0", 2, NBHOOK_ERROR_BAD_REQUEST, "a NUL" },
		{ "text/plain; charset=klingon", "a", -1, NBHOOK_ERROR_UNSUPPORTED_TYPE, "klingon" },
		{ "text/plain; charset=iso-2022-cn-ext", "a", -1, NBHOOK_ERROR_UNSUPPORTED_TYPE, "iso-2022" },
		{ "text/plain\r\ncontent-encoding: br", "x", -1, NBHOOK_ERROR_UNSUPPORTED_TYPE, "\"br\"" },
		{ "text/plain\r\ncontent-encoding: gzip, gzip", "x", -1, NBHOOK_ERROR_UNSUPPORTED_TYPE, "\"gzip, gzip\"" },
		{ "text/plain\r\ncontent-encoding: gzip", "x", -1, NBHOOK_ERROR_BAD_REQUEST, "no valid gzip" },
	};
	/* clang-format on */

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_null(post(cases[i].type, cases[i].body, cases[i].size, &error));
		g_test_message("%s: %s", cases[i].type, error->message);
		g_assert_error(error, NBHOOK_ERROR, (int) cases[i].code);
		g_assert_nonnull(strstr(error->message, cases[i].message));
	}
}

static void
test_large_bodies(void)
{
	static const char *const types[] = { "text/plain", "application/json", "image/png",
		"application/x-www-form-urlencoded" };
	g_autoptr(GString) body = g_string_new("\"");

	while (body->len < (size_t) limits.max_parsed_body - 1)
		g_string_append_c(body, 'x');
	g_string_append_c(body, '"');
	for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(Inputs) inputs = post(types[i], body->str, (gssize) body->len, &error);

		g_assert_no_error(error);
	}
	g_string_append_c(body, ' ');
	for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_null(post(types[i], body->str, (gssize) body->len, &error));
		g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_TOO_LARGE);
		g_assert_nonnull(strstr(error->message, "max_parsed_body"));
	}
}

/* What gzip -9n makes of {"a": 1}. */
static const guint8 packed_json[] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 3, 0xab, 0x56, 0x4a, 0x54,
	0xb2, 0x52, 0x30, 0xac, 0x05, 0x00, 0x97, 0x8e, 0xa1, 0xfb, 8, 0, 0, 0 };

static void
test_packed_bodies(void)
{
	const char *type = "application/json\r\ncontent-encoding: GZip";
	const char *bytes = (const char *) packed_json;
	g_autoptr(GError) error = NULL;
	g_autoptr(Inputs) inputs = post(type, bytes, sizeof packed_json, &error);

	g_assert_no_error(error);
	assert_json(inputs->body, "{\"a\": 1}");
	for (size_t size = 1; size < sizeof packed_json; size++) {
		g_autoptr(GError) cut = NULL;

		g_assert_null(post(type, bytes, (gssize) size, &cut));
		g_assert_error(cut, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST);
	}
}

static void
test_a_value_in_the_place_of_a_body(void)
{
	const char *request =
		"POST / HTTP/1.1\r\ncontent-type: multipart/form-data\r\nnbhook_body: body and "
		"body_all\r\n\r\n"
		"{\"body\": {\"a\": \"1\", \"files\": [{\"name\": \"x\", \"path\": \"x-2\"}]}, "
		"\"body_all\": {\"a\": [\"0\", \"1\"]}}";
	g_autoptr(GError) error = NULL;
	g_autoptr(Inputs) inputs = inputs_new(request, strlen(request), &limits, &error);

	g_assert_no_error(error);
	inputs_place_files(inputs, "/job/files");
	g_assert_true(inputs->body_has_keys);
	assert_json(inputs->headers, "{\"content-type\": \"multipart/form-data\"}");
	assert_json(inputs->body,
		"{\"a\": \"1\", \"files\": [{\"name\": \"x\", \"path\": \"/job/files/x-2\"}]}");
	assert_json(inputs->body_all, "{\"a\": [\"0\", \"1\"]}");
}

static void
test_a_value_of_an_earlier_version(void)
{
	const char *request = "POST / HTTP/1.1\r\nnbhook_body: value\r\n\r\n"
			      "{\"body\": \"1\", \"files\": []}";
	g_autoptr(GError) error = NULL;
	g_autoptr(Inputs) inputs = inputs_new(request, strlen(request), &limits, &error);

	g_assert_no_error(error);
	assert_json(inputs->body, "{\"body\": \"1\", \"files\": []}");
	assert_json(inputs->body_all, "{}");
}

/* Objects take more memory than their text lets one think. */
static void
test_many_values(void)
{
	static const struct {
		const char *item;
		guint fit;
	} rows[] = { { "1", 999 }, { "[]", 999 }, { "{}", 199 }, { "{\"a\":1}", 166 } };

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		for (guint count = rows[i].fit; count <= rows[i].fit + 1; count++) {
			g_autoptr(GString) text = g_string_new("[");
			g_autoptr(GError) error = NULL;

			for (guint n = 0; n < count; n++)
				g_string_append_printf(
					text, "%s%s", n > 0 ? "," : "", rows[i].item);
			g_string_append_c(text, ']');
			g_autoptr(Inputs) inputs =
				post("application/json", text->str, (gssize) text->len, &error);
			g_assert_true((inputs != NULL) == (count == rows[i].fit));
			if (inputs == NULL)
				g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_TOO_LARGE);
		}
}

static void
test_kinds(void)
{
	g_assert_cmpint(body_kind(NULL), ==, BODY_OTHER);
	g_assert_cmpint(body_kind("application/octet-stream"), ==, BODY_OTHER);
	g_assert_cmpint(body_kind("image/svg+xml"), ==, BODY_OTHER);
	g_assert_cmpint(body_kind("application/vnd.some"), ==, BODY_OTHER);
	g_assert_cmpint(body_kind("image/png"), ==, BODY_FILE);
	g_assert_cmpint(body_kind("message/rfc822"), ==, BODY_FILE);
	g_assert_cmpint(body_kind("Application/PDF"), ==, BODY_FILE);
	g_assert_cmpint(body_kind("Multipart/Form-Data; boundary=x"), ==, BODY_MULTIPART);
	g_assert_cmpint(body_kind("text/csv"), ==, BODY_TEXT);
	g_assert_cmpint(body_kind("application/vnd.api+json"), ==, BODY_TEXT);
}

static void
test_messages_are_text(void)
{
	g_autoptr(GString) type = g_string_new("text/plain; charset=");
	g_autoptr(GError) error = NULL;

	for (int i = 0; i < 100; i++)
		g_string_append(type, "é☃");
	g_assert_null(post(type->str, "x", 1, &error));
	g_assert_true(g_utf8_validate(error->message, -1, NULL));
	g_assert_cmpuint(strlen(error->message), <, 400);
}

static void
assert_variables(const char *type, const char *body, const char *language, const char *expected)
{
	g_autoptr(json_object) registered = json(
		"{\"notif_up\": \"a@b.c\", \"next_url\": \"x\", \"inline\": true, \"notif_down\": "
		"[], "
		"\"a\": [1], \"registered\": null, \"params\": 1, \"naas\": 1, \"no name\": 1}");
	g_autofree char *request =
		g_strdup_printf("POST /?a=q&b=q&print=1&class=1&headers=x&__x__=1&notif_up=q "
				"HTTP/1.1\r\ncontent-type: "
				"%s\r\n\r\n%s",
			type, body);
	g_autoptr(GError) error = NULL;
	g_autoptr(Inputs) inputs = inputs_new(request, strlen(request), &limits, &error);

	g_assert_no_error(error);
	g_autoptr(json_object) variables = inputs_variables(inputs, registered, language);
	g_assert_true(json_member(variables, "params") == inputs->params);
	g_assert_true(json_member(variables, "params_all") == inputs->params_all);
	g_assert_true(json_member(variables, "body") == inputs->body);
	g_assert_true(json_member(variables, "body_all") == inputs->body_all);
	g_assert_true(json_member(variables, "headers") == inputs->headers);
	g_autofree char *text = json_print(variables);
	g_assert_true(g_str_has_prefix(text, "{\"params\":"));
	for (const char *const *name = (const char *const[]){ "params", "params_all", "body",
		     "body_all", "headers", NULL };
		*name != NULL; name++)
		json_object_object_del(variables, *name);
	assert_json(variables, expected);
}

static void
test_variables(void)
{
	assert_variables("application/json",
		"{\"b\": {\"c\": 1}, \"d\": null, \"str\": 1, \"body\": 2}", "python",
		"{\"a\": \"q\", \"registered\": null, \"b\": {\"c\": 1}, \"notif_up\": \"q\", "
		"\"d\": null}");
	assert_variables("application/x-www-form-urlencoded", "b=f&%C3%A9=1", "python",
		"{\"a\": \"q\", \"registered\": null, \"b\": \"f\", \"notif_up\": \"q\", \"é\": "
		"\"1\"}");
	assert_variables("text/plain", "x", "python",
		"{\"a\": \"q\", \"registered\": null, \"b\": \"q\", \"notif_up\": \"q\"}");
	assert_variables("application/json", "[{\"b\": 1}]", "PYTHON",
		"{\"a\": \"q\", \"registered\": null, \"b\": \"q\", \"notif_up\": \"q\"}");
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/request/head-and-back", test_head_and_back);
	g_test_add_func("/request/head-refuses", test_head_refuses);
	g_test_add_func("/request/broken-heads", test_broken_heads);
	g_test_add_func("/request/headers", test_headers);
	g_test_add_func("/request/forms", test_forms);
	g_test_add_func("/request/broken-forms", test_broken_forms);
	g_test_add_func("/request/bodies", test_bodies);
	g_test_add_func("/request/broken-bodies", test_broken_bodies);
	g_test_add_func("/request/large-bodies", test_large_bodies);
	g_test_add_func("/request/packed-bodies", test_packed_bodies);
	g_test_add_func("/request/value", test_a_value_in_the_place_of_a_body);
	g_test_add_func("/request/earlier-value", test_a_value_of_an_earlier_version);
	g_test_add_func("/request/many-values", test_many_values);
	g_test_add_func("/request/kinds", test_kinds);
	g_test_add_func("/request/messages-are-text", test_messages_are_text);
	g_test_add_func("/request/variables", test_variables);
	return g_test_run();
}
