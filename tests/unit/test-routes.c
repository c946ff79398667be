/* Which request is whose: every row of the table, and what is close to one. */
#include "call.h"
#include "jobs.h"
#include "routes.h"
#include "visitor.h"
#include "watch.h"
#include "web-fake.h"

#define NOT_FOUND ((void *) 1)
#define NO_METHOD ((void *) 2)

static WebRequest *
request_of(const char *method, const char *uri, const char *header)
{
	g_autofree char *method_variable = g_strconcat("REQUEST_METHOD=", method, NULL);
	g_autofree char *uri_variable = g_strconcat("REQUEST_URI=", uri, NULL);
	char *environment[] = { method_variable, uri_variable, (char *) header, NULL };
	g_autoptr(Settings) settings = settings_new();
	g_autoptr(GError) error = NULL;
	WebRequest *request = web_request_new(environment, &fake_io, NULL);

	g_assert_true(web_request_check(request, settings, &error));
	return request;
}

typedef struct {
	const char *method, *uri;
	void *handler;
	const char *token, *job;
} FindRow;

/* clang-format off */
static const FindRow find_rows[] = {
	{ "GET",    "/webhook/t",                call_handle,   "t", NULL },
	{ "POST",   "/webhook/t?status=1",       call_handle,   "t", NULL },
	{ "HEAD",   "/webhook/t",                call_handle,   "t", NULL },
	{ "GET",    "/notebook/t",               call_handle,   "t", NULL },
	{ "GET",    "/dXNlcg==/notebook/t",      call_handle,   "t", NULL },
	{ "POST",   "/dXNlci0_/webhook/t",       call_handle,   "t", NULL },
	{ "GET",    "/webhook/webhook",          call_handle,   "webhook", NULL },
	{ "GET",    "/webhook/t/status/a:b",     watch_status,  "t", "a:b" },
	{ "GET",    "/webhook/t/results/a%3Ab",  watch_results, "t", "a:b" },
	{ "HEAD",   "/notebook/t/results/a:b",   watch_results, "t", "a:b" },
	{ "GET",    "/dXNlcg/notebook/t/status/a:b", watch_status, "t", "a:b" },
	{ "GET",    "/job",                      jobs_get,         NULL, NULL },
	{ "POST",   "/job?x=y",                  jobs_post,        NULL, NULL },
	{ "DELETE", "/job",                      jobs_delete,      NULL, NULL },
	{ "GET",    "/env",                      jobs_environment, NULL, NULL },
	{ "OPTIONS", "/webhook/t",               NO_METHOD, NULL, NULL },
	{ "PUT",    "/webhook/t",                NO_METHOD, NULL, NULL },
	{ "get",    "/webhook/t",                NO_METHOD, NULL, NULL },
	{ "",       "/webhook/t",                NO_METHOD, NULL, NULL },
	{ "POST",   "/webhook/t/status/a:b",     NO_METHOD, NULL, NULL },
	{ "PATCH",  "/job",                      NO_METHOD, NULL, NULL },
	{ "GET",    "/",                         NOT_FOUND, NULL, NULL },
	{ "GET",    "/webhook",                  NOT_FOUND, NULL, NULL },
	{ "GET",    "/webhook/",                 NOT_FOUND, NULL, NULL },
	{ "GET",    "/webhook/t/",               NOT_FOUND, NULL, NULL },
	{ "GET",    "/webhook/t/status",         NOT_FOUND, NULL, NULL },
	{ "GET",    "/webhook/t/other/a:b",      NOT_FOUND, NULL, NULL },
	{ "GET",    "/a/b/webhook/t",            NOT_FOUND, NULL, NULL },
	{ "GET",    "/a.b/webhook/t",            NOT_FOUND, NULL, NULL },
	{ "GET",    "//webhook/t",               NOT_FOUND, NULL, NULL },
	{ "GET",    "/dXNlcg==/job",             NOT_FOUND, NULL, NULL },
	{ "GET",    "/Webhook/t",                NOT_FOUND, NULL, NULL },
	/* a word of the table is a whole segment */
	{ "GET",    "/webhooks/t",               NOT_FOUND, NULL, NULL },
	{ "GET",    "/webhoo/t",                 NOT_FOUND, NULL, NULL },
	{ "GET",    "/webhook/t/statuses/a:b",   NOT_FOUND, NULL, NULL },
	{ "GET",    "/webhook/t/status/a:b/c",   NOT_FOUND, NULL, NULL },
	{ "GET",    "/jobs",                     NOT_FOUND, NULL, NULL },
	{ "GET",    "/job/",                     NOT_FOUND, NULL, NULL },
	{ "GET",    "/env/x",                    NOT_FOUND, NULL, NULL },
	{ "GET",    "/api/v1/jobs",              NOT_FOUND, NULL, NULL },
};
/* clang-format on */

static void
check_find(const FindRow *row)
{
	g_autoptr(WebRequest) request = request_of(row->method, row->uri, NULL);
	RouteMatch match = { NULL, NULL, NULL };
	gboolean found = routes_find(request, &match);

	g_test_message("%s %s", row->method, row->uri);
	g_assert_true(found == (row->handler != NOT_FOUND));
	if (row->handler == NOT_FOUND || row->handler == NO_METHOD) {
		g_assert_null(match.route);
		return;
	}
	g_assert_nonnull(match.route);
	g_assert_true((void *) match.route->handle == row->handler);
	g_assert_cmpstr(match.token, ==, row->token);
	g_assert_cmpstr(match.job, ==, row->job);
}

static void
test_find(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(find_rows); i++)
		check_find(&find_rows[i]);
}

static void
test_looks_are_no_calls(void)
{
	static const struct {
		const char *method, *uri;
		gboolean looks;
	} rows[] = {
		{ "HEAD", "/webhook/t", TRUE },
		{ "OPTIONS", "/dXNlcg/notebook/t", TRUE },
		{ "PUT", "/webhook/t", TRUE },
		{ "GET", "/webhook/t", FALSE },
		{ "POST", "/webhook/t", FALSE },
		{ "HEAD", "/webhook/t/results/a:b", FALSE },
		{ "OPTIONS", "/webhook/t/status/a:b", FALSE },
		{ "HEAD", "/job", FALSE },
		{ "OPTIONS", "/env", FALSE },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(WebRequest) request = request_of(rows[i].method, rows[i].uri, NULL);
		RouteMatch match = { NULL, NULL, NULL };

		g_assert_true(routes_find(request, &match));
		g_assert_true(routes_is_look(request, &match) == rows[i].looks);
	}
}

static const struct {
	const char *uri, *allow;
} allow_rows[] = {
	{ "/webhook/t", "GET, HEAD, POST, OPTIONS" },
	{ "/dXNlcg/notebook/t", "GET, HEAD, POST, OPTIONS" },
	{ "/webhook/t/status/a:b", "GET, HEAD, OPTIONS" },
	{ "/job", "GET, HEAD, POST, DELETE, OPTIONS" },
	{ "/env", "GET, HEAD, OPTIONS" },
};

static void
test_allow(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(allow_rows); i++) {
		g_autoptr(WebRequest) request = request_of("PUT", allow_rows[i].uri, NULL);
		g_autofree char *allow = routes_allow(request);

		g_assert_cmpstr(allow, ==, allow_rows[i].allow);
	}
}

static const struct {
	const char *path;
	WebFamily family;
} family_rows[] = {
	{ "/", FAMILY_WEBHOOK },
	{ "/webhook/t", FAMILY_WEBHOOK },
	{ "/api", FAMILY_WEBHOOK },
	{ "/api/", FAMILY_API },
	{ "/api/v1/jobs", FAMILY_API },
	{ "/job", FAMILY_JOB },
	{ "/job/x", FAMILY_JOB },
	{ "/jobs", FAMILY_WEBHOOK },
	{ "/env", FAMILY_JOB },
};

static void
test_families(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(family_rows); i++)
		g_assert_cmpint(routes_family(family_rows[i].path), ==, family_rows[i].family);
}

typedef struct {
	const char *header;
	gboolean prefetch, preview;
} VisitorRow;

/* clang-format off */
static const VisitorRow visitor_rows[] = {
	{ NULL, FALSE, FALSE },
	{ "HTTP_SEC_PURPOSE=prefetch;prerender", TRUE, FALSE },
	{ "HTTP_PURPOSE=prefetch", TRUE, FALSE },
	{ "HTTP_X_MOZ=Prefetch", TRUE, FALSE },
	{ "HTTP_SEC_PURPOSE=", FALSE, FALSE },
	{ "HTTP_USER_AGENT=Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", FALSE, TRUE },
	{ "HTTP_USER_AGENT=Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5", FALSE, TRUE },
	{ "HTTP_USER_AGENT=Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)", FALSE, TRUE },
	{ "HTTP_USER_AGENT=TelegramBot (like TwitterBot)", FALSE, TRUE },
	{ "HTTP_USER_AGENT=WhatsApp/2.23.20.0 A", FALSE, TRUE },
	{ "HTTP_USER_AGENT=LinkedInBot/1.0 (compatible; Mozilla/5.0)", FALSE, TRUE },
	{ "HTTP_USER_AGENT=Twitterbot/1.0", FALSE, TRUE },
	{ "HTTP_USER_AGENT=facebookexternalhit/1.1", FALSE, TRUE },
	{ "HTTP_USER_AGENT=curl/7.88.1", FALSE, FALSE },
	{ "HTTP_USER_AGENT=Mozilla/5.0 (iPhone) AppleWebKit/605 WhatsApp/2.23", FALSE, FALSE },
	{ "HTTP_USER_AGENT=Viber/13.0", FALSE, TRUE },
	{ "HTTP_USER_AGENT=Mozilla/5.0 (Linux; Android 10) Chrome/90 Viber/21.0", FALSE, FALSE },
	{ "HTTP_USER_AGENT=Mattermost-Bot/1.1", FALSE, TRUE },
	{ "HTTP_USER_AGENT=Slackbot 1.0 (+https://api.slack.com/robots)", FALSE, FALSE },
};
/* clang-format on */

static void
test_visitors(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(visitor_rows); i++) {
		g_autoptr(WebRequest) request =
			request_of("GET", "/webhook/t", visitor_rows[i].header);

		g_test_message("%s", visitor_rows[i].header);
		g_assert_true(visitor_is_prefetch(request) == visitor_rows[i].prefetch);
		g_assert_true(visitor_is_preview(request) == visitor_rows[i].preview);
		g_autoptr(WebRequest) post =
			request_of("POST", "/webhook/t", visitor_rows[i].header);
		g_assert_false(visitor_is_preview(post));
	}
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/routes/find", test_find);
	g_test_add_func("/routes/looks", test_looks_are_no_calls);
	g_test_add_func("/routes/allow", test_allow);
	g_test_add_func("/routes/families", test_families);
	g_test_add_func("/visitor/who", test_visitors);
	return g_test_run();
}
