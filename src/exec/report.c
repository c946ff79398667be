#include "exec/report.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define TAG "nbhook-error"
#define ANCHOR "nbhook-error-cell"
#define REDACTED "[redacted]"

/* A name with one of these in it has a value that is nobody's business. */
static const char *const secret_words[] = { "password", "passwd", "secret", "token", "apikey",
	"api_key", "authorization", "credential", "signature" };

/* The whole request is in its own file, and a body may be large. */
static const char *const left_out[] = { "body", "body_all", "headers", "params_all" };

static gboolean
is_one_of(const char *name, const char *const *words, size_t n_words)
{
	for (size_t i = 0; i < n_words; i++)
		if (strcmp(name, words[i]) == 0)
			return TRUE;
	return FALSE;
}

static gboolean
is_secret(const char *name)
{
	g_autofree char *lower = g_ascii_strdown(name, -1);

	for (size_t i = 0; i < G_N_ELEMENTS(secret_words); i++)
		if (strstr(lower, secret_words[i]) != NULL)
			return TRUE;
	return FALSE;
}

static json_object *redact(json_object *value);

static json_object *
redact_object(json_object *object)
{
	json_object *safe = json_object_new_object();

	json_object_object_foreach (object, name, value) {
		json_object_object_add(safe, name,
			is_secret(name) ? json_object_new_string(REDACTED) : redact(value));
	}
	return safe;
}

static json_object *
redact_array(json_object *array)
{
	json_object *safe = json_object_new_array();

	for (size_t i = 0; i < json_object_array_length(array); i++)
		json_object_array_add(safe, redact(json_object_array_get_idx(array, i)));
	return safe;
}

/* A copy without secrets. */
static json_object *
redact(json_object *value)
{
	if (json_object_is_type(value, json_type_object))
		return redact_object(value);
	if (json_object_is_type(value, json_type_array))
		return redact_array(value);
	if (!json_object_is_type(value, json_type_string))
		return json_object_get(value);
	g_autofree char *text = log_redact(json_object_get_string(value));
	return json_object_new_string(text);
}

static json_object *
parameters_of(json_object *variables)
{
	g_autoptr(json_object) kept = json_object_new_object();

	if (variables != NULL) {
		json_object_object_foreach (variables, name, value) {
			if (!is_one_of(name, left_out, G_N_ELEMENTS(left_out)))
				json_put_shared(kept, name, value);
		}
	}
	return redact(kept);
}

static json_object *
metadata_of(const Report *report)
{
	json_object *metadata = json_object_new_object();
	g_autofree char *started = clock_iso(report->started_us);
	const Failure *failure = report->failure;

	if (report->job != NULL)
		json_put_string(metadata, "job", report->job);
	json_put_string(metadata, "started", started);
	if (report->ended_us != 0) {
		g_autofree char *ended = clock_iso(report->ended_us);

		json_put_string(metadata, "ended", ended);
	}
	json_put_string(metadata, "status", report->status);
	json_object_object_add(metadata, "parameters", parameters_of(report->variables));
	if (failure_is_set(failure)) {
		json_object *exception = json_object_new_object();

		json_put_string(exception, "reason", failure->reason);
		json_put_string(exception, "ename", failure->ename);
		json_put_string(exception, "evalue", failure->evalue);
		json_object_object_add(metadata, "exception", exception);
	}
	return metadata;
}

/* A markdown cell with the marker's tag. */
static void
insert_marker(Notebook *notebook, size_t index, const char *source)
{
	json_object *cell = notebook_insert_code(notebook, index, source, TAG);

	json_put_string(cell, "cell_type", "markdown");
	json_object_object_del(cell, "outputs");
	json_object_object_del(cell, "execution_count");
}

static char *
cell_label(json_object *cell)
{
	json_object *count = json_member(cell, "execution_count");

	if (json_object_is_type(count, json_type_int))
		return g_strdup_printf("In [%s]", json_object_get_string(count));
	return g_strdup("In [ ]");
}

static void
insert_markers(Notebook *notebook, const Failure *failure)
{
	const char *name = failure->ename != NULL ? failure->ename : failure->reason;
	g_autofree char *ename = g_markup_escape_text(name, -1);

	if (failure->cell < 0) {
		g_autofree char *plain = g_strdup_printf(
			"<span style=\"color:red\">**This run ended with %s.**</span>", ename);

		insert_marker(notebook, 0, plain);
		return;
	}
	g_autofree char *label = cell_label(notebook_cell(notebook, (size_t) failure->cell));
	g_autofree char *top =
		g_strdup_printf("<span style=\"color:red\">**This run ended with %s in "
				"<a href=\"#" ANCHOR "\">%s</a>.**</span>",
			ename, label);
	insert_marker(notebook, (size_t) failure->cell,
		"<span id=\"" ANCHOR
		"\" style=\"color:red\">**The run ended in this cell:**</span>");
	insert_marker(notebook, 0, top);
}

void
report_write(const Report *report, Notebook *notebook)
{
	json_object *metadata = notebook_metadata(notebook);

	if (report->language_info != NULL)
		json_put_shared(metadata, "language_info", report->language_info);
	json_object_object_add(metadata, "nbhook", metadata_of(report));
	if (failure_is_set(report->failure))
		insert_markers(notebook, report->failure);
}

void
report_remove_markers(Notebook *notebook)
{
	notebook_remove_tagged(notebook, TAG);
}
