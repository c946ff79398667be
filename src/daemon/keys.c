#include "daemon/keys.h"

#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "daemon/rights.h"

#define MAX_NAME 64
#define NOTE_SECONDS 60

/* A change of the store on behalf of a call. */
typedef struct {
	Daemon *daemon;
	Call *call; /* NULL when the asker has gone */
	KeyRecord *record;
	char *text; /* of a new key, to be shown once */
} Change;

static void
change_free(Change *change)
{
	key_record_free(change->record);
	g_free(change->text);
	g_free(change);
}

static Change *
new_change(Daemon *daemon, Call *call, const char *name)
{
	Change *change = g_new0(Change, 1);

	change->daemon = daemon;
	change->record = g_new0(KeyRecord, 1);
	change->record->name = g_strdup(name);
	call_keep_at(call, &change->call);
	return change;
}

static void
reply_name(Change *change)
{
	json_object *members = json_object_new_object();

	json_put_string(members, "name", change->record->name);
	if (change->text != NULL)
		json_put_string(members, "key", change->text);
	call_reply(change->call, members, NULL, NULL, 0);
}

static gboolean
put_key(const StoreInterface *store, Store *handle, gpointer data, GError **error)
{
	return store->put_key(handle, ((Change *) data)->record, error);
}

static void
on_added(gpointer data, const GError *failure)
{
	Change *change = data;

	if (failure == NULL)
		registry_put_key(change->daemon->registry, change->record);
	if (change->call != NULL && failure != NULL)
		call_fail(change->call, failure, 0);
	else if (change->call != NULL)
		reply_name(change);
}

static gboolean
is_name(const char *name)
{
	if (name == NULL || *name == '\0' || strlen(name) > MAX_NAME)
		return FALSE;
	for (const char *at = name; *at != '\0'; at++)
		if (!g_ascii_isalnum(*at) && strchr("-_.@", *at) == NULL)
			return FALSE;
	return TRUE;
}

void
keys_check(Call *call, gpointer data)
{
	if (rights_check(data, call, RIGHT_WRITE, NULL))
		call_reply(call, json_object_new_object(), NULL, NULL, 0);
}

void
keys_add(Call *call, gpointer data)
{
	Daemon *daemon = data;
	const char *name = json_string_member(call_body(call), "name");

	if (!is_name(name)) {
		call_fail_with(call, NBHOOK_ERROR_BAD_REQUEST,
			"a key's name has letters, digits, \"-\", \"_\", \".\" and \"@\", 1 to %d "
			"of them",
			MAX_NAME);
		return;
	}
	if (registry_has_key_name(daemon->registry, name)) {
		call_fail_with(call, NBHOOK_ERROR_CONFLICT,
			"there is a key named \"%s\" already; revoke it first or take another name",
			name);
		return;
	}
	Change *change = new_change(daemon, call, name);
	g_autoptr(json_object) document = json_object_new_object();
	json_put_int(document, "created_us", clock_wall_us());
	change->text = ids_token();
	change->record->hash = ids_sha256(change->text);
	change->record->document = json_print(document);
	store_writer_push(daemon->writer, put_key, on_added, change, (GDestroyNotify) change_free);
}

static json_object *
describe(const Key *key)
{
	g_autofree char *created = clock_iso(key->created_us);
	g_autofree char *used = key->used_us != 0 ? clock_iso(key->used_us) : NULL;
	json_object *row = json_object_new_object();

	json_put_string(row, "name", key->name);
	json_put_string(row, "created", created);
	json_put_string(row, "last_use", used);
	return row;
}

void
keys_list(Call *call, gpointer data)
{
	Daemon *daemon = data;
	g_autoptr(GPtrArray) keys = registry_keys(daemon->registry);
	json_object *members = json_object_new_object();
	json_object *rows = json_object_new_array();

	for (guint i = 0; i < keys->len; i++)
		json_object_array_add(rows, describe(g_ptr_array_index(keys, i)));
	json_object_object_add(members, "keys", rows);
	call_reply(call, members, NULL, NULL, 0);
}

static gboolean
delete_key(const StoreInterface *store, Store *handle, gpointer data, GError **error)
{
	return store->delete_key(handle, ((Change *) data)->record->name, error);
}

static void
on_revoked(gpointer data, const GError *failure)
{
	Change *change = data;

	if (failure == NULL)
		registry_remove_key(change->daemon->registry, change->record->name);
	if (change->call != NULL && failure != NULL)
		call_fail(change->call, failure, 0);
	else if (change->call != NULL)
		reply_name(change);
}

void
keys_revoke(Call *call, gpointer data)
{
	Daemon *daemon = data;
	const char *name = json_string_member(call_body(call), "name");

	if (name == NULL || !registry_has_key_name(daemon->registry, name)) {
		call_fail_with(call, NBHOOK_ERROR_NOT_FOUND,
			"there is no key of that name; \"nbhook key list\" shows all");
		return;
	}
	store_writer_push(daemon->writer, delete_key, on_revoked, new_change(daemon, call, name),
		(GDestroyNotify) change_free);
}

static gboolean
update_key(const StoreInterface *store, Store *handle, gpointer data, GError **error)
{
	return store->update_key(handle, data, error);
}

/* What could not be noted is noted with the next use. */
static void
on_noted(gpointer data, const GError *failure)
{
	if (failure != NULL)
		g_warning("the use of key %s: %s", ((KeyRecord *) data)->name, failure->message);
}

void
keys_note_uses(Daemon *daemon)
{
	g_autoptr(GPtrArray) keys = registry_keys(daemon->registry);

	for (guint i = 0; i < keys->len; i++) {
		Key *key = g_ptr_array_index(keys, i);

		if (key->used_us == key->noted_us)
			continue;
		key->noted_us = key->used_us;
		store_writer_push(daemon->writer, update_key, on_noted, key_record(key),
			(GDestroyNotify) key_record_free);
	}
}

static gboolean
on_minute(gpointer data)
{
	keys_note_uses(data);
	return G_SOURCE_CONTINUE;
}

guint
keys_keep_noting(Daemon *daemon)
{
	return g_timeout_add_seconds(NOTE_SECONDS, on_minute, daemon);
}
