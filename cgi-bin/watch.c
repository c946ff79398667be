#include "watch.h"

#include "base/error.h"
#include "base/ids.h"
#include "outcome.h"
#include "page.h"
#include "problem.h"

static const char *const ended_states[] = { "completed", "failed", "stopped", NULL };

static Answer *
no_such_job(void)
{
	return problem_new(
		FAMILY_WEBHOOK, NBHOOK_ERROR_NOT_FOUND, "there is no such job of this webhook");
}

static json_object *
document_of(Frame *reply)
{
	return json_object_member(reply->body, "status");
}

/* Asks for the status document, which also says whether the job is this token's. On failure the answer
 * that says so is in *refusal. */
static Frame *
ask_status(WebWorker *worker, const RouteMatch *match, Answer **refusal)
{
	g_autoptr(GError) error = NULL;
	int retry_after = 0;

	if (ids_job_uuid(match->job) == NULL) {
		*refusal = problem_new(FAMILY_WEBHOOK, NBHOOK_ERROR_BAD_REQUEST,
			"that is no job id: one looks like "
			"batch:672a8b0e-c0b0-486e-bb2b-4571b0805f29");
		return NULL;
	}
	if (!ids_is_token(match->token)) {
		*refusal = no_such_job();
		return NULL;
	}
	json_object *members = json_object_new_object();
	json_put_string(members, "token", match->token);
	json_put_string(members, "job", match->job);
	g_autoptr(Frame) reply = worker_ask(
		worker, "job.status", members, worker_deadline_ms(worker), &retry_after, &error);
	if (reply == NULL && !g_error_matches(error, NBHOOK_ERROR, NBHOOK_ERROR_NOT_FOUND)) {
		*refusal = problem_answer(FAMILY_WEBHOOK, error, retry_after, NULL);
		return NULL;
	}
	/* The daemon finds a job by its uuid; the name belongs to the id as well. */
	if (reply == NULL ||
		g_strcmp0(json_string_member(document_of(reply), "jobId"), match->job) != 0) {
		*refusal = no_such_job();
		return NULL;
	}
	return g_steal_pointer(&reply);
}

Answer *
watch_status(WebWorker *worker, const WebRequest *request, const RouteMatch *match)
{
	Answer *refusal = NULL;
	g_autoptr(Frame) reply = ask_status(worker, match, &refusal);

	if (reply == NULL)
		return refusal;
	Answer *answer = answer_new(200);
	answer_json(answer, "application/json", json_object_get(document_of(reply)));
	answer_header(answer, "X-Nbhook-Job", match->job);
	return answer;
}

static Answer *
running(const OutcomeJob *job, const WebRequest *request, json_object *document)
{
	Answer *answer = outcome_running(job, document);

	if (page_is_wanted(answer, request))
		page_of_run(answer, "..", job->id, document);
	return answer;
}

Answer *
watch_results(WebWorker *worker, const WebRequest *request, const RouteMatch *match)
{
	Answer *refusal = NULL;
	g_autoptr(Frame) state = ask_status(worker, match, &refusal);

	if (state == NULL)
		return refusal;
	OutcomeJob job = { worker->settings, match->token, match->job, request, TRUE };
	const char *status = json_string_member(document_of(state), "status");
	if (status == NULL || !g_strv_contains(ended_states, status))
		return running(&job, request, document_of(state));

	g_autoptr(GError) error = NULL;
	int retry_after = 0;
	json_object *members = json_object_new_object();
	json_put_string(members, "uuid", ids_job_uuid(match->job));
	g_autoptr(Frame) reply = worker_ask(
		worker, "job.wait", members, worker_deadline_ms(worker), &retry_after, &error);
	if (reply == NULL)
		return outcome_problem(&job, error, retry_after);
	return outcome_answer(&job, reply, json_object_member(reply->body, "webhook"));
}
