/* A request as its environment tells it: what it becomes, what is refused, and its body. */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "web-fake.h"

typedef struct {
	const char *what;
	char *environment[8];
	const char *target, *path, *query;
} TargetRow;

/* clang-format off */
static const TargetRow target_rows[] = {
	{ "nginx", { "REQUEST_URI=/webhook/t%2F?a=%20b&c", "SCRIPT_NAME=/webhook/t/" },
	  "/webhook/t%2F?a=%20b&c", "/webhook/t%2F", "a=%20b&c" },
	{ "no query", { "REQUEST_URI=/env" }, "/env", "/env", "" },
	{ "an empty query", { "REQUEST_URI=/env?" }, "/env?", "/env", "" },
	{ "below a mount point", { "REQUEST_URI=/cgi-bin/nbhook.fcgi/env?x=1",
	  "SCRIPT_NAME=/cgi-bin/nbhook.fcgi", "PATH_INFO=/env" }, "/env?x=1", "/env", "x=1" },
	{ "a mount point that is only similar", { "REQUEST_URI=/cgi-binary/env",
	  "SCRIPT_NAME=/cgi-bin", "PATH_INFO=/env" }, "/cgi-binary/env", "/cgi-binary/env", "" },
	{ "without REQUEST_URI", { "PATH_INFO=/webhook/\xc3\xa9 x", "QUERY_STRING=a=b" },
	  "/webhook/%C3%A9%20x?a=b", "/webhook/%C3%A9%20x", "a=b" },
	{ "nothing at all", { NULL }, "/", "/", "" },
};
/* clang-format on */

static void
test_targets(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(target_rows); i++) {
		g_autoptr(WebRequest) request =
			web_request_new((char **) target_rows[i].environment, &fake_io, NULL);

		g_test_message("%s", target_rows[i].what);
		g_assert_cmpstr(request->target, ==, target_rows[i].target);
		g_assert_cmpstr(request->path, ==, target_rows[i].path);
		g_assert_cmpstr(request->query, ==, target_rows[i].query);
	}
}

static void
test_headers(void)
{
	char *environment[] = { "REQUEST_METHOD=POST", "HTTP_PROXY=", "REQUEST_URI=/",
		"HTTP_USER_AGENT=a=b", "HTTP_X_LATIN=caf\xe9", "HTTP_X_TWICE=1", "HTTP_X_TWICE=2",
		"HTTP_COOKIE=a=1", "HTTP_COOKIE=b=2", "CONTENT_TYPE=text/plain",
		"CONTENT_LENGTH=12", "HTTPS=on", "SERVER_NAME=x", NULL };
	g_autoptr(WebRequest) request = web_request_new(environment, &fake_io, NULL);
	g_autofree char *headers = json_print(request->headers);

	g_assert_cmpstr(request->method, ==, "POST");
	g_assert_cmpstr(headers, ==,
		"{\"user-agent\":\"a=b\",\"x-latin\":\"caf\xc3\xa9\",\"x-twice\":\"1, 2\","
		"\"cookie\":\"a=1; "
		"b=2\",\"content-type\":\"text/plain\",\"content-length\":\"12\"}");
	g_assert_cmpstr(web_request_header(request, "content-type"), ==, "text/plain");
	g_assert_null(web_request_header(request, "server-name"));
}

static void
test_an_empty_length_was_not_sent(void)
{
	char *environment[] = { "REQUEST_URI=/", "CONTENT_LENGTH=", "CONTENT_TYPE=", NULL };
	g_autoptr(WebRequest) request = web_request_new(environment, &fake_io, NULL);
	g_autoptr(Settings) settings = settings_new();
	g_autoptr(GError) error = NULL;

	g_assert_true(web_request_check(request, settings, &error));
	g_assert_cmpint(request->length, ==, -1);
	g_assert_cmpint(json_object_object_length(request->headers), ==, 0);
}

typedef struct {
	char *environment[4];
	int code; /* -1: good */
	const char *says;
} CheckRow;

/* clang-format off */
static const CheckRow check_rows[] = {
	{ { "REQUEST_URI=/a/%41%20%C3%A9" }, -1, NULL },
	{ { "REQUEST_URI=/a", "CONTENT_LENGTH=9223372036854775807" }, -1, NULL },
	{ { "REQUEST_URI=/a%zz" }, NBHOOK_ERROR_BAD_REQUEST, "percent signs" },
	{ { "REQUEST_URI=/a%4" }, NBHOOK_ERROR_BAD_REQUEST, "percent signs" },
	{ { "REQUEST_URI=/a%00b" }, NBHOOK_ERROR_BAD_REQUEST, "NUL" },
	{ { "REQUEST_URI=/a%ff" }, NBHOOK_ERROR_BAD_REQUEST, "UTF-8" },
	{ { "REQUEST_URI=a" }, NBHOOK_ERROR_BAD_REQUEST, "slash" },
	{ { "REQUEST_URI=/0123456789012345678901234567890123456789" }, NBHOOK_ERROR_URI_TOO_LONG, "max_uri" },
	{ { "REQUEST_URI=/a", "HTTP_X=0123456789012345678901234567890123456789" },
	  NBHOOK_ERROR_BAD_REQUEST, "max_headers" },
	{ { "REQUEST_URI=/a", "HTTP_X=1\r\nSet-Cookie: a" }, NBHOOK_ERROR_BAD_REQUEST, "header x holds" },
	{ { "REQUEST_URI=/a", "HTTP_X=1\n2" }, NBHOOK_ERROR_BAD_REQUEST, "line break" },
	{ { "REQUEST_URI=/a", "CONTENT_LENGTH=-1" }, NBHOOK_ERROR_BAD_REQUEST, "Content-Length" },
	{ { "REQUEST_URI=/a", "CONTENT_LENGTH=1x" }, NBHOOK_ERROR_BAD_REQUEST, "Content-Length" },
	{ { "REQUEST_URI=/a", "CONTENT_LENGTH=9223372036854775808" }, NBHOOK_ERROR_BAD_REQUEST, "Content-Length" },
};
/* clang-format on */

static void
test_checks(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(check_rows); i++) {
		g_autoptr(WebRequest) request =
			web_request_new((char **) check_rows[i].environment, &fake_io, NULL);
		g_autoptr(Settings) settings = settings_new();
		g_autoptr(GError) error = NULL;

		settings->max_uri = 40;
		settings->max_headers = 40;
		g_test_message("%s", check_rows[i].environment[0]);
		if (check_rows[i].code < 0) {
			g_assert_true(web_request_check(request, settings, &error));
			g_assert_no_error(error);
			continue;
		}
		g_assert_false(web_request_check(request, settings, &error));
		g_assert_error(error, NBHOOK_ERROR, check_rows[i].code);
		g_assert_nonnull(strstr(error->message, check_rows[i].says));
	}
}

static void
test_segments(void)
{
	char *environment[] = { "REQUEST_URI=/a//b%2Fc/%C3%A9?x/y", NULL };
	const char *const expected[] = { "a", "", "b/c", "\xc3\xa9", NULL };
	g_autoptr(WebRequest) request = web_request_new(environment, &fake_io, NULL);
	g_autoptr(Settings) settings = settings_new();
	g_autoptr(GError) error = NULL;

	g_assert_true(web_request_check(request, settings, &error));
	g_assert_cmpstrv(request->segments, expected);
}

typedef struct {
	const char *body;
	size_t piece;
	gboolean breaks;
	char *length; /* CONTENT_LENGTH or NULL */
	int code;     /* -1: good */
	const char *says;
} BodyRow;

/* clang-format off */
static const BodyRow body_rows[] = {
	{ "",            9, FALSE, NULL,                -1, NULL },
	{ "hello",       9, FALSE, NULL,                -1, NULL },
	{ "hello",       2, FALSE, "CONTENT_LENGTH=5",  -1, NULL },
	{ "0123456789",  3, FALSE, "CONTENT_LENGTH=10", -1, NULL },
	{ "0123456789a", 3, FALSE, NULL,                NBHOOK_ERROR_TOO_LARGE,   "max_body" },
	{ "",            3, FALSE, "CONTENT_LENGTH=11", NBHOOK_ERROR_TOO_LARGE,   "max_body" },
	{ "hell",        9, FALSE, "CONTENT_LENGTH=5",  NBHOOK_ERROR_BAD_REQUEST, "after 4 bytes" },
	{ "hello!",      9, FALSE, "CONTENT_LENGTH=5",  NBHOOK_ERROR_BAD_REQUEST, "after 6 bytes" },
	{ "hello",       9, TRUE,  NULL,                NBHOOK_ERROR_BAD_REQUEST, "after 5 bytes" },
};
/* clang-format on */

static void
check_body(const BodyRow *row)
{
	char *environment[] = { "REQUEST_URI=/", row->length, NULL };
	FakePeer peer = { row->body, row->piece, row->breaks, NULL };
	g_autoptr(WebRequest) request = web_request_new(environment, &fake_io, &peer);
	g_autoptr(Settings) settings = settings_new();
	g_autoptr(GError) error = NULL;

	g_assert_true(web_request_check(request, settings, &error));
	g_autoptr(GBytes) bytes = web_request_read_body(request, 10, "max_body", &error);
	if (row->code < 0) {
		g_assert_no_error(error);
		g_assert_cmpmem(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), row->body,
			strlen(row->body));
		return;
	}
	g_assert_null(bytes);
	g_assert_error(error, NBHOOK_ERROR, row->code);
	g_assert_nonnull(strstr(error->message, row->says));
}

static void
test_bodies(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(body_rows); i++)
		check_body(&body_rows[i]);
}

static void
test_a_body_goes_to_a_file(void)
{
	char *environment[] = { "REQUEST_URI=/", NULL };
	FakePeer peer = { "hello", 2, FALSE, NULL };
	g_autoptr(WebRequest) request = web_request_new(environment, &fake_io, &peer);
	g_autoptr(GError) error = NULL;
	AUTO_FD fd = memfd_create("body", MFD_CLOEXEC);
	char written[8] = "";

	g_assert_true(web_request_save_body(request, fd, 10, "max_body", &error));
	g_assert_cmpint(pread(fd, written, sizeof written, 0), ==, 5);
	g_assert_cmpstr(written, ==, "hello");
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/web-request/targets", test_targets);
	g_test_add_func("/web-request/headers", test_headers);
	g_test_add_func("/web-request/empty-length", test_an_empty_length_was_not_sent);
	g_test_add_func("/web-request/checks", test_checks);
	g_test_add_func("/web-request/segments", test_segments);
	g_test_add_func("/web-request/bodies", test_bodies);
	g_test_add_func("/web-request/file", test_a_body_goes_to_a_file);
	return g_test_run();
}
