#include "exec/failure.h"

#include <string.h>

#include "base/error.h"
#include "conf/settings.h"

void
failure_clear(Failure *failure)
{
	g_free(failure->reason);
	g_free(failure->ename);
	g_free(failure->evalue);
	json_object_put(failure->traceback);
	*failure = FAILURE_NONE;
}

gboolean
failure_is_set(const Failure *failure)
{
	return failure->reason != NULL;
}

/* At most max bytes of a text, whole characters. */
static char *
cut(const char *text, size_t max)
{
	if (strlen(text) <= max)
		return g_strdup(text);
	g_autofree char *start = g_strndup(text, max);
	g_autofree char *valid = g_utf8_make_valid(start, -1);
	return g_strconcat(valid, "…", NULL);
}

void
failure_set(
	Failure *failure, const char *reason, const char *ename, const char *evalue, gssize cell)
{
	if (failure_is_set(failure))
		return;
	failure->reason = g_strdup(reason);
	failure->ename = ename != NULL ? cut(ename, FAILURE_MAX_TEXT) : NULL;
	failure->evalue = cut(evalue, FAILURE_MAX_TEXT);
	failure->cell = cell;
}

void
failure_set_error(Failure *failure, const char *reason, const GError *error, gssize cell)
{
	if (g_error_matches(error, NBHOOK_ERROR, NBHOOK_ERROR_NO_SPACE))
		failure_set(failure, "disk_full", NULL, error->message, cell);
	else
		failure_set(failure, reason, reason, error->message, cell);
}

static const char *
text_or(json_object *content, const char *name, const char *fallback)
{
	const char *text = json_string_member(content, name);

	return text != NULL ? text : fallback;
}

/* The lines of a traceback, as many as fit under the ceiling. */
static json_object *
copy_traceback(json_object *lines)
{
	json_object *copy = json_object_new_array();
	size_t n = lines != NULL ? json_object_array_length(lines) : 0;
	size_t left = FAILURE_MAX_TEXT;

	for (size_t i = 0; i < n && left > 0; i++) {
		const char *line = json_object_get_string(json_object_array_get_idx(lines, i));
		g_autofree char *part = cut(line != NULL ? line : "", left);

		json_object_array_add(copy, json_object_new_string(part));
		left -= MIN(left, strlen(part));
	}
	return copy;
}

void
failure_set_reply(Failure *failure, json_object *content, gssize cell)
{
	const char *status = text_or(content, "status", "unknown");
	g_autofree char *fallback =
		g_strdup_printf("The kernel answered a cell with the status \"%s\".", status);

	if (failure_is_set(failure))
		return;
	failure_set(failure, "cell_error", text_or(content, "ename", status),
		text_or(content, "evalue", fallback), cell);
	failure->traceback = copy_traceback(json_array_member(content, "traceback"));
}

void
failure_name_setting(Failure *failure, gint64 max_memory)
{
	if (failure->ename == NULL || !g_str_has_suffix(failure->ename, "MemoryError"))
		return;
	g_autofree char *size = settings_size_text(max_memory);
	g_autofree char *evalue = g_steal_pointer(&failure->evalue);
	failure->evalue =
		g_strdup_printf("%s%sa process of a run may have %s (the setting max_memory)",
			evalue, *evalue != '\0' ? "; " : "", size);
}
