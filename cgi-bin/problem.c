#include "problem.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/log.h"

#define DEFAULT_RETRY_AFTER 5

static gboolean
asks_for_patience(int status)
{
	return status == 429 || status == 503 || status == 507;
}

static char *
sentence_of(const GError *error)
{
	if (error->domain != NBHOOK_ERROR)
		return g_strdup("something went wrong on this server; its log says what");
	return log_redact(error->message);
}

static void
add_members(json_object *document, json_object *more)
{
	if (more == NULL)
		return;
	json_object_object_foreach (more, name, value)
		json_put_shared(document, name, value);
}

static json_object *
webhook_document(const GError *error, const char *sentence, json_object *more)
{
	json_object *document = json_object_new_object();
	int status = nbhook_error_http_status(error);

	json_put_string(document, "type", "about:blank");
	json_put_string(document, "title", answer_phrase(status));
	json_put_int(document, "status", status);
	json_put_string(document, "detail", sentence);
	json_put_string(document, "id", NULL);
	json_put_string(document, "error", sentence);
	add_members(document, more);
	return document;
}

static json_object *
api_document(const GError *error, const char *sentence, json_object *more)
{
	json_object *document = json_object_new_object();
	json_object *failure = json_object_new_object();
	json_object *details = json_object_new_object();

	json_put_string(failure, "code", nbhook_error_slug(error));
	json_put_string(failure, "message", sentence);
	add_members(details, more);
	json_object_object_add(failure, "details", details);
	json_object_object_add(document, "error", failure);
	return document;
}

static json_object *
job_document(const GError *error, const char *sentence, json_object *more)
{
	json_object *document = json_object_new_object();
	g_autofree char *id = ids_uuid();

	json_put_string(document, "id", id);
	json_put_string(document, "status", "error");
	json_put_string(document, "error", sentence);
	add_members(document, more);
	return document;
}

typedef struct {
	const char *type;
	json_object *(*document)(const GError *error, const char *sentence, json_object *more);
} FamilyRow;

/* clang-format off */
static const FamilyRow family_rows[] = {
	[FAMILY_WEBHOOK] = { "application/problem+json", webhook_document },
	[FAMILY_API]     = { "application/json",         api_document },
	[FAMILY_JOB]     = { "application/json",         job_document },
};
/* clang-format on */

static Answer *
build(WebFamily family, const GError *error, const char *sentence, int retry_after,
	json_object *more)
{
	int status = nbhook_error_http_status(error);
	Answer *answer = answer_new(status);

	if (retry_after > 0 || asks_for_patience(status))
		answer_header_seconds(
			answer, "Retry-After", retry_after > 0 ? retry_after : DEFAULT_RETRY_AFTER);
	if (status == 401)
		answer_header(answer, "WWW-Authenticate", "Bearer realm=\"nbhook\"");
	answer_json(answer, family_rows[family].type,
		family_rows[family].document(error, sentence, more));
	return answer;
}

Answer *
problem_answer(WebFamily family, const GError *error, int retry_after, json_object *more)
{
	g_autoptr(json_object) owned = more;
	g_autofree char *sentence = sentence_of(error);

	if (nbhook_error_http_status(error) >= 500)
		g_warning("answered %d: %s", nbhook_error_http_status(error), error->message);
	return build(family, error, sentence, retry_after, owned);
}

Answer *
problem_of_run(const char *sentence, int retry_after, json_object *more)
{
	g_autoptr(json_object) owned = more;
	g_autoptr(GError) error =
		g_error_new_literal(NBHOOK_ERROR, NBHOOK_ERROR_INTERNAL, sentence);

	return build(FAMILY_WEBHOOK, error, sentence, retry_after, owned);
}

Answer *
problem_new(WebFamily family, int code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	g_autoptr(GError) error = g_error_new_valist(NBHOOK_ERROR, code, format, arguments);
	va_end(arguments);
	return problem_answer(family, error, 0, NULL);
}
