#include "methods.h"

#include <string.h>

#include "base/error.h"
#include "base/ids.h"
#include "problem.h"

/* What webhooks can be called with. */
static const char *const call_methods[] = { "GET", "POST", NULL };

static gboolean
takes(json_object *webhook, const char *method)
{
	json_object *methods = json_array_member(webhook, "methods");

	if (methods == NULL)
		return TRUE;
	for (size_t i = 0; i < json_object_array_length(methods); i++)
		if (g_strcmp0(json_object_get_string(json_object_array_get_idx(methods, i)),
			    method) == 0)
			return TRUE;
	return FALSE;
}

/* The value of "Allow". The caller frees. */
static char *
allow_of(json_object *webhook)
{
	GString *allow = g_string_new(NULL);

	for (size_t i = 0; call_methods[i] != NULL; i++) {
		if (!takes(webhook, call_methods[i]))
			continue;
		g_string_append_printf(allow, "%s, ", call_methods[i]);
		if (strcmp(call_methods[i], "GET") == 0)
			g_string_append(allow, "HEAD, ");
	}
	g_string_append(allow, "OPTIONS");
	return g_string_free(allow, FALSE);
}

Answer *
methods_refusal(json_object *webhook, const char *method)
{
	gboolean is_call = g_strv_contains(call_methods, method);

	if (is_call && takes(webhook, method))
		return NULL;
	g_autofree char *allow = allow_of(webhook);
	Answer *answer = problem_new(FAMILY_WEBHOOK, NBHOOK_ERROR_METHOD_NOT_ALLOWED,
		"this webhook does not take that method; it takes %s", allow);
	answer_header(answer, "Allow", allow);
	return answer;
}

Answer *
methods_no_webhook(void)
{
	return problem_new(
		FAMILY_WEBHOOK, NBHOOK_ERROR_NOT_FOUND, "there is no webhook at this URL");
}

Answer *
methods_no_place(void)
{
	return problem_new(FAMILY_WEBHOOK, NBHOOK_ERROR_UNAVAILABLE,
		"all places for waiting callers are taken (the setting wait_slots); "
		"nothing was "
		"run, try again");
}

/* What the daemon knows of the webhook; NULL with *problem. */
static json_object *
ask(WebWorker *worker, const char *token, Answer **problem)
{
	g_autoptr(GError) error = NULL;
	int retry_after = 0;

	*problem = NULL;
	if (!ids_is_token(token))
		*problem = methods_no_webhook();
	else if (!worker_take_slot(worker))
		*problem = methods_no_place();
	if (*problem != NULL)
		return NULL;
	json_object *members = json_object_new_object();
	json_put_string(members, "token", token);
	g_autoptr(Frame) reply = worker_ask(
		worker, "call.look", members, worker_deadline_ms(worker), &retry_after, &error);
	worker_release_slot(worker);
	if (reply != NULL)
		return json_object_get(json_object_member(reply->body, "webhook"));
	*problem = g_error_matches(error, NBHOOK_ERROR, NBHOOK_ERROR_NOT_FOUND)
			   ? methods_no_webhook()
			   : problem_answer(FAMILY_WEBHOOK, error, retry_after, NULL);
	return NULL;
}

Answer *
methods_look(WebWorker *worker, const WebRequest *request, const char *token)
{
	gboolean head = strcmp(request->method, "HEAD") == 0;
	gboolean options = strcmp(request->method, "OPTIONS") == 0;
	gboolean preflight =
		options && web_request_header(request, "access-control-request-method") != NULL;
	Answer *problem;
	g_autoptr(json_object) webhook = ask(worker, token, &problem);

	if (problem != NULL && !preflight)
		return problem;
	g_clear_pointer(&problem, answer_free);
	if (!head && !options)
		return methods_refusal(webhook, request->method);
	g_autofree char *allow = allow_of(webhook);
	Answer *answer = answer_new(options ? 204 : 200);
	answer_header(answer, "Allow", allow);
	return answer;
}
