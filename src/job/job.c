#include "job/job.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"

typedef struct {
	const char *reason;
	const char *sentence;
} ReasonRow;

/* clang-format off */
static const ReasonRow reason_rows[] = {
	{ "cell_error",      "a cell of the notebook failed" },
	{ "kernel_died",     "the kernel died while the notebook ran" },
	{ "kernel_failed",   "the kernel did not start or did not answer as one" },
	{ "timed_out",       "the run took longer than the setting run_timeout allows" },
	{ "stopped",         "the run was stopped" },
	{ "stopped_by_user", "the run was stopped by a user" },
	{ "lost",            "the run was interrupted and its outcome is not known" },
	{ "disk_full",       "the server's disk is full (state_dir; see the setting "
	                     "disk_reserve)" },
	{ "output_limit",    "the notebook printed more than the setting output_limit allows" },
	{ "bad_response",    "the notebook's response cannot be sent" },
	{ "bad_notebook",    "the notebook cannot be played" },
};
/* clang-format on */

static void
task_clear(Task *task)
{
	g_free(task->node);
	g_free(task->path);
	g_free(task->histo);
	g_free(task->kernel);
	g_free(task->kernelspec);
	g_free(task->language);
	g_free(task->reason);
	g_free(task->key_hash);
	json_object_put(task->error);
	json_object_put(task->response);
}

Job *
job_new(const char *name, const char *uuid, const char *folder, gint64 accepted_us)
{
	Job *job = g_new0(Job, 1);

	job->uuid = g_strdup(uuid);
	job->name = g_strdup(name);
	job->id = ids_job_id(name, uuid);
	job->folder = g_strdup(folder);
	job->accepted_us = accepted_us;
	job->params = json_object_new_object();
	return job;
}

void
job_free(Job *job)
{
	if (job == NULL)
		return;
	g_free(job->uuid);
	g_free(job->id);
	g_free(job->name);
	g_free(job->folder);
	json_object_put(job->params);
	task_clear(&job->task);
	g_free(job);
}

static json_object *
task_document(const Task *task)
{
	json_object *document = json_object_new_object();

	json_put_string(document, "node", task->node);
	json_put_string(document, "path", task->path);
	json_put_string(document, "histo", task->histo);
	json_put_string(document, "kernel", task->kernel);
	json_put_string(document, "kernelspec", task->kernelspec);
	json_put_string(document, "language", task->language);
	json_put_string(document, "status", task_status_word(task->status));
	json_put_string(document, "reason", task->reason);
	json_put_int(document, "started_us", task->started_us);
	json_put_int(document, "ended_us", task->ended_us);
	json_put_int(document, "cells_done", task->cells_done);
	json_put_int(document, "cells_total", task->cells_total);
	json_put_int(document, "attempts", task->attempts);
	json_put_string(document, "key_hash", task->key_hash);
	json_put_shared(document, "error", task->error);
	json_put_shared(document, "response", task->response);
	return document;
}

json_object *
job_document(const Job *job)
{
	json_object *document = json_object_new_object();

	json_put_string(document, "uuid", job->uuid);
	json_put_string(document, "name", job->name);
	json_put_string(document, "folder", job->folder);
	json_put_int(document, "webhook", job->webhook);
	json_put_string(document, "status", job_status_word(job->status));
	json_put_int(document, "accepted_us", job->accepted_us);
	json_put_int(document, "ended_us", job->ended_us);
	json_put_bool(document, "debug", job->debug);
	json_put_shared(document, "params", job->params);
	json_object_object_add(document, "task", task_document(&job->task));
	return document;
}

static gboolean
task_read(Task *task, json_object *document)
{
	task->node = g_strdup(json_string_member(document, "node"));
	task->path = g_strdup(json_string_member(document, "path"));
	task->histo = g_strdup(json_string_member(document, "histo"));
	task->kernel = g_strdup(json_string_member(document, "kernel"));
	task->kernelspec = g_strdup(json_string_member(document, "kernelspec"));
	task->language = g_strdup(json_string_member(document, "language"));
	task->reason = g_strdup(json_string_member(document, "reason"));
	task->started_us = json_int_member(document, "started_us", 0);
	task->ended_us = json_int_member(document, "ended_us", 0);
	task->cells_done = json_int_member(document, "cells_done", 0);
	task->cells_total = json_int_member(document, "cells_total", 0);
	task->attempts = (int) json_int_member(document, "attempts", 0);
	task->key_hash = g_strdup(json_string_member(document, "key_hash"));
	task->error = json_object_get(json_object_member(document, "error"));
	task->response = json_object_get(json_object_member(document, "response"));
	return task->node != NULL && task->path != NULL && task->histo != NULL &&
	       task_status_from_word(json_string_member(document, "status"), &task->status);
}

Job *
job_from_document(json_object *document, GError **error)
{
	const char *name = json_string_member(document, "name");
	const char *uuid = json_string_member(document, "uuid");
	const char *folder = json_string_member(document, "folder");
	json_object *params = json_object_member(document, "params");
	g_autoptr(Job) job = NULL;

	if (name != NULL && uuid != NULL && folder != NULL && params != NULL)
		job = job_new(name, uuid, folder, json_int_member(document, "accepted_us", 0));
	if (job == NULL || !task_read(&job->task, json_object_member(document, "task")) ||
		!job_status_from_word(json_string_member(document, "status"), &job->status)) {
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNPROCESSABLE,
			"the store's document of a job is not whole");
		return NULL;
	}
	json_object_put(job->params);
	job->params = json_object_get(params);
	job->webhook = json_int_member(document, "webhook", 0);
	job->ended_us = json_int_member(document, "ended_us", 0);
	job->debug = json_bool_member(document, "debug", FALSE);
	return g_steal_pointer(&job);
}

void
job_move(Job *job, TaskStatus status, const char *reason, gint64 now_us)
{
	Task *task = &job->task;

	if (!task_status_may_follow(task->status, status)) {
		g_critical("job %s: a task cannot go from %s to %s", job->id,
			task_status_word(task->status), task_status_word(status));
		return;
	}
	task->status = status;
	g_free(task->reason);
	task->reason = g_strdup(reason);
	if (status == TASK_PENDING)
		task->started_us = 0;
	if (status == TASK_CREATING)
		task->attempts++;
	if (status == TASK_ACTIVE)
		task->started_us = now_us;
	if (task_status_is_ended(status))
		task->ended_us = job->ended_us = now_us;
	job->status = job_status_of_task(status);
}

/* When an outcome says that the run has ended: the daemon may hear of it later. The clock may have been set
 * since, so that is between the start and now. */
static gint64
end_of_outcome(const Task *task, json_object *ended, gint64 now_us)
{
	gint64 at_us = clock_parse_iso(json_string_member(ended, "at"), now_us);

	return MIN(MAX(at_us, task->started_us), now_us);
}

void
job_take_outcome(Job *job, json_object *ended, gint64 now_us)
{
	json_object *progress = json_object_member(ended, "progress");
	Task *task = &job->task;
	TaskStatus status;

	if (!task_status_from_word(json_string_member(ended, "status"), &status) ||
		!task_status_is_ended(status) || status == TASK_SKIPPED)
		status = TASK_FAILED;
	task->cells_done = json_int_member(progress, "done", task->cells_done);
	task->cells_total = json_int_member(progress, "total", task->cells_total);
	json_object_put(task->error);
	task->error = json_object_get(json_object_member(ended, "error"));
	json_object_put(task->response);
	task->response = json_object_get(json_object_member(ended, "response"));
	job_move(job, status, json_string_member(ended, "reason"),
		end_of_outcome(task, ended, now_us));
}

double
job_seconds(const Job *job)
{
	gint64 from = job->task.started_us != 0 ? job->task.started_us : job->accepted_us;

	return job->ended_us > from ? round((double) (job->ended_us - from) / 1000) / 1000 : 0;
}

char *
job_error_text(const Job *job)
{
	const char *ename = json_string_member(job->task.error, "ename");
	const char *evalue = json_string_member(job->task.error, "evalue");

	if (ename != NULL && evalue != NULL && *evalue != '\0')
		return g_strdup_printf("%s: %s", ename, evalue);
	if (ename != NULL)
		return g_strdup(ename);
	for (size_t i = 0; i < G_N_ELEMENTS(reason_rows); i++)
		if (g_strcmp0(reason_rows[i].reason, job->task.reason) == 0)
			return g_strdup(reason_rows[i].sentence);
	return g_strdup("the run failed");
}

static void
put_time(json_object *object, const char *name, gint64 wall_us)
{
	g_autofree char *text = wall_us != 0 ? clock_iso(wall_us) : NULL;

	json_put_string(object, name, text);
}

static json_object *
progress_document(const Task *task)
{
	json_object *progress = json_object_new_object();

	json_put_int(progress, "done", task->cells_done);
	json_put_int(progress, "total", task->cells_total);
	return progress;
}

static json_object *
response_document(const Task *task)
{
	if (task->response == NULL)
		return NULL;
	json_object *response = json_object_new_object();
	json_put_shared(response, "type", json_member(task->response, "type"));
	json_put_shared(response, "size", json_member(task->response, "size"));
	return response;
}

static json_object *
error_document(const Job *job)
{
	static const char *const members[] = { "ename", "evalue", "cell" };

	if (job->status != JOB_FAILED)
		return NULL;
	json_object *document = json_object_new_object();
	g_autofree char *text = job_error_text(job);
	json_put_string(document, "error", text);
	for (size_t i = 0; i < G_N_ELEMENTS(members); i++)
		json_put_shared(document, members[i], json_member(job->task.error, members[i]));
	return document;
}

json_object *
job_status_document(const Job *job)
{
	const Task *task = &job->task;
	json_object *document = json_object_new_object();

	json_put_string(document, "jobId", job->id);
	json_put_string(document, "pipeline", job->name);
	json_put_string(document, "notebook", task->path);
	json_put_string(document, "version", task->histo);
	json_put_string(document, "status", job_status_word(job->status));
	json_put_string(document, "reason", task->reason);
	put_time(document, "accepted", job->accepted_us);
	put_time(document, "started", task->started_us);
	put_time(document, "ended", job->ended_us);
	if (job_status_is_ended(job->status))
		json_put_double(document, "seconds", job_seconds(job));
	else
		json_object_object_add(document, "seconds", NULL);
	json_object_object_add(document, "progress", progress_document(task));
	json_put_int(document, "attempts", task->attempts);
	json_object_object_add(document, "error", error_document(job));
	json_object_object_add(document, "response", response_document(task));
	return document;
}
