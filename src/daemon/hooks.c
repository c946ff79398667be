/* The steps of a change (daemon/change.h):
 *
 *   publish   worker (kernelspec) ► worker (files) ► store ► registry ► answer
 *   delete    store ► registry ► worker (working copy)               ► answer
 */
#include "daemon/hooks.h"

#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "daemon/change.h"
#include "daemon/hook_params.h"
#include "daemon/listing.h"
#include "daemon/recent.h"
#include "daemon/rights.h"
#include "daemon/versions.h"
#include "jupyter/kernelspec.h"
#include "notebook/signature.h"

static json_object *
status_members(const char *status)
{
	json_object *members = json_object_new_object();

	json_put_string(members, "status", status);
	return members;
}

void
hooks_list(Call *call, gpointer data)
{
	if (rights_check(data, call, RIGHT_WRITE, NULL))
		listing_reply(data, call, NULL, NULL, TRUE, -1);
}

void
hooks_get(Call *call, gpointer data)
{
	Daemon *daemon = data;
	const char *path = json_string_member(call_body(call), "path");

	if (!rights_check(daemon, call, RIGHT_READ, path))
		return;
	g_autofree char *published = change_read_path(call);
	if (published == NULL)
		return;
	Hook *hook = registry_find_path(daemon->registry, path, "notebook");
	if (hook == NULL)
		call_fail_with(call, NBHOOK_ERROR_NOT_FOUND, "there is no webhook for %s", path);
	else
		listing_reply(daemon, call, NULL, hook, FALSE,
			versions_open(daemon->folders, published, hook->histo, NULL));
}

static gboolean
publish_files(gpointer data, GError **error)
{
	Change *change = data;
	size_t size = 0;
	g_autofree char *content = files_read_all(change->content,
		change->daemon->settings->max_notebook, "max_notebook", &size, error);

	return content != NULL && versions_publish(change->daemon->folders, change->path,
					  change->hook->histo, content, size, error);
}

static gboolean
put_hook(const StoreInterface *store, Store *handle, gpointer data, GError **error)
{
	Change *change = data;

	if (change->is_new)
		change->hook->id = store->next_hook_id(handle, error);
	if (change->hook->id == 0)
		return FALSE;
	g_autoptr(HookRecord) record = hook_record(change->hook);
	return store->put_hook(handle, record, error);
}

/* What is published again has none of its earlier params: that a webhook is open now shall be noticed. */
static void
warn_of_unsigned_calls(Daemon *daemon, const Hook *hook)
{
	const Hook *old = registry_find_path(daemon->registry, hook->path, hook->type);

	if (old != NULL && old->signature != NULL && hook->signature == NULL)
		g_warning("%s takes unsigned calls from now on: it was published again without the "
			  "param signature",
			hook->path);
}

static void
on_published(gpointer data, const GError *failure)
{
	Change *change = data;
	Daemon *daemon = change->daemon;

	if (failure != NULL) {
		change_finish_failed(change, failure);
		return;
	}
	warn_of_unsigned_calls(daemon, change->hook);
	registry_put_hook(daemon->registry, change->hook);
	g_info("%s is published, version %s", change->hook->path, change->hook->histo);
	if (change->call != NULL)
		listing_reply(daemon, change->call,
			status_members(change->is_new ? "installed" : "edited"), change->hook, TRUE,
			-1);
	change_finish(change);
}

static void
on_files_published(gpointer data, const GError *failure)
{
	Change *change = data;

	if (failure != NULL)
		change_finish_failed(change, failure);
	else
		store_writer_push(change->daemon->writer, put_hook, on_published, change, NULL);
}

/* The token of a hook: its own, else the one that the client chose, else a new one. */
static char *
choose_token(Daemon *daemon, const Hook *old, const char *wanted, GError **error)
{
	if (wanted != NULL && !ids_is_token(wanted)) {
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST,
			"value must be a token of %d hex digits, or null", TOKEN_LENGTH);
		return NULL;
	}
	if (old != NULL)
		return g_strdup(old->token);
	if (wanted == NULL)
		return ids_token();
	g_autofree char *token = g_ascii_strdown(wanted, -1);
	if (registry_find_token(daemon->registry, token) == NULL)
		return g_steal_pointer(&token);
	g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_CONFLICT,
		"this value is the token of another webhook");
	return NULL;
}

/* The time of a version is later than that of the one before it, whatever the clock says: its id is
 * made of it. */
static gint64
version_time(const Hook *old)
{
	gint64 now_us = clock_wall_us();

	return old != NULL ? MAX(now_us, old->updated_us + 1) : now_us;
}

/* Takes the signature out of params, which everybody may see. *signature is owned; NULL: none is required,
 * or there is an error. Senders who sign do not wait for long. */
static gboolean
split_signature(json_object *params, json_object **signature, GError **error)
{
	json_object *param = json_member(params, "signature");

	if (param != NULL) {
		*signature = signature_settings(param, error);
		if (*signature == NULL)
			return FALSE;
		if (json_member(params, "respond_async") == NULL)
			json_put_bool(params, "respond_async", TRUE);
	}
	json_object_object_del(params, "signature");
	return TRUE;
}

/* Params as they were given with a notebook, checked; NULL on error. */
static json_object *
take_params(json_object *given, const char *language, const Settings *settings,
	json_object **signature, GError **error)
{
	/* a copy: the store's thread prints it, and the call may go meanwhile */
	g_autoptr(json_object) params = given != NULL ? json_copy(given) : json_object_new_object();

	if (!split_signature(params, signature, error) ||
		!hook_params_check(params, language, settings, error))
		return NULL;
	return g_steal_pointer(&params);
}

static Hook *
new_hook(Change *change, const Hook *old, json_object *body, GError **error)
{
	const Hook *kept = json_bool_member(body, "keep", FALSE) ? old : NULL;
	g_autofree char *token =
		choose_token(change->daemon, old, json_string_member(body, "value"), error);
	g_autoptr(json_object) signature =
		kept != NULL && kept->signature != NULL ? json_object_get(kept->signature) : NULL;
	g_autoptr(json_object) params = NULL;

	if (token != NULL && kept != NULL)
		params = json_copy(kept->params);
	else if (token != NULL)
		params = take_params(json_object_member(body, "params"), change->language,
			change->daemon->settings, &signature, error);
	if (params == NULL)
		return NULL;
	Hook *hook = hook_new();
	hook->id = old != NULL ? old->id : 0;
	hook->path = g_strdup_printf("/%s", change->path);
	hook->type = g_strdup(json_string_member(body, "type"));
	hook->token = g_steal_pointer(&token);
	hook->token_hash = ids_sha256(hook->token);
	hook->updated_us = version_time(old);
	hook->created_us = old != NULL ? old->created_us : hook->updated_us;
	hook->histo = clock_histo(hook->updated_us);
	hook->kernel = g_strdup(change->kernel);
	hook->kernelspec = g_strdup(change->kernelspec);
	hook->language = g_strdup(change->language);
	hook->params = g_steal_pointer(&params);
	hook->signature = g_steal_pointer(&signature);
	hook->debug = kept != NULL ? kept->debug : json_bool_member(body, "debug", FALSE);
	hook->edited = old != NULL;
	return hook;
}

static void
on_kernel_found(gpointer data, const GError *failure)
{
	Change *change = data;
	g_autofree char *path = g_strdup_printf("/%s", change->path);
	g_autoptr(GError) error = NULL;

	if (failure != NULL) {
		change_finish_failed(change, failure);
		return;
	}
	if (change->call == NULL) { /* nobody waits for the URL any more: nothing is changed */
		change_finish(change);
		return;
	}
	json_object *body = call_body(change->call);
	Hook *old = registry_find_path(
		change->daemon->registry, path, json_string_member(body, "type"));
	change->is_new = old == NULL;
	change->hook = new_hook(change, old, body, &error);
	if (change->hook == NULL)
		change_finish_failed(change, error);
	else
		workers_push(
			change->daemon->workers, publish_files, on_files_published, change, NULL);
}

static gboolean
find_kernel(gpointer data, GError **error)
{
	Change *change = data;
	g_autoptr(Kernelspec) spec =
		kernelspec_find(change->daemon->settings, change->kernel, change->language, error);

	if (spec == NULL)
		return FALSE;
	g_free(change->language);
	change->language = g_strdup(spec->language);
	g_free(change->kernelspec);
	change->kernelspec = g_strdup(spec->name);
	return TRUE;
}

static void
make_publish(Change *change)
{
	workers_push(change->daemon->workers, find_kernel, on_kernel_found, change, NULL);
}

void
hooks_publish(Call *call, gpointer data)
{
	AUTO_FD content = call_steal_fd(call, "content");
	Change *change = change_new(data, call, make_publish);

	if (change == NULL)
		return;
	json_object *kernel = json_object_member(call_body(call), "kernel");
	change->kernel = g_strdup(json_string_member(kernel, "name"));
	change->language = g_strdup(json_string_member(kernel, "language"));
	change->content = files_steal_fd(&content);
	if (change->content >= 0)
		change_enqueue(change);
	else
		change_refuse(
			change, NBHOOK_ERROR_BAD_REQUEST, "webhook.publish needs the notebook");
}

static gboolean
delete_row(const StoreInterface *store, Store *handle, gpointer data, GError **error)
{
	return store->delete_hook(handle, ((Change *) data)->hook->id, error);
}

static gboolean
withdraw_file(gpointer data, GError **error)
{
	Change *change = data;

	return versions_withdraw(change->daemon->folders, change->path, error);
}

static void
on_withdrawn_file(gpointer data, const GError *failure)
{
	Change *change = data;

	if (failure != NULL)
		g_warning("%s: %s", change->hook->path, failure->message);
	if (change->call != NULL)
		listing_reply(
			change->daemon, change->call, status_members("delete"), NULL, TRUE, -1);
	change_finish(change);
}

static void
on_deleted(gpointer data, const GError *failure)
{
	Change *change = data;

	if (failure != NULL) {
		change_finish_failed(change, failure);
		return;
	}
	registry_remove_hook(change->daemon->registry, change->hook->id);
	recent_drop(change->daemon->recent, change->hook->path);
	g_info("%s is taken down", change->hook->path);
	workers_push(change->daemon->workers, withdraw_file, on_withdrawn_file, change, NULL);
}

static void
make_delete(Change *change)
{
	g_autofree char *path = g_strdup_printf("/%s", change->path);
	Hook *hook = registry_find_path(change->daemon->registry, path, "notebook");

	if (hook == NULL) {
		g_autoptr(GError) error = g_error_new(
			NBHOOK_ERROR, NBHOOK_ERROR_NOT_FOUND, "there is no webhook for %s", path);

		change_finish_failed(change, error);
		return;
	}
	change->hook = hook_ref(hook);
	store_writer_push(change->daemon->writer, delete_row, on_deleted, change, NULL);
}

void
hooks_delete(Call *call, gpointer data)
{
	Change *change = change_new(data, call, make_delete);

	if (change != NULL)
		change_enqueue(change);
}
