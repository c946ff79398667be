#include <string.h>

#include "base/error.h"
#include "notebook/response.h"

#define DISPLAY(data, metadata)                                                                    \
	"{\"output_type\": \"display_data\", \"data\": " data ", \"metadata\": " metadata "}"

static Notebook *
notebook_with(const char *outputs)
{
	g_autofree char *text = g_strdup_printf(
		"{\"nbformat\": 4, \"cells\": [{\"cell_type\": \"raw\"}, {\"cell_type\": \"code\"},"
		"{\"cell_type\": \"code\", \"outputs\": [%s]}]}",
		outputs);
	g_autoptr(GError) error = NULL;
	Notebook *notebook = notebook_parse(text, strlen(text), &error);

	g_assert_no_error(error);
	return notebook;
}

static Response *
find(const char *outputs)
{
	g_autoptr(Notebook) notebook = notebook_with(outputs);
	g_autoptr(GError) error = NULL;
	Response *response = NULL;

	response_find(notebook, "hello", 1000, &response, &error);
	g_assert_no_error(error);
	return response;
}

/* clang-format off */
static const struct {
	const char *outputs;
	const char *kind, *type, *filename, *bytes;
} kinds[] = {
	{ DISPLAY("{\"text/html\": [\"<b>\\n\", \"é\"], \"text/plain\": \"x\"}", "{\"text/html\": {\"naas_api\": true}}"),
	  "html", "text/html; charset=utf-8", "hello.html", "<b>\né" },
	{ DISPLAY("{\"text/html\": \"a < b\"}", "{\"text/html\": {\"naas_api\": true, \"naas_type\": \"text\"}}"),
	  "text", "text/plain; charset=utf-8", "hello.txt", "a < b" },
	{ DISPLAY("{\"text/plain\": \"plain\"}", "{\"text/plain\": {\"naas_api\": true}}"),
	  "text", "text/plain; charset=utf-8", "hello.txt", "plain" },
	{ DISPLAY("{\"application/json\": {\"n\": [10000000000000000000000001, 1.10, 1E400, \"/é\"]}}", "{\"application/json\": {\"naas_api\": true, \"expanded\": false}}"),
	  "json", "application/json", "hello.json", "{\"n\":[10000000000000000000000001,1.10,1E400,\"/é\"]}" },
	{ DISPLAY("{\"application/json\": null}", "{\"application/json\": {\"naas_api\": true}}"),
	  "json", "application/json", "hello.json", "null" },
	{ DISPLAY("{\"application/json\": \"text\"}", "{\"application/json\": {\"naas_api\": true}}"),
	  "json", "application/json", "hello.json", "\"text\"" },
	{ DISPLAY("{\"application/json\": [\"a\", \"b\"]}", "{\"application/json\": {\"naas_api\": true}}"),
	  "json", "application/json", "hello.json", "[\"a\",\"b\"]" },
	{ "{\"output_type\": \"stream\", \"name\": \"stdout\", \"text\": \"x\"},"
	  DISPLAY("{\"text/html\": \"no\"}", "{}") ","
	  DISPLAY("{\"text/html\": \"no\"}", "{\"text/html\": {\"naas_api\": false}}") ","
	  DISPLAY("{\"text/html\": \"no\"}", "{\"naas_api\": true}") ","
	  DISPLAY("{\"text/html\": \"first\"}", "{\"text/html\": {\"naas_api\": true}}") ","
	  DISPLAY("{\"text/html\": \"second\"}", "{\"text/html\": {\"naas_api\": true}}"),
	  "html", "text/html; charset=utf-8", "hello.html", "first" },
};

static const struct {
	const char *outputs;
	NbhookErrorCode code;
	const char *message; /* a part of it */
} refused[] = {
	{ DISPLAY("{\"image/png\": \"AAAA\"}", "{\"image/png\": {\"naas_api\": true}}"),
	  NBHOOK_ERROR_UNPROCESSABLE, "image/png" },
	{ DISPLAY("{\"text/html\": \"x\"}", "{\"text/html\": {\"naas_api\": true, \"naas_type\": \"csv\"}}"),
	  NBHOOK_ERROR_UNPROCESSABLE, "text/html as csv" },
	{ DISPLAY("{\"text/html\": {\"a\": 1}}", "{\"text/html\": {\"naas_api\": true}}"),
	  NBHOOK_ERROR_UNPROCESSABLE, "no text" },
};
/* clang-format on */

static void
test_kinds(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
		g_autoptr(Response) response = find(kinds[i].outputs);

		g_assert_nonnull(response);
		g_assert_cmpstr(response->kind, ==, kinds[i].kind);
		g_assert_cmpstr(response->type, ==, kinds[i].type);
		g_assert_cmpstr(response->filename, ==, kinds[i].filename);
		g_assert_cmpmem(
			response->bytes, response->size, kinds[i].bytes, strlen(kinds[i].bytes));
	}
}

static void
test_none(void)
{
	g_assert_null(find("{\"output_type\": \"stream\", \"name\": \"stdout\", \"text\": \"x\"}"));
	g_assert_null(find(""));
}

static void
test_refuses(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(refused); i++) {
		g_autoptr(Notebook) notebook = notebook_with(refused[i].outputs);
		g_autoptr(GError) error = NULL;
		Response *response = NULL;

		g_assert_false(response_find(notebook, "hello", 1000, &response, &error));
		g_assert_error(error, NBHOOK_ERROR, (int) refused[i].code);
		g_assert_nonnull(strstr(error->message, refused[i].message));
		g_assert_null(response);
	}
}

static void
test_too_large(void)
{
	g_autoptr(Notebook) notebook = notebook_with(
		DISPLAY("{\"text/html\": \"12345\"}", "{\"text/html\": {\"naas_api\": true}}"));
	g_autoptr(GError) error = NULL;
	g_autoptr(Response) response = NULL;

	g_assert_false(response_find(notebook, "hello", 4, &response, &error));
	g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_TOO_LARGE);
	g_assert_nonnull(strstr(error->message, "max_response"));
	g_assert_true(response_find(notebook, "hello", 5, &response, NULL));
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/response/kinds", test_kinds);
	g_test_add_func("/response/none", test_none);
	g_test_add_func("/response/refuses", test_refuses);
	g_test_add_func("/response/too-large", test_too_large);
	return g_test_run();
}
