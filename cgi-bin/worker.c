/* The way of a request: check, route, handle, send. Each step before the handler can end it with an
 * answer of its own. */
#include "worker.h"

#include <gio/gio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "cors.h"
#include "methods.h"
#include "page.h"
#include "problem.h"
#include "routes.h"

#define PATIENCE_S 5

void
worker_init(WebWorker *worker, const Settings *settings, WaitSlots *slots)
{
	g_autofree char *path = g_build_filename(settings->run_dir, "http.sock", NULL);

	worker->settings = settings;
	worker->slots = slots;
	worker->daemon = control_client_new(path);
}

void
worker_clear(WebWorker *worker)
{
	g_clear_pointer(&worker->daemon, control_client_free);
}

gboolean
worker_take_slot(WebWorker *worker)
{
	if (g_atomic_int_add(&worker->slots->taken, 1) < worker->slots->limit)
		return TRUE;
	worker_release_slot(worker);
	return FALSE;
}

void
worker_release_slot(WebWorker *worker)
{
	g_atomic_int_add(&worker->slots->taken, -1);
}

gint64
worker_deadline_ms(const WebWorker *worker)
{
	return clock_ms() + worker->settings->daemon_wait_ms;
}

Frame *
worker_ask(WebWorker *worker, const char *op, json_object *members, gint64 deadline_ms,
	int *retry_after, GError **error)
{
	return worker_ask_with(worker, op, members, NULL, -1, deadline_ms, retry_after, error);
}

Frame *
worker_ask_with(WebWorker *worker, const char *op, json_object *members, const char *name, int fd,
	gint64 deadline_ms, int *retry_after, GError **error)
{
	g_autoptr(GError) failure = NULL;
	g_autoptr(Frame) reply = control_call(worker->daemon, op, members, &name, &fd,
		name != NULL ? 1 : 0, deadline_ms, retry_after, &failure);

	if (reply != NULL)
		return g_steal_pointer(&reply);
	if (g_error_matches(failure, G_IO_ERROR, G_IO_ERROR_TIMED_OUT)) {
		*retry_after = PATIENCE_S;
		g_set_error_literal(error, NBHOOK_ERROR, NBHOOK_ERROR_UNAVAILABLE,
			"the service did not answer in time; try again");
		return NULL;
	}
	if (*retry_after == 0 && g_error_matches(failure, NBHOOK_ERROR, NBHOOK_ERROR_UNAVAILABLE))
		g_prefix_error(&failure, "the service is not running at the moment, try again: ");
	g_propagate_error(error, g_steal_pointer(&failure));
	return NULL;
}

static Answer *
not_found(const WebRequest *request, WebFamily family)
{
	if (family == FAMILY_API && web_request_header(request, "authorization") == NULL)
		return problem_new(family, NBHOOK_ERROR_UNAUTHORIZED,
			"this needs an API key: send \"Authorization: Bearer KEY\"");
	return problem_new(family, NBHOOK_ERROR_NOT_FOUND, "there is nothing at this URL");
}

static Answer *
without_route(const WebRequest *request, WebFamily family)
{
	g_autofree char *allow = routes_allow(request);
	Answer *answer =
		strcmp(request->method, "OPTIONS") == 0
			? answer_new(204)
			: problem_new(family, NBHOOK_ERROR_METHOD_NOT_ALLOWED,
				  "this URL does not take that method; it takes %s", allow);

	answer_header(answer, "Allow", allow);
	return answer;
}

static Answer *
answer_for(WebWorker *worker, WebRequest *request)
{
	WebFamily family = routes_family(request->path);
	RouteMatch match = { NULL, NULL, NULL };
	g_autoptr(GError) error = NULL;

	if (!web_request_check(request, worker->settings, &error))
		return problem_answer(family, error, 0, NULL);
	if (!routes_find(request, &match))
		return not_found(request, family);
	if (routes_is_look(request, &match))
		return methods_look(worker, request, match.token);
	if (match.route == NULL)
		return without_route(request, family);
	return match.route->handle(worker, request, &match);
}

gboolean
worker_answer(WebWorker *worker, WebRequest *request)
{
	g_autoptr(Answer) answer = answer_for(worker, request);

	if (routes_family(request->path) == FAMILY_WEBHOOK) {
		page_of_problem(answer, request);
		cors_apply(answer, request, worker->settings);
	}
	return answer_send(
		answer, request->io, request->peer, strcmp(request->method, "HEAD") == 0);
}
