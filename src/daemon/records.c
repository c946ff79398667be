#include "daemon/records.h"

#include <fcntl.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"

#define MAX_DEPTH 600 /* more than max_json_depth can be: params are in it */

typedef struct {
	JobRecord *record;
	DeliveryRecord *delivery; /* NULL: none */
	StoreDone done;
	gpointer data;
} Change;

static void
change_free(Change *change)
{
	job_record_free(change->record);
	delivery_record_free(change->delivery);
	g_free(change);
}

static gboolean
add_job(const StoreInterface *store, Store *handle, gpointer data, GError **error)
{
	const Change *change = data;

	return store->add_job(handle, change->record, error) &&
	       (change->delivery == NULL || store->put_delivery(handle, change->delivery, error));
}

static gboolean
update_job(const StoreInterface *store, Store *handle, gpointer data, GError **error)
{
	return store->update_job(handle, ((Change *) data)->record, error);
}

static void
on_done(gpointer data, const GError *failure)
{
	Change *change = data;

	if (change->done != NULL)
		change->done(change->data, failure);
	else if (failure != NULL)
		g_critical("job %s: %s", change->record->uuid, failure->message);
}

static void
push(StoreWriter *writer, const Job *job, DeliveryRecord *delivery, StoreChange function,
	StoreDone done, gpointer data)
{
	g_autoptr(json_object) document = job_document(job);
	Change *change = g_new0(Change, 1);
	JobRecord *record = g_new0(JobRecord, 1);

	record->uuid = g_strdup(job->uuid);
	record->folder = g_strdup(job->folder);
	record->path = g_strdup(job->task.path);
	record->hook = job->webhook;
	record->ended = job_status_is_ended(job->status);
	record->status = g_strdup(job_status_word(job->status));
	record->accepted_us = job->accepted_us;
	record->document = json_print(document);
	change->record = record;
	change->delivery = delivery;
	change->done = done;
	change->data = data;
	store_writer_push(writer, function, on_done, change, (GDestroyNotify) change_free);
}

void
records_add_job(StoreWriter *writer, const Job *job, DeliveryRecord *delivery, StoreDone done,
	gpointer data)
{
	push(writer, job, delivery, add_job, done, data);
}

void
records_update_job(StoreWriter *writer, const Job *job, StoreDone done, gpointer data)
{
	push(writer, job, NULL, update_job, done, data);
}

Job *
records_job(const JobRecord *record, GError **error)
{
	g_autoptr(json_object) document =
		json_parse_object(record->document, strlen(record->document), MAX_DEPTH, error);

	return document != NULL ? job_from_document(document, error) : NULL;
}

/* The methods that a webhook takes, as a list. */
static void
put_methods(json_object *webhook, json_object *methods)
{
	if (json_object_is_type(methods, json_type_string)) {
		json_object *list = json_object_new_array();

		json_object_array_add(list, json_object_get(methods));
		json_object_object_add(webhook, "methods", list);
	} else if (methods != NULL) {
		json_put_shared(webhook, "methods", methods);
	}
}

json_object *
records_webhook(json_object *params, const char *path, gboolean debug)
{
	json_object *webhook = json_object_new_object();
	g_autofree char *file = g_path_get_basename(path);

	json_put_string(webhook, "notebook", file);
	json_put_bool(webhook, "inline", json_bool_member(params, "inline", FALSE));
	json_put_string(webhook, "next_url", json_string_member(params, "next_url"));
	json_put_bool(webhook, "respond_async", json_bool_member(params, "respond_async", FALSE));
	put_methods(webhook, json_member(params, "methods"));
	if (json_array_member(params, "unredacted_headers") != NULL)
		json_put_shared(webhook, "unredacted_headers",
			json_array_member(params, "unredacted_headers"));
	json_put_bool(webhook, "debug", debug);
	return webhook;
}

void
records_status(Call *call, const Job *job, gint64 revision)
{
	json_object *members = json_object_new_object();

	json_object_object_add(members, "status", job_status_document(job));
	json_put_int(members, "revision", revision);
	call_reply(call, members, NULL, NULL, 0);
}

static json_object *
error_info(const Job *job)
{
	static const char *const members[] = { "ename", "evalue", "cell" };
	json_object *info = json_object_new_object();
	g_autofree char *text = job_error_text(job);

	json_put_string(info, "error", text);
	json_put_string(info, "reason", job->task.reason);
	for (size_t i = 0; i < G_N_ELEMENTS(members); i++)
		json_put_shared(info, members[i], json_member(job->task.error, members[i]));
	if (job->debug)
		json_put_shared(info, "traceback", json_member(job->task.error, "traceback"));
	return info;
}

static int
open_form(int execution, const char *name)
{
	return execution >= 0 ? files_open_beneath(execution, name, O_RDONLY, 0, NULL) : -1;
}

static void
answer_response(Call *call, const Job *job, int execution, json_object *members)
{
	static const char *const names[] = { "response", "alternative" };
	gboolean has_two = json_member(job->task.response, "alternative") != NULL;
	AUTO_FD response = open_form(execution, names[0]);
	AUTO_FD alternative = has_two ? open_form(execution, names[1]) : -1;
	int fds[] = { response, alternative };

	if (response < 0 || (has_two && alternative < 0)) {
		json_object_put(members);
		call_fail_with(
			call, NBHOOK_ERROR_GONE, "the response of this job is no longer kept");
		return;
	}
	json_put_shared(members, "response", job->task.response);
	json_put_string(members, "folder", job->folder);
	call_reply(call, members, names, fds, has_two ? 2 : 1);
}

void
records_answer(Call *call, const Job *job, int execution)
{
	json_object *members = json_object_new_object();

	json_put_string(members, "job", job->id);
	json_put_string(members, "status", job_status_word(job->status));
	json_put_double(members, "seconds", job_seconds(job));
	json_object_object_add(
		members, "webhook", records_webhook(job->params, job->task.path, job->debug));
	if (job->status != JOB_COMPLETED) {
		json_object_object_add(members, "error_info", error_info(job));
		call_reply(call, members, NULL, NULL, 0);
		return;
	}
	if (job->task.response == NULL)
		call_reply(call, members, NULL, NULL, 0);
	else
		answer_response(call, job, execution, members);
}
