/* Multipart bodies in pieces of every size: which parts there are, and what is refused. */
#include "multipart.h"

#include <string.h>

#include "base/error.h"
#include "mime_value.h"

#define TYPE "multipart/form-data; boundary=\"b b\""
#define D "--b b"

/* Collects parts as "headers|content\n". */
static gboolean
begin(gpointer data, json_object *headers, gint64 number, GError **error)
{
	g_autofree char *text = json_print(headers);

	g_string_append_printf(data, "%s|", text);
	return TRUE;
}

static gboolean
take(gpointer data, const char *bytes, size_t size, GError **error)
{
	g_assert_cmpuint(size, >, 0);
	g_string_append_len(data, bytes, (gssize) size);
	return TRUE;
}

static gboolean
end(gpointer data, GError **error)
{
	g_string_append_c(data, '\n');
	return TRUE;
}

static const MultipartHandler handler = { begin, take, end };

static gboolean
read_all(
	const char *type, const char *body, size_t size, size_t piece, GString *got, GError **error)
{
	g_autoptr(Multipart) multipart = multipart_new(type, 3, &handler, got, error);

	if (multipart == NULL)
		return FALSE;
	for (size_t at = 0; at < size; at += piece) {
		size_t length = MIN(piece, size - at);
		g_autofree char *exact = g_memdup2(body + at, length);

		if (!multipart_feed(multipart, exact, length, error))
			return FALSE;
	}
	return multipart_finish(multipart, error);
}

/* clang-format off */
static const struct {
	const char *body, *parts;
} good[] = {
	{ D "--", "" },
	{ "preamble\r\n" D "--\r\nepilogue\r\n" D "\r\n", "" },
	{ D "\r\n\r\n\r\n" D "--", "{}|\n" },
	{ D "\r\nA: b\r\n\r\nc\r\n" D "--", "{\"a\":\"b\"}|c\n" },
	{ D " \t \r\nA:b\r\nC :  d e \r\n\r\n1\r\n" D "  \r\n\r\n2\r\n" D "--  ", "{\"a\":\"b\",\"c\":\"d e\"}|1\n{}|2\n" },
	{ D "\r\nA: b\r\n c\r\n\td\r\n\r\nx\r\n" D "--", "{\"a\":\"b   c  \\td\"}|x\n" },
	{ D "\r\nA: caf\xe9\r\n\r\nx\r\n" D "--", "{\"a\":\"caf\xc3\xa9\"}|x\n" },
	/* what only looks like a delimiter */
	{ D "\r\n\r\n" D "\r\n-" D "\r\n" D "x\r\n" D "-x\r\n" D " x\r\n\r" D "\r\n" D "--",
	  "{}|" D "\r\n-" D "\r\n" D "x\r\n" D "-x\r\n" D " x\r\n\r" D "\n" },
	{ D "\r\n\r\n\r\r\n\n\r\n" D "--", "{}|\r\r\n\n\n" },
	/* a mail stays as it is */
	{ D "\r\nContent-Type: message/rfc822\r\n\r\nFrom: a\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\n1\r\n--c--\r\n" D "--",
	  "{\"content-type\":\"message/rfc822\"}|From: a\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\n1\r\n--c--\n" },
};

static const struct {
	const char *type, *body;
	int code;
	const char *says;
} bad[] = {
	{ "multipart/form-data", "x", NBHOOK_ERROR_BAD_REQUEST, "must have a boundary" },
	{ "multipart/form-data; boundary=", "x", NBHOOK_ERROR_BAD_REQUEST, "must have a boundary" },
	{ "multipart/form-data; boundary=\"a \"", "x", NBHOOK_ERROR_BAD_REQUEST, "must have a boundary" },
	{ "multipart/form-data; boundary=a\"b", "x", NBHOOK_ERROR_BAD_REQUEST, "must have a boundary" },
	{ "multipart/form-data; boundary=12345678901234567890123456789012345678901234567890123456789012345678901", "x", NBHOOK_ERROR_BAD_REQUEST, "1 to 70" },
	{ TYPE, "x", NBHOOK_ERROR_BAD_REQUEST, "no line with the boundary" },
	{ TYPE, "--B b--", NBHOOK_ERROR_BAD_REQUEST, "no line with the boundary" },
	{ TYPE, D, NBHOOK_ERROR_BAD_REQUEST, "no line with the boundary" },
	{ TYPE, D "\n\nx\n" D "--", NBHOOK_ERROR_BAD_REQUEST, "no line with the boundary" },
	{ TYPE, D "\r\nA: b\r\n\r\nc", NBHOOK_ERROR_BAD_REQUEST, "without its final boundary, after 1 parts" },
	{ TYPE, D "\r\nA: b\r\n\r\nc\r\n" D "\r\n", NBHOOK_ERROR_BAD_REQUEST, "without its final boundary" },
	{ TYPE, D "\r\nA: b\r\n\r\nc\r\n" D "-", NBHOOK_ERROR_BAD_REQUEST, "without its final boundary" },
	{ TYPE, D "\r\nA: b", NBHOOK_ERROR_BAD_REQUEST, "without its final boundary" },
	{ TYPE, D "\r\nA\r\n\r\nc\r\n" D "--", NBHOOK_ERROR_BAD_REQUEST, "part 1 of the body has a broken header line" },
	{ TYPE, D "\r\n: b\r\n\r\nc\r\n" D "--", NBHOOK_ERROR_BAD_REQUEST, "broken header line" },
	{ TYPE, D "\r\nA b: c\r\n\r\nc\r\n" D "--", NBHOOK_ERROR_BAD_REQUEST, "broken header line" },
	{ TYPE, D "\r\nA: b\nC: d\r\n\r\nc\r\n" D "--", NBHOOK_ERROR_BAD_REQUEST, "broken header line" },
	{ TYPE, D "\r\n\r\n\r\n" D "\r\n\r\n\r\n" D "\r\n\r\n\r\n" D "\r\n\r\n\r\n" D "--", NBHOOK_ERROR_TOO_LARGE, "max_parts allows (3)" },
};
/* clang-format on */

static void
test_good(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
		size_t size = strlen(good[i].body);

		for (size_t piece = 1; piece <= size; piece++) {
			g_autoptr(GString) got = g_string_new(NULL);
			g_autoptr(GError) error = NULL;

			read_all(TYPE, good[i].body, size, piece, got, &error);
			g_assert_no_error(error);
			g_assert_cmpstr(got->str, ==, good[i].parts);
		}
	}
}

static void
test_bad(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		size_t size = strlen(bad[i].body);

		for (size_t piece = 1; piece <= size; piece++) {
			g_autoptr(GString) got = g_string_new(NULL);
			g_autoptr(GError) error = NULL;

			g_assert_false(
				read_all(bad[i].type, bad[i].body, size, piece, got, &error));
			g_assert_error(error, NBHOOK_ERROR, bad[i].code);
			if (strstr(error->message, bad[i].says) == NULL)
				g_error("row %zu: %s", i, error->message);
		}
	}
}

static void
test_headers_have_a_ceiling(void)
{
	g_autoptr(GString) body = g_string_new(D "\r\nA: ");

	for (int i = 0; i < 20000; i++)
		g_string_append_c(body, 'a');
	for (int whole = 0; whole < 2; whole++) {
		g_autoptr(GString) got = g_string_new(NULL);
		g_autoptr(GError) error = NULL;

		g_assert_false(read_all(
			TYPE, body->str, body->len, 1000 + 60000 * (size_t) whole, got, &error));
		g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_TOO_LARGE);
		g_assert_nonnull(strstr(error->message, "part 1 of the body has headers"));
		g_string_append(body, "\r\n\r\nx\r\n" D "--");
	}
}

/* All bytes, and a NUL in the headers. */
static void
test_bytes(void)
{
	g_autoptr(GString) body = g_string_new(D "\r\n\r\n");
	g_autoptr(GString) got = g_string_new(NULL);
	g_autoptr(GError) error = NULL;
	g_autoptr(GError) refusal = NULL;

	for (int i = 0; i < 256; i++)
		g_string_append_c(body, (char) i);
	g_string_append(body, "\r\n" D "--");
	g_assert_true(read_all(TYPE, body->str, body->len, 100, got, &error));
	g_assert_cmpmem(got->str + 3, got->len - 4, body->str + 9, 256);
	g_assert_false(read_all(TYPE, D "\r\nA: \0\r\n\r\n\r\n" D "--", 23, 100, got, &refusal));
	g_assert_nonnull(strstr(refusal->message, "NUL"));
}

/* clang-format off */
static const struct {
	const char *value, *name, *plain, *text;
} values[] = {
	{ NULL, "a", NULL, NULL },
	{ "form-data", "a", NULL, NULL },
	{ "form-data; a=b", "a", "b", "b" },
	{ "form-data;A = \"b;c\" ;a=d", "a", "b;c", "b;c" },
	{ "form-data; x=\"a=b\"; a=\"\"", "a", "", "" },
	{ "form-data; a=b c ; d=e", "a", "b c", "b c" },
	{ "form-data; a", "a", "", "" },
	{ "form-data; a=\"b", "a", "b", "b" },
	{ "form-data; a=\"b\"c; d=e", "d", "e", "e" },
	{ "form-data; a=\"C:\\dir\\x.txt\"", "a", "C:\\dir\\x.txt", "C:\\dir\\x.txt" },
	{ "form-data; a=\"\\\"b\\\\\"", "a", "\"b\\", "\"b\\" },
	{ "form-data; a=\"%22b%0D%0A%41\"", "a", "%22b%0D%0A%41", "\"b\r\n%41" },
	{ "form-data; a=b; a*=UTF-8'de'%C3%A9%20", "a", "b", "\xc3\xa9 " },
	{ "form-data; a*=iso-8859-1''%e9", "a", NULL, "\xc3\xa9" },
	{ "form-data; a=b; a*=utf-8''%ff", "a", "b", "b" },
	{ "form-data; a=b; a*=koi8-r''%c1", "a", "b", "b" },
	{ "form-data; a=b; a*=x", "a", "b", "b" },
	{ ";;=;\"a\"=b;a=c", "a", "c", "c" },
};
/* clang-format on */

static void
test_values(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
		g_autofree char *plain = mime_parameter(values[i].value, values[i].name);
		g_autofree char *text = mime_text(values[i].value, values[i].name);

		g_assert_cmpstr(plain, ==, values[i].plain);
		g_assert_cmpstr(text, ==, values[i].text);
	}
	g_autofree char *word = mime_word(" Form-Data ; a=B");
	g_assert_cmpstr(word, ==, "form-data");
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/multipart/good", test_good);
	g_test_add_func("/multipart/bad", test_bad);
	g_test_add_func("/multipart/headers", test_headers_have_a_ceiling);
	g_test_add_func("/multipart/bytes", test_bytes);
	g_test_add_func("/multipart/values", test_values);
	return g_test_run();
}
