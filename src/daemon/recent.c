/* A path has an entry from recent_expect() on. Its list of runs as JSON is made when it is asked for and
 * kept until a run changes: a list of webhooks is mostly asked for while nothing happens. */
#include "daemon/recent.h"

#include <string.h>

#include "base/clock.h"
#include "daemon/records.h"

typedef struct {
	char *uuid;
	char *id;
	JobStatus status;
	gint64 accepted_us;
	double seconds;
} RecentRun;

typedef struct {
	GPtrArray *runs;   /* of RecentRun, newest first */
	json_object *list; /* the same as JSON; NULL: to be made */
	gboolean filled;
} Entry;

struct Recent {
	GHashTable *entries; /* path -> Entry */
};

static void
run_free(gpointer data)
{
	RecentRun *run = data;

	g_free(run->uuid);
	g_free(run->id);
	g_free(run);
}

static void
entry_free(gpointer data)
{
	Entry *entry = data;

	g_ptr_array_unref(entry->runs);
	json_object_put(entry->list);
	g_free(entry);
}

Recent *
recent_new(void)
{
	Recent *recent = g_new0(Recent, 1);

	recent->entries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, entry_free);
	return recent;
}

void
recent_free(Recent *recent)
{
	if (recent == NULL)
		return;
	g_hash_table_unref(recent->entries);
	g_free(recent);
}

static Entry *
find_entry(Recent *recent, const char *path)
{
	return g_hash_table_lookup(recent->entries, path);
}

static Entry *
ensure_entry(Recent *recent, const char *path)
{
	Entry *entry = find_entry(recent, path);

	if (entry != NULL)
		return entry;
	entry = g_new0(Entry, 1);
	entry->runs = g_ptr_array_new_with_free_func(run_free);
	g_hash_table_insert(recent->entries, g_strdup(path), entry);
	return entry;
}

gboolean
recent_knows(Recent *recent, const char *path)
{
	const Entry *entry = find_entry(recent, path);

	return entry != NULL && entry->filled;
}

void
recent_expect(Recent *recent, const char *path)
{
	ensure_entry(recent, path);
}

static void
entry_changed(Entry *entry)
{
	json_object_put(entry->list);
	entry->list = NULL;
}

static RecentRun *
find_run(const Entry *entry, const char *uuid)
{
	for (guint i = 0; i < entry->runs->len; i++) {
		RecentRun *run = g_ptr_array_index(entry->runs, i);

		if (strcmp(run->uuid, uuid) == 0)
			return run;
	}
	return NULL;
}

static void
insert_run(Entry *entry, const Job *job)
{
	RecentRun *run = g_new0(RecentRun, 1);
	guint place = 0;

	run->uuid = g_strdup(job->uuid);
	run->id = g_strdup(job->id);
	run->status = job->status;
	run->accepted_us = job->accepted_us;
	run->seconds = job_seconds(job);
	while (place < entry->runs->len &&
		((RecentRun *) g_ptr_array_index(entry->runs, place))->accepted_us >
			run->accepted_us)
		place++;
	g_ptr_array_insert(entry->runs, (gint) place, run);
	if (entry->runs->len > RECENT_RUNS)
		g_ptr_array_set_size(entry->runs, RECENT_RUNS);
}

void
recent_note(Recent *recent, const Job *job)
{
	Entry *entry = find_entry(recent, job->task.path);

	if (entry == NULL)
		return;
	RecentRun *run = find_run(entry, job->uuid);
	entry_changed(entry);
	if (run == NULL) {
		insert_run(entry, job);
		return;
	}
	run->status = job->status;
	run->seconds = job_seconds(job);
}

void
recent_fill(Recent *recent, const char *path, GPtrArray *records)
{
	/* one that was dropped meanwhile may have missed something: it is not known */
	gboolean whole = find_entry(recent, path) != NULL;
	Entry *entry = ensure_entry(recent, path);

	if (entry->filled)
		return;
	for (guint i = 0; i < records->len; i++) {
		g_autoptr(Job) job = records_job(g_ptr_array_index(records, i), NULL);

		if (job != NULL && find_run(entry, job->uuid) == NULL)
			insert_run(entry, job);
	}
	entry->filled = whole;
	entry_changed(entry);
}

void
recent_forget(Recent *recent, const Job *job)
{
	Entry *entry = find_entry(recent, job->task.path);
	RecentRun *run = entry != NULL ? find_run(entry, job->uuid) : NULL;

	if (run == NULL)
		return;
	/* it may have pushed the oldest one out: the store knows */
	g_ptr_array_remove(entry->runs, run);
	entry->filled = FALSE;
	entry_changed(entry);
}

void
recent_drop(Recent *recent, const char *path)
{
	g_hash_table_remove(recent->entries, path);
}

static json_object *
describe(const RecentRun *run)
{
	json_object *object = json_object_new_object();
	g_autofree char *date = clock_iso(run->accepted_us);

	json_put_string(object, "id", run->id);
	json_put_double(object, "duration", run->seconds);
	json_put_string(object, "date", date);
	json_put_string(object, "status", job_status_word(run->status));
	return object;
}

json_object *
recent_runs(Recent *recent, const char *path, JobStatus *status, gint64 *accepted_us)
{
	Entry *entry = ensure_entry(recent, path);

	if (entry->runs->len > 0) {
		const RecentRun *newest = g_ptr_array_index(entry->runs, 0);

		*status = newest->status;
		*accepted_us = newest->accepted_us;
	}
	if (entry->list == NULL) {
		entry->list = json_object_new_array();
		for (guint i = 0; i < entry->runs->len; i++)
			json_object_array_add(
				entry->list, describe(g_ptr_array_index(entry->runs, i)));
	}
	return entry->list;
}
