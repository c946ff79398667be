#include "cors.h"

#include <string.h>

#include "field.h"

#define PREFLIGHT_AGE_S 600

/* What a script may read beyond what it always may. */
#define EXPOSED                                                                                    \
	"Accept-Ranges, Content-Disposition, Content-Location, Content-Range, ETag, Link, "        \
	"Location, "                                                                               \
	"Preference-Applied, Retry-After, X-Nbhook-Job"

/* What the origin is told that it may be; NULL when it may not. */
static const char *
allowed_origin(const char *origin, const char *origins)
{
	g_auto(GStrv) list = g_strsplit_set(origins, " ,", -1);

	if (g_strv_contains((const char *const *) list, "*"))
		return "*";
	for (char **each = list; *each != NULL; each++)
		if (**each != '\0' && g_ascii_strcasecmp(*each, origin) == 0)
			return origin;
	return NULL;
}

static void
vary_by_origin(Answer *answer)
{
	const char *vary = answer_get_header(answer, "Vary");
	g_autofree char *both =
		vary != NULL ? g_strconcat(vary, ", Origin", NULL) : g_strdup("Origin");

	answer_header(answer, "Vary", both);
}

/* The headers that the page wants to send, as a list of ours: nothing is copied that is no name. */
static void
allow_headers(Answer *answer, const char *wanted)
{
	g_autoptr(GPtrArray) names = field_list(wanted);
	g_autoptr(GString) allowed = g_string_new(NULL);

	for (guint i = 0; i < names->len; i++) {
		const FieldItem *item = g_ptr_array_index(names, i);

		g_string_append_printf(allowed, "%s%s", allowed->len > 0 ? ", " : "", item->name);
	}
	if (allowed->len > 0)
		answer_header(answer, "Access-Control-Allow-Headers", allowed->str);
}

static void
answer_preflight(Answer *answer, const WebRequest *request)
{
	const char *allow = answer_get_header(answer, "Allow");

	if (allow != NULL)
		answer_header(answer, "Access-Control-Allow-Methods", allow);
	allow_headers(answer, web_request_header(request, "access-control-request-headers"));
	answer_header_seconds(answer, "Access-Control-Max-Age", PREFLIGHT_AGE_S);
}

void
cors_apply(Answer *answer, const WebRequest *request, const Settings *settings)
{
	const char *origin = web_request_header(request, "origin");

	if (settings->cors_origins[0] == '\0')
		return;
	vary_by_origin(answer);
	const char *allowed =
		origin != NULL ? allowed_origin(origin, settings->cors_origins) : NULL;
	if (allowed == NULL)
		return;
	answer_header(answer, "Access-Control-Allow-Origin", allowed);
	if (strcmp(request->method, "OPTIONS") == 0 &&
		web_request_header(request, "access-control-request-method") != NULL)
		answer_preflight(answer, request);
	else
		answer_header(answer, "Access-Control-Expose-Headers", EXPOSED);
}
