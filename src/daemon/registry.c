#include "daemon/registry.h"

#include <string.h>

#include "base/error.h"
#include "base/ids.h"
#include "notebook/notebook.h"

#define MAX_DEPTH 600 /* more than max_json_depth can be: params are in it */

struct Registry {
	GHashTable *by_token; /* token hash -> Hook, borrowed */
	GHashTable *by_id;    /* gint64 -> Hook, owned */
	GHashTable *by_path;  /* "type path" -> Hook, borrowed; the key is owned */
	GHashTable *keys;     /* hash -> Key, owned */
	GHashTable *run_keys; /* hash -> path, both owned */
};

Hook *
hook_new(void)
{
	return g_rc_box_new0(Hook);
}

Hook *
hook_ref(Hook *hook)
{
	return g_rc_box_acquire(hook);
}

static void
hook_clear(gpointer data)
{
	Hook *hook = data;

	g_free(hook->path);
	g_free(hook->type);
	g_free(hook->token);
	g_free(hook->token_hash);
	g_free(hook->histo);
	g_free(hook->kernel);
	g_free(hook->kernelspec);
	g_free(hook->language);
	json_object_put(hook->params);
	json_object_put(hook->signature);
}

void
hook_unref(Hook *hook)
{
	if (hook != NULL)
		g_rc_box_release_full(hook, hook_clear);
}

HookRecord *
hook_record(const Hook *hook)
{
	g_autoptr(json_object) document = json_object_new_object();
	HookRecord *record = g_new0(HookRecord, 1);

	json_put_string(document, "histo", hook->histo);
	json_put_string(document, "kernel", hook->kernel);
	json_put_string(document, "kernelspec", hook->kernelspec);
	json_put_string(document, "language", hook->language);
	json_put_shared(document, "params", hook->params);
	if (hook->signature != NULL)
		json_put_shared(document, "signature", hook->signature);
	json_put_bool(document, "debug", hook->debug);
	json_put_bool(document, "edited", hook->edited);
	json_put_int(document, "created_us", hook->created_us);
	json_put_int(document, "updated_us", hook->updated_us);
	record->id = hook->id;
	record->path = g_strdup(hook->path);
	record->type = g_strdup(hook->type);
	record->token = g_strdup(hook->token);
	record->token_hash = g_strdup(hook->token_hash);
	record->document = json_print(document);
	return record;
}

Hook *
hook_from_record(const HookRecord *record, GError **error)
{
	g_autoptr(json_object) document =
		json_parse_object(record->document, strlen(record->document), MAX_DEPTH, error);

	if (document == NULL)
		return NULL;
	json_object *params = json_object_member(document, "params");
	json_object *signature = json_object_member(document, "signature");
	Hook *hook = hook_new();
	hook->id = record->id;
	hook->path = g_strdup(record->path);
	hook->type = g_strdup(record->type);
	hook->token = g_strdup(record->token);
	hook->token_hash = g_strdup(record->token_hash);
	hook->histo = g_strdup(json_string_member(document, "histo"));
	hook->kernel = g_strdup(json_string_member(document, "kernel"));
	hook->kernelspec = g_strdup(json_string_member(document, "kernelspec"));
	hook->language = g_strdup(json_string_member(document, "language"));
	hook->params = params != NULL ? json_object_get(params) : json_object_new_object();
	hook->signature = signature != NULL ? json_object_get(signature) : NULL;
	hook->debug = json_bool_member(document, "debug", FALSE);
	hook->edited = json_bool_member(document, "edited", FALSE);
	hook->created_us = json_int_member(document, "created_us", 0);
	hook->updated_us = json_int_member(document, "updated_us", 0);
	return hook;
}

static void
key_free(gpointer data)
{
	Key *key = data;

	g_free(key->name);
	g_free(key->hash);
	g_free(key);
}

KeyRecord *
key_record(const Key *key)
{
	g_autoptr(json_object) document = json_object_new_object();
	KeyRecord *record = g_new0(KeyRecord, 1);

	json_put_int(document, "created_us", key->created_us);
	json_put_int(document, "used_us", key->used_us);
	record->name = g_strdup(key->name);
	record->hash = g_strdup(key->hash);
	record->document = json_print(document);
	return record;
}

static Key *
key_from_record(const KeyRecord *record)
{
	g_autoptr(json_object) document =
		json_parse_object(record->document, strlen(record->document), 8, NULL);
	Key *key = g_new0(Key, 1);

	key->name = g_strdup(record->name);
	key->hash = g_strdup(record->hash);
	key->created_us = json_int_member(document, "created_us", 0);
	key->used_us = key->noted_us = json_int_member(document, "used_us", 0);
	return key;
}

char *
hook_name(const Hook *hook)
{
	return notebook_name(hook->path);
}

Registry *
registry_new(void)
{
	Registry *registry = g_new0(Registry, 1);

	registry->by_token = g_hash_table_new(g_str_hash, g_str_equal);
	registry->by_id = g_hash_table_new_full(
		g_int64_hash, g_int64_equal, NULL, (GDestroyNotify) hook_unref);
	registry->by_path = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	registry->keys = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, key_free);
	registry->run_keys = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	return registry;
}

void
registry_free(Registry *registry)
{
	if (registry == NULL)
		return;
	g_hash_table_unref(registry->by_token);
	g_hash_table_unref(registry->by_path);
	g_hash_table_unref(registry->by_id);
	g_hash_table_unref(registry->keys);
	g_hash_table_unref(registry->run_keys);
	g_free(registry);
}

Hook *
registry_find_token(Registry *registry, const char *token)
{
	if (!ids_is_token(token))
		return NULL;
	g_autofree char *hash = ids_sha256(token);
	return g_hash_table_lookup(registry->by_token, hash);
}

static char *
path_key(const char *path, const char *type)
{
	return g_strdup_printf("%s %s", type, path);
}

Hook *
registry_find_path(Registry *registry, const char *path, const char *type)
{
	g_autofree char *key = path_key(path, type);

	return g_hash_table_lookup(registry->by_path, key);
}

static int
compare_hooks(gconstpointer one, gconstpointer other)
{
	return strcmp((*(Hook *const *) one)->path, (*(Hook *const *) other)->path);
}

GPtrArray *
registry_hooks(Registry *registry)
{
	GPtrArray *hooks = g_ptr_array_new();
	GHashTableIter iter;
	gpointer hook;

	g_hash_table_iter_init(&iter, registry->by_id);
	while (g_hash_table_iter_next(&iter, NULL, &hook))
		g_ptr_array_add(hooks, hook);
	g_ptr_array_sort(hooks, compare_hooks);
	return hooks;
}

void
registry_put_hook(Registry *registry, Hook *hook)
{
	hook_ref(hook);
	registry_remove_hook(registry, hook->id);
	g_hash_table_insert(registry->by_id, &hook->id, hook);
	g_hash_table_insert(registry->by_token, hook->token_hash, hook);
	g_hash_table_insert(registry->by_path, path_key(hook->path, hook->type), hook);
}

void
registry_remove_hook(Registry *registry, gint64 id)
{
	Hook *hook = g_hash_table_lookup(registry->by_id, &id);

	if (hook == NULL)
		return;
	g_autofree char *key = path_key(hook->path, hook->type);
	g_hash_table_remove(registry->by_path, key);
	g_hash_table_remove(registry->by_token, hook->token_hash);
	g_hash_table_remove(registry->by_id, &id);
}

void
registry_put_key(Registry *registry, const KeyRecord *record)
{
	Key *key = key_from_record(record);

	g_hash_table_replace(registry->keys, key->hash, key);
}

static const Key *
key_of_name(Registry *registry, const char *name)
{
	GHashTableIter iter;
	gpointer key;

	g_hash_table_iter_init(&iter, registry->keys);
	while (g_hash_table_iter_next(&iter, NULL, &key))
		if (strcmp(((const Key *) key)->name, name) == 0)
			return key;
	return NULL;
}

gboolean
registry_has_key_name(Registry *registry, const char *name)
{
	return key_of_name(registry, name) != NULL;
}

gboolean
registry_remove_key(Registry *registry, const char *name)
{
	const Key *key = key_of_name(registry, name);

	return key != NULL && g_hash_table_remove(registry->keys, key->hash);
}

Key *
registry_find_key(Registry *registry, const char *key_text)
{
	g_autofree char *hash = ids_sha256(key_text);

	return g_hash_table_lookup(registry->keys, hash);
}

static int
compare_keys(gconstpointer one, gconstpointer other)
{
	return strcmp((*(Key *const *) one)->name, (*(Key *const *) other)->name);
}

GPtrArray *
registry_keys(Registry *registry)
{
	GPtrArray *keys = g_ptr_array_new();
	GHashTableIter iter;
	gpointer key;

	g_hash_table_iter_init(&iter, registry->keys);
	while (g_hash_table_iter_next(&iter, NULL, &key))
		g_ptr_array_add(keys, key);
	g_ptr_array_sort(keys, compare_keys);
	return keys;
}

void
registry_put_run_key(Registry *registry, const char *key_hash, const char *path)
{
	g_hash_table_replace(registry->run_keys, g_strdup(key_hash), g_strdup(path));
}

void
registry_remove_run_key(Registry *registry, const char *key_hash)
{
	g_hash_table_remove(registry->run_keys, key_hash);
}

const char *
registry_find_run_key(Registry *registry, const char *key_text)
{
	g_autofree char *hash = ids_sha256(key_text);

	return g_hash_table_lookup(registry->run_keys, hash);
}
