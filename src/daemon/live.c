#include "daemon/live.h"

#include "base/clock.h"
#include "daemon/recent.h"
#include "daemon/records.h"
#include "daemon/status.h"

#define STATUS_INTERVAL_MS 500

LiveJob *
live_new(Daemon *daemon, Job *job, int execution)
{
	LiveJob *live = g_new0(LiveJob, 1);

	live->daemon = daemon;
	live->dispatcher = daemon->dispatcher;
	live->job = job;
	live->execution = execution;
	live->revision = clock_wall_us();
	live->waiters = g_ptr_array_new();
	live->watchers = g_ptr_array_new();
	return live;
}

static void
drop_calls(GPtrArray *calls)
{
	for (guint i = 0; i < calls->len; i++)
		call_drop(g_ptr_array_index(calls, i));
	g_ptr_array_unref(calls);
}

void
live_free(LiveJob *live)
{
	live_forget_due_status(live);
	if (live->retry_source != 0)
		g_source_remove(live->retry_source);
	files_close(&live->execution);
	drop_calls(live->waiters);
	drop_calls(live->watchers);
	g_free(live->key);
	g_free(live->stop_reason);
	job_free(live->job);
	g_free(live);
}

const Job *
live_job(const LiveJob *live)
{
	return live->job;
}

gboolean
live_open_folder(LiveJob *live, GError **error)
{
	if (live->execution < 0)
		live->execution =
			folders_open_execution(live->daemon->folders, live->job->folder, error);
	return live->execution >= 0;
}

void
live_close_folder(LiveJob *live)
{
	files_close(&live->execution);
}

static void
tell_watchers(LiveJob *live)
{
	g_autoptr(GPtrArray) watchers = live->watchers;

	live->revision = MAX(live->revision + 1, clock_wall_us());
	live->watchers = g_ptr_array_new();
	for (guint i = 0; i < watchers->len; i++)
		records_status(g_ptr_array_index(watchers, i), live->job, live->revision);
}

void
live_tell(LiveJob *live)
{
	recent_note(live->daemon->recent, live->job);
	tell_watchers(live);
}

static void
write_status(const LiveJob *live)
{
	if (live->execution >= 0)
		status_write(live->daemon->folders, live->job, live->execution);
}

void
live_publish(LiveJob *live)
{
	write_status(live);
	live_tell(live);
}

void
live_prepare_end(LiveJob *live)
{
	const Folders *folders = live->daemon->folders;

	status_publish_results(folders, live->job, live->execution);
	live->drafted = status_draft_end(folders, live->job, live->execution);
}

void
live_publish_end(LiveJob *live)
{
	live->published = live->drafted && status_publish_end(live->execution);
	if (live->published)
		live_tell(live);
	else
		live_publish(live);
}

static gboolean
write_due_status(gpointer data)
{
	LiveJob *live = data;

	live->status_source = 0;
	write_status(live);
	return G_SOURCE_REMOVE;
}

void
live_publish_soon(LiveJob *live)
{
	if (live->status_source == 0)
		live->status_source = g_timeout_add(STATUS_INTERVAL_MS, write_due_status, live);
	live_tell(live);
}

void
live_forget_due_status(LiveJob *live)
{
	if (live->status_source != 0)
		g_source_remove(live->status_source);
	live->status_source = 0;
}

void
live_answer(LiveJob *live)
{
	g_autoptr(GPtrArray) waiters = live->waiters;

	live->waiters = g_ptr_array_new();
	for (guint i = 0; i < waiters->len; i++)
		records_answer(g_ptr_array_index(waiters, i), live->job, live->execution);
}

void
live_leave(LiveJob *live)
{
	const Daemon *daemon = live->daemon;
	Job *job = g_steal_pointer(&live->job);
	int execution = files_steal_fd(&live->execution);
	gboolean published = live->published;

	live_free(live);
	status_settle_end(daemon->workers, daemon->folders, job, execution, published);
}

static void
waiter_withdrawn(Call *call, gpointer data)
{
	g_ptr_array_remove_fast(((LiveJob *) data)->waiters, call);
	call_drop(call);
}

void
live_wait(LiveJob *live, Call *call)
{
	g_ptr_array_add(live->waiters, call);
	call_set_withdrawn(call, waiter_withdrawn, live);
}

static void
watcher_withdrawn(Call *call, gpointer data)
{
	g_ptr_array_remove_fast(((LiveJob *) data)->watchers, call);
	call_drop(call);
}

void
live_watch(LiveJob *live, Call *call, gint64 seen)
{
	if (live->revision > seen || live->place == PLACE_ENDING) {
		records_status(call, live->job, live->revision);
		return;
	}
	g_ptr_array_add(live->watchers, call);
	call_set_withdrawn(call, watcher_withdrawn, live);
}
