#include "methods.h"

#include <string.h>

#include "base/error.h"
#include "base/ids.h"
#include "problem.h"

/* What webhooks can be called with. */
static const char *const call_methods[] = { "GET", "POST" };

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

	for (size_t i = 0; i < G_N_ELEMENTS(call_methods); i++) {
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
	if (takes(webhook, strcmp(method, "HEAD") == 0 ? "GET" : method))
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
methods_look(WebWorker *worker, const WebRequest *request, const char *token)
{
	json_object *members = json_object_new_object();
	g_autoptr(GError) error = NULL;
	int retry_after = 0;

	if (!ids_is_token(token)) {
		json_object_put(members);
		return methods_no_webhook();
	}
	json_put_string(members, "token", token);
	g_autoptr(Frame) reply = worker_ask(worker, "call.look", members,
		worker_deadline_ms(worker), &retry_after, &error);
	if (g_error_matches(error, NBHOOK_ERROR, NBHOOK_ERROR_NOT_FOUND))
		return methods_no_webhook();
	if (reply == NULL)
		return problem_answer(FAMILY_WEBHOOK, error, retry_after, NULL);
	json_object *webhook = json_object_member(reply->body, "webhook");
	gboolean options = strcmp(request->method, "OPTIONS") == 0;
	Answer *answer = options ? NULL : methods_refusal(webhook, request->method);
	if (answer != NULL)
		return answer;
	g_autofree char *allow = allow_of(webhook);
	answer = answer_new(options ? 204 : 200);
	answer_header(answer, "Allow", allow);
	return answer;
}
