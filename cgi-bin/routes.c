#include "routes.h"

#include <string.h>

#include "call.h"
#include "jobs.h"
#include "watch.h"

/* clang-format off */
static const Route routes[] = {
	/* method   pattern                         family          handler */
	{ "GET",    "/webhook/:token",               FAMILY_WEBHOOK, call_handle },
	{ "POST",   "/webhook/:token",               FAMILY_WEBHOOK, call_handle },
	{ "GET",    "/webhook/:token/status/:job",   FAMILY_WEBHOOK, watch_status },
	{ "GET",    "/webhook/:token/results/:job",  FAMILY_WEBHOOK, watch_results },
	{ "GET",    "/notebook/:token",              FAMILY_WEBHOOK, call_handle },
	{ "POST",   "/notebook/:token",              FAMILY_WEBHOOK, call_handle },
	{ "GET",    "/notebook/:token/status/:job",  FAMILY_WEBHOOK, watch_status },
	{ "GET",    "/notebook/:token/results/:job", FAMILY_WEBHOOK, watch_results },
	{ "GET",    "/job",                          FAMILY_JOB,     jobs_get },
	{ "POST",   "/job",                          FAMILY_JOB,     jobs_post },
	{ "DELETE", "/job",                          FAMILY_JOB,     jobs_delete },
	{ "GET",    "/env",                          FAMILY_JOB,     jobs_environment },
};

static const struct {
	const char *prefix;
	WebFamily family;
} family_rows[] = {
	{ "/api/", FAMILY_API },
	{ "/job",  FAMILY_JOB },
	{ "/env",  FAMILY_JOB },
};
/* clang-format on */

WebFamily
routes_family(const char *path)
{
	for (size_t i = 0; i < G_N_ELEMENTS(family_rows); i++) {
		size_t length = strlen(family_rows[i].prefix);

		if (strncmp(path, family_rows[i].prefix, length) == 0 &&
			(path[length - 1] == '/' || path[length] == '\0' || path[length] == '/'))
			return family_rows[i].family;
	}
	return FAMILY_WEBHOOK;
}

static gboolean
is_base64(const char *segment)
{
	size_t length = strspn(
		segment, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_");

	return length > 0 && segment[length + strspn(segment + length, "=")] == '\0';
}

/* The segments that count: without a leading user. */
static char **
own_segments(const WebRequest *request)
{
	char **segments = request->segments;

	if (segments[0] != NULL && segments[1] != NULL && is_base64(segments[0]) &&
		(strcmp(segments[1], "webhook") == 0 || strcmp(segments[1], "notebook") == 0) &&
		strcmp(segments[0], "webhook") != 0 && strcmp(segments[0], "notebook") != 0)
		return segments + 1;
	return segments;
}

/* The pattern's first part has that many bytes. */
static gboolean
match_segment(const char *pattern, size_t length, const char *segment, RouteMatch *match)
{
	if (pattern[0] != ':')
		return strncmp(pattern, segment, length) == 0 && segment[length] == '\0';
	if (strncmp(pattern, ":token", length) == 0)
		match->token = segment;
	else
		match->job = segment;
	return segment[0] != '\0';
}

static gboolean
match_path(const char *pattern, char **segments, RouteMatch *match)
{
	for (; *pattern == '/' && *segments != NULL; segments++) {
		size_t length = strcspn(++pattern, "/");

		if (!match_segment(pattern, length, *segments, match))
			return FALSE;
		pattern += length;
	}
	return *pattern == '\0' && *segments == NULL;
}

gboolean
routes_find(const WebRequest *request, RouteMatch *match)
{
	const char *method = strcmp(request->method, "HEAD") == 0 ? "GET" : request->method;
	char **segments = own_segments(request);
	gboolean found = FALSE;

	for (size_t i = 0; i < G_N_ELEMENTS(routes); i++) {
		RouteMatch candidate = { NULL, NULL, NULL };

		if (!match_path(routes[i].pattern, segments, &candidate))
			continue;
		found = TRUE;
		*match = candidate;
		if (strcmp(routes[i].method, method) == 0) {
			match->route = &routes[i];
			return TRUE;
		}
	}
	return found;
}

gboolean
routes_is_look(const WebRequest *request, const RouteMatch *match)
{
	gboolean of_webhook = match->token != NULL && match->job == NULL;

	return of_webhook && (match->route == NULL || strcmp(request->method, "HEAD") == 0);
}

char *
routes_allow(const WebRequest *request)
{
	char **segments = own_segments(request);
	GString *allow = g_string_new(NULL);

	for (size_t i = 0; i < G_N_ELEMENTS(routes); i++) {
		RouteMatch unused = { NULL, NULL, NULL };

		if (!match_path(routes[i].pattern, segments, &unused))
			continue;
		g_string_append_printf(allow, "%s, ", routes[i].method);
		if (strcmp(routes[i].method, "GET") == 0)
			g_string_append(allow, "HEAD, ");
	}
	g_string_append(allow, "OPTIONS");
	return g_string_free(allow, FALSE);
}
