#include "daemon/listing.h"

#include "base/clock.h"
#include "daemon/dispatch.h"
#include "daemon/recent.h"
#include "notebook/signature.h"

typedef struct {
	Daemon *daemon;
	Call *call; /* NULL when the asker has gone */
	json_object *members;
	Hook *only;       /* NULL: all are asked for */
	int content;      /* the file of its current version, or -1 */
	GPtrArray *hooks; /* of Hook, referenced */
	GPtrArray *paths; /* of those whose runs the store is asked for */
	GPtrArray *runs;  /* for each path a GPtrArray of JobRecord, newest first */
} Listing;

static void
listing_free(Listing *listing)
{
	json_object_put(listing->members);
	files_close(&listing->content);
	hook_unref(listing->only);
	g_ptr_array_unref(listing->hooks);
	g_ptr_array_unref(listing->paths);
	g_ptr_array_unref(listing->runs);
	g_free(listing);
}

static gboolean
read_runs(const StoreInterface *store, Store *handle, gpointer data, GError **error)
{
	Listing *listing = data;

	for (guint i = 0; i < listing->paths->len; i++) {
		const char *path = g_ptr_array_index(listing->paths, i);
		GPtrArray *runs = store->list_jobs(handle, NULL, path, RECENT_RUNS, error);

		if (runs == NULL)
			return FALSE;
		g_ptr_array_add(listing->runs, runs);
	}
	return TRUE;
}

/* ran_us: when its last run was accepted, 0: it has none. */
static const char *
hook_status(const Hook *hook, gint64 ran_us, JobStatus last)
{
	if (ran_us == 0)
		return hook->edited ? "edited" : "installed";
	if (!job_status_is_ended(last))
		return "started";
	return last == JOB_COMPLETED ? "healthy" : "error";
}

static char *
hook_url(const Daemon *daemon, const Hook *hook)
{
	return g_strdup_printf("%s/webhook/%s", daemon->settings->public_url, hook->token);
}

/* The params as they were registered, less the secrets. */
static json_object *
describe_params(const Hook *hook)
{
	json_object *params = json_copy(hook->params);

	if (hook->signature != NULL)
		json_object_object_add(params, "signature", signature_words(hook->signature));
	return params;
}

static json_object *
describe(const Daemon *daemon, const Hook *hook)
{
	json_object *description = json_object_new_object();
	JobStatus last = JOB_PENDING;
	gint64 ran_us = 0;
	json_object *runs = recent_runs(daemon->recent, hook->path, &last, &ran_us);
	g_autofree char *updated = clock_iso(hook->updated_us);
	g_autofree char *ran = ran_us != 0 ? clock_iso(ran_us) : NULL;
	g_autofree char *id = g_strdup_printf("%" G_GINT64_FORMAT, hook->id);
	g_autofree char *url = hook_url(daemon, hook);

	json_put_string(description, "id", id);
	json_put_string(description, "type", hook->type);
	json_put_string(description, "value", hook->token);
	json_put_string(description, "url", url);
	json_put_string(description, "path", hook->path);
	json_put_string(description, "status", hook_status(hook, ran_us, last));
	json_object_object_add(description, "params", describe_params(hook));
	json_put_string(description, "lastUpdate", updated);
	json_put_string(description, "lastRun", ran);
	json_put_shared(description, "runs", runs);
	return description;
}

/* The runs of all its webhooks are known. */
static void
reply(Listing *listing)
{
	static const char *const names[] = { "content" };
	json_object *members = json_object_get(listing->members);
	json_object *jobs = json_object_new_array();

	for (guint i = 0; i < listing->hooks->len; i++) {
		const Hook *hook = g_ptr_array_index(listing->hooks, i);
		json_object *job = describe(listing->daemon, hook);

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
on_runs(gpointer data, const GError *failure)
{
	Listing *listing = data;

	if (failure != NULL) {
		if (listing->call != NULL)
			call_fail(listing->call, failure, 0);
		return;
	}
	for (guint i = 0; i < listing->paths->len; i++)
		recent_fill(listing->daemon->recent, g_ptr_array_index(listing->paths, i),
			g_ptr_array_index(listing->runs, i));
	if (listing->call != NULL)
		reply(listing);
}

static void
add_hook(Listing *listing, Hook *hook)
{
	Recent *recent = listing->daemon->recent;

	g_ptr_array_add(listing->hooks, hook_ref(hook));
	if (recent_knows(recent, hook->path))
		return;
	recent_expect(recent, hook->path);
	g_ptr_array_add(listing->paths, g_strdup(hook->path));
}

static Listing *
new_listing(Daemon *daemon, Call *call, json_object *members, Hook *hook, int content)
{
	Listing *listing = g_new0(Listing, 1);

	listing->daemon = daemon;
	listing->call = call;
	listing->content = content;
	listing->members = members != NULL ? members : json_object_new_object();
	listing->only = hook != NULL ? hook_ref(hook) : NULL;
	listing->hooks = g_ptr_array_new_with_free_func((GDestroyNotify) hook_unref);
	listing->paths = g_ptr_array_new_with_free_func(g_free);
	listing->runs = g_ptr_array_new_with_free_func((GDestroyNotify) g_ptr_array_unref);
	return listing;
}

void
listing_reply(
	Daemon *daemon, Call *call, json_object *members, Hook *hook, gboolean all, int content)
{
	Listing *listing = new_listing(daemon, call, members, hook, content);

	if (all) {
		g_autoptr(GPtrArray) hooks = registry_hooks(daemon->registry);

		for (guint i = 0; i < hooks->len; i++)
			add_hook(listing, g_ptr_array_index(hooks, i));
	} else {
		add_hook(listing, hook);
	}
	if (listing->paths->len == 0) {
		reply(listing);
		listing_free(listing);
		return;
	}
	call_keep_at(call, &listing->call);
	store_writer_read(
		daemon->writer, read_runs, on_runs, listing, (GDestroyNotify) listing_free);
}
