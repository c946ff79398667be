/* A page is a frame around a few lines. All text that is not a constant of ours goes through
 * g_markup_printf_escaped(). */
#include "page.h"

#include <string.h>

#include "accept.h"
#include "page_text.h"

#define PROBLEM_TYPE "application/problem+json"
#define REFRESH_S "3" /* without a script */

static void add(GString *page, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void
add(GString *page, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	g_autofree char *text = g_markup_vprintf_escaped(format, arguments);
	va_end(arguments);
	g_string_append(page, text);
}

/* The source expression of one text (Content Security Policy 3, section 2.3.1). */
static char *
hash_source(const char *text)
{
	g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
	guint8 digest[32];
	gsize size = sizeof digest;

	g_checksum_update(checksum, (const guchar *) text, (gssize) strlen(text));
	g_checksum_get_digest(checksum, digest, &size);
	g_autofree char *base64 = g_base64_encode(digest, size);
	return g_strdup_printf("'sha256-%s'", base64);
}

static void
set_page(Answer *answer, const char *page)
{
	g_autofree char *script = hash_source(page_script);
	g_autofree char *style = hash_source(page_style);
	g_autofree char *policy = g_strdup_printf(
		"default-src 'none'; script-src %s; style-src %s; connect-src 'self'; "
		"base-uri 'none'; form-action 'none'",
		script, style);

	answer_text(answer, "text/html; charset=utf-8", page);
	answer_header(answer, "Content-Security-Policy", policy);
}

/* A page up to its content; refresh is the URL that it turns into without a script, or NULL. */
static GString *
begin_page(const char *title, const char *refresh)
{
	GString *page = g_string_new(NULL);

	add(page,
		"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		"<meta name=\"robots\" content=\"noindex\">\n<title>%s</title>\n",
		title);
	if (refresh != NULL)
		add(page,
			"<noscript><meta http-equiv=\"refresh\" content=\"" REFRESH_S
			"; url=%s\"></noscript>\n",
			refresh);
	g_string_append_printf(page, "<style>%s</style>\n</head>\n", page_style);
	return page;
}

gboolean
page_is_wanted(Answer *answer, const WebRequest *request)
{
	answer_header(answer, "Vary", "Accept");
	return accept_prefers_html(web_request_header(request, "accept"));
}

static void
add_state(GString *page, json_object *document)
{
	json_object *progress = json_object_member(document, "progress");
	int done = (int) json_int_member(progress, "done", 0);
	int total = (int) json_int_member(progress, "total", 0);
	gboolean waits = g_strcmp0(json_string_member(document, "status"), "pending") == 0;

	if (waits)
		add(page, "<p id=\"state\" role=\"status\">It waits for its turn.</p>\n");
	else if (total > 0)
		add(page, "<p id=\"state\" role=\"status\">%d of %d cells are done.</p>\n", done,
			total);
	else
		add(page, "<p id=\"state\" role=\"status\">It has begun.</p>\n");
	add(page, "<progress id=\"progress\" aria-label=\"cells that are done\"");
	if (total > 0)
		add(page, " max=\"%d\" value=\"%d\"", total, done);
	add(page, "></progress>\n");
}

void
page_of_run(Answer *answer, const char *below, const char *job, json_object *document)
{
	static const char title[] = "The notebook is running";
	g_autofree char *status = g_strdup_printf("%s/status/%s", below, job);
	g_autofree char *results = g_strdup_printf("%s/results/%s", below, job);
	g_autoptr(GString) page = begin_page(title, results);

	add(page,
		"<body data-status=\"%s\" data-results=\"%s\">\n<main>\n<h1 id=\"title\">%s</h1>\n",
		status, results, title);
	add_state(page, document);
	add(page,
		"<p><span id=\"note\">This page turns into the answer when there is one. The run "
		"goes "
		"on without it, too:</span> "
		"<a href=\"%s\">the answer stays here</a>.</p>\n<p class=\"aside\">Job %s</p>\n",
		results, job);
	g_string_append_printf(
		page, "</main>\n<script>%s</script>\n</body>\n</html>\n", page_script);
	set_page(answer, page->str);
}

static void
add_row(GString *page, const char *term, const char *text)
{
	if (text != NULL)
		add(page, "<dt>%s</dt><dd>%s</dd>\n", term, text);
}

/* People count from 1. */
static void
add_cell(GString *page, json_object *cell)
{
	gint64 index = json_int_member(cell, "index", -1);
	g_autofree char *number = g_strdup_printf("%" G_GINT64_FORMAT, index + 1);

	if (index >= 0)
		add_row(page, "Cell", number);
}

/* Kernels colour tracebacks with the escapes of terminals (ECMA-48, CSI … final byte). */
static char *
without_colours(const char *text)
{
	GString *plain = g_string_new(NULL);

	while (*text != '\0') {
		if (text[0] != '\x1b' || text[1] != '[') {
			g_string_append_c(plain, *text++);
			continue;
		}
		text += 2 + strspn(text + 2, "0123456789;:<=>?");
		text += *text != '\0';
	}
	return g_string_free(plain, FALSE);
}

static void
add_traceback(GString *page, json_object *lines)
{
	if (lines == NULL)
		return;
	add(page, "<pre>");
	for (size_t i = 0; i < json_object_array_length(lines); i++) {
		g_autofree char *line = without_colours(
			json_object_get_string(json_object_array_get_idx(lines, i)));

		add(page, "%s\n", line);
	}
	add(page, "</pre>\n");
}

/* A problem with a reason is a run that did not succeed. */
static const char *
title_of(json_object *problem)
{
	const char *reason = json_string_member(problem, "reason");
	const char *title = json_string_member(problem, "title");

	if (reason == NULL)
		return title != NULL ? title : "Error";
	return g_str_has_prefix(reason, "stopped") ? "The notebook was stopped"
						   : "The notebook failed";
}

static void
set_problem_page(Answer *answer, json_object *problem)
{
	const char *title = title_of(problem);
	const char *sentence = json_string_member(problem, "error");
	g_autoptr(GString) page = begin_page(title, NULL);

	add(page, "<body>\n<main class=\"problem\">\n<h1>%s</h1>\n<p>%s</p>\n<dl>\n", title,
		sentence != NULL ? sentence : "");
	add_cell(page, json_object_member(problem, "cell"));
	add_row(page, "Reason", json_string_member(problem, "reason"));
	add_row(page, "Job", json_string_member(problem, "id"));
	add(page, "</dl>\n");
	add_traceback(page, json_array_member(problem, "traceback"));
	add(page, "</main>\n</body>\n</html>\n");
	set_page(answer, page->str);
}

void
page_of_problem(Answer *answer, const WebRequest *request)
{
	g_autoptr(json_object) problem = json_object_get(answer_document(answer, PROBLEM_TYPE));

	if (problem != NULL && page_is_wanted(answer, request))
		set_problem_page(answer, problem);
}
