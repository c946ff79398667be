/* A job is named by "uuid" or by "job" (its id). On http.sock a "token" may be given too: then the job
 * must be of that webhook, or it is not found. A live job is answered from memory, an ended one from the
 * store. */
#include "daemon/questions.h"

#include <fcntl.h>
#include <string.h>

#include "base/error.h"
#include "base/ids.h"
#include "daemon/dispatch.h"
#include "daemon/records.h"

/* How a question about one job is answered. */
typedef struct {
	void (*live)(Daemon *daemon, Call *call, LiveJob *live);
	void (*ended)(Daemon *daemon, Call *call, const Job *job);
} Question;

typedef struct {
	Daemon *daemon;
	Call *call; /* NULL when the asker has gone */
	char *uuid;
	gint64 hook; /* 0: any */
	const Question *question;
	JobRecord *record;
} Lookup;

static void
lookup_free(Lookup *lookup)
{
	g_free(lookup->uuid);
	job_record_free(lookup->record);
	g_free(lookup);
}

void
questions_info(Call *call, gpointer data)
{
	json_object *members = json_object_new_object();

	json_put_string(members, "status", "healthy");
	json_put_string(members, "version", NBHOOK_VERSION);
	call_reply(call, members, NULL, NULL, 0);
}

static gboolean
look_up(const StoreInterface *store, Store *handle, gpointer data, GError **error)
{
	Lookup *lookup = data;

	lookup->record = store->find_job(handle, lookup->uuid, error);
	return *error == NULL;
}

static void
not_found(Call *call)
{
	call_fail_with(call, NBHOOK_ERROR_NOT_FOUND, "there is no such job");
}

static void
on_looked_up(gpointer data, const GError *failure)
{
	Lookup *lookup = data;
	g_autoptr(GError) error = NULL;

	if (lookup->call == NULL)
		return;
	if (failure != NULL) {
		call_fail(lookup->call, failure, 0);
		return;
	}
	if (lookup->record == NULL || (lookup->hook != 0 && lookup->record->hook != lookup->hook)) {
		not_found(lookup->call);
		return;
	}
	g_autoptr(Job) job = records_job(lookup->record, &error);
	if (job == NULL)
		call_fail(lookup->call, error, 0);
	else
		lookup->question->ended(lookup->daemon, lookup->call, job);
}

/* Reads which job is meant; false when the call has been answered with an error. */
static gboolean
read_question(Daemon *daemon, Call *call, const char **uuid, gint64 *hook)
{
	const char *token = json_string_member(call_body(call), "token");
	const char *id = json_string_member(call_body(call), "job");

	*uuid = id != NULL ? ids_job_uuid(id) : json_string_member(call_body(call), "uuid");
	if (!ids_is_uuid(*uuid)) {
		call_fail_with(call, NBHOOK_ERROR_BAD_REQUEST,
			"that is no job id; one looks like "
			"name:672a8b0e-c0b0-486e-bb2b-4571b0805f29");
		return FALSE;
	}
	*hook = 0;
	if (token != NULL) {
		Hook *owner = registry_find_token(daemon->registry, token);

		if (owner == NULL) {
			call_fail_with(call, NBHOOK_ERROR_NOT_FOUND,
				"there is no webhook at this URL; it may have been deleted");
			return FALSE;
		}
		*hook = owner->id;
	}
	return TRUE;
}

static void
ask_store(Daemon *daemon, Call *call, const char *uuid, gint64 hook, const Question *question)
{
	Lookup *lookup = g_new0(Lookup, 1);

	lookup->daemon = daemon;
	lookup->uuid = g_strdup(uuid);
	lookup->hook = hook;
	lookup->question = question;
	call_keep_at(call, &lookup->call);
	store_writer_read(
		daemon->writer, look_up, on_looked_up, lookup, (GDestroyNotify) lookup_free);
}

static void
ask(Daemon *daemon, Call *call, const Question *question)
{
	const char *uuid;
	gint64 hook;

	if (!read_question(daemon, call, &uuid, &hook))
		return;
	LiveJob *live = dispatcher_find(daemon->dispatcher, uuid);
	if (live == NULL)
		ask_store(daemon, call, uuid, hook, question);
	else if (hook != 0 && live_job(live)->webhook != hook)
		not_found(call);
	else
		question->live(daemon, call, live);
}

static void
wait_for_live(Daemon *daemon, Call *call, LiveJob *live)
{
	live_wait(live, call);
}

static void
answer_ended(Daemon *daemon, Call *call, const Job *job)
{
	AUTO_FD execution = folders_open_execution(daemon->folders, job->folder, NULL);

	records_answer(call, job, execution);
}

void
questions_wait(Call *call, gpointer data)
{
	static const Question question = { wait_for_live, answer_ended };

	ask(data, call, &question);
}

static void
watch_live(Daemon *daemon, Call *call, LiveJob *live)
{
	live_watch(live, call, json_int_member(call_body(call), "seen", 0));
}

static void
answer_status(Daemon *daemon, Call *call, const Job *job)
{
	records_status(call, job, job->ended_us);
}

void
questions_status(Call *call, gpointer data)
{
	static const Question question = { watch_live, answer_status };

	ask(data, call, &question);
}

static void
send_log(Daemon *daemon, Call *call, const Job *job)
{
	static const char *const names[] = { "log" };
	json_object *members = json_object_new_object();
	g_autoptr(GError) error = NULL;
	AUTO_FD execution = folders_open_execution(daemon->folders, job->folder, &error);
	AUTO_FD log = execution >= 0 ? files_open_beneath(execution, "log", O_RDONLY, 0, NULL) : -1;

	json_put_bool(members, "ended", job_status_is_ended(job->status));
	if (execution >= 0) {
		call_reply(call, members, names, &log, log >= 0 ? 1 : 0);
	} else {
		json_object_put(members);
		call_fail(call, error, 0);
	}
}

static void
send_live_log(Daemon *daemon, Call *call, LiveJob *live)
{
	send_log(daemon, call, live_job(live));
}

void
questions_log(Call *call, gpointer data)
{
	static const Question question = { send_live_log, send_log };

	ask(data, call, &question);
}

static void
refuse_stop(Daemon *daemon, Call *call, const Job *job)
{
	call_fail_with(call, NBHOOK_ERROR_CONFLICT, "this job has ended already: it is %s",
		job_status_word(job->status));
}

static void
stop_live(Daemon *daemon, Call *call, LiveJob *live)
{
	const char *reason = json_string_member(call_body(call), "reason");

	if (!dispatcher_stop(live, reason != NULL ? reason : "stopped_by_user")) {
		refuse_stop(daemon, call, live_job(live));
		return;
	}
	json_object *members = json_object_new_object();
	json_put_string(members, "job", live_job(live)->id);
	call_reply(call, members, NULL, NULL, 0);
}

void
questions_stop(Call *call, gpointer data)
{
	static const Question question = { stop_live, refuse_stop };

	ask(data, call, &question);
}
