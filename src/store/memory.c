/* Four lists. A savepoint and a transaction keep a copy of all of them: it is for small tests. */
#include <string.h>

#include "base/error.h"
#include "store/store.h"

typedef struct {
	GPtrArray *hooks, *keys, *jobs, *deliveries;
	gint64 last_hook;
} State;

struct Store {
	State now;
	State begun;
	State saved;
};

static gpointer
copy_hook(gconstpointer record, gpointer unused)
{
	return hook_record_copy(record);
}

static gpointer
copy_key(gconstpointer record, gpointer unused)
{
	return key_record_copy(record);
}

static gpointer
copy_job(gconstpointer record, gpointer unused)
{
	return job_record_copy(record);
}

static gpointer
copy_delivery(gconstpointer record, gpointer unused)
{
	return delivery_record_copy(record);
}

static void
state_clear(State *state)
{
	g_clear_pointer(&state->hooks, g_ptr_array_unref);
	g_clear_pointer(&state->keys, g_ptr_array_unref);
	g_clear_pointer(&state->jobs, g_ptr_array_unref);
	g_clear_pointer(&state->deliveries, g_ptr_array_unref);
}

static GPtrArray *
copy_list(GPtrArray *list, GCopyFunc copy, GDestroyNotify free_record)
{
	GPtrArray *copied = g_ptr_array_copy(list, copy, NULL);

	g_ptr_array_set_free_func(copied, free_record);
	return copied;
}

static void
state_assign(State *to, const State *from)
{
	state_clear(to);
	to->hooks = copy_list(from->hooks, copy_hook, (GDestroyNotify) hook_record_free);
	to->keys = copy_list(from->keys, copy_key, (GDestroyNotify) key_record_free);
	to->jobs = copy_list(from->jobs, copy_job, (GDestroyNotify) job_record_free);
	to->deliveries =
		copy_list(from->deliveries, copy_delivery, (GDestroyNotify) delivery_record_free);
	to->last_hook = from->last_hook;
}

static Store *
memory_open(const char *path, GError **error)
{
	Store *store = g_new0(Store, 1);

	store->now.hooks = g_ptr_array_new_with_free_func((GDestroyNotify) hook_record_free);
	store->now.keys = g_ptr_array_new_with_free_func((GDestroyNotify) key_record_free);
	store->now.jobs = g_ptr_array_new_with_free_func((GDestroyNotify) job_record_free);
	store->now.deliveries =
		g_ptr_array_new_with_free_func((GDestroyNotify) delivery_record_free);
	return store;
}

static void
memory_close(Store *store)
{
	state_clear(&store->now);
	state_clear(&store->begun);
	state_clear(&store->saved);
	g_free(store);
}

static gboolean
memory_begin(Store *store, GError **error)
{
	state_assign(&store->begun, &store->now);
	return TRUE;
}

static gboolean
memory_commit(Store *store, GError **error)
{
	state_clear(&store->begun);
	return TRUE;
}

static void
memory_rollback(Store *store)
{
	state_assign(&store->now, &store->begun);
}

static gboolean
memory_savepoint(Store *store, GError **error)
{
	state_assign(&store->saved, &store->now);
	return TRUE;
}

static gboolean
memory_undo(Store *store, GError **error)
{
	state_assign(&store->now, &store->saved);
	return TRUE;
}

static gint64
memory_next_hook_id(Store *store, GError **error)
{
	return ++store->now.last_hook;
}

static gboolean
conflict(const char *what, GError **error)
{
	g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_CONFLICT, "%s is there already", what);
	return FALSE;
}

static gboolean
hooks_collide(const HookRecord *one, const HookRecord *other)
{
	return strcmp(one->token, other->token) == 0 ||
	       strcmp(one->token_hash, other->token_hash) == 0 ||
	       (strcmp(one->path, other->path) == 0 && strcmp(one->type, other->type) == 0);
}

static gboolean
memory_put_hook(Store *store, const HookRecord *record, GError **error)
{
	GPtrArray *hooks = store->now.hooks;
	guint place = hooks->len;

	for (guint i = 0; i < hooks->len; i++) {
		const HookRecord *old = g_ptr_array_index(hooks, i);

		if (old->id == record->id)
			place = i;
		else if (hooks_collide(old, record))
			return conflict("a webhook", error);
	}
	if (place < hooks->len)
		g_ptr_array_remove_index(hooks, place);
	g_ptr_array_insert(hooks, (gint) place, hook_record_copy(record));
	return TRUE;
}

static gboolean
memory_delete_hook(Store *store, gint64 id, GError **error)
{
	for (guint i = 0; i < store->now.hooks->len; i++)
		if (((HookRecord *) g_ptr_array_index(store->now.hooks, i))->id == id)
			g_ptr_array_remove_index(store->now.hooks, i--);
	return TRUE;
}

static GPtrArray *
memory_list_hooks(Store *store, GError **error)
{
	return copy_list(store->now.hooks, copy_hook, (GDestroyNotify) hook_record_free);
}

static gboolean
memory_put_key(Store *store, const KeyRecord *record, GError **error)
{
	for (guint i = 0; i < store->now.keys->len; i++) {
		const KeyRecord *old = g_ptr_array_index(store->now.keys, i);

		if (strcmp(old->name, record->name) == 0 || strcmp(old->hash, record->hash) == 0)
			return conflict("a key of that name", error);
	}
	g_ptr_array_add(store->now.keys, key_record_copy(record));
	return TRUE;
}

static gboolean
memory_update_key(Store *store, const KeyRecord *record, GError **error)
{
	for (guint i = 0; i < store->now.keys->len; i++) {
		KeyRecord *old = g_ptr_array_index(store->now.keys, i);

		if (strcmp(old->name, record->name) != 0 || strcmp(old->hash, record->hash) != 0)
			continue;
		g_free(old->document);
		old->document = g_strdup(record->document);
	}
	return TRUE;
}

static gboolean
memory_delete_key(Store *store, const char *name, GError **error)
{
	for (guint i = 0; i < store->now.keys->len; i++)
		if (strcmp(((KeyRecord *) g_ptr_array_index(store->now.keys, i))->name, name) == 0)
			g_ptr_array_remove_index(store->now.keys, i--);
	return TRUE;
}

static GPtrArray *
memory_list_keys(Store *store, GError **error)
{
	return copy_list(store->now.keys, copy_key, (GDestroyNotify) key_record_free);
}

static JobRecord *
job_of(Store *store, const char *uuid, guint *index)
{
	for (guint i = 0; i < store->now.jobs->len; i++) {
		JobRecord *record = g_ptr_array_index(store->now.jobs, i);

		if (strcmp(record->uuid, uuid) == 0) {
			*index = i;
			return record;
		}
	}
	return NULL;
}

static gboolean
memory_add_job(Store *store, const JobRecord *record, GError **error)
{
	guint index;

	if (job_of(store, record->uuid, &index) != NULL)
		return conflict("a job", error);
	g_ptr_array_add(store->now.jobs, job_record_copy(record));
	return TRUE;
}

static gboolean
memory_update_job(Store *store, const JobRecord *record, GError **error)
{
	guint index;
	JobRecord *old = job_of(store, record->uuid, &index);

	if (old == NULL) {
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_NOT_FOUND, "there is no such job");
		return FALSE;
	}
	old->ended = record->ended;
	g_free(old->status);
	old->status = g_strdup(record->status);
	g_free(old->document);
	old->document = g_strdup(record->document);
	return TRUE;
}

static JobRecord *
memory_find_job(Store *store, const char *uuid, GError **error)
{
	guint index;
	JobRecord *found = job_of(store, uuid, &index);

	return found != NULL ? job_record_copy(found) : NULL;
}

static int
compare_ages(gconstpointer one, gconstpointer other)
{
	gint64 first = (*(JobRecord *const *) one)->accepted_us;
	gint64 second = (*(JobRecord *const *) other)->accepted_us;

	return (first > second) - (first < second);
}

static int
compare_newness(gconstpointer one, gconstpointer other)
{
	return compare_ages(other, one);
}

static GPtrArray *
memory_list_unended_jobs(Store *store, GError **error)
{
	GPtrArray *unended = g_ptr_array_new_with_free_func((GDestroyNotify) job_record_free);

	for (guint i = 0; i < store->now.jobs->len; i++) {
		JobRecord *record = g_ptr_array_index(store->now.jobs, i);

		if (!record->ended)
			g_ptr_array_add(unended, job_record_copy(record));
	}
	g_ptr_array_sort(unended, compare_ages);
	return unended;
}

static GPtrArray *
memory_list_jobs(Store *store, const char *status, const char *path, int limit, GError **error)
{
	GPtrArray *jobs = g_ptr_array_new_with_free_func((GDestroyNotify) job_record_free);

	for (guint i = 0; i < store->now.jobs->len; i++) {
		JobRecord *record = g_ptr_array_index(store->now.jobs, i);

		if ((status == NULL || strcmp(record->status, status) == 0) &&
			(path == NULL || strcmp(record->path, path) == 0))
			g_ptr_array_add(jobs, job_record_copy(record));
	}
	g_ptr_array_sort(jobs, compare_newness);
	if (jobs->len > (guint) limit)
		g_ptr_array_set_size(jobs, limit);
	return jobs;
}

static GPtrArray *
memory_list_folders(Store *store, GError **error)
{
	GPtrArray *folders = g_ptr_array_new_with_free_func(g_free);

	for (guint i = 0; i < store->now.jobs->len; i++)
		g_ptr_array_add(folders,
			g_strdup(((JobRecord *) g_ptr_array_index(store->now.jobs, i))->folder));
	return folders;
}

static DeliveryRecord *
memory_find_delivery(Store *store, gint64 hook, const char *key_hash, GError **error)
{
	for (guint i = 0; i < store->now.deliveries->len; i++) {
		DeliveryRecord *record = g_ptr_array_index(store->now.deliveries, i);

		if (record->hook == hook && strcmp(record->key_hash, key_hash) == 0)
			return delivery_record_copy(record);
	}
	return NULL;
}

static gboolean
memory_put_delivery(Store *store, const DeliveryRecord *record, GError **error)
{
	GPtrArray *deliveries = store->now.deliveries;

	for (guint i = 0; i < deliveries->len; i++) {
		const DeliveryRecord *old = g_ptr_array_index(deliveries, i);

		if (old->hook == record->hook && strcmp(old->key_hash, record->key_hash) == 0)
			g_ptr_array_remove_index(deliveries, i--);
	}
	g_ptr_array_add(deliveries, delivery_record_copy(record));
	return TRUE;
}

static gboolean
memory_forget_deliveries(Store *store, gint64 before_us, GError **error)
{
	GPtrArray *deliveries = store->now.deliveries;

	for (guint i = 0; i < deliveries->len; i++)
		if (((DeliveryRecord *) g_ptr_array_index(deliveries, i))->created_us < before_us)
			g_ptr_array_remove_index(deliveries, i--);
	return TRUE;
}

const StoreInterface store_memory = {
	.name = "memory",
	.open = memory_open,
	.close = memory_close,
	.begin = memory_begin,
	.commit = memory_commit,
	.rollback = memory_rollback,
	.savepoint = memory_savepoint,
	.undo = memory_undo,
	.next_hook_id = memory_next_hook_id,
	.put_hook = memory_put_hook,
	.delete_hook = memory_delete_hook,
	.list_hooks = memory_list_hooks,
	.put_key = memory_put_key,
	.update_key = memory_update_key,
	.delete_key = memory_delete_key,
	.list_keys = memory_list_keys,
	.add_job = memory_add_job,
	.update_job = memory_update_job,
	.find_job = memory_find_job,
	.list_unended_jobs = memory_list_unended_jobs,
	.list_jobs = memory_list_jobs,
	.list_folders = memory_list_folders,
	.put_delivery = memory_put_delivery,
	.find_delivery = memory_find_delivery,
	.forget_deliveries = memory_forget_deliveries,
};
