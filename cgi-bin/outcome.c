#include "outcome.h"

#include <string.h>

#include "accept.h"
#include "base/error.h"
#include "partial.h"
#include "problem.h"

#define RETRY_AFTER_S 5

/* The path of the address that callers use, which a proxy may know us by. */
static const char *
public_path(const Settings *settings)
{
	const char *host = strstr(settings->public_url, "://");
	const char *path = host != NULL ? strchr(host + 3, '/') : NULL;

	return path != NULL ? path : "";
}

static Answer *
mark(const OutcomeJob *job, Answer *answer)
{
	g_autofree char *location = g_strdup_printf(
		"%s/webhook/%s/results/%s", public_path(job->settings), job->token, job->id);

	answer_header(answer, "X-Nbhook-Job", job->id);
	answer_header(answer, "Content-Location", location);
	return answer;
}

static char *
url_of(const OutcomeJob *job, const char *what)
{
	return g_strdup_printf(
		"%s/webhook/%s/%s/%s", job->settings->public_url, job->token, what, job->id);
}

/* One form of a response, of which there may be two. */
typedef struct Form {
	const char *name; /* of its file, and of the descriptor */
	json_object *about;
	double weight; /* what Accept says */
} Form;

static const char *
type_of(json_object *about)
{
	const char *type = json_string_member(about, "type");

	return type != NULL ? type : "application/octet-stream";
}

static Form
weigh(const OutcomeJob *job, const char *name, json_object *about)
{
	const char *accept = web_request_header(job->request, "accept");

	return (Form){ name, about, about != NULL ? accept_weight(accept, type_of(about)) : 0 };
}

/* other: a second type that there is, or NULL. */
static Answer *
refuse_types(const OutcomeJob *job, const char *type, const char *other)
{
	json_object *more = json_object_new_object();
	json_object *types = json_object_new_array();
	g_autoptr(GError) error = g_error_new(NBHOOK_ERROR, NBHOOK_ERROR_NOT_ACCEPTABLE,
		"the notebook was run, and its response is %s%s%s, which the header Accept does "
		"not allow",
		type, other != NULL ? " or " : "", other != NULL ? other : "");

	json_object_array_add(types, json_object_new_string(type));
	if (other != NULL)
		json_object_array_add(types, json_object_new_string(other));
	json_put_string(more, "id", job->id);
	json_object_object_add(more, "types", types);
	return problem_answer(FAMILY_WEBHOOK, error, 0, more);
}

/* Who sends the body, and how much of it. */
static void
settle_body(const OutcomeJob *job, Answer *answer, const char *folder, const char *name)
{
	const WebRequest *request = job->request;

	if (request->accel != NULL && folder != NULL &&
		(job->is_again || !partial_is_wanted(request))) {
		g_autofree char *location =
			g_strdup_printf("%s%s/%s", request->accel, folder, name);

		answer_elsewhere(answer, location);
	} else if (job->is_again) {
		partial_apply(answer, request);
	}
}

static Answer *
answer_form(const OutcomeJob *job, const Form *form, Frame *reply, gboolean is_inline)
{
	int fd = frame_steal_fd(reply, form->name);
	const char *filename = json_string_member(form->about, "filename");
	g_autoptr(Answer) answer = answer_new(200);
	g_autoptr(GError) error = NULL;

	if (!answer_file(answer, type_of(form->about), fd, &error))
		return problem_answer(FAMILY_WEBHOOK, error, 0, NULL);
	if (filename != NULL)
		answer_disposition(answer, is_inline, filename);
	if (g_strcmp0(json_string_member(form->about, "kind"), "file") == 0)
		answer_header(answer, "Cache-Control", "private, no-cache");
	settle_body(job, answer, json_string_member(reply->body, "folder"), form->name);
	return g_steal_pointer(&answer);
}

static Answer *
answer_response(const OutcomeJob *job, Frame *reply, gboolean is_inline)
{
	json_object *response = json_object_member(reply->body, "response");
	json_object *alternative = json_object_member(response, "alternative");
	Form first = weigh(job, "response", response);
	Form second = weigh(job, "alternative", alternative);
	const Form *best = second.weight > first.weight ? &second : &first;
	const char *other = alternative != NULL ? type_of(alternative) : NULL;
	Answer *answer = best->weight > 0 ? answer_form(job, best, reply, is_inline)
					  : refuse_types(job, type_of(response), other);

	if (alternative != NULL)
		answer_header(answer, "Vary", "Accept");
	return answer;
}

/* A receipt and no response, so Accept does not count: a refusal would make senders run the notebook again. */
static Answer *
answer_done(const OutcomeJob *job, json_object *reply)
{
	Answer *answer = answer_new(200);
	json_object *done = json_object_new_object();

	json_put_string(done, "id", job->id);
	json_put_string(done, "status", "Done");
	json_put_double(done, "time", json_double_member(reply, "seconds", 0));
	answer_json(answer, "application/json", done);
	return answer;
}

static Answer *
answer_next(const char *url)
{
	Answer *answer = answer_new(302);

	answer_header(answer, "Location", url);
	return answer;
}

static Answer *
answer_failure(const OutcomeJob *job, json_object *reply)
{
	json_object *info = json_object_member(reply, "error_info");
	json_object *more = info != NULL ? json_object_get(info) : json_object_new_object();
	const char *sentence = json_string_member(more, "error");
	g_autofree char *kept = g_strdup(sentence != NULL ? sentence : "the run did not succeed");

	json_put_string(more, "id", job->id);
	json_put_string(more, "error", kept);
	return problem_of_run(kept, 0, more);
}

Answer *
outcome_answer(const OutcomeJob *job, Frame *reply, json_object *webhook)
{
	const char *status = json_string_member(reply->body, "status");
	json_object *response = json_object_member(reply->body, "response");
	const char *next_url = json_string_member(webhook, "next_url");

	if (g_strcmp0(status, "completed") != 0)
		return mark(job, answer_failure(job, reply->body));
	if (next_url != NULL && next_url[0] != '\0')
		return mark(job, answer_next(next_url));
	if (response == NULL)
		return mark(job, answer_done(job, reply->body));
	return mark(job, answer_response(job, reply, json_bool_member(webhook, "inline", FALSE)));
}

static json_object *
where_to_look(const OutcomeJob *job)
{
	json_object *where = json_object_new_object();
	g_autofree char *status_url = url_of(job, "status");
	g_autofree char *results_url = url_of(job, "results");

	json_put_string(where, "id", job->id);
	json_put_string(where, "status_url", status_url);
	json_put_string(where, "results_url", results_url);
	return where;
}

static Answer *
link_to(const OutcomeJob *job, Answer *answer)
{
	g_autofree char *status_url = url_of(job, "status");
	g_autofree char *results_url = url_of(job, "results");
	g_autofree char *link = g_strdup_printf(
		"<%s>; rel=\"status\", <%s>; rel=\"results\"", status_url, results_url);

	answer_header(answer, "Link", link);
	return mark(job, answer);
}

Answer *
outcome_late(const OutcomeJob *job, gint64 limit_ms)
{
	g_autofree char *sentence = g_strdup_printf(
		"the notebook is not done after %g s (the setting response_limit); the run "
		"goes on: status_url says how far it is, results_url will have the answer",
		(double) limit_ms / 1000);

	return link_to(job, problem_of_run(sentence, RETRY_AFTER_S, where_to_look(job)));
}

static Answer *
answer_accepted(const OutcomeJob *job, json_object *document)
{
	Answer *answer = answer_new(202);

	answer_json(answer, "application/json", document);
	answer_header_seconds(answer, "Retry-After", RETRY_AFTER_S);
	return link_to(job, answer);
}

Answer *
outcome_accepted(const OutcomeJob *job, const Preferences *applied)
{
	Answer *answer = answer_accepted(job, where_to_look(job));
	g_autofree char *status_url = url_of(job, "status");
	g_autofree char *preferences = prefer_applied(applied);

	answer_header(answer, "Location", status_url);
	if (preferences[0] != '\0')
		answer_header(answer, "Preference-Applied", preferences);
	return answer;
}

Answer *
outcome_running(const OutcomeJob *job, json_object *document)
{
	json_object *where = where_to_look(job);

	json_put_shared(where, "status", json_member(document, "status"));
	json_put_shared(where, "progress", json_member(document, "progress"));
	return answer_accepted(job, where);
}

Answer *
outcome_problem(const OutcomeJob *job, const GError *error, int retry_after)
{
	return link_to(job, problem_answer(FAMILY_WEBHOOK, error, retry_after, where_to_look(job)));
}
