/* call_handle() reads from top to bottom as the life of a call: refuse who only looks, take a slot,
 *
 *   begin   the daemon makes a folder and hands over the descriptor of its "request" file
 *   receive head and body go there, are checked and synced
 *   submit  the one commit; from here on the job is kept
 *   wait    until it has ended, at most until response_limit after the request arrived, or as long as
 *           the caller prefers, or until the caller hangs up; the run goes on
 *
 * A repeated delivery is only known as one at submit, since its digest needs the body: from there on the
 * call is about the first one's job.
 *
 * When the connection to the daemon breaks at submit, submit is repeated with the same uuid; a daemon that
 * was restarted has forgotten the beginning, so begin is repeated too. The descriptor of the first file
 * stays open and is where the body is then copied from. */
#include "call.h"

#include <errno.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/files.h"
#include "base/ids.h"
#include "delivery.h"
#include "notebook/request.h"
#include "outcome.h"
#include "page.h"
#include "prefer.h"
#include "problem.h"
#include "visitor.h"

#define PIECE_SIZE (64 * 1024)
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
	int fd;               /* the request file */
	int retry_after;      /* of the last error */
} Call;

static void
call_clear(Call *call)
{
	g_free(call->uuid);
	g_free(call->job);
	json_object_put(call->webhook);
	g_free(call->delivery);
	g_free(call->digest);
	files_close(&call->fd);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Call, call_clear)

static Frame *
ask(Call *call, const char *op, json_object *members, gint64 deadline_ms, GError **error)
{
	json_put_string(members, "uuid", call->uuid);
	return worker_ask(call->worker, op, members, deadline_ms, &call->retry_after, error);
}

/* again: the daemon looks first whether that uuid has been submitted. */
static gboolean
begin(Call *call, gboolean again, GError **error)
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
	call->accepted = json_bool_member(reply->body, "accepted", FALSE);
	files_close(&call->fd);
	call->fd = frame_steal_fd(reply, "request");
	if (call->job != NULL && (call->accepted || call->fd >= 0))
		return TRUE;
	g_set_error_literal(error, NBHOOK_ERROR, NBHOOK_ERROR_INTERNAL,
		"the daemon began a call without a job or a file to write to");
	return FALSE;
}

/* The head of the request file, whose size is given back. The token is in no file, wherever the caller repeated it. */
static gboolean
write_head(Call *call, gsize *size, GError **error)
{
	g_autoptr(GString) target = g_string_new("/webhook/-");
	g_autoptr(json_object) headers = json_copy(call->request->headers);
	g_autoptr(GString) head = g_string_new(NULL);

	if (strchr(call->request->target, '?') != NULL)
		g_string_append_printf(target, "?%s", call->request->query);
	g_string_replace(target, call->token, "-", 0);
	json_object_object_foreach (call->request->headers, name, value) {
		g_autoptr(GString) text = g_string_new(json_object_get_string(value));

		if (g_string_replace(text, call->token, "-", 0) > 0)
			json_put_string(headers, name, text->str);
	}
	if (!request_print_head(head, call->request->method, target->str, headers, error))
		return FALSE;
	*size = head->len;
	return files_write_all(call->fd, head->str, head->len, error);
}

/* Whether a notebook could take its inputs from what was received. */
static gboolean
check_received(Call *call, gsize head_size, GError **error)
{
	const Settings *settings = call->worker->settings;
	RequestLimits limits = request_limits(settings);
	g_autoptr(GMappedFile) file = g_mapped_file_new_from_fd(call->fd, FALSE, error);

	if (file == NULL)
		return FALSE;
	const char *bytes = g_mapped_file_get_contents(file);
	gsize size = g_mapped_file_get_length(file);
	if (call->delivery != NULL)
		call->digest = delivery_digest(call->request, bytes + head_size, size - head_size);
	g_autoptr(Inputs) inputs = inputs_new(bytes, size, &limits, error);
	return inputs != NULL;
}

static gboolean
receive(Call *call, GError **error)
{
	gsize head_size = 0;

	return write_head(call, &head_size, error) &&
	       web_request_save_body(call->request, call->fd, call->worker->settings->max_body,
		       "max_body", error) &&
	       check_received(call, head_size, error) && files_sync(call->fd, "the request", error);
}

static gint64
limit_of(const Call *call)
{
	return call->request->arrived_ms + call->worker->settings->response_limit_ms;
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
	if (fstat(call->fd, &status) < 0)
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

/* Copies from one file's beginning to the other's. */
static gboolean
copy_request(int from, int to, gint64 size, GError **error)
{
	g_autofree char *piece = g_malloc(PIECE_SIZE);
	gint64 copied = 0;

	while (copied < size) {
		ssize_t got = pread(from, piece, PIECE_SIZE, (off_t) copied);

		if (got < 0)
			return nbhook_error_set_errno(error, errno, "reading the request again");
		if (got == 0) {
			g_set_error_literal(error, NBHOOK_ERROR, NBHOOK_ERROR_UNAVAILABLE,
				"the service was restarted while it took this request; send it "
				"again");
			return FALSE;
		}
		if (!files_write_all(to, piece, (size_t) got, error))
			return FALSE;
		copied += got;
	}
	return files_sync(to, "the request", error);
}

/* Begins again with what was received already. */
static gboolean
repeat(Call *call, GError **error)
{
	AUTO_FD received = files_steal_fd(&call->fd);
	struct stat status;

	if (fstat(received, &status) < 0)
		return nbhook_error_set_errno(error, errno, "looking at the request");
	return begin(call, TRUE, error) &&
	       (call->accepted || copy_request(received, call->fd, (gint64) status.st_size, error));
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
	else if (applied->wait_s < 0 && applied->respond_async)
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
	if (applied->respond_async || applied->wait_s >= 0)
		return outcome_accepted(job, applied);
	Answer *answer = outcome_late(job, job->settings->response_limit_ms);
	if (!page_is_wanted(answer, call->request))
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
	g_autoptr(Frame) reply = wait_for(call, limit_ms, &error);

	if (error != NULL)
		return outcome_problem(&job, error, call->retry_after);
	return reply != NULL ? outcome_answer(&job, reply, call->webhook)
			     : answer_unfinished(call, &job, &applied);
}

static Answer *
refuse_method(const Call *call)
{
	json_object *methods = json_array_member(call->webhook, "methods");
	g_autoptr(GString) allow = g_string_new(NULL);

	for (size_t i = 0; methods != NULL && i < json_object_array_length(methods); i++) {
		const char *method = json_object_get_string(json_object_array_get_idx(methods, i));

		if (g_strcmp0(method, call->request->method) == 0)
			return NULL;
		g_string_append_printf(allow, "%s, ", method);
	}
	if (allow->len == 0)
		return NULL;
	g_string_append(allow, "OPTIONS");
	Answer *answer = problem_new(FAMILY_WEBHOOK, NBHOOK_ERROR_METHOD_NOT_ALLOWED,
		"this webhook does not take that method; it takes %s", allow->str);
	answer_header(answer, "Allow", allow->str);
	return answer;
}

static Answer *
no_such_webhook(void)
{
	return problem_new(
		FAMILY_WEBHOOK, NBHOOK_ERROR_NOT_FOUND, "there is no webhook at this URL");
}

static Answer *
refusal_of(const Call *call, const GError *error)
{
	return problem_answer(FAMILY_WEBHOOK, error, call->retry_after, NULL);
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
	g_auto(Call) call = { .worker = worker, .request = request, .token = token, .fd = -1 };
	g_autoptr(GError) error = NULL;

	call.uuid = ids_uuid();
	if (!delivery_key(request, &call.delivery, &error))
		return refusal_of(&call, error);
	if (!begin(&call, FALSE, &error))
		return g_error_matches(error, NBHOOK_ERROR, NBHOOK_ERROR_NOT_FOUND)
			       ? no_such_webhook()
			       : refusal_of(&call, error);
	Answer *refusal = refuse_method(&call);
	if (refusal != NULL)
		return give_up(&call, refusal);
	if (!receive(&call, &error))
		return give_up(&call, refusal_of(&call, error));
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
		return no_such_webhook();
	if (!worker_take_slot(worker))
		return problem_new(FAMILY_WEBHOOK, NBHOOK_ERROR_UNAVAILABLE,
			"all places for waiting callers are taken (the setting wait_slots); "
			"nothing was "
			"run, try again");
	Answer *answer = run(worker, request, match->token);
	worker_release_slot(worker);
	return answer;
}
