#include "daemon/change.h"

#include <string.h>

#include "base/error.h"
#include "daemon/rights.h"

#define MAX_WAITING 1000

static void
change_free(Change *change)
{
	g_free(change->path);
	hook_unref(change->hook);
	files_close(&change->content);
	g_free(change->kernel);
	g_free(change->kernelspec);
	g_free(change->language);
	g_free(change->histo);
	g_clear_pointer(&change->kept, g_ptr_array_unref);
	g_clear_pointer(&change->records, g_ptr_array_unref);
	g_clear_pointer(&change->removed, g_ptr_array_unref);
	g_clear_pointer(&change->left, g_ptr_array_unref);
	g_free(change);
}

void
change_refuse(Change *change, int code, const char *sentence)
{
	call_fail_with(change->call, code, "%s", sentence);
	change_free(change);
}

void
change_enqueue(Change *change)
{
	if (change->daemon->changes.length >= MAX_WAITING) {
		change_refuse(change, NBHOOK_ERROR_UNAVAILABLE,
			"many changes of webhooks are waiting already; try again");
		return;
	}
	call_keep_at(change->call, &change->call);
	g_queue_push_tail(&change->daemon->changes, change);
	if (change->daemon->changes.length == 1)
		change->make(change);
}

void
change_finish(Change *change)
{
	GQueue *changes = &change->daemon->changes;

	g_queue_remove(changes, change);
	change_free(change);
	Change *next = g_queue_peek_head(changes);
	if (next != NULL)
		next->make(next);
}

void
change_finish_failed(Change *change, const GError *failure)
{
	if (change->call != NULL)
		call_fail(change->call, failure, 0);
	else
		g_warning("%s /%s: %s", "a change of a webhook whose asker has gone", change->path,
			failure->message);
	change_finish(change);
}

char *
change_read_path(Call *call)
{
	const char *path = json_string_member(call_body(call), "path");
	const char *type = json_string_member(call_body(call), "type");
	g_autoptr(GError) error = NULL;

	if (path == NULL || type == NULL) {
		call_fail_with(call, NBHOOK_ERROR_BAD_REQUEST, "a path and a type are needed");
		return NULL;
	}
	if (strcmp(type, "notebook") != 0) {
		call_fail_with(call, NBHOOK_ERROR_UNPROCESSABLE,
			"this server does not offer the type \"%s\"; it offers: notebook", type);
		return NULL;
	}
	char *published = files_published_path(path, &error);
	if (published == NULL)
		call_fail(call, error, 0);
	return published;
}

Change *
change_new(Daemon *daemon, Call *call, void (*make)(Change *change))
{
	if (!rights_check(daemon, call, RIGHT_WRITE, NULL))
		return NULL;
	char *path = change_read_path(call);
	if (path == NULL)
		return NULL;
	Change *change = g_new0(Change, 1);
	change->daemon = daemon;
	change->call = call;
	change->content = -1;
	change->path = path;
	change->make = make;
	return change;
}
