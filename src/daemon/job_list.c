/* The store says which jobs there are; what a live one has done since is known to the dispatcher. */
#include "daemon/job_list.h"

#include "base/error.h"
#include "daemon/dispatch.h"
#include "daemon/records.h"

#define DEFAULT_LIMIT 50
#define MAX_LIMIT 1000

typedef struct {
	Daemon *daemon;
	Call *call; /* NULL when the asker has gone */
	char *status, *path;
	int limit;
	GPtrArray *records;
} Question;

static void
question_free(Question *question)
{
	g_free(question->status);
	g_free(question->path);
	g_clear_pointer(&question->records, g_ptr_array_unref);
	g_free(question);
}

static gboolean
read_jobs(const StoreInterface *store, Store *handle, gpointer data, GError **error)
{
	Question *question = data;

	question->records =
		store->list_jobs(handle, question->status, question->path, question->limit, error);
	return question->records != NULL;
}

static json_object *
describe(const Question *question, const JobRecord *record)
{
	LiveJob *live = dispatcher_find(question->daemon->dispatcher, record->uuid);

	if (live != NULL)
		return job_status_document(live_job(live));
	g_autoptr(Job) job = records_job(record, NULL);
	return job != NULL ? job_status_document(job) : NULL;
}

static void
on_jobs(gpointer data, const GError *failure)
{
	Question *question = data;

	if (question->call == NULL)
		return;
	if (failure != NULL) {
		call_fail(question->call, failure, 0);
		return;
	}
	json_object *members = json_object_new_object();
	json_object *jobs = json_object_new_array();
	for (guint i = 0; i < question->records->len; i++) {
		json_object *job = describe(question, g_ptr_array_index(question->records, i));

		if (job != NULL)
			json_object_array_add(jobs, job);
	}
	json_object_object_add(members, "jobs", jobs);
	call_reply(question->call, members, NULL, NULL, 0);
}

void
job_list(Call *call, gpointer data)
{
	Daemon *daemon = data;
	const char *status = json_string_member(call_body(call), "status");
	gint64 limit = json_int_member(call_body(call), "limit", DEFAULT_LIMIT);
	JobStatus known;

	if (status != NULL && !job_status_from_word(status, &known)) {
		call_fail_with(call, NBHOOK_ERROR_BAD_REQUEST,
			"status must be pending, active, completed, failed or stopped");
		return;
	}
	if (limit < 1 || limit > MAX_LIMIT) {
		call_fail_with(call, NBHOOK_ERROR_BAD_REQUEST, "limit must be 1 to %d", MAX_LIMIT);
		return;
	}
	Question *question = g_new0(Question, 1);
	question->daemon = daemon;
	question->status = g_strdup(status);
	question->path = g_strdup(json_string_member(call_body(call), "path"));
	question->limit = (int) limit;
	call_keep_at(call, &question->call);
	store_writer_read(
		daemon->writer, read_jobs, on_jobs, question, (GDestroyNotify) question_free);
}
