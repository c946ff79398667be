#include "daemon/listing.h"

#include "base/clock.h"
#include "daemon/dispatch.h"
#include "daemon/records.h"

#define RUNS_SHOWN 10

typedef struct {
	Daemon *daemon;
	Call *call; /* NULL when the asker has gone */
	json_object *members;
	Hook *only;       /* NULL: all are asked for */
	int content;      /* the file of its current version, or -1 */
	GPtrArray *hooks; /* of Hook, referenced */
	GPtrArray *runs;  /* for each hook a GPtrArray of JobRecord, newest first */
} Listing;

static void
listing_free(Listing *listing)
{
	json_object_put(listing->members);
	files_close(&listing->content);
	hook_unref(listing->only);
	g_ptr_array_unref(listing->hooks);
	g_ptr_array_unref(listing->runs);
	g_free(listing);
}

static gboolean
read_runs(const StoreInterface *store, Store *handle, gpointer data, GError **error)
{
	Listing *listing = data;

	for (guint i = 0; i < listing->hooks->len; i++) {
		const Hook *hook = g_ptr_array_index(listing->hooks, i);
		GPtrArray *runs = store->list_jobs(handle, NULL, hook->path, RUNS_SHOWN, error);

		if (runs == NULL)
			return FALSE;
		g_ptr_array_add(listing->runs, runs);
	}
	return TRUE;
}

static json_object *
describe_run(const Job *job)
{
	json_object *run = json_object_new_object();
	g_autofree char *date = clock_iso(job->accepted_us);

	json_put_string(run, "id", job->id);
	json_put_double(run, "duration", job_seconds(job));
	json_put_string(run, "date", date);
	json_put_string(run, "status", job_status_word(job->status));
	return run;
}

static const char *
hook_status(const Hook *hook, const Job *last)
{
	if (last == NULL)
		return hook->edited ? "edited" : "installed";
	if (!job_status_is_ended(last->status))
		return "started";
	return last->status == JOB_COMPLETED ? "healthy" : "error";
}

static char *
hook_url(const Daemon *daemon, const Hook *hook)
{
	return g_strdup_printf("%s/webhook/%s", daemon->settings->public_url, hook->token);
}

static json_object *
describe_runs(GPtrArray *records, Job **last)
{
	json_object *runs = json_object_new_array();

	*last = NULL;
	for (guint i = 0; i < records->len; i++) {
		g_autoptr(Job) job = records_job(g_ptr_array_index(records, i), NULL);

		if (job == NULL)
			continue;
		json_object_array_add(runs, describe_run(job));
		if (*last == NULL)
			*last = g_steal_pointer(&job);
	}
	return runs;
}

static json_object *
describe(const Daemon *daemon, const Hook *hook, GPtrArray *records)
{
	json_object *description = json_object_new_object();
	g_autoptr(Job) last = NULL;
	json_object *runs = describe_runs(records, &last);
	g_autofree char *updated = clock_iso(hook->updated_us);
	g_autofree char *ran = last != NULL ? clock_iso(last->accepted_us) : NULL;
	g_autofree char *id = g_strdup_printf("%" G_GINT64_FORMAT, hook->id);
	g_autofree char *url = hook_url(daemon, hook);

	json_put_string(description, "id", id);
	json_put_string(description, "type", hook->type);
	json_put_string(description, "value", hook->token);
	json_put_string(description, "url", url);
	json_put_string(description, "path", hook->path);
	json_put_string(description, "status", hook_status(hook, last));
	json_put_shared(description, "params", hook->params);
	json_put_string(description, "lastUpdate", updated);
	json_put_string(description, "lastRun", ran);
	json_object_object_add(description, "runs", runs);
	return description;
}

static void
on_runs(gpointer data, const GError *failure)
{
	static const char *const names[] = { "content" };
	Listing *listing = data;

	if (listing->call == NULL)
		return;
	if (failure != NULL) {
		call_fail(listing->call, failure, 0);
		return;
	}
	json_object *members = json_object_get(listing->members);
	json_object *jobs = json_object_new_array();
	for (guint i = 0; i < listing->hooks->len; i++) {
		const Hook *hook = g_ptr_array_index(listing->hooks, i);
		json_object *job =
			describe(listing->daemon, hook, g_ptr_array_index(listing->runs, i));

		if (listing->only != NULL && hook->id == listing->only->id) {
			json_put_shared(members, "job", job);
			json_put_shared(members, "url", json_member(job, "url"));
		}
		json_object_array_add(jobs, job);
	}
	json_object_object_add(members, "jobs", jobs);
	call_reply(listing->call, members, names, &listing->content, listing->content >= 0 ? 1 : 0);
}

static void
withdrawn(Call *call, gpointer data)
{
	((Listing *) data)->call = NULL;
	call_drop(call);
}

void
listing_reply(
	Daemon *daemon, Call *call, json_object *members, Hook *hook, gboolean all, int content)
{
	Listing *listing = g_new0(Listing, 1);

	listing->daemon = daemon;
	listing->call = call;
	listing->content = content;
	listing->members = members != NULL ? members : json_object_new_object();
	listing->only = hook != NULL ? hook_ref(hook) : NULL;
	listing->hooks = g_ptr_array_new_with_free_func((GDestroyNotify) hook_unref);
	listing->runs = g_ptr_array_new_with_free_func((GDestroyNotify) g_ptr_array_unref);
	if (all) {
		g_autoptr(GPtrArray) hooks = registry_hooks(daemon->registry);

		for (guint i = 0; i < hooks->len; i++)
			g_ptr_array_add(listing->hooks, hook_ref(g_ptr_array_index(hooks, i)));
	} else {
		g_ptr_array_add(listing->hooks, hook_ref(hook));
	}
	call_set_withdrawn(call, withdrawn, listing);
	store_writer_read(
		daemon->writer, read_runs, on_runs, listing, (GDestroyNotify) listing_free);
}
