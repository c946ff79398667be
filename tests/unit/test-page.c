/* The pages for browsers: what they say, what they let in, and who gets them. */
#include "answer.h"
#include "base/error.h"
#include "page.h"
#include "page_text.h"
#include "problem.h"
#include "web-fake.h"

#define BROWSER "HTTP_ACCEPT=text/html,*/*;q=0.8"
#define JOB "a:672a8b0e-c0b0-486e-bb2b-4571b0805f29"

static WebRequest *
asked_with(char *accept)
{
	char *environment[] = { "REQUEST_METHOD=GET", "REQUEST_URI=/webhook/t", accept, NULL };

	return web_request_new(environment, &fake_io, NULL);
}

static char *
sent(Answer *answer)
{
	FakePeer peer = { "", 1, FALSE, g_string_new(NULL) };

	g_assert_true(answer_send(answer, &fake_io, &peer, FALSE));
	return g_string_free(peer.written, FALSE);
}

static void
assert_has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		g_error("\"%s\" is not in\n%s", part, text);
}

static json_object *
parsed(const char *text)
{
	return json_parse_object(text, strlen(text), 9, NULL);
}

/* The run failed with what these members say. */
static char *
problem_page(const char *members, char *accept)
{
	g_autoptr(WebRequest) request = asked_with(accept);
	g_autoptr(Answer) answer = problem_of_run("it failed", 0, parsed(members));

	page_of_problem(answer, request);
	return sent(answer);
}

static void
test_who_gets_a_page(void)
{
	g_autofree char *page = problem_page("{}", BROWSER);
	g_autofree char *document = problem_page("{}", NULL);

	assert_has(page, "Status: 500 Internal Server Error\r\n");
	assert_has(page, "\r\nContent-Type: text/html; charset=utf-8\r\n");
	assert_has(page, "\r\nVary: Accept\r\n");
	assert_has(document, "\r\nContent-Type: application/problem+json\r\n");
	assert_has(document, "\r\nVary: Accept\r\n");
}

static void
test_other_answers_stay(void)
{
	g_autoptr(WebRequest) request = asked_with(BROWSER);
	g_autoptr(Answer) answer = answer_new(200);

	answer_json(answer, "application/json", parsed("{\"error\": \"no problem\"}"));
	page_of_problem(answer, request);
	g_autofree char *text = sent(answer);
	assert_has(text, "\r\nContent-Type: application/json\r\n");
	g_assert_null(strstr(text, "Vary"));
}

static void
test_a_failed_run(void)
{
	g_autofree char *page =
		problem_page("{\"id\": \"" JOB
			     "\", \"error\": \"<b>&'\\\"\", \"reason\": \"cell_error\", \"cell\": "
			     "{\"index\": 2}, \"traceback\": [\"\\u001b[0;31mline <1>\\u001b[0m\", "
			     "\"\\u001b[\"]}",
			BROWSER);

	assert_has(page, "<h1>The notebook failed</h1>\n<p>&lt;b&gt;&amp;&apos;&quot;</p>");
	assert_has(page, "<dt>Cell</dt><dd>3</dd>");
	assert_has(page, "<dt>Reason</dt><dd>cell_error</dd>");
	assert_has(page, "<dt>Job</dt><dd>" JOB "</dd>");
	assert_has(page, "<pre>line &lt;1&gt;\n\n</pre>");
}

static void
test_what_is_not_known_is_left_out(void)
{
	g_autofree char *page = problem_page("{\"cell\": {\"index\": null}}", BROWSER);

	assert_has(page, "<h1>Internal Server Error</h1>\n<p>it failed</p>\n<dl>\n</dl>");
	g_assert_null(strstr(page, "<pre>"));
}

static const struct {
	const char *document; /* NULL: not known */
	const char *state, *progress;
} run_rows[] = {
	{ NULL, ">It has begun.<",
		"<progress id=\"progress\" aria-label=\"cells that are done\"></" },
	{ "{\"status\": \"pending\", \"progress\": {\"done\": 0, \"total\": 0}}",
		">It waits for its turn.<", "done\"></progress>" },
	{ "{\"status\": \"active\", \"progress\": {\"done\": 3, \"total\": 10}}",
		">3 of 10 cells are done.<", " max=\"10\" value=\"3\"></progress>" },
	{ "{\"status\": 7, \"progress\": []}", ">It has begun.<", "done\"></progress>" },
};

static void
test_a_run_that_goes_on(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(run_rows); i++) {
		g_autoptr(json_object) document =
			run_rows[i].document != NULL ? parsed(run_rows[i].document) : NULL;
		g_autoptr(Answer) answer = answer_new(202);

		page_of_run(answer, "./t", JOB, document);
		g_autofree char *text = sent(answer);
		assert_has(text, "Status: 202 Accepted\r\n");
		assert_has(text, run_rows[i].state);
		assert_has(text, run_rows[i].progress);
		assert_has(text, "<body data-status=\"./t/status/" JOB
				 "\" data-results=\"./t/results/" JOB "\">");
		assert_has(text,
			"<noscript><meta http-equiv=\"refresh\" content=\"3; url=./t/results/" JOB
			"\"></noscript>");
	}
}

/* The hash of text, made by other means than the page's. */
static char *
source_of(const char *text)
{
	g_autofree char *hex = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
	guchar bytes[32];

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (guchar) (g_ascii_xdigit_value(hex[2 * i]) * 16 +
				     g_ascii_xdigit_value(hex[2 * i + 1]));
	g_autofree char *base64 = g_base64_encode(bytes, sizeof bytes);
	return g_strdup_printf("'sha256-%s'", base64);
}

static void
test_the_policy_lets_in_nothing_else(void)
{
	g_autoptr(Answer) answer = answer_new(202);
	g_autofree char *script = source_of(page_script);
	g_autofree char *style = source_of(page_style);
	g_autofree char *policy = g_strdup_printf(
		"\r\nContent-Security-Policy: default-src 'none'; script-src %s; style-src %s; "
		"connect-src 'self'; base-uri 'none'; form-action 'none'\r\n",
		script, style);

	page_of_run(answer, "..", JOB, NULL);
	g_autofree char *text = sent(answer);
	assert_has(text, policy);
	g_assert_null(strstr(text, "style=\""));
	g_assert_null(strstr(text, "onload"));
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/page/who", test_who_gets_a_page);
	g_test_add_func("/page/others", test_other_answers_stay);
	g_test_add_func("/page/failed", test_a_failed_run);
	g_test_add_func("/page/unknown", test_what_is_not_known_is_left_out);
	g_test_add_func("/page/running", test_a_run_that_goes_on);
	g_test_add_func("/page/policy", test_the_policy_lets_in_nothing_else);
	return g_test_run();
}
