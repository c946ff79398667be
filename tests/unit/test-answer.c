/* An answer as it is sent, byte for byte, and the shapes of errors. */
#include <sys/mman.h>
#include <unistd.h>

#include "answer.h"
#include "base/error.h"
#include "problem.h"
#include "web-fake.h"

#define COMMON                                                                                     \
	"Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: "      \
	"nosniff\r\n"
#define TOKEN "0123456789abcdef0123456789abcdef0123456789abcdef0123456789ab"

static char *
sent(Answer *answer, gboolean without_body)
{
	FakePeer peer = { "", 1, FALSE, g_string_new(NULL) };

	g_assert_true(answer_send(answer, &fake_io, &peer, without_body));
	return g_string_free(peer.written, FALSE);
}

static void
test_text(void)
{
	g_autoptr(Answer) answer = answer_new(200);
	const char *head =
		"Status: 200 OK\r\n" COMMON
		"X-Nbhook-Job: a:b\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\n";

	answer_header(answer, "X-Nbhook-Job", "old");
	answer_header(answer, "x-nbhook-job", "a:b");
	answer_text(answer, "text/plain", "hi\n");
	g_autofree char *whole = sent(answer, FALSE);
	g_autofree char *bare = sent(answer, TRUE);
	g_autofree char *expected = g_strconcat(head, "hi\n", NULL);
	g_assert_cmpstr(whole, ==, expected);
	g_assert_cmpstr(bare, ==, head);
}

static void
test_no_body(void)
{
	g_autoptr(Answer) answer = answer_new(204);
	g_autofree char *text = sent(answer, FALSE);

	g_assert_cmpstr(text, ==, "Status: 204 No Content\r\n" COMMON "\r\n");
}

static void
test_a_file_is_sent_whole(void)
{
	g_autoptr(Answer) answer = answer_new(200);
	g_autoptr(GError) error = NULL;
	g_autofree char *body = g_strnfill(200000, 'x');
	int fd = memfd_create("response", MFD_CLOEXEC);

	g_assert_cmpint(write(fd, body, 200000), ==, 200000);
	g_assert_true(answer_file(answer, "text/csv; charset=utf-8", fd, &error));
	g_autofree char *text = sent(answer, FALSE);
	const char *rest = strstr(text, "\r\nContent-Length: 200000\r\n\r\n");
	g_assert_nonnull(rest);
	g_assert_cmpstr(strchr(rest, 'x'), ==, body);
}

static void
test_a_file_that_ends_early_is_an_error(void)
{
	g_autoptr(Answer) answer = answer_new(200);
	g_autoptr(GError) error = NULL;
	FakePeer peer = { "", 1, FALSE, g_string_new(NULL) };
	int fd = memfd_create("response", MFD_CLOEXEC);

	g_assert_cmpint(ftruncate(fd, 10), ==, 0);
	g_assert_true(answer_file(answer, "text/plain", fd, &error));
	g_assert_cmpint(ftruncate(fd, 5), ==, 0);
	g_assert_false(answer_send(answer, &fake_io, &peer, FALSE));
	g_string_free(peer.written, TRUE);
}

static void
test_a_bad_descriptor_is_an_error(void)
{
	g_autoptr(Answer) answer = answer_new(200);
	g_autoptr(GError) error = NULL;

	g_assert_false(answer_file(answer, "text/plain", -1, &error));
	g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_INTERNAL);
}

static void
test_nobody_listens(void)
{
	g_autoptr(Answer) answer = answer_new(200);
	FakePeer peer = { "", 1, FALSE, NULL };

	g_assert_false(answer_send(answer, &fake_io, &peer, FALSE));
}

static const char *const line_breaks[] = { "a\r\nSet-Cookie: b", "a\nb", "a\rb", "a\x7f", "\x01" };

static void
test_a_header_cannot_hold_another(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(line_breaks); i++) {
		g_autoptr(Answer) answer = answer_new(302);

		g_test_expect_message(NULL, G_LOG_LEVEL_WARNING, "*no header value*");
		answer_header(answer, "Location", line_breaks[i]);
		g_test_assert_expected_messages();
		g_autofree char *text = sent(answer, FALSE);
		g_assert_true(g_str_has_prefix(text, "Status: 500 Internal Server Error\r\n"));
		g_assert_null(strstr(text, "Location"));
		g_assert_null(strstr(text, "Set-Cookie"));
	}
}

typedef struct {
	const char *filename;
	const char *value;
} DispositionRow;

/* clang-format off */
static const DispositionRow disposition_rows[] = {
	{ "hello.html", "attachment; filename=\"hello.html\"; filename*=UTF-8''hello.html" },
	{ "a b.csv", "attachment; filename=\"a b.csv\"; filename*=UTF-8''a%20b.csv" },
	{ "\xc3\xa9t\xc3\xa9.txt", "attachment; filename=\"_t_.txt\"; filename*=UTF-8''%C3%A9t%C3%A9.txt" },
	{ "\"\\%.txt", "attachment; filename=\"___.txt\"; filename*=UTF-8''%22%5C%25.txt" },
	{ "a\r\nb: c", "attachment; filename=\"a__b: c\"; filename*=UTF-8''a%0D%0Ab%3A%20c" },
	{ "\xff.txt", "attachment; filename=\"_.txt\"; filename*=UTF-8''%EF%BF%BD.txt" },
	{ "", "attachment; filename=\"\"; filename*=UTF-8''" },
};
/* clang-format on */

static void
test_dispositions(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(disposition_rows); i++) {
		g_autoptr(Answer) answer = answer_new(200);

		answer_disposition(answer, FALSE, disposition_rows[i].filename);
		g_autofree char *text = sent(answer, FALSE);
		g_autofree char *line = g_strconcat(
			"\r\nContent-Disposition: ", disposition_rows[i].value, "\r\n", NULL);
		g_test_message("%s", text);
		g_assert_nonnull(strstr(text, line));
	}
}

static const struct {
	const char *type;
	gboolean sandboxed;
} type_rows[] = {
	{ "text/html; charset=utf-8", TRUE },
	{ "TEXT/HTML", TRUE },
	{ "image/svg+xml", TRUE },
	{ "application/xhtml+xml; charset=utf-8", TRUE },
	{ "application/rss+xml", TRUE },
	{ "text/xml", TRUE },
	{ "application/x-ipynb+json", FALSE },
	{ "application/pdf", FALSE },
	{ "text/html-not", FALSE },
	{ "text/plain; charset=utf-8", FALSE },
	{ "application/json", FALSE },
};

static void
test_pages_are_sandboxed(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(type_rows); i++) {
		g_autoptr(Answer) answer = answer_new(200);

		answer_text(answer, type_rows[i].type, "");
		g_autofree char *text = sent(answer, FALSE);
		g_assert_true((strstr(text, "Content-Security-Policy: sandbox allow-scripts "
					    "allow-popups allow-downloads\r\n") != NULL) ==
			      type_rows[i].sandboxed);
	}
}

static json_object *
body_of(const char *text)
{
	const char *body = strstr(text, "\r\n\r\n") + 4;
	g_autoptr(GError) error = NULL;
	json_object *object = json_parse_object(body, strlen(body), 9, &error);

	g_assert_no_error(error);
	return object;
}

static void
test_problem_of_a_webhook(void)
{
	g_autoptr(GError) error =
		g_error_new_literal(NBHOOK_ERROR, NBHOOK_ERROR_NOT_FOUND, "no " TOKEN " here");
	g_autoptr(Answer) answer = problem_answer(FAMILY_WEBHOOK, error, 0, NULL);
	g_autofree char *text = sent(answer, FALSE);
	g_autoptr(json_object) body = body_of(text);
	g_autofree char *printed = json_print(body);

	g_assert_cmpint(answer_status(answer), ==, 404);
	g_assert_nonnull(strstr(text, "\r\nContent-Type: application/problem+json\r\n"));
	g_assert_cmpstr(printed, ==,
		"{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,"
		"\"detail\":\"no [redacted] here\",\"id\":null,\"error\":\"no [redacted] here\"}");
}

static void
test_problem_of_the_api(void)
{
	g_autoptr(Answer) answer = problem_new(FAMILY_API, NBHOOK_ERROR_UNAUTHORIZED, "a key");
	g_autofree char *text = sent(answer, FALSE);
	g_autoptr(json_object) body = body_of(text);
	g_autofree char *printed = json_print(body);

	g_assert_nonnull(strstr(text, "\r\nWWW-Authenticate: Bearer realm=\"nbhook\"\r\n"));
	g_assert_nonnull(strstr(text, "\r\nContent-Type: application/json\r\n"));
	g_assert_cmpstr(printed, ==,
		"{\"error\":{\"code\":\"unauthorized\",\"message\":\"a key\",\"details\":{}}}");
}

static void
test_problem_of_a_job(void)
{
	json_object *more = json_object_new_object();
	g_autoptr(GError) error =
		g_error_new_literal(NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST, "missing keys");

	json_object_object_add(more, "data", json_object_new_array());
	g_autoptr(Answer) answer = problem_answer(FAMILY_JOB, error, 0, more);
	g_autofree char *text = sent(answer, FALSE);
	g_autoptr(json_object) body = body_of(text);
	g_assert_cmpstr(json_string_member(body, "status"), ==, "error");
	g_assert_cmpstr(json_string_member(body, "error"), ==, "missing keys");
	g_assert_nonnull(json_string_member(body, "id"));
	g_assert_nonnull(json_array_member(body, "data"));
}

typedef struct {
	int code;
	int retry_after;
	const char *header; /* NULL: none */
} PatienceRow;

/* clang-format off */
static const PatienceRow patience_rows[] = {
	{ NBHOOK_ERROR_UNAVAILABLE, 0, "\r\nRetry-After: 5\r\n" },
	{ NBHOOK_ERROR_QUEUE_FULL,  9, "\r\nRetry-After: 9\r\n" },
	{ NBHOOK_ERROR_QUEUE_FULL,  0, "\r\nRetry-After: 5\r\n" },
	{ NBHOOK_ERROR_NOT_FOUND,   0, NULL },
};
/* clang-format on */

static void
test_patience(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(patience_rows); i++) {
		const PatienceRow *row = &patience_rows[i];
		g_autoptr(GError) error = g_error_new_literal(NBHOOK_ERROR, row->code, "wait");

		if (row->code == NBHOOK_ERROR_UNAVAILABLE)
			g_test_expect_message(NULL, G_LOG_LEVEL_WARNING, "answered 503: wait");
		g_autoptr(Answer) answer =
			problem_answer(FAMILY_WEBHOOK, error, row->retry_after, NULL);
		g_test_assert_expected_messages();
		g_autofree char *text = sent(answer, FALSE);
		if (row->header != NULL)
			g_assert_nonnull(strstr(text, row->header));
		else
			g_assert_null(strstr(text, "Retry-After"));
	}
}

static void
test_accidents_are_told_only_to_the_log(void)
{
	g_autoptr(GError) error =
		g_error_new_literal(G_FILE_ERROR, G_FILE_ERROR_NOENT, "/var/lib/secret is missing");

	g_test_expect_message(NULL, G_LOG_LEVEL_WARNING, "answered 500: /var/lib/secret*");
	g_autoptr(Answer) answer = problem_answer(FAMILY_WEBHOOK, error, 0, NULL);
	g_test_assert_expected_messages();
	g_autofree char *text = sent(answer, FALSE);
	g_assert_null(strstr(text, "secret"));
	g_assert_nonnull(strstr(text, "its log says what"));
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/answer/text", test_text);
	g_test_add_func("/answer/no-body", test_no_body);
	g_test_add_func("/answer/file", test_a_file_is_sent_whole);
	g_test_add_func("/answer/short-file", test_a_file_that_ends_early_is_an_error);
	g_test_add_func("/answer/bad-descriptor", test_a_bad_descriptor_is_an_error);
	g_test_add_func("/answer/nobody", test_nobody_listens);
	g_test_add_func("/answer/line-breaks", test_a_header_cannot_hold_another);
	g_test_add_func("/answer/dispositions", test_dispositions);
	g_test_add_func("/answer/sandbox", test_pages_are_sandboxed);
	g_test_add_func("/problem/webhook", test_problem_of_a_webhook);
	g_test_add_func("/problem/api", test_problem_of_the_api);
	g_test_add_func("/problem/job", test_problem_of_a_job);
	g_test_add_func("/problem/patience", test_patience);
	g_test_add_func("/problem/accidents", test_accidents_are_told_only_to_the_log);
	return g_test_run();
}
