#include "partial.h"

#include <string.h>

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

/* Whether a list of entity tags has the answer's. That has its quotes and nothing else in it that could
 * stand within another. */
static gboolean
lists_tag(const char *list, const Answer *answer)
{
	return strcmp(list, "*") == 0 || strstr(list, answer_get_header(answer, "ETag")) != NULL;
}

/* The date is ours or it is not: who has a copy sends back what we said (as nginx takes it, too). */
static gboolean
is_date(const char *date, const Answer *answer)
{
	return strcmp(date, answer_get_header(answer, "Last-Modified")) == 0;
}

/* The status that the conditions lead to: 412, 304, or 200 (section 13.2.2). */
static int
judge_conditions(const Answer *answer, const WebRequest *request)
{
	const char *match = web_request_header(request, "if-match");
	const char *unmodified = web_request_header(request, "if-unmodified-since");
	const char *none_match = web_request_header(request, "if-none-match");
	const char *modified = web_request_header(request, "if-modified-since");

	if (match != NULL ? !lists_tag(match, answer)
			  : unmodified != NULL && !is_date(unmodified, answer))
		return 412;
	if (none_match != NULL ? lists_tag(none_match, answer)
			       : modified != NULL && is_date(modified, answer))
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
			 is_date(if_range, answer)))
		take_range(answer, first, last);
}
