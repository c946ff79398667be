/* Parts of a file and conditions, as a request asks for them; and pages of other sites. */
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "answer.h"
#include "cors.h"
#include "partial.h"
#include "web-fake.h"

#define BODY "0123456789"
#define TAG "\"1-a\"" /* of ten bytes, one second after 1970 began */
#define DATE "Thu, 01 Jan 1970 00:00:01 GMT"
#define NONE ""

static WebRequest *
request_with(const char *method, const char *first, const char *second)
{
	g_autofree char *verb = g_strconcat("REQUEST_METHOD=", method, NULL);
	char *environment[] = { verb, "REQUEST_URI=/webhook/t", (char *) first, (char *) second,
		NULL };

	return web_request_new(environment, &fake_io, NULL);
}

static Answer *
file_answer(void)
{
	const struct timespec times[] = { { 1, 0 }, { 1, 500 } };
	Answer *answer = answer_new(200);
	int fd = memfd_create("response", MFD_CLOEXEC);

	g_assert_cmpint(write(fd, BODY, strlen(BODY)), ==, (ssize_t) strlen(BODY));
	g_assert_cmpint(futimens(fd, times), ==, 0);
	g_assert_true(answer_file(answer, "text/plain", fd, NULL));
	return answer;
}

static char *
sent(Answer *answer)
{
	FakePeer peer = { "", 1, FALSE, g_string_new(NULL) };

	g_assert_true(answer_send(answer, &fake_io, &peer, FALSE));
	return g_string_free(peer.written, FALSE);
}

/* clang-format off */
static const struct {
	const char *first, *second; /* headers */
	const char *status;
	const char *body;
	const char *range; /* Content-Range, or NONE */
} rows[] = {
	{ NULL, NULL, "200 OK", BODY, NONE },
	{ "HTTP_RANGE=bytes=0-0", NULL, "206 Partial Content", "0", "bytes 0-0/10" },
	{ "HTTP_RANGE=bytes=3-5", NULL, "206 Partial Content", "345", "bytes 3-5/10" },
	{ "HTTP_RANGE=bytes=7-", NULL, "206 Partial Content", "789", "bytes 7-9/10" },
	{ "HTTP_RANGE=BYTES=7-99", NULL, "206 Partial Content", "789", "bytes 7-9/10" },
	{ "HTTP_RANGE=bytes=-2", NULL, "206 Partial Content", "89", "bytes 8-9/10" },
	{ "HTTP_RANGE=bytes=-99", NULL, "206 Partial Content", BODY, "bytes 0-9/10" },
	{ "HTTP_RANGE=bytes=10-", NULL, "416 Range Not Satisfiable", "", "bytes */10" },
	{ "HTTP_RANGE=bytes=-0", NULL, "416 Range Not Satisfiable", "", "bytes */10" },
	{ "HTTP_RANGE=bytes=5-3", NULL, "200 OK", BODY, NONE },
	{ "HTTP_RANGE=bytes=0-1,3-4", NULL, "200 OK", BODY, NONE },
	{ "HTTP_RANGE=bytes=-", NULL, "200 OK", BODY, NONE },
	{ "HTTP_RANGE=bytes=x-", NULL, "200 OK", BODY, NONE },
	{ "HTTP_RANGE=bytes=99999999999999999999-", NULL, "200 OK", BODY, NONE },
	{ "HTTP_RANGE=lines=1-2", NULL, "200 OK", BODY, NONE },
	{ "HTTP_RANGE=bytes=3-5", "HTTP_IF_RANGE=" TAG, "206 Partial Content", "345", "bytes 3-5/10" },
	{ "HTTP_RANGE=bytes=3-5", "HTTP_IF_RANGE=" DATE, "206 Partial Content", "345", "bytes 3-5/10" },
	{ "HTTP_RANGE=bytes=3-5", "HTTP_IF_RANGE=\"2-a\"", "200 OK", BODY, NONE },
	{ "HTTP_RANGE=bytes=3-5", "HTTP_IF_RANGE=W/" TAG, "200 OK", BODY, NONE },
	{ "HTTP_IF_NONE_MATCH=" TAG, NULL, "304 Not Modified", "", NONE },
	{ "HTTP_IF_NONE_MATCH=\"x\", W/" TAG, NULL, "304 Not Modified", "", NONE },
	{ "HTTP_IF_NONE_MATCH=*", NULL, "304 Not Modified", "", NONE },
	{ "HTTP_IF_NONE_MATCH=\"2-a\"", "HTTP_IF_MODIFIED_SINCE=" DATE, "200 OK", BODY, NONE },
	{ "HTTP_IF_MODIFIED_SINCE=" DATE, NULL, "304 Not Modified", "", NONE },
	{ "HTTP_IF_MODIFIED_SINCE=Thu, 01 Jan 1970 00:00:00 GMT", NULL, "200 OK", BODY, NONE },
	{ "HTTP_IF_MODIFIED_SINCE=Fri, 02 Jan 1970 00:00:00 GMT", NULL, "304 Not Modified", "", NONE },
	{ "HTTP_IF_MODIFIED_SINCE=Thursday, 01-Jan-70 00:00:01 GMT", NULL, "304 Not Modified", "", NONE },
	{ "HTTP_IF_MODIFIED_SINCE=Thu Jan  1 00:00:00 1970", NULL, "200 OK", BODY, NONE },
	{ "HTTP_IF_MODIFIED_SINCE=Thu Jan  1 00:00:01 1970", NULL, "304 Not Modified", "", NONE },
	{ "HTTP_IF_MODIFIED_SINCE=yesterday", NULL, "200 OK", BODY, NONE },
	{ "HTTP_IF_MATCH=" TAG, NULL, "200 OK", BODY, NONE },
	{ "HTTP_IF_MATCH=W/" TAG, NULL, "412 Precondition Failed", "", NONE },
	{ "HTTP_IF_MATCH=W/" TAG ", " TAG, NULL, "200 OK", BODY, NONE },
	{ "HTTP_IF_MATCH=\"2-a\"", NULL, "412 Precondition Failed", "", NONE },
	{ "HTTP_IF_UNMODIFIED_SINCE=" DATE, NULL, "200 OK", BODY, NONE },
	{ "HTTP_IF_UNMODIFIED_SINCE=Fri, 02 Jan 1970 00:00:00 GMT", NULL, "200 OK", BODY, NONE },
	{ "HTTP_IF_UNMODIFIED_SINCE=Thu, 01 Jan 1970 00:00:00 GMT", NULL, "412 Precondition Failed", "", NONE },
	{ "HTTP_IF_UNMODIFIED_SINCE=yesterday", NULL, "200 OK", BODY, NONE },
	{ "HTTP_RANGE=bytes=3-5", "HTTP_IF_NONE_MATCH=" TAG, "304 Not Modified", "", NONE },
};
/* clang-format on */

static void
test_parts(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(WebRequest) request =
			request_with("GET", rows[i].first, rows[i].first ? rows[i].second : NULL);
		g_autoptr(Answer) answer = file_answer();

		g_test_message("%s, %s", rows[i].first, rows[i].second);
		g_assert_true(partial_is_wanted(request) == (rows[i].first != NULL));
		partial_apply(answer, request);
		const char *range = answer_get_header(answer, "Content-Range");
		g_assert_cmpstr(range != NULL ? range : NONE, ==, rows[i].range);
		g_autofree char *text = sent(answer);
		g_autofree char *begin = g_strdup_printf("Status: %s\r\n", rows[i].status);
		g_assert_true(g_str_has_prefix(text, begin));
		g_assert_cmpstr(strstr(text, "\r\n\r\n") + 4, ==, rows[i].body);
		g_assert_nonnull(strstr(text, "\r\nETag: " TAG "\r\n"));
		g_assert_nonnull(strstr(text, "\r\nLast-Modified: " DATE "\r\n"));
	}
}

static void
test_elsewhere(void)
{
	g_autoptr(Answer) answer = file_answer();

	answer_elsewhere(answer, "/files/x/response");
	g_autofree char *text = sent(answer);
	g_assert_nonnull(strstr(text, "\r\nX-Accel-Redirect: /files/x/response\r\n"));
	g_assert_null(strstr(text, "Content-Length"));
	g_assert_cmpstr(strstr(text, "\r\n\r\n"), ==, "\r\n\r\n");
}

#define ORIGIN "HTTP_ORIGIN=https://app.example"
#define PREFLIGHT "HTTP_ACCESS_CONTROL_REQUEST_METHOD=POST"

/* clang-format off */
static const struct {
	const char *setting, *method, *first, *second;
	const char *allowed; /* Access-Control-Allow-Origin, or NONE */
	const char *vary;
} origins[] = {
	{ "", "GET", ORIGIN, NULL, NONE, "Accept" },
	{ "", "OPTIONS", ORIGIN, PREFLIGHT, NONE, "Accept" },
	{ "*", "GET", ORIGIN, NULL, "*", "Accept, Origin" },
	{ "*", "GET", NULL, NULL, NONE, "Accept, Origin" },
	{ "https://app.example", "GET", ORIGIN, NULL, "https://app.example", "Accept, Origin" },
	{ "https://a.example, https://APP.example", "POST", ORIGIN, NULL, "https://app.example", "Accept, Origin" },
	{ "https://app.example.org http://app.example", "GET", ORIGIN, NULL, NONE, "Accept, Origin" },
	{ "https://app.example", "GET", "HTTP_ORIGIN=null", NULL, NONE, "Accept, Origin" },
	{ "https://app.example", "OPTIONS", ORIGIN, PREFLIGHT, "https://app.example", "Accept, Origin" },
};
/* clang-format on */

static void
test_origins(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(origins); i++) {
		g_autoptr(WebRequest) request =
			request_with(origins[i].method, origins[i].first, origins[i].second);
		g_autoptr(Answer) answer = answer_new(200);
		g_autoptr(Settings) settings = settings_new();
		gboolean preflight = origins[i].second != NULL && origins[i].allowed[0] != '\0';

		g_free(settings->cors_origins);
		settings->cors_origins = g_strdup(origins[i].setting);
		answer_header(answer, "Vary", "Accept");
		answer_header(answer, "Allow", "GET, OPTIONS");
		cors_apply(answer, request, settings);
		const char *allowed = answer_get_header(answer, "Access-Control-Allow-Origin");
		g_assert_cmpstr(allowed != NULL ? allowed : NONE, ==, origins[i].allowed);
		g_assert_cmpstr(answer_get_header(answer, "Vary"), ==, origins[i].vary);
		g_assert_cmpstr(answer_get_header(answer, "Access-Control-Allow-Methods"), ==,
			preflight ? "GET, OPTIONS" : NULL);
		g_assert_null(answer_get_header(answer, "Access-Control-Allow-Credentials"));
	}
}

static void
test_headers_of_a_preflight(void)
{
	char *environment[] = { "REQUEST_METHOD=OPTIONS", "REQUEST_URI=/webhook/t", ORIGIN,
		PREFLIGHT,
		"HTTP_ACCESS_CONTROL_REQUEST_HEADERS=Content-Type, x-own,, not a name, \x01",
		NULL };
	g_autoptr(WebRequest) request = web_request_new(environment, &fake_io, NULL);
	g_autoptr(Answer) answer = answer_new(204);
	g_autoptr(Settings) settings = settings_new();

	g_free(settings->cors_origins);
	settings->cors_origins = g_strdup("*");
	cors_apply(answer, request, settings);
	g_assert_cmpstr(answer_get_header(answer, "Access-Control-Allow-Headers"), ==,
		"content-type, x-own");
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/partial/parts", test_parts);
	g_test_add_func("/partial/elsewhere", test_elsewhere);
	g_test_add_func("/cors/origins", test_origins);
	g_test_add_func("/cors/preflight", test_headers_of_a_preflight);
	return g_test_run();
}
