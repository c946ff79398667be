/* webhook.clear: first the store says which executions the path had, then a worker removes files. */
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "daemon/change.h"
#include "daemon/dispatch.h"
#include "daemon/intake.h"
#include "daemon/hooks.h"
#include "daemon/versions.h"

#define OUTPUTS_CONSIDERED 10000
#define LAST "last" /* for histo: the newest output */

static gboolean
clear_outputs(Change *change, GError **error)
{
	g_autofree char *file = g_path_get_basename(change->path);
	g_autofree char *name = g_strdup_printf("webhook.%s", file);
	const Folders *folders = change->daemon->folders;
	gboolean last = g_strcmp0(change->histo, LAST) == 0;

	for (guint i = 0; i < change->records->len; i++) {
		const JobRecord *record = g_ptr_array_index(change->records, i);
		g_autofree char *id = clock_histo(record->accepted_us);
		g_autoptr(GError) failure = NULL;
		gboolean wanted = change->histo == NULL || strcmp(change->histo, id) == 0 ||
				  (last && change->removed->len == 0);

		if (!record->ended || !versions_has_output(folders, record->folder, name))
			continue;
		if (wanted && versions_remove_output(folders, record->folder, name, &failure))
			g_ptr_array_add(change->removed, g_steal_pointer(&id));
		else
			g_ptr_array_add(change->left, g_steal_pointer(&id));
		if (failure != NULL) {
			g_propagate_error(error, g_steal_pointer(&failure));
			return FALSE;
		}
	}
	return TRUE;
}

static gboolean
clear_files(gpointer data, GError **error)
{
	Change *change = data;

	if (change->outputs)
		return clear_outputs(change, error);
	return versions_clear(change->daemon->folders, change->path, change->histo, change->kept,
		change->removed, change->left, error);
}

/* What was removed, as paths that people know: the notebook's with the id before its name. */
static char *
version_path(const Change *change, const char *id)
{
	g_autofree char *path = g_strdup_printf("/%s", change->path);
	g_autofree char *folder = g_path_get_dirname(path);
	g_autofree char *file = g_path_get_basename(path);

	return g_strdup_printf("%s%s%s___%s%s", folder, strcmp(folder, "/") == 0 ? "" : "/", id,
		change->outputs ? "output__" : "", file);
}

static json_object *
clear_members(const Change *change)
{
	json_object *members = json_object_new_object();
	json_object *data = json_object_new_array();
	json_object *files = json_object_new_array();

	for (guint i = 0; i < change->removed->len; i++) {
		g_autofree char *path = version_path(change, g_ptr_array_index(change->removed, i));

		json_object_array_add(data, json_object_new_string(path));
	}
	for (guint i = 0; i < change->left->len; i++) {
		const char *id = g_ptr_array_index(change->left, i);
		g_autofree char *path = version_path(change, id);
		json_object *file = json_object_new_object();

		json_put_string(file, "timestamp", id);
		json_put_string(file, "filepath", path);
		json_object_array_add(files, file);
	}
	json_object_object_add(members, "data", data);
	json_object_object_add(members, "files", files);
	return members;
}

static void
on_cleared(gpointer data, const GError *failure)
{
	Change *change = data;

	if (failure != NULL) {
		change_finish_failed(change, failure);
		return;
	}
	if (change->call != NULL)
		call_reply(change->call, clear_members(change), NULL, NULL, 0);
	change_finish(change);
}

static gboolean
find_executions(const StoreInterface *store, Store *handle, gpointer data, GError **error)
{
	Change *change = data;
	g_autofree char *path = g_strdup_printf("/%s", change->path);

	change->records = store->list_jobs(handle, NULL, path, OUTPUTS_CONSIDERED, error);
	return change->records != NULL;
}

static void
on_executions(gpointer data, const GError *failure)
{
	Change *change = data;

	if (failure != NULL)
		change_finish_failed(change, failure);
	else
		workers_push(change->daemon->workers, clear_files, on_cleared, change, NULL);
}

static void
make_clear(Change *change)
{
	g_autofree char *path = g_strdup_printf("/%s", change->path);
	Hook *hook = registry_find_path(change->daemon->registry, path, "notebook");

	change->kept = dispatcher_versions_in_use(change->daemon->dispatcher, path);
	intake_add_versions(change->daemon->intake, path, change->kept);
	if (hook != NULL)
		g_ptr_array_add(change->kept, g_strdup(hook->histo));
	change->removed = g_ptr_array_new_with_free_func(g_free);
	change->left = g_ptr_array_new_with_free_func(g_free);
	store_writer_read(change->daemon->writer, find_executions, on_executions, change, NULL);
}

/* histo is an id, "all", or missing: then all versions, or the last output. */
void
hooks_clear(Call *call, gpointer data)
{
	const char *histo = json_string_member(call_body(call), "histo");
	const char *mode = json_string_member(call_body(call), "mode");

	if (mode != NULL && strcmp(mode, "output") != 0) {
		call_fail_with(
			call, NBHOOK_ERROR_BAD_REQUEST, "mode must be \"output\" or missing");
		return;
	}
	Change *change = change_new(data, call, make_clear);
	if (change == NULL)
		return;
	change->outputs = mode != NULL;
	if (histo != NULL && strcmp(histo, "all") != 0)
		change->histo = g_strdup(histo);
	else if (histo == NULL && change->outputs)
		change->histo = g_strdup(LAST);
	change_enqueue(change);
}
