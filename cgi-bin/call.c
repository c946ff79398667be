/* call_handle() reads from top to bottom as the life of a call: refuse who only looks, take a slot,
 *
 *   begin   the daemon makes a folder and hands over the descriptor of its "request" file
 *   receive head and body go there, are checked and synced
 *   submit  the one commit; from here on the job is kept
 *   wait    until it has ended, at most until response_limit after the request arrived
 *
 * When the connection to the daemon breaks at submit, submit is repeated with the same uuid; a daemon that
 * was restarted has forgotten the beginning, so begin is repeated too. The descriptor of the first file
 * stays open and is where the body is then copied from. */
#include "call.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/files.h"
#include "base/ids.h"
#include "notebook/request.h"
#include "outcome.h"
#include "problem.h"
#include "visitor.h"

#define PIECE_SIZE (64 * 1024)
#define PAUSE_US 100000 /* between two tries to reach a daemon that is starting again */

typedef struct Call {
	WebWorker *worker;
	const WebRequest *request;
	const char *token;
	char *uuid;
	char *job;            /* its id, from begin on */
	json_object *webhook; /* what the daemon says of it, from begin on */
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

/* The head of the request file. The token is in no file, wherever the caller repeated it. */
static gboolean
write_head(Call *call, GError **error)
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
	return request_print_head(head, call->request->method, target->str, headers, error) &&
	       files_write_all(call->fd, head->str, head->len, error);
}

/* Whether a notebook could take its inputs from what was received. */
static gboolean
check_inputs(const Call *call, GError **error)
{
	const Settings *settings = call->worker->settings;
	RequestLimits limits = { settings->max_parsed_body, (int) settings->max_json_depth };
	g_autoptr(GMappedFile) file = g_mapped_file_new_from_fd(call->fd, FALSE, error);

	if (file == NULL)
		return FALSE;
	g_autoptr(Inputs) inputs = inputs_new(
		g_mapped_file_get_contents(file), g_mapped_file_get_length(file), &limits, error);
	return inputs != NULL;
}

static gboolean
receive(Call *call, GError **error)
{
	return write_head(call, error) &&
	       web_request_save_body(call->request, call->fd, call->worker->settings->max_body,
		       "max_body", error) &&
	       check_inputs(call, error) && files_sync(call->fd, "the request", error);
}

static gint64
limit_of(const Call *call)
{
	return call->request->arrived_ms + call->worker->settings->response_limit_ms;
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
	g_autoptr(Frame) reply = ask(call, "call.submit", members,
		MAX(limit_of(call), worker_deadline_ms(call->worker)), error);
	return reply != NULL;
}

/* Copies from one file's beginning to the other's; the two may be the same. */
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
wait_for(Call *call, GError **error)
{
	gint64 limit_ms = limit_of(call);

	while (clock_ms() < limit_ms) {
		g_autoptr(GError) failure = NULL;
		Frame *reply = ask(call, "job.wait", json_object_new_object(), limit_ms, &failure);

		if (reply != NULL)
			return reply;
		if (!g_error_matches(failure, NBHOOK_ERROR, NBHOOK_ERROR_UNAVAILABLE)) {
			g_propagate_error(error, g_steal_pointer(&failure));
			return NULL;
		}
		g_usleep((gulong) CLAMP((limit_ms - clock_ms()) * 1000, 0, PAUSE_US));
	}
	return NULL;
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

static Answer *
run(WebWorker *worker, const WebRequest *request, const char *token)
{
	g_auto(Call) call = { .worker = worker, .request = request, .token = token, .fd = -1 };
	g_autoptr(GError) error = NULL;

	call.uuid = ids_uuid();
	if (!begin(&call, FALSE, &error))
		return g_error_matches(error, NBHOOK_ERROR, NBHOOK_ERROR_NOT_FOUND)
			       ? no_such_webhook()
			       : refusal_of(&call, error);
	Answer *refusal = refuse_method(&call);
	if (refusal != NULL)
		return refusal;
	if (!receive(&call, &error) || !submit_surely(&call, &error))
		return refusal_of(&call, error);

	OutcomeJob job = { worker->settings, token, call.job };
	g_autoptr(Frame) reply = wait_for(&call, &error);
	if (error != NULL)
		return outcome_problem(&job, error, call.retry_after);
	return reply != NULL ? outcome_answer(&job, reply, call.webhook)
			     : outcome_late(&job, worker->settings->response_limit_ms);
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
