#include "daemon/submission.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "daemon/deliveries.h"
#include "daemon/dispatch.h"
#include "daemon/records.h"

struct Submission {
	Daemon *daemon;
	Pending *pending;        /* borrowed; it stays as long as it is submitted */
	GPtrArray *calls;        /* who wants to know, borrowed */
	GPtrArray *joined;       /* those of another call of the same delivery, borrowed */
	int execution;           /* the folder, opened */
	int executions;          /* borrowed */
	gboolean has_files;      /* in its files/ */
	char *key_hash, *digest; /* of the delivery, or NULL */
	LiveJob *live;           /* borrowed */
};

static void
submission_free(Submission *submission)
{
	files_close(&submission->execution);
	g_ptr_array_unref(submission->calls);
	g_ptr_array_unref(submission->joined);
	g_free(submission->key_hash);
	g_free(submission->digest);
	g_free(submission);
}

static void
withdrawn(Call *call, gpointer data)
{
	Submission *submission = data;

	g_ptr_array_remove(submission->calls, call);
	g_ptr_array_remove(submission->joined, call);
	call_drop(call);
}

void
submission_join(Submission *submission, Call *call, gboolean joined)
{
	g_ptr_array_add(joined ? submission->joined : submission->calls, call);
	call_set_withdrawn(call, withdrawn, submission);
}

void
submission_reply(Call *call, const Job *job, gboolean joined)
{
	json_object *members = json_object_new_object();

	json_put_string(members, "job", job->id);
	json_put_bool(members, "accepted", TRUE);
	json_put_bool(members, "joined", joined);
	json_object_object_add(
		members, "webhook", records_webhook(job->params, job->task.path, job->debug));
	call_reply(call, members, NULL, NULL, 0);
}

/* The folder is not needed (any more): nothing points to it. */
static void
forget_pending(Submission *submission)
{
	Intake *intake = submission->daemon->intake;

	intake_forget(intake, submission->pending);
	submission_free(submission);
}

static void
fail_all(GPtrArray *calls, const GError *failure, int retry_after)
{
	for (guint i = 0; i < calls->len; i++)
		call_fail(g_ptr_array_index(calls, i), failure, retry_after);
}

/* After a failure the call may begin again, with a new folder. */
static void
refuse(Submission *submission, const GError *failure, int retry_after)
{
	Daemon *daemon = submission->daemon;

	if (submission->live != NULL)
		dispatcher_abandon(daemon->dispatcher, submission->live);
	deliveries_release(daemon->deliveries, submission->pending->uuid);
	fail_all(submission->calls, failure, retry_after);
	fail_all(submission->joined, failure, retry_after);
	forget_pending(submission);
}

static void
reply_all(GPtrArray *calls, const Job *job, gboolean joined)
{
	for (guint i = 0; i < calls->len; i++)
		submission_reply(g_ptr_array_index(calls, i), job, joined);
}

static void
on_committed(gpointer data, const GError *failure)
{
	Submission *submission = data;
	Daemon *daemon = submission->daemon;

	if (failure != NULL) {
		refuse(submission, failure, 0);
		return;
	}
	reply_all(submission->calls, live_job(submission->live), FALSE);
	reply_all(submission->joined, live_job(submission->live), TRUE);
	g_hash_table_remove(daemon->intake->pending, submission->pending->uuid);
	dispatcher_start(daemon->dispatcher, submission->live);
	submission_free(submission);
}

static Job *
job_of_pending(Pending *pending)
{
	g_autofree char *name = hook_name(pending->hook);
	Hook *hook = pending->hook;
	Job *job = job_new(name, pending->uuid, pending->folder, pending->begun_us);

	json_object_put(job->params);
	job->params = json_object_get(hook->params);
	job->webhook = hook->id;
	job->debug = hook->debug;
	job->task.node = g_strdup("webhook");
	job->task.path = g_strdup(hook->path);
	job->task.histo = g_strdup(hook->histo);
	job->task.kernel = g_strdup(hook->kernel);
	job->task.kernelspec = g_strdup(hook->kernelspec);
	job->task.language = g_strdup(hook->language);
	return job;
}

static DeliveryRecord *
delivery_of(const Submission *submission)
{
	if (submission->key_hash == NULL)
		return NULL;
	DeliveryRecord *record = g_new0(DeliveryRecord, 1);
	record->hook = submission->pending->hook->id;
	record->key_hash = g_strdup(submission->key_hash);
	record->digest = g_strdup(submission->digest);
	record->uuid = g_strdup(submission->pending->uuid);
	record->created_us = clock_wall_us();
	return record;
}

/* The folder is durable: the row may be made. */
static void
on_folder_durable(gpointer data, const GError *failure)
{
	Submission *submission = data;

	if (failure != NULL) {
		refuse(submission, failure, 0);
		return;
	}
	records_add_job(submission->daemon->writer, live_job(submission->live),
		delivery_of(submission), on_committed, submission);
	live_publish(submission->live); /* while the row is written */
}

static gboolean
make_folder_durable(gpointer data, GError **error)
{
	Submission *submission = data;
	AUTO_FD request = files_open_beneath(submission->execution, "request", O_RDONLY, 0, error);
	AUTO_FD files = -1;

	if (request < 0 || !files_sync(request, "the request", error))
		return FALSE;
	if (submission->has_files) {
		files = files_open_beneath(
			submission->execution, "files", O_RDONLY | O_DIRECTORY, 0, error);
		if (files < 0 || !files_sync(files, "the folder of a job's files", error))
			return FALSE;
	}
	return files_sync(submission->execution, "a job's folder", error) &&
	       files_sync(submission->executions, "the folder of executions", error);
}

/* With a slot its run is made first: its files are synced with their folder, and its executor has much to do meanwhile
 * that needs no disk. */
static void
accept_new(Submission *submission)
{
	Daemon *daemon = submission->daemon;
	Pending *pending = submission->pending;
	g_autoptr(GError) full = NULL;
	int retry_after = 0;
	int copy = -1;

	if (dispatcher_has_room(daemon->dispatcher, pending->hook, &retry_after, &full))
		submission->execution =
			folders_open_execution(daemon->folders, pending->folder, &full);
	if (submission->execution >= 0 &&
		(copy = fcntl(submission->execution, F_DUPFD_CLOEXEC, 0)) < 0)
		nbhook_error_set_errno(&full, errno, "opening the folder of a job");
	if (copy < 0) {
		refuse(submission, full, retry_after);
		return;
	}
	submission->live = dispatcher_enter(daemon->dispatcher, job_of_pending(pending), copy);
	workers_push(daemon->workers, make_folder_durable, on_folder_durable, submission, NULL);
}

/* Calls that join a job of which only the store knows. */
typedef struct {
	GPtrArray *calls; /* borrowed, in this array */
	char *uuid;
	JobRecord *record;
} EndedJoin;

static void
ended_join_free(EndedJoin *join)
{
	g_ptr_array_unref(join->calls);
	g_free(join->uuid);
	job_record_free(join->record);
	g_free(join);
}

static void
ended_withdrawn(Call *call, gpointer data)
{
	g_ptr_array_remove(((EndedJoin *) data)->calls, call);
	call_drop(call);
}

static gboolean
find_ended(const StoreInterface *store, Store *handle, gpointer data, GError **error)
{
	EndedJoin *join = data;

	join->record = store->find_job(handle, join->uuid, error);
	if (join->record == NULL && *error == NULL)
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_GONE,
			"the job of this delivery is no longer kept");
	return join->record != NULL;
}

static void
on_found_ended(gpointer data, const GError *failure)
{
	EndedJoin *join = data;
	g_autoptr(GError) broken = NULL;
	g_autoptr(Job) job = failure == NULL ? records_job(join->record, &broken) : NULL;

	if (job != NULL)
		reply_all(join->calls, job, TRUE);
	else
		fail_all(join->calls, failure != NULL ? failure : broken, 0);
}

static void
join_ended(Submission *submission, const char *uuid)
{
	EndedJoin *join = g_new0(EndedJoin, 1);

	join->calls = g_ptr_array_ref(submission->calls);
	join->uuid = g_strdup(uuid);
	for (guint i = 0; i < join->calls->len; i++)
		call_set_withdrawn(g_ptr_array_index(join->calls, i), ended_withdrawn, join);
	store_writer_read(submission->daemon->writer, find_ended, on_found_ended, join,
		(GDestroyNotify) ended_join_free);
}

/* The calls of this submission become calls of the job of uuid, and its folder goes. */
static void
join_known(Submission *submission, const char *uuid)
{
	Daemon *daemon = submission->daemon;
	Pending *first = g_hash_table_lookup(daemon->intake->pending, uuid);
	LiveJob *live = dispatcher_find(daemon->dispatcher, uuid);

	if (first != NULL && first->submission != NULL) {
		for (guint i = 0; i < submission->calls->len; i++)
			submission_join(
				first->submission, g_ptr_array_index(submission->calls, i), TRUE);
	} else if (live != NULL) {
		reply_all(submission->calls, live_job(live), TRUE);
	} else {
		join_ended(submission, uuid);
	}
	forget_pending(submission);
}

static void
on_claimed(DeliveryVerdict verdict, const char *uuid, const GError *failure, gpointer data)
{
	Submission *submission = data;
	g_autoptr(GError) other = NULL;

	switch (verdict) {
	case DELIVERY_NEW:
		accept_new(submission);
		return;
	case DELIVERY_KNOWN:
		join_known(submission, uuid);
		return;
	case DELIVERY_ERROR:
		refuse(submission, failure, 0);
		return;
	case DELIVERY_OTHER:
		other = g_error_new(NBHOOK_ERROR, NBHOOK_ERROR_UNPROCESSABLE,
			"this delivery's key was used for another request before: a key belongs to "
			"one "
			"request");
		refuse(submission, other, 0);
		return;
	}
}

void
submission_start(Call *call, Daemon *daemon, Pending *pending)
{
	json_object *delivery = json_object_member(call_body(call), "delivery");
	const char *key = json_string_member(delivery, "key");
	const char *digest = json_string_member(delivery, "digest");
	Submission *submission = g_new0(Submission, 1);

	pending->submission = submission;
	g_hash_table_remove(daemon->intake->by_peer, &pending->peer);
	submission->daemon = daemon;
	submission->pending = pending;
	submission->calls = g_ptr_array_new();
	submission->joined = g_ptr_array_new();
	submission->execution = -1;
	submission->executions = daemon->folders->executions;
	submission->has_files = pending->n_files > 0;
	submission_join(submission, call, FALSE);
	if (key == NULL || digest == NULL) {
		accept_new(submission);
		return;
	}
	submission->key_hash = ids_sha256(key);
	submission->digest = g_strdup(digest);
	deliveries_claim(daemon->deliveries, pending->hook->id, submission->key_hash,
		submission->digest, pending->uuid, on_claimed, submission);
}
