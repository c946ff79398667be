/* call_handle() reads from top to bottom as the life of a call: refuse who only looks, take a slot,
 *
 *   begin   the daemon makes a folder and hands over the descriptor of its "request" file
 *   receive head and body go there, files to files of their own; all is checked, and what is large synced (receive.c)
 *   submit  the one commit; from here on the job is kept
 *   wait    until it has ended, at most until response_limit after the request arrived, or as long as
 *           the caller prefers, or until the caller hangs up; the run goes on
 *
 * A repeated delivery is only known as one at submit, since its digest needs the body: from there on the
 * call is about the first one's job.
 *
 * When the connection to the daemon breaks at submit, submit is repeated with the same uuid; a daemon that
 * was restarted has forgotten the beginning, so begin is repeated too. What was received the first time
 * stays open and is where the body is then taken from. */
#include "call.h"

#include <errno.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "delivery.h"
#include "methods.h"
#include "notebook/signature.h"
#include "notebook/translate.h"
#include "outcome.h"
#include "page.h"
#include "prefer.h"
#include "problem.h"
#include "receive.h"
#include "visitor.h"

#define PAUSE_US 100000 /* between two tries to reach a daemon that is starting again */
#define GLANCE_MS 250   /* how long the state may take that a page begins with */

typedef struct Call {
	WebWorker *worker;
	const WebRequest *request;
	const char *token;
	char *uuid;
	char *job;            /* its id, from begin on */
	json_object *webhook; /* what the daemon says of it, from begin on */
	char *delivery;       /* its key, or NULL */
	char *digest;         /* of that delivery, from receive on */
	gboolean accepted;    /* a repeated begin found the job submitted */
	Reception reception;
	int retry_after; /* of the last error */
} Call;

static void
call_clear(Call *call)
{
	g_free(call->uuid);
	g_free(call->job);
	json_object_put(call->webhook);
	g_free(call->delivery);
	g_free(call->digest);
	reception_clear(&call->reception);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Call, call_clear)

static Frame *
ask(Call *call, const char *op, json_object *members, gint64 deadline_ms, GError **error)
{
	json_put_string(members, "uuid", call->uuid);
	return worker_ask(call->worker, op, members, deadline_ms, &call->retry_after, error);
}

/* again: the daemon looks first whether that uuid has been submitted. *file is the request's, or -1. */
static gboolean
begin(Call *call, gboolean again, int *file, GError **error)
{
	json_object *members = json_object_new_object();

	json_put_string(members, "token", call->token);
	if (again)
		json_put_bool(members, "again", TRUE);
	if (call->delivery != NULL)
		json_put_bool(members, "delivery", TRUE);
	g_autoptr(Frame) reply =
		ask(call, "call.begin", members, worker_deadline_ms(call->worker), error);
	if (reply == NULL)
		return FALSE;
	g_free(call->job);
	call->job = g_strdup(json_string_member(reply->body, "job"));
	json_object_put(call->webhook);
	call->webhook = json_object_get(json_object_member(reply->body, "webhook"));
	json_object *words = json_object_member(call->webhook, "signature");
	call->reception.redaction = (Redaction){ words != NULL ? signature_header(words) : NULL,
		json_array_member(call->webhook, "unredacted_headers") };
	call->accepted = json_bool_member(reply->body, "accepted", FALSE);
	*file = frame_steal_fd(reply, "request");
	if (call->job != NULL && (call->accepted || *file >= 0))
		return TRUE;
	g_set_error_literal(error, NBHOOK_ERROR, NBHOOK_ERROR_INTERNAL,
		"the daemon began a call without a job or a file to write to");
	return FALSE;
}

/* A place for a file of the request, or with no name for its body. */
static int
create_file(gpointer data, const char *name, GError **error)
{
	Call *call = data;
	json_object *members = json_object_new_object();

	if (name != NULL)
		json_put_string(members, "name", name);
	g_autoptr(Frame) reply =
		ask(call, "call.file", members, worker_deadline_ms(call->worker), error);
	if (reply == NULL)
		return -1;
	int fd = frame_steal_fd(reply, "file");
	if (fd < 0)
		g_set_error_literal(error, NBHOOK_ERROR, NBHOOK_ERROR_INTERNAL,
			"the daemon made a file without giving it");
	return fd;
}

static gint64
limit_of(const Call *call)
{
	return call->request->arrived_ms + call->worker->settings->response_limit_ms;
}

static gboolean
take_digest(Call *call, GError **error)
{
	gint64 offset = 0;
	int body = receive_where(&call->reception, &offset);

	if (call->delivery != NULL)
		call->digest = delivery_digest(call->request, body, offset, error);
	return call->delivery == NULL || call->digest != NULL;
}

/* Whether a notebook in the webhook's language, which an older daemon does not say, can be given the inputs. */
static gboolean
check_inputs(const Call *call, GError **error)
{
	const char *language = json_string_member(call->webhook, "language");

	if (language == NULL)
		return TRUE;
	g_autoptr(json_object) variables = inputs_variables(call->reception.inputs, NULL, language);
	return translate_check(language, variables, error);
}

/* The daemon has the secrets and never sees a header; here it is the other way round. */
static gboolean
verify(Call *call, GError **error)
{
	json_object *words = json_object_member(call->webhook, "signature");
	const Settings *settings = call->worker->settings;
	gint64 offset = 0;
	int body = receive_where(&call->reception, &offset);

	if (words == NULL)
		return TRUE;
	g_autoptr(SignatureClaim) claim = signature_claim_new(words, call->request->headers,
		clock_wall_us() / G_USEC_PER_SEC, settings->signature_tolerance_ms / 1000, error);
	if (claim == NULL)
		return FALSE;
	json_object *members = json_object_new_object();
	json_put_string(members, "uuid", call->uuid);
	json_put_string(members, "before", claim->before);
	json_put_shared(members, "digests", claim->digests);
	json_put_int(members, "offset", offset);
	g_autoptr(Frame) reply = worker_ask_with(call->worker, "call.verify", members, "body", body,
		MAX(limit_of(call), worker_deadline_ms(call->worker)), &call->retry_after, error);
	return reply != NULL;
}

/* Nothing of a body is parsed before its signature is found good. */
static gboolean
receive(Call *call, GError **error)
{
	return receive_body(&call->reception, error) && verify(call, error) &&
	       take_digest(call, error) && receive_finish(&call->reception, error) &&
	       check_inputs(call, error);
}

static void
put_delivery(const Call *call, json_object *members)
{
	json_object *delivery = json_object_new_object();

	json_put_string(delivery, "key", call->delivery);
	json_put_string(delivery, "digest", call->digest);
	json_object_object_add(members, "delivery", delivery);
}

/* This call repeats another's delivery: it is about that one's job from now on. */
static void
join(Call *call, json_object *reply)
{
	const char *job = json_string_member(reply, "job");
	const char *uuid = ids_job_uuid(job);

	if (uuid == NULL)
		return;
	g_free(call->uuid);
	call->uuid = g_strdup(uuid);
	g_free(call->job);
	call->job = g_strdup(job);
	json_object_put(call->webhook);
	call->webhook = json_object_get(json_object_member(reply, "webhook"));
}

/* The daemon has answered begin and may now wait for the disk: it has the whole response limit. */
static gboolean
submit(Call *call, GError **error)
{
	json_object *members = json_object_new_object();
	struct stat status;

	if (call->accepted)
		return TRUE;
	if (fstat(call->reception.file, &status) < 0)
		return nbhook_error_set_errno(error, errno, "looking at the request");
	json_put_int(members, "size", (gint64) status.st_size);
	if (call->delivery != NULL)
		put_delivery(call, members);
	g_autoptr(Frame) reply = ask(call, "call.submit", members,
		MAX(limit_of(call), worker_deadline_ms(call->worker)), error);
	if (reply == NULL)
		return FALSE;
	if (json_bool_member(reply->body, "joined", FALSE))
		join(call, reply->body);
	return TRUE;
}

/* Begins again with what was received already. */
static gboolean
repeat(Call *call, GError **error)
{
	int file = -1;

	if (!begin(call, TRUE, &file, error))
		return FALSE;
	return call->accepted ||
	       (receive_again(&call->reception, file, error) && verify(call, error) &&
		       receive_finish(&call->reception, error));
}

/* An error reply that asks for patience says for how long; a broken connection cannot. */
static gboolean
connection_broke(const Call *call, const GError *error)
{
	return g_error_matches(error, NBHOOK_ERROR, NBHOOK_ERROR_UNAVAILABLE) &&
	       call->retry_after == 0;
}

static gboolean
submit_surely(Call *call, GError **error)
{
	gint64 give_up_ms = -1;

	for (;;) {
		g_autoptr(GError) failure = NULL;

		if (submit(call, &failure))
			return TRUE;
		if (give_up_ms < 0)
			give_up_ms = worker_deadline_ms(call->worker);
		gboolean forgotten = g_error_matches(failure, NBHOOK_ERROR, NBHOOK_ERROR_NOT_FOUND);
		if (clock_ms() >= give_up_ms || (!forgotten && !connection_broke(call, failure))) {
			g_propagate_error(error, g_steal_pointer(&failure));
			return FALSE;
		}
		if (!forgotten)
			g_usleep(PAUSE_US);
		else if (!repeat(call, error))
			return FALSE;
	}
}

/* Waits until the job has ended, through restarts of the daemon; NULL without an error at the limit. */
static Frame *
wait_until(Call *call, gint64 limit_ms, GError **error)
{
	while (clock_ms() < limit_ms) {
		g_autoptr(GError) failure = NULL;
		Frame *reply = ask(call, "job.wait", json_object_new_object(), limit_ms, &failure);

		if (reply != NULL)
			return reply;
		if (g_error_matches(failure, G_IO_ERROR, G_IO_ERROR_CANCELLED))
			return NULL;
		if (!g_error_matches(failure, NBHOOK_ERROR, NBHOOK_ERROR_UNAVAILABLE)) {
			g_propagate_error(error, g_steal_pointer(&failure));
			return NULL;
		}
		g_usleep((gulong) CLAMP((limit_ms - clock_ms()) * 1000, 0, PAUSE_US));
	}
	return NULL;
}

/* The same for nobody else than the caller: when that one hangs up there is nobody to wait for. */
static Frame *
wait_for(Call *call, gint64 limit_ms, GError **error)
{
	ControlClient *daemon = call->worker->daemon;

	control_client_set_asker(daemon, call->request->connection);
	Frame *reply = wait_until(call, limit_ms, error);
	control_client_set_asker(daemon, -1);
	return reply;
}

/* Whether the webhook's owner has said that callers who say nothing do not wait. */
static gboolean
never_waits(const Call *call)
{
	return json_bool_member(call->webhook, "respond_async", FALSE);
}

/* Takes what the caller prefers where it is less than the limit, and gives the time to wait until.
 * *applied is left with what was followed. */
static gint64
patience_of(const Call *call, Preferences *applied)
{
	gint64 limit_ms = call->worker->settings->response_limit_ms;
	gint64 wait_ms = limit_ms;

	*applied = prefer_read(web_request_header(call->request, "prefer"));
	if (applied->wait_s >= 0 && applied->wait_s * 1000 < limit_ms)
		wait_ms = applied->wait_s * 1000;
	else if (applied->wait_s < 0 && (applied->respond_async || never_waits(call)))
		wait_ms = 0;
	else
		applied->wait_s = -1;
	return call->request->arrived_ms + wait_ms;
}

/* The state of the job, if it can be had at once. */
static Frame *
glance(Call *call)
{
	g_autoptr(GError) error = NULL;

	return ask(call, "job.status", json_object_new_object(), clock_ms() + GLANCE_MS, &error);
}

/* The answer of a run that goes on. */
static Answer *
answer_unfinished(Call *call, const OutcomeJob *job, const Preferences *applied)
{
	gboolean asked = applied->respond_async || applied->wait_s >= 0;
	Answer *answer = asked || never_waits(call)
				 ? outcome_accepted(job, applied)
				 : outcome_late(job, job->settings->response_limit_ms);
	if (asked || !page_is_wanted(answer, call->request))
		return answer;
	g_autoptr(Frame) state = glance(call);
	g_autofree char *below = g_strdup_printf("./%s", call->token);
	page_of_run(answer, below, job->id,
		state != NULL ? json_object_member(state->body, "status") : NULL);
	return answer;
}

static Answer *
answer_run(Call *call)
{
	OutcomeJob job = { call->worker->settings, call->token, call->job, call->request, FALSE };
	g_autoptr(GError) error = NULL;
	Preferences applied;
	gint64 limit_ms = patience_of(call, &applied);

	g_clear_pointer(
		&call->reception.inputs, inputs_free); /* large, and this may take a while */
	g_autoptr(Frame) reply = wait_for(call, limit_ms, &error);

	if (error != NULL)
		return outcome_problem(&job, error, call->retry_after);
	return reply != NULL ? outcome_answer(&job, reply, call->webhook)
			     : answer_unfinished(call, &job, &applied);
}

static Answer *
refusal_of(const Call *call, const GError *error)
{
	Answer *answer = problem_answer(FAMILY_WEBHOOK, error, call->retry_after, NULL);

	if (answer_status(answer) == 401)
		answer_header(answer, "WWW-Authenticate", "Signature realm=\"nbhook\"");
	return answer;
}

/* The answer to a sender that asks whether it has the right URL; NULL for other calls. */
static Answer *
answer_challenge(const Call *call)
{
	const char *challenge = signature_challenge(
		json_object_member(call->webhook, "signature"), call->reception.inputs->body);

	if (challenge == NULL)
		return NULL;
	Answer *answer = answer_new(200);
	answer_text(answer, "text/plain; charset=utf-8", challenge);
	return answer;
}

/* Refuses what has begun; the daemon need not keep what was received so far. */
static Answer *
give_up(Call *call, Answer *refusal)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Frame) reply = ask(call, "call.abandon", json_object_new_object(),
		worker_deadline_ms(call->worker), &error);

	if (reply == NULL)
		g_debug("abandoning a call: %s", error->message);
	return refusal;
}

static Answer *
run(WebWorker *worker, const WebRequest *request, const char *token)
{
	g_auto(Call) call = { .worker = worker, .request = request, .token = token };
	g_autoptr(GError) error = NULL;

	call.uuid = ids_uuid();
	call.reception = (Reception){ .settings = worker->settings,
		.request = request,
		.token = token,
		.create = create_file,
		.call = &call,
		.file = -1,
		.scratch = -1 };
	if (!delivery_key(request, &call.delivery, &error))
		return refusal_of(&call, error);
	if (!begin(&call, FALSE, &call.reception.file, &error))
		return g_error_matches(error, NBHOOK_ERROR, NBHOOK_ERROR_NOT_FOUND)
			       ? methods_no_webhook()
			       : refusal_of(&call, error);
	Answer *refusal = methods_refusal(call.webhook, request->method);
	if (refusal != NULL)
		return give_up(&call, refusal);
	if (!receive(&call, &error))
		return give_up(&call, refusal_of(&call, error));
	Answer *challenge = answer_challenge(&call);
	if (challenge != NULL)
		return give_up(&call, challenge);
	if (!submit_surely(&call, &error))
		return refusal_of(&call, error);
	return answer_run(&call);
}

Answer *
call_handle(WebWorker *worker, const WebRequest *request, const RouteMatch *match)
{
	if (visitor_is_prefetch(request))
		return problem_new(FAMILY_WEBHOOK, NBHOOK_ERROR_FORBIDDEN,
			"a prefetch does not run a notebook; nothing was run");
	if (visitor_is_preview(request))
		return visitor_preview_page();
	if (!ids_is_token(match->token))
		return methods_no_webhook();
	if (!worker_take_slot(worker))
		return methods_no_place();
	Answer *answer = run(worker, request, match->token);
	worker_release_slot(worker);
	return answer;
}
