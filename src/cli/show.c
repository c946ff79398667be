#include "cli/show.h"

#include <string.h>

#define BAR_WIDTH 24
#define LABEL_WIDTH 10

typedef char *(*Value)(json_object *status, const char *member, gint64 now_us);

/* Appends a character as it may be shown. */
static void
append_character(GString *shown, gunichar character, gboolean keep_lines)
{
	if (character == '\n' || (keep_lines && character == '\t'))
		g_string_append_c(shown, keep_lines ? (char) character : ' ');
	else
		g_string_append_unichar(shown, g_unichar_iscntrl(character) ? '?' : character);
}

static char *
harmless(const char *text, gboolean keep_lines)
{
	g_autofree char *valid = g_utf8_make_valid(text, -1);
	GString *shown = g_string_new(NULL);

	for (const char *at = valid; *at != '\0'; at = g_utf8_next_char(at))
		append_character(shown, g_utf8_get_char(at), keep_lines);
	return g_string_free(shown, FALSE);
}

char *
show_line(const char *text)
{
	return harmless(text, FALSE);
}

/* ECMA-48, section 5.4: ESC "[", parameters, one final byte. */
char *
show_text(const char *text)
{
	g_autoptr(GRegex) commands = g_regex_new(
		"\\x1b\\[[0-?]*[ -/]*[@-~]", G_REGEX_OPTIMIZE, (GRegexMatchFlags) 0, NULL);
	g_autofree char *valid = g_utf8_make_valid(text, -1);
	g_autofree char *plain =
		g_regex_replace_literal(commands, valid, -1, 0, "", (GRegexMatchFlags) 0, NULL);

	return harmless(plain != NULL ? plain : valid, TRUE);
}

char *
show_error(json_object *error, const char *reason)
{
	const char *sentence = json_string_member(error, "error");
	json_object *cell = json_object_member(error, "cell");
	gint64 index = json_int_member(cell, "index", -1);
	g_autofree char *line = show_line(sentence != NULL ? sentence
					  : reason != NULL ? reason
							   : "");

	if (index < 0)
		return g_steal_pointer(&line);
	return g_strdup_printf("%s (cell %" G_GINT64_FORMAT ")", line, index);
}

char *
show_progress(json_object *status)
{
	json_object *progress = json_object_member(status, "progress");

	return g_strdup_printf("%" G_GINT64_FORMAT " of %" G_GINT64_FORMAT " cells",
		json_int_member(progress, "done", 0), json_int_member(progress, "total", 0));
}

static gint64
read_time(json_object *status, const char *name, gint64 fallback_us)
{
	const char *text = json_string_member(status, name);
	g_autoptr(GDateTime) time = text != NULL ? g_date_time_new_from_iso8601(text, NULL) : NULL;

	if (time == NULL)
		return fallback_us;
	return g_date_time_to_unix(time) * G_USEC_PER_SEC + g_date_time_get_microsecond(time);
}

char *
show_seconds(json_object *status, gint64 now_us)
{
	gint64 started_us = read_time(status, "started", -1);
	double seconds = json_double_member(status, "seconds", -1);

	if (seconds < 0 && started_us >= 0)
		seconds = (double) MAX(now_us - started_us, 0) / G_USEC_PER_SEC;
	return seconds < 0 ? g_strdup("-") : g_strdup_printf("%.3f", seconds);
}

static char *
text_value(json_object *status, const char *member, gint64 now_us)
{
	json_object *value = json_member(status, member);

	return value != NULL ? show_line(json_object_get_string(value)) : NULL;
}

static char *
status_value(json_object *status, const char *member, gint64 now_us)
{
	const char *word = json_string_member(status, "status");
	const char *reason = json_string_member(status, "reason");
	g_autofree char *text = reason != NULL ? g_strdup_printf("%s (%s)", word, reason)
					       : g_strdup(word != NULL ? word : "");

	return show_line(text);
}

static char *
progress_value(json_object *status, const char *member, gint64 now_us)
{
	return show_progress(status);
}

static char *
seconds_value(json_object *status, const char *member, gint64 now_us)
{
	return show_seconds(status, now_us);
}

static char *
error_value(json_object *status, const char *member, gint64 now_us)
{
	json_object *error = json_object_member(status, "error");

	return error != NULL ? show_error(error, NULL) : NULL;
}

static char *
response_value(json_object *status, const char *member, gint64 now_us)
{
	json_object *response = json_object_member(status, "response");
	const char *type = json_string_member(response, "type");

	if (response == NULL)
		return NULL;
	g_autofree char *text = g_strdup_printf("%s, %" G_GINT64_FORMAT " bytes",
		type != NULL ? type : "?", json_int_member(response, "size", 0));
	return show_line(text);
}

/* clang-format off */
static const struct {
	const char *label;
	const char *member;
	Value value; /* NULL: there is nothing to show */
} rows[] = {
	{ "job",      "jobId",    text_value },
	{ "status",   "status",   status_value },
	{ "notebook", "notebook", text_value },
	{ "version",  "version",  text_value },
	{ "accepted", "accepted", text_value },
	{ "started",  "started",  text_value },
	{ "ended",    "ended",    text_value },
	{ "seconds",  "seconds",  seconds_value },
	{ "progress", "progress", progress_value },
	{ "attempts", "attempts", text_value },
	{ "error",    "error",    error_value },
	{ "response", "response", response_value },
};
/* clang-format on */

char *
show_status(json_object *status, gint64 now_us)
{
	GString *text = g_string_new(NULL);

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *value = rows[i].value(status, rows[i].member, now_us);

		g_string_append_printf(text, "%s%-*s%s", text->len > 0 ? "\n" : "", LABEL_WIDTH,
			rows[i].label, value != NULL ? value : "-");
	}
	return g_string_free(text, FALSE);
}

static void
append_bar(GString *line, gint64 done, gint64 total)
{
	gint64 filled = BAR_WIDTH * CLAMP(done, 0, total) / total;

	g_string_append_c(line, '[');
	for (gint64 i = 0; i < BAR_WIDTH; i++)
		g_string_append_c(line, i < filled ? '#' : '.');
	g_string_append(line, "] ");
}

char *
show_bar(json_object *status, double seconds)
{
	json_object *progress = json_object_member(status, "progress");
	gint64 total = json_int_member(progress, "total", 0);
	GString *line = g_string_new(NULL);

	if (total > 0) {
		g_autofree char *cells = show_progress(status);

		append_bar(line, json_int_member(progress, "done", 0), total);
		g_string_append(line, cells);
	} else if (g_strcmp0(json_string_member(status, "status"), "active") == 0) {
		g_string_append(line, "the kernel starts");
	} else {
		g_string_append(line, "waiting for its turn");
	}
	g_string_append_printf(line, ", %.0f s", seconds);
	return g_string_free(line, FALSE);
}
