#include "daemon/dispatch.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "daemon/deliveries.h"
#include "daemon/outcome.h"
#include "daemon/recent.h"
#include "daemon/records.h"
#include "daemon/run.h"
#include "daemon/spares.h"
#include "daemon/status.h"

#define MAX_ATTEMPTS 3
#define RETRY_SECONDS 1
#define FIRST_PAUSE_MS 250 /* doubled with each attempt */

struct Dispatcher {
	Daemon *daemon;
	GHashTable *jobs; /* uuid -> LiveJob, owned */
	GQueue *queue;    /* of LiveJob, waiting for a slot */
	Slots *slots;
	double mean_seconds; /* of the last runs, for Retry-After */
};

/* A run that has begun plays on by itself: the next daemon adopts it. */
static void
forget(LiveJob *live)
{
	run_free(live->run);
	live_free(live);
}

Dispatcher *
dispatcher_new(Daemon *daemon)
{
	Dispatcher *dispatcher = g_new0(Dispatcher, 1);

	dispatcher->daemon = daemon;
	dispatcher->jobs =
		g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify) forget);
	dispatcher->queue = g_queue_new();
	dispatcher->slots = slots_new(daemon->settings);
	dispatcher->mean_seconds = 1;
	return dispatcher;
}

void
dispatcher_free(Dispatcher *dispatcher)
{
	if (dispatcher == NULL)
		return;
	g_hash_table_unref(dispatcher->jobs);
	g_queue_free(dispatcher->queue);
	slots_free(dispatcher->slots);
	g_free(dispatcher);
}

/* The one way from place to place. A job waits from the moment it enters, before its row is durable. */
static void
put(LiveJob *live, LivePlace place)
{
	slots_move(live->dispatcher->slots, live->job, live->place, place);
	live->place = place;
}

static const char *
kernel_of(const Job *job)
{
	return slots_kernel(job->task.kernelspec, job->task.kernel);
}

const Slots *
dispatcher_slots(const Dispatcher *dispatcher)
{
	return dispatcher->slots;
}

gboolean
dispatcher_has_room(Dispatcher *dispatcher, const Hook *hook, int *retry_after, GError **error)
{
	const Settings *settings = dispatcher->daemon->settings;
	const Slots *slots = dispatcher->slots;
	const char *kernel = slots_kernel(hook->kernelspec, hook->kernel);
	gint64 waiting = slots_waiting(slots);

	*retry_after =
		(int) CLAMP(ceil(slots_ahead(slots, kernel) * dispatcher->mean_seconds), 1, 3600);
	/* those who wait for another kernel are in nobody's way */
	if (waiting >= settings->queue_limit && !slots_has_free(slots, kernel)) {
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNAVAILABLE,
			"%" G_GINT64_FORMAT
			" jobs are waiting for their turn, as many as the setting "
			"queue_limit allows",
			waiting);
		return FALSE;
	}
	if (slots_waiting_of(slots, hook->id) >= settings->webhook_queue_limit) {
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_QUEUE_FULL,
			"%" G_GINT64_FORMAT
			" calls of this webhook are waiting for their turn, as many "
			"as the setting webhook_queue_limit allows",
			settings->webhook_queue_limit);
		return FALSE;
	}
	return TRUE;
}

LiveJob *
dispatcher_find(Dispatcher *dispatcher, const char *uuid)
{
	return g_hash_table_lookup(dispatcher->jobs, uuid);
}

GPtrArray *
dispatcher_versions_in_use(Dispatcher *dispatcher, const char *path)
{
	GPtrArray *versions = g_ptr_array_new_with_free_func(g_free);
	GHashTableIter iter;
	gpointer live;

	g_hash_table_iter_init(&iter, dispatcher->jobs);
	while (g_hash_table_iter_next(&iter, NULL, &live)) {
		const Task *task = &((LiveJob *) live)->job->task;

		if (strcmp(task->path, path) == 0)
			g_ptr_array_add(versions, g_strdup(task->histo));
	}
	return versions;
}

/* Gives it a slot: the task is creating from now on, with a key of its own. */
static void
take_slot(LiveJob *live)
{
	Daemon *daemon = live->dispatcher->daemon;

	put(live, PLACE_SLOT);
	job_move(live->job, TASK_CREATING, NULL, clock_wall_us());
	g_free(live->key);
	live->key = ids_token();
	g_free(live->job->task.key_hash);
	live->job->task.key_hash = ids_sha256(live->key);
	registry_put_run_key(daemon->registry, live->job->task.key_hash, live->job->task.path);
}

/* Moves it on; where it had a slot, that is free, and the key of its run is dead. */
static void
leave_slot(LiveJob *live, LivePlace place)
{
	if (live->place == PLACE_SLOT && live->job->task.key_hash != NULL)
		registry_remove_run_key(
			live->dispatcher->daemon->registry, live->job->task.key_hash);
	put(live, place);
}

static void pump(Dispatcher *dispatcher);

void
dispatcher_abandon(Dispatcher *dispatcher, LiveJob *live)
{
	leave_slot(live, PLACE_NONE);
	recent_forget(dispatcher->daemon->recent, live->job);
	g_hash_table_remove(dispatcher->jobs, live->job->uuid);
	pump(dispatcher);
}

static void
enqueue(LiveJob *live)
{
	live_close_folder(live);
	g_queue_push_tail(live->dispatcher->queue, live);
	pump(live->dispatcher);
}

static void on_run(Run *run, RunEvent event, gpointer data);

static void
make_run(LiveJob *live)
{
	live->run = run_new(live->daemon, live->job, live->execution, live->key, on_run, live);
	g_clear_pointer(&live->key, g_free);
}

LiveJob *
dispatcher_enter(Dispatcher *dispatcher, Job *job, int execution)
{
	const char *kernel = kernel_of(job);
	LiveJob *live = live_new(dispatcher->daemon, job, execution);

	g_hash_table_insert(dispatcher->jobs, job->uuid, live);
	if (slots_has_free(dispatcher->slots, kernel) &&
		slots_waiting_with(dispatcher->slots, kernel) == 0) {
		take_slot(live);
		make_run(live);
	} else {
		put(live, PLACE_WAITING);
	}
	live_tell(live);
	return live;
}

static void
start_run(LiveJob *live)
{
	if (live->run == NULL)
		make_run(live);
	run_begin(live->run);
}

static void finish_stopped(LiveJob *live);

void
dispatcher_start(Dispatcher *dispatcher, LiveJob *live)
{
	if (live->stop_reason != NULL) {
		g_clear_pointer(&live->run, run_free);
		finish_stopped(live);
	} else if (live->place == PLACE_SLOT) {
		start_run(live);
	} else {
		enqueue(live);
	}
}

static gboolean
on_retry_creating(gpointer data)
{
	LiveJob *live = data;

	live->retry_source = 0;
	if (live->stop_reason != NULL)
		finish_stopped(live);
	else
		enqueue(live);
	return G_SOURCE_REMOVE;
}

/* What fails is given a second before the job stands in the queue again. */
static void
wait_a_second(LiveJob *live, const char *failure)
{
	g_warning("job %s waits: %s", live->job->id, failure);
	live->retry_source = g_timeout_add_seconds(RETRY_SECONDS, on_retry_creating, live);
}

/* Gives its slot back, since no executor could be asked for. */
static void
wait_again(LiveJob *live, const char *failure)
{
	leave_slot(live, PLACE_WAITING);
	job_move(live->job, TASK_PENDING, NULL, clock_wall_us());
	live->job->task.attempts--;
	live_publish(live);
	wait_a_second(live, failure);
}

static void
on_creating(gpointer data, const GError *failure)
{
	LiveJob *live = data;

	if (live->stop_reason != NULL) {
		finish_stopped(live);
		return;
	}
	if (failure == NULL) {
		start_run(live);
		return;
	}
	wait_again(live, failure->message); /* nor does a store that fails get others at once */
}

/* Takes the one out of the queue that waits longest of those that may have a slot; NULL: none may. Who waits
 * for a kernel that has as many runs as it may is passed over. */
static LiveJob *
take_next(Dispatcher *dispatcher)
{
	const Slots *slots = dispatcher->slots;

	if (!slots_has_free(slots, NULL))
		return NULL;
	for (GList *each = dispatcher->queue->head; each != NULL; each = each->next) {
		LiveJob *live = each->data;

		if (!slots_has_free(slots, kernel_of(live->job)))
			continue;
		g_queue_delete_link(dispatcher->queue, each);
		return live;
	}
	return NULL;
}

/* Gives free slots to those who wait longest. */
static void
pump(Dispatcher *dispatcher)
{
	LiveJob *live;

	while ((live = take_next(dispatcher)) != NULL) {
		g_autoptr(GError) error = NULL;

		if (!live_open_folder(live, &error)) {
			wait_a_second(live, error->message);
			continue;
		}
		take_slot(live);
		live_publish(live);
		records_update_job(dispatcher->daemon->writer, live->job, on_creating, live);
	}
}

static void
take_progress(LiveJob *live)
{
	live->job->task.cells_done = run_cells_done(live->run);
	live->job->task.cells_total = run_cells_total(live->run);
	live_publish_soon(live);
}

/* No row is made of it: the outcome says that the run has begun, and most runs have ended soon. */
static void
take_start(LiveJob *live)
{
	if (live->job->task.status != TASK_CREATING)
		return;
	job_move(live->job, TASK_ACTIVE, NULL, clock_wall_us());
	live_publish_soon(live);
}

static gboolean on_retry_end(gpointer data);

/* The end is durable: whoever looks or waits is told. */
static void
on_end_committed(gpointer data, const GError *failure)
{
	LiveJob *live = data;
	Dispatcher *dispatcher = live->dispatcher;

	if (failure != NULL) {
		g_critical("job %s has ended and is kept again in a second: %s", live->job->id,
			failure->message);
		live->retry_source = g_timeout_add_seconds(RETRY_SECONDS, on_retry_end, live);
		return;
	}
	put(live, PLACE_NONE);
	deliveries_release(dispatcher->daemon->deliveries, live->job->uuid);
	live_publish_end(live);
	live_answer(live);
	g_clear_pointer(&live->run, run_free);
	g_hash_table_steal(dispatcher->jobs, live->job->uuid);
	live_leave(live);
	spares_fill(dispatcher->daemon->spares);
}

static gboolean
on_retry_end(gpointer data)
{
	LiveJob *live = data;

	live->retry_source = 0;
	records_update_job(live->dispatcher->daemon->writer, live->job, on_end_committed, live);
	return G_SOURCE_REMOVE;
}

static void
finish(LiveJob *live)
{
	Dispatcher *dispatcher = live->dispatcher;

	leave_slot(live, PLACE_ENDING);
	live_forget_due_status(live);
	dispatcher->mean_seconds += (job_seconds(live->job) - dispatcher->mean_seconds) / 8;
	g_info("job %s %s%s%s after %.3f s", live->job->id, job_status_word(live->job->status),
		live->job->task.reason != NULL ? ": " : "",
		live->job->task.reason != NULL ? live->job->task.reason : "",
		job_seconds(live->job));
	records_update_job(dispatcher->daemon->writer, live->job, on_end_committed, live);
	if (live_open_folder(live,
		    NULL)) /* while the row is written; nbhookd repairs what it does not get to */
		live_prepare_end(live);
	pump(dispatcher);
}

static void
finish_failed(LiveJob *live, const char *reason)
{
	job_move(live->job, TASK_FAILED, reason, clock_wall_us());
	finish(live);
}

static void
finish_stopped(LiveJob *live)
{
	job_move(live->job, TASK_STOPPED, live->stop_reason, clock_wall_us());
	finish(live);
}

/* Nothing was run: the job waits again, or fails when that has happened too often. */
static void
take_not_begun(LiveJob *live, Run *run)
{
	const char *failure = run_failure(run);

	if (live->stop_reason != NULL) {
		finish_stopped(live);
		return;
	}
	if (live->job->task.status == TASK_CREATING && run_failure_is_passing(run)) {
		wait_again(live, failure);
		pump(live->dispatcher);
		return;
	}
	g_warning("job %s, attempt %d: %s", live->job->id, live->job->task.attempts,
		failure != NULL ? failure : "the executor went away before the first cell");
	if (live->job->task.attempts >= MAX_ATTEMPTS || live->job->task.status != TASK_CREATING) {
		finish_failed(
			live, live->job->task.status == TASK_CREATING ? "kernel_failed" : "lost");
		return;
	}
	leave_slot(live, PLACE_WAITING);
	job_move(live->job, TASK_PENDING, NULL, clock_wall_us());
	live_publish(live);
	live->retry_source =
		g_timeout_add(FIRST_PAUSE_MS << live->job->task.attempts, on_retry_creating, live);
	pump(live->dispatcher);
}

static void
on_run(Run *run, RunEvent event, gpointer data)
{
	LiveJob *live = data;

	switch (event) {
	case RUN_PLAYING:
		take_start(live);
		take_progress(live);
		return;
	case RUN_ENDED:
		job_take_outcome(live->job, run_outcome(run), clock_wall_us());
		finish(live);
		return; /* it is freed when there is an answer: until then its executor ends nothing */
	case RUN_NOT_BEGUN:
		take_not_begun(live, run);
		break;
	case RUN_LOST:
		finish_failed(live, "lost");
		break;
	}
	run_free(run);
	if (live->run == run)
		live->run = NULL;
}

void
dispatcher_adopt(Dispatcher *dispatcher, Job *job)
{
	g_autoptr(GError) error = NULL;
	int execution = folders_open_execution(dispatcher->daemon->folders, job->folder, &error);
	LiveJob *live = live_new(dispatcher->daemon, job, execution);

	g_hash_table_insert(dispatcher->jobs, job->uuid, live);
	if (execution < 0) {
		g_warning("job %s: its folder is gone: %s", job->id, error->message);
		finish_failed(live, "lost");
		return;
	}
	status_recall(job, execution);
	outcome_recall_start(job, execution);
	status_write(dispatcher->daemon->folders, job, execution);
	if (job->task.status == TASK_PENDING) {
		put(live, PLACE_WAITING);
		enqueue(live);
		return;
	}
	put(live, PLACE_SLOT);
	if (job->task.key_hash != NULL)
		registry_put_run_key(
			dispatcher->daemon->registry, job->task.key_hash, job->task.path);
	live->run = run_adopt(dispatcher->daemon, job, execution, on_run, live);
}

gboolean
dispatcher_stop(LiveJob *live, const char *reason)
{
	if (live->place == PLACE_ENDING)
		return FALSE;
	if (live->stop_reason != NULL)
		return TRUE;
	live->stop_reason = g_strdup(reason);
	if (g_queue_remove(live->dispatcher->queue, live))
		finish_stopped(live);
	else if (live->run != NULL)
		run_stop(live->run, reason);
	return TRUE;
}
