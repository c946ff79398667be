#include "partial.h"

#include <string.h>

#include "base/clock.h"

static const char *const headers[] = { "range", "if-range", "if-match", "if-none-match",
	"if-modified-since", "if-unmodified-since", NULL };

gboolean
partial_is_wanted(const WebRequest *request)
{
	for (const char *const *name = headers; *name != NULL; name++)
		if (web_request_header(request, *name) != NULL)
			return TRUE;
	return FALSE;
}

/* Whether a list of entity tags has the answer's, a strong one. That has its quotes and nothing else in it that
 * could stand within another. weak: W/"…" of it will do, too (section 8.8.3.2). */
static gboolean
lists_tag(const char *list, const Answer *answer, gboolean weak)
{
	const char *tag = answer_get_header(answer, "ETag");
	const char *found = list;

	if (strcmp(list, "*") == 0)
		return TRUE;
	while ((found = strstr(found, tag)) != NULL) {
		if (weak || found - list < 2 || strncmp(found - 2, "W/", 2) != 0)
			return TRUE;
		found += strlen(tag);
	}
	return FALSE;
}

/* Whether the answer is no newer than a date. One that cannot be read counts for nothing: *sound is false. */
static gboolean
is_unmodified(const char *date, const Answer *answer, gboolean *sound)
{
	gint64 since = clock_parse_http(date);

	*sound = since >= 0;
	return *sound && clock_parse_http(answer_get_header(answer, "Last-Modified")) <= since;
}

/* The status that the conditions lead to: 412, 304, or 200 (section 13.2.2). */
static int
judge_conditions(const Answer *answer, const WebRequest *request)
{
	const char *match = web_request_header(request, "if-match");
	const char *unmodified = web_request_header(request, "if-unmodified-since");
	const char *none_match = web_request_header(request, "if-none-match");
	const char *modified = web_request_header(request, "if-modified-since");

	gboolean sound = FALSE;

	if (match != NULL
			? !lists_tag(match, answer, FALSE)
			: unmodified != NULL && !is_unmodified(unmodified, answer, &sound) && sound)
		return 412;
	if (none_match != NULL ? lists_tag(none_match, answer, TRUE)
			       : modified != NULL && is_unmodified(modified, answer, &sound))
		return 304;
	return 200;
}

static gboolean
read_number(const char **at, gint64 *number)
{
	size_t digits = strspn(*at, "0123456789");
	g_autofree char *text = g_strndup(*at, digits);
	guint64 value;

	if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT64, &value, NULL))
		return FALSE;
	*number = (gint64) value;
	*at += digits;
	return TRUE;
}

/* Reads "bytes=FIRST-LAST", "bytes=FIRST-" or "bytes=-COUNT"; false for anything else. *last is -1 and
 * *first -1 where it is not said. */
static gboolean
read_range(const char *text, gint64 *first, gint64 *last)
{
	*first = *last = -1;
	if (g_ascii_strncasecmp(text, "bytes=", 6) != 0)
		return FALSE;
	text += 6;
	if (*text != '-' && !read_number(&text, first))
		return FALSE;
	if (*text++ != '-')
		return FALSE;
	if (*text != '\0' && !read_number(&text, last))
		return FALSE;
	return *text == '\0' && (*first >= 0 || *last >= 0) &&
	       (*first < 0 || *last < 0 || *first <= *last);
}

static void
take_range(Answer *answer, gint64 first, gint64 last)
{
	gint64 size = answer_size(answer);
	gint64 from = first >= 0 ? first : MAX(size - last, 0);
	gint64 to = first >= 0 && last >= 0 ? MIN(last, size - 1) : size - 1;

	if (from >= size || (first < 0 && last == 0)) {
		g_autofree char *whole = g_strdup_printf("bytes */%" G_GINT64_FORMAT, size);

		answer_nothing(answer, 416);
		answer_header(answer, "Content-Range", whole);
		return;
	}
	g_autofree char *range =
		g_strdup_printf("bytes %" G_GINT64_FORMAT "-%" G_GINT64_FORMAT "/%" G_GINT64_FORMAT,
			from, to, size);
	answer_slice(answer, from, to - from + 1);
	answer_header(answer, "Content-Range", range);
}

void
partial_apply(Answer *answer, const WebRequest *request)
{
	const char *range = web_request_header(request, "range");
	const char *if_range = web_request_header(request, "if-range");
	int status = judge_conditions(answer, request);
	gint64 first, last;

	answer_header(answer, "Accept-Ranges", "bytes");
	if (status != 200)
		answer_nothing(answer, status);
	else if (range != NULL && read_range(range, &first, &last) &&
		 (if_range == NULL || strcmp(if_range, answer_get_header(answer, "ETag")) == 0 ||
			 strcmp(if_range, answer_get_header(answer, "Last-Modified")) == 0))
		take_range(answer, first, last);
}
