/* Each of the four handlers takes its inputs, asks the daemon one question and puts the reply into the
 * shape that the client knows. The errors of all of them are told in refusal(). */
#include "jobs.h"

#include <string.h>

#include "auth.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/files.h"
#include "base/ids.h"
#include "notebook/request.h"
#include "problem.h"
#include "published_file.h"

#define MIB (1024 * 1024)

static const char *const needed_keys[] = { "file", "params", "path", "status", "type", "value" };
static const char *const true_words[] = { "1", "true", "True", "yes", NULL };
static const char *const offered_types[] = { "notebook", NULL };

static Answer *
refusal(const GError *error, int retry_after)
{
	if (!g_error_matches(error, NBHOOK_ERROR, NBHOOK_ERROR_NOT_FOUND))
		return problem_answer(FAMILY_JOB, error, retry_after, NULL);
	return problem_new(FAMILY_JOB, NBHOOK_ERROR_NOT_FOUND, "job not found");
}

/* The members of a question to the daemon, with the caller's key; NULL without one. */
static json_object *
members_with_key(const WebRequest *request, GError **error)
{
	g_autofree char *key = auth_key(web_request_header(request, "authorization"));

	if (key == NULL) {
		g_set_error_literal(error, NBHOOK_ERROR, NBHOOK_ERROR_UNAUTHORIZED,
			"this needs an API key: send \"Authorization: Bearer KEY\" "
			"(nbhook key add makes one)");
		return NULL;
	}
	json_object *members = json_object_new_object();
	json_put_string(members, "key", key);
	return members;
}

static json_object *
query_of(const WebRequest *request, GError **error)
{
	json_object *last = NULL;
	g_autoptr(json_object) all = NULL;

	if (!request_parse_form(
		    request->query, strlen(request->query), "the query", &last, &all, error))
		return NULL;
	return last;
}

static gboolean
check_type(const char *type, GError **error)
{
	if (type != NULL && g_strv_contains(offered_types, type))
		return TRUE;
	g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNPROCESSABLE,
		"this server does not offer jobs of the type \"%s\"; it offers: notebook",
		type != NULL ? type : "");
	return FALSE;
}

/* path and type of a query, checked, into members. */
static gboolean
put_path_and_type(json_object *members, json_object *query, GError **error)
{
	const char *path = json_string_member(query, "path");
	const char *type = json_string_member(query, "type");

	if (path == NULL || type == NULL) {
		g_set_error_literal(error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST,
			"the query must name both path and type");
		return FALSE;
	}
	if (!check_type(type, error))
		return FALSE;
	json_put_string(members, "path", path);
	json_put_string(members, "type", type);
	return TRUE;
}

static Answer *
list_jobs(WebWorker *worker, json_object *members)
{
	g_autoptr(GError) error = NULL;
	int retry_after = 0;
	g_autoptr(Frame) reply = worker_ask(
		worker, "webhook.list", members, worker_deadline_ms(worker), &retry_after, &error);

	if (reply == NULL)
		return refusal(error, retry_after);
	Answer *answer = answer_new(200);
	answer_json(answer, "application/json",
		json_object_get(json_array_member(reply->body, "jobs")));
	return answer;
}

/* {"filename", "data"} of the current version, under the name that the client saves it as. */
static gboolean
put_file(WebWorker *worker, json_object *job, const char *path, Frame *reply, GError **error)
{
	AUTO_FD fd = frame_steal_fd(reply, "content");
	size_t size = 0;

	if (fd < 0)
		return TRUE;
	g_autofree char *bytes =
		files_read_all(fd, worker->settings->max_notebook, "max_notebook", &size, error);
	if (bytes == NULL)
		return FALSE;
	g_autofree char *name = g_path_get_basename(path);
	g_autofree char *filename = g_strconcat("prod_", name, NULL);
	g_autofree char *data = g_base64_encode((const guchar *) bytes, size);
	json_object *file = json_object_new_object();
	json_put_string(file, "filename", filename);
	json_put_string(file, "data", data);
	json_object_object_add(job, "file", file);
	return TRUE;
}

static Answer *
get_job(WebWorker *worker, json_object *query, json_object *members)
{
	const char *light = json_string_member(query, "light");
	g_autoptr(GError) error = NULL;
	int retry_after = 0;
	g_autoptr(Frame) reply = worker_ask(
		worker, "webhook.get", members, worker_deadline_ms(worker), &retry_after, &error);

	if (reply == NULL)
		return refusal(error, retry_after);
	json_object *job = json_object_member(reply->body, "job");
	json_put_string(job, "url", json_string_member(reply->body, "url"));
	if ((light == NULL || !g_strv_contains(true_words, light)) &&
		!put_file(worker, job, json_string_member(query, "path"), reply, &error))
		return refusal(error, 0);
	Answer *answer = answer_new(200);
	answer_json(answer, "application/json", json_object_get(job));
	return answer;
}

/* What the query asks for beyond the current version. */
static gboolean
check_no_history(json_object *query, GError **error)
{
	if (json_member(query, "mode") == NULL && json_member(query, "histo") == NULL)
		return TRUE;
	g_set_error_literal(error, NBHOOK_ERROR, NBHOOK_ERROR_UNPROCESSABLE,
		"this server does not offer mode and histo in GET /job");
	return FALSE;
}

Answer *
jobs_get(WebWorker *worker, const WebRequest *request, const RouteMatch *match)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(json_object) members = members_with_key(request, &error);
	g_autoptr(json_object) query = members != NULL ? query_of(request, &error) : NULL;

	if (query == NULL)
		return refusal(error, 0);
	if (json_member(query, "path") == NULL && json_member(query, "type") == NULL)
		return list_jobs(worker, g_steal_pointer(&members));
	if (!put_path_and_type(members, query, &error) || !check_no_history(query, &error))
		return refusal(error, 0);
	return get_job(worker, query, g_steal_pointer(&members));
}

/* {"id", "status", "data", "url"?}: what POST is answered with. */
static Answer *
answer_posted(json_object *reply)
{
	json_object *document = json_object_new_object();
	const char *url = json_string_member(reply, "url");
	g_autofree char *id = ids_uuid();
	Answer *answer = answer_new(200);

	json_put_string(document, "id", id);
	json_put_string(document, "status", json_string_member(reply, "status"));
	json_put_shared(document, "data", json_array_member(reply, "jobs"));
	if (url != NULL)
		json_put_string(document, "url", url);
	answer_json(answer, "application/json", document);
	return answer;
}

static Answer *
missing_keys(json_object *body)
{
	g_autoptr(GError) error =
		g_error_new_literal(NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST, "missing keys");
	json_object *more = json_object_new_object();
	json_object *missing = json_object_new_array();

	for (size_t i = 0; i < G_N_ELEMENTS(needed_keys); i++)
		if (!json_object_object_get_ex(body, needed_keys[i], NULL))
			json_object_array_add(missing, json_object_new_string(needed_keys[i]));
	if (json_object_array_length(missing) == 0) {
		json_object_put(missing);
		json_object_put(more);
		return NULL;
	}
	json_object_object_add(more, "data", missing);
	return problem_answer(FAMILY_JOB, error, 0, more);
}

static gboolean
refuse_member(GError **error, int code, const char *sentence)
{
	g_set_error_literal(error, NBHOOK_ERROR, code, sentence);
	return FALSE;
}

/* Text without a NUL in it, or NULL. */
static const char *
text_of(json_object *member)
{
	if (!json_object_is_type(member, json_type_string))
		return NULL;
	const char *text = json_object_get_string(member);
	return strlen(text) == (size_t) json_object_get_string_len(member) ? text : NULL;
}

/* path, type, params and value of a posted job into members. */
static gboolean
put_job(json_object *members, json_object *body, GError **error)
{
	const char *path = text_of(json_member(body, "path"));
	json_object *params = json_member(body, "params");
	json_object *value = json_member(body, "value");
	const char *token = text_of(value);

	if (path == NULL)
		return refuse_member(
			error, NBHOOK_ERROR_BAD_REQUEST, "path must be text without NUL");
	if (!check_type(json_string_member(body, "type"), error))
		return FALSE;
	if (params != NULL && !json_object_is_type(params, json_type_object))
		return refuse_member(
			error, NBHOOK_ERROR_UNPROCESSABLE, "params must be an object or null");
	if (value != NULL && (token == NULL || (token[0] != '\0' && !ids_is_token(token))))
		return refuse_member(error, NBHOOK_ERROR_BAD_REQUEST,
			"value, the token of the webhook, must be 60 hex digits, "
			"or null for a new one");
	json_put_string(members, "path", path);
	json_put_string(members, "type", json_string_member(body, "type"));
	json_object_object_add(members, "params",
		params != NULL ? json_object_get(params) : json_object_new_object());
	json_put_bool(members, "debug", json_bool_member(body, "debug", FALSE));
	json_put_string(members, "value", token != NULL && token[0] != '\0' ? token : NULL);
	return TRUE;
}

static Answer *
publish(WebWorker *worker, json_object *members, json_object *body)
{
	g_autoptr(json_object) owned = members;
	json_object *file = json_object_member(body, "file");
	g_autoptr(GError) error = NULL;
	int retry_after = 0;

	if (file == NULL)
		return problem_new(FAMILY_JOB, NBHOOK_ERROR_UNPROCESSABLE,
			"file must be {\"filename\", \"data\"}: there is nothing to publish "
			"without it");
	g_autoptr(PublishedFile) published = published_file_new(file, worker->settings, &error);
	if (published == NULL)
		return refusal(error, 0);
	json_put_shared(owned, "kernel", published->kernel);
	gint64 deadline_ms =
		MAX(worker_deadline_ms(worker), clock_ms() + worker->settings->response_limit_ms);
	g_autoptr(Frame) reply = worker_ask_with(worker, "webhook.publish", g_steal_pointer(&owned),
		"content", published->fd, deadline_ms, &retry_after, &error);
	return reply != NULL ? answer_posted(reply->body) : refusal(error, retry_after);
}

static Answer *
take_down(WebWorker *worker, json_object *members, json_object *body)
{
	g_autoptr(GError) error = NULL;
	int retry_after = 0;
	g_autoptr(Frame) reply = worker_ask(worker, "webhook.delete", members,
		worker_deadline_ms(worker), &retry_after, &error);

	return reply != NULL ? answer_posted(reply->body) : refusal(error, retry_after);
}

typedef struct {
	const char *status;
	Answer *(*handle)(WebWorker *worker, json_object *members, json_object *body);
} StatusRow;

static const StatusRow status_rows[] = {
	{ "installed", publish },
	{ "edited", publish },
	{ "delete", take_down },
};

static Answer *
post_job(WebWorker *worker, json_object *members, json_object *body)
{
	g_autoptr(json_object) owned = members;
	const char *status = json_string_member(body, "status");
	g_autoptr(GError) error = NULL;
	Answer *missing = missing_keys(body);

	if (missing != NULL)
		return missing;
	if (!put_job(owned, body, &error))
		return refusal(error, 0);
	for (size_t i = 0; i < G_N_ELEMENTS(status_rows); i++)
		if (g_strcmp0(status_rows[i].status, status) == 0)
			return status_rows[i].handle(worker, g_steal_pointer(&owned), body);
	return problem_new(FAMILY_JOB, NBHOOK_ERROR_UNPROCESSABLE,
		"status must be \"installed\", \"edited\" or \"delete\"");
}

/* Whether the key may publish: asked before a large body is read for a stranger. */
static gboolean
check_key(WebWorker *worker, json_object *members, int *retry_after, GError **error)
{
	g_autoptr(Frame) reply = worker_ask(worker, "key.check", json_copy(members),
		worker_deadline_ms(worker), retry_after, error);

	return reply != NULL;
}

Answer *
jobs_post(WebWorker *worker, const WebRequest *request, const RouteMatch *match)
{
	gint64 ceiling = worker->settings->max_notebook / 3 * 4 + MIB;
	g_autoptr(GError) error = NULL;
	g_autoptr(json_object) members = members_with_key(request, &error);
	int retry_after = 0;

	if (members == NULL || !check_key(worker, members, &retry_after, &error))
		return refusal(error, retry_after);
	g_autoptr(GBytes) bytes = web_request_read_body(request, ceiling, "max_notebook", &error);
	if (bytes == NULL)
		return refusal(error, 0);
	g_autoptr(json_object) body = json_parse_object(g_bytes_get_data(bytes, NULL),
		g_bytes_get_size(bytes), (int) worker->settings->max_json_depth, &error);
	if (body == NULL)
		return refusal(error, 0);
	return post_job(worker, g_steal_pointer(&members), body);
}

static void
put_if_said(json_object *members, json_object *query, const char *name)
{
	const char *value = json_string_member(query, name);

	if (value != NULL)
		json_put_string(members, name, value);
}

static Answer *
clear_files(WebWorker *worker, json_object *members)
{
	g_autoptr(GError) error = NULL;
	int retry_after = 0;
	g_autofree char *id = ids_uuid();
	g_autoptr(Frame) reply = worker_ask(
		worker, "webhook.clear", members, worker_deadline_ms(worker), &retry_after, &error);

	if (reply == NULL)
		return refusal(error, retry_after);
	json_object *document = json_object_new_object();
	json_put_string(document, "id", id);
	json_put_string(document, "status", "healthy");
	json_put_shared(document, "data", json_array_member(reply->body, "data"));
	json_put_shared(document, "files", json_array_member(reply->body, "files"));
	Answer *answer = answer_new(200);
	answer_json(answer, "application/json", document);
	return answer;
}

Answer *
jobs_delete(WebWorker *worker, const WebRequest *request, const RouteMatch *match)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(json_object) members = members_with_key(request, &error);
	g_autoptr(json_object) query = members != NULL ? query_of(request, &error) : NULL;

	if (query == NULL || !put_path_and_type(members, query, &error))
		return refusal(error, 0);
	put_if_said(members, query, "histo");
	put_if_said(members, query, "mode");
	return clear_files(worker, g_steal_pointer(&members));
}

Answer *
jobs_environment(WebWorker *worker, const WebRequest *request, const RouteMatch *match)
{
	g_autoptr(GError) error = NULL;
	int retry_after = 0;
	g_autoptr(Frame) reply = worker_ask(
		worker, "server.info", NULL, worker_deadline_ms(worker), &retry_after, &error);

	if (reply == NULL)
		return refusal(error, retry_after);
	json_object *document = json_object_new_object();
	json_put_string(document, "status", json_string_member(reply->body, "status"));
	json_put_string(document, "version", json_string_member(reply->body, "version"));
	Answer *answer = answer_new(200);
	answer_json(answer, "application/json", document);
	return answer;
}
