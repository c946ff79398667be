#include <string.h>

#include "base/error.h"
#include "notebook/markdown.h"
#include "notebook/response.h"

#define DISPLAY(data, metadata)                                                                    \
	"{\"output_type\": \"display_data\", \"data\": " data ", \"metadata\": " metadata "}"

static const ResponseLimits limits = { 1000, 100 };

/* What an earlier run left in a cell that this one passes over. */
#define STALE DISPLAY("{\"text/html\": \"stale\"}", "{\"text/html\": {\"naas_api\": true}}")

static Notebook *
notebook_with(const char *outputs)
{
	g_autofree char *text = g_strdup_printf(
		"{\"nbformat\": 4, \"cells\": [{\"cell_type\": \"raw\"}, {\"cell_type\": \"code\"},"
		"{\"cell_type\": \"code\", \"source\": \"1\","
		" \"metadata\": {\"tags\": [\"skip-execution\"]}, \"outputs\": [" STALE "]},"
		"{\"cell_type\": \"code\", \"source\": \"1\", \"outputs\": [%s]}]}",
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

	response_find(notebook, "hello", &limits, &response, &error);
	g_assert_no_error(error);
	return response;
}

/* clang-format off */
static const struct {
	const char *outputs;
	const char *kind, *type, *filename, *bytes;
	const char *other_type, *other_filename, *other_bytes;
} kinds[] = {
	{ DISPLAY("{\"text/html\": [\"<b>\\n\", \"é\"], \"text/plain\": \"x\"}", "{\"text/html\": {\"naas_api\": true}}"),
	  "html", "text/html; charset=utf-8", "hello.html", "<b>\né" },
	{ DISPLAY("{\"text/html\": \"a < b\"}", "{\"text/html\": {\"naas_api\": true, \"naas_type\": \"text\"}}"),
	  "text", "text/plain; charset=utf-8", "hello.txt", "a < b" },
	{ DISPLAY("{\"text/plain\": \"plain\"}", "{\"text/plain\": {\"naas_api\": true}}"),
	  "text", "text/plain; charset=utf-8", "hello.txt", "plain" },
	{ DISPLAY("{\"text/plain\": \" [1.10]\"}", "{\"text/plain\": {\"naas_api\": true, \"naas_type\": \"json\"}}"),
	  "json", "application/json", "hello.json", " [1.10]" },
	{ DISPLAY("{\"application/json\": {\"n\": [10000000000000000000000001, 1.10, 1E400, \"/é\"]}}", "{\"application/json\": {\"naas_api\": true, \"expanded\": false}}"),
	  "json", "application/json", "hello.json", "{\"n\":[10000000000000000000000001,1.10,1E400,\"/é\"]}" },
	{ DISPLAY("{\"application/json\": null}", "{\"application/json\": {\"naas_api\": true}}"),
	  "json", "application/json", "hello.json", "null" },
	{ DISPLAY("{\"application/json\": \"text\"}", "{\"application/json\": {\"naas_api\": true}}"),
	  "json", "application/json", "hello.json", "\"text\"" },
	{ DISPLAY("{\"application/json\": [\"a\", \"b\"]}", "{\"application/json\": {\"naas_api\": true}}"),
	  "json", "application/json", "hello.json", "[\"a\",\"b\"]" },
	{ DISPLAY("{\"text/csv\": \"a,b\\r\\n\"}", "{\"text/csv\": {\"naas_api\": true, \"naas_type\": \"csv\"}}"),
	  "csv", "text/csv; charset=utf-8", "hello.csv", "a,b\r\n" },
	{ DISPLAY("{\"text/html\": \"<table><tr><th>a</th><th>b;\\\"</th></tr><tr><td>1 <td> &eacute;&amp;</table>\"}", "{\"text/html\": {\"naas_api\": true, \"naas_type\": \"csv\"}}"),
	  "csv", "text/csv; charset=utf-8", "hello.csv", "\"a\";\"b;\"\"\"\n\"1\";\"é&\"\n" },
	{ DISPLAY("{\"text/html\": \"<p>naas rendered it\"}", "{\"text/html\": {\"naas_api\": true, \"naas_type\": \"markdown\"}}"),
	  "markdown", "text/html; charset=utf-8", "hello.html", "<p>naas rendered it" },
	{ DISPLAY("{\"text/markdown\": \"# A <b>*b*\"}", "{\"text/markdown\": {\"naas_api\": true}}"),
	  "markdown", "text/html; charset=utf-8", "hello.html",
	  "<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n<title>hello</title>\n</head>\n<body>\n"
	  "<h1>A <!-- raw HTML omitted --><em>b</em></h1>\n</body>\n</html>\n",
	  "text/markdown; charset=utf-8", "hello.md", "# A <b>*b*" },
	{ DISPLAY("{\"text/markdown\": \"|a|\\n|:-|\\n|~b~ <i>|\\n\\n- [x] http://c.org\"}", "{\"text/markdown\": {\"naas_api\": true}}"),
	  "markdown", "text/html; charset=utf-8", "hello.html",
	  "<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n<title>hello</title>\n</head>\n<body>\n"
	  "<table>\n<thead>\n<tr>\n<th align=\"left\">a</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n"
	  "<td align=\"left\"><del>b</del> <!-- raw HTML omitted --></td>\n</tr>\n</tbody>\n</table>\n<ul>\n"
	  "<li><input type=\"checkbox\" checked=\"\" disabled=\"\" /> <a href=\"http://c.org\">http://c.org</a></li>\n"
	  "</ul>\n</body>\n</html>\n",
	  "text/markdown; charset=utf-8", "hello.md", "|a|\n|:-|\n|~b~ <i>|\n\n- [x] http://c.org" },
	{ DISPLAY("{\"image/svg+xml\": \"<svg/>\"}", "{\"image/svg+xml\": {\"naas_api\": true}}"),
	  "svg", "image/svg+xml", "hello.svg", "<svg/>" },
	{ DISPLAY("{\"image/png\": \"R0lGODlhAQAB\\nAAAAADs=\\n\"}", "{\"image/png\": {\"naas_api\": true, \"width\": 1}}"),
	  "image", "image/gif", "hello.gif", "GIF89a\1" },
	{ DISPLAY("{\"application/json\": {\"path\": \"/no/file\"}}", "{\"application/json\": {\"naas_api\": true}}"),
	  "json", "application/json", "hello.json", "{\"path\":\"/no/file\"}" },
	{ DISPLAY("{\"application/json\": [1]}", "{\"application/json\": {\"naas_api\": true, \"naas_type\": \"json\"}}"),
	  "json", "application/json", "hello.json", "[1]" },
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
	{ DISPLAY("{\"image/png\": \"dGV4dA==\"}", "{\"image/png\": {\"naas_api\": true}}"),
	  NBHOOK_ERROR_UNPROCESSABLE, "its content is text/plain" },
	{ DISPLAY("{\"image/png\": \"%\"}", "{\"image/png\": {\"naas_api\": true}}"),
	  NBHOOK_ERROR_UNPROCESSABLE, "base64" },
	{ DISPLAY("{\"text/plain\": \"[1\"}", "{\"text/plain\": {\"naas_api\": true, \"naas_type\": \"json\"}}"),
	  NBHOOK_ERROR_UNPROCESSABLE, "is not JSON" },
	{ DISPLAY("{\"video/mp4\": \"AAAA\"}", "{\"video/mp4\": {\"naas_api\": true}}"),
	  NBHOOK_ERROR_UNPROCESSABLE, "video/mp4" },
	{ DISPLAY("{\"text/html\": \"x\"}", "{\"text/html\": {\"naas_api\": true, \"naas_type\": \"csv\"}}"),
	  NBHOOK_ERROR_UNPROCESSABLE, "has no table" },
	{ DISPLAY("{\"text/html\": \"x\"}", "{\"text/html\": {\"naas_api\": true, \"naas_type\": \"pdf\"}}"),
	  NBHOOK_ERROR_UNPROCESSABLE, "text/html as pdf" },
	{ DISPLAY("{\"application/json\": {\"path\": \"a\\u0000b\"}}", "{\"application/json\": {\"naas_api\": true, \"naas_type\": null}}"),
	  NBHOOK_ERROR_UNPROCESSABLE, "NUL" },
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
		g_assert_cmpint(response->source, ==, RESPONSE_HERE);
		g_assert_cmpstr(response->body.type, ==, kinds[i].type);
		g_assert_cmpstr(response->body.filename, ==, kinds[i].filename);
		g_assert_cmpstr(response->body.bytes, ==, kinds[i].bytes);
		g_assert_cmpstr(response->alternative.type, ==, kinds[i].other_type);
		g_assert_cmpstr(response->alternative.filename, ==, kinds[i].other_filename);
		g_assert_cmpstr(response->alternative.bytes, ==, kinds[i].other_bytes);
		if (response->body.bytes[0] != 'G') /* a picture has a NUL */
			g_assert_cmpint(response->body.size, ==, strlen(kinds[i].bytes));
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

		g_assert_false(response_find(notebook, "hello", &limits, &response, &error));
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
	const ResponseLimits small = { 4, 4 }, just = { 5, 4 };

	g_assert_false(response_find(notebook, "hello", &small, &response, &error));
	g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_TOO_LARGE);
	g_assert_nonnull(strstr(error->message, "max_response"));
	g_assert_true(response_find(notebook, "hello", &just, &response, NULL));
}

static void
test_large_markdown(void)
{
	g_autoptr(Notebook) notebook = notebook_with(DISPLAY(
		"{\"text/markdown\": \"12345\"}", "{\"text/markdown\": {\"naas_api\": true}}"));
	g_autoptr(GError) error = NULL;
	g_autoptr(Response) response = NULL;
	const ResponseLimits small = { 1000, 4 };

	g_assert_false(response_find(notebook, "hello", &small, &response, &error));
	g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_TOO_LARGE);
	g_assert_nonnull(strstr(error->message, "max_markdown"));
}

static GString *
table_head(int columns, const char *end)
{
	GString *text = g_string_new(NULL);

	for (int i = 0; i < columns; i++)
		g_string_append(text, "|x");
	g_string_append(text, end);
	for (int i = 0; i < columns; i++)
		g_string_append(text, "|-");
	return text;
}

static char *
table_page(int columns, const char *row, gssize row_size, int rows, const char *end)
{
	g_autoptr(GString) text = table_head(columns, end);

	for (int i = 0; i < rows; i++) {
		g_string_append(text, end);
		g_string_append_len(text, row, row_size);
	}
	return markdown_to_page(text->str, text->len, "hello");
}

static void
test_rows_that_would_be_filled_up(void)
{
	static const char *const ends[] = { "\n", "\r", "\r\n" };

	for (size_t i = 0; i < G_N_ELEMENTS(ends); i++) {
		g_autofree char *usual = table_page(100, "|x", -1, 100, ends[i]);
		g_autofree char *bomb = table_page(1000, "x", -1, 1000, ends[i]);
		g_autofree char *written_out = table_page(3, "|1|2|3", -1, 300000, ends[i]);
		g_autofree char *apart = table_page(1000, "\n\n| x", -1, 1000, ends[i]);

		g_assert_nonnull(strstr(usual, "<table>"));
		g_assert_null(strstr(bomb, "<table>"));
		g_assert_nonnull(strstr(bomb, "|x|x"));
		g_assert_nonnull(strstr(written_out, "<table>"));
		g_assert_nonnull(strstr(apart, "<table>"));
	}
	/* These are no empty lines. */
	g_autofree char *form_feeds = table_page(1000, "\f", -1, 1000, "\n");
	g_autofree char *nuls = table_page(1000, "\0", 1, 1000, "\n");
	g_assert_null(strstr(form_feeds, "<table>"));
	g_assert_null(strstr(nuls, "<table>"));
}

/* A file is JSON with a path that has a naas_type, whatever that is: naas guesses it from the name. */
static void
test_file(void)
{
	static const char *const types[] = { "\"text/csv\"", "\"file\"", "null" };

	for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
		g_autofree char *outputs = g_strdup_printf(
			DISPLAY("{\"application/json\": {\"path\": \"a/é.csv\"}}",
				"{\"application/json\": {\"naas_api\": true, \"naas_type\": %s}}"),
			types[i]);
		g_autoptr(Response) response = find(outputs);

		g_assert_cmpint(response->source, ==, RESPONSE_FILE);
		g_assert_cmpstr(response->kind, ==, "file");
		g_assert_cmpstr(response->path, ==, "a/é.csv");
		g_assert_null(response->body.type);
	}
}

static void
test_notebook(void)
{
	g_autoptr(Response) response = find(DISPLAY("{\"text/markdown\": \"as notebook\"}",
		"{\"text/markdown\": {\"naas_api\": true, \"naas_type\": \"notebook\"}}"));

	g_assert_cmpint(response->source, ==, RESPONSE_NOTEBOOK);
	g_assert_cmpstr(response->body.type, ==, "text/html; charset=utf-8");
	g_assert_cmpstr(response->body.filename, ==, "hello.html");
	g_assert_cmpstr(response->alternative.type, ==, "application/x-ipynb+json");
	g_assert_cmpstr(response->alternative.filename, ==, "hello.ipynb");
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/response/kinds", test_kinds);
	g_test_add_func("/response/none", test_none);
	g_test_add_func("/response/refuses", test_refuses);
	g_test_add_func("/response/too-large", test_too_large);
	g_test_add_func("/response/large-markdown", test_large_markdown);
	g_test_add_func(
		"/response/rows-that-would-be-filled-up", test_rows_that_would_be_filled_up);
	g_test_add_func("/response/file", test_file);
	g_test_add_func("/response/notebook", test_notebook);
	return g_test_run();
}
