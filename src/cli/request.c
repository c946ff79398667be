#include "cli/request.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/files.h"
#include "base/ids.h"
#include "cli/admin.h"
#include "notebook/request.h"

#define PATIENCE_MS 60000
#define PAUSE_US 200000

/* The request that the notebook sees; the token is in none. */
static GString *
request_text(json_object *params, GError **error)
{
	g_autoptr(json_object) headers = json_object_new_object();
	g_autoptr(GString) text = g_string_new(NULL);
	g_autofree char *body = json_object_object_length(params) > 0 ? json_print(params) : NULL;
	const Redaction redaction = { 0 };

	json_put_string(headers, "user-agent", "nbhook/" NBHOOK_VERSION);
	if (body != NULL) {
		g_autofree char *length = g_strdup_printf("%zu", strlen(body));

		json_put_string(headers, "content-type", "application/json");
		json_put_string(headers, "content-length", length);
	}
	if (!request_print_head(
		    text, body != NULL ? "POST" : "GET", "/webhook/-", headers, &redaction, error))
		return NULL;
	if (body != NULL)
		g_string_append(text, body);
	return g_steal_pointer(&text);
}

static gboolean
write_request(Frame *begun, const GString *text, GError **error)
{
	AUTO_FD fd = frame_steal_fd(begun, "request");

	if (fd < 0) {
		g_set_error_literal(error, NBHOOK_ERROR, NBHOOK_ERROR_INTERNAL,
			"nbhookd began a call without a file to write to");
		return FALSE;
	}
	return files_write_all(fd, text->str, text->len, error) &&
	       files_sync(fd, "the request", error);
}

/* One try; *job is its id once the call is accepted. again: an earlier try may have got through. */
static gboolean
try_call(Cli *cli, const char *uuid, const char *token, const GString *text, gboolean again,
	char **job, GError **error)
{
	json_object *members = json_object_new_object();

	json_put_string(members, "uuid", uuid);
	json_put_string(members, "token", token);
	if (again)
		json_put_bool(members, "again", TRUE);
	g_autoptr(Frame) begun = admin_ask(cli, "call.begin", members, -1, PATIENCE_MS, error);
	if (begun == NULL)
		return FALSE;
	if (!json_bool_member(begun->body, "accepted", FALSE)) {
		if (!write_request(begun, text, error))
			return FALSE;
		members = json_object_new_object();
		json_put_string(members, "uuid", uuid);
		json_put_int(members, "size", (gint64) text->len);
		g_autoptr(Frame) accepted =
			admin_ask(cli, "call.submit", members, -1, PATIENCE_MS, error);
		if (accepted == NULL)
			return FALSE;
	}
	*job = g_strdup(json_string_member(begun->body, "job"));
	return TRUE;
}

/* After a restart the daemon has forgotten what had only begun. */
static gboolean
may_repeat(const GError *failure)
{
	return admin_may_recover(failure) ||
	       g_error_matches(failure, NBHOOK_ERROR, NBHOOK_ERROR_NOT_FOUND);
}

char *
request_call(Cli *cli, const char *token, json_object *params, GError **error)
{
	gint64 give_up_ms = clock_ms() + PATIENCE_MS;
	g_autoptr(GString) text = request_text(params, error);
	g_autofree char *uuid = ids_uuid();
	gboolean again = FALSE;
	char *job = NULL;

	while (text != NULL) {
		g_autoptr(GError) failure = NULL;

		if (try_call(cli, uuid, token, text, again, &job, &failure))
			return job;
		if (!may_repeat(failure) || (again && clock_ms() >= give_up_ms)) {
			g_propagate_error(error, g_steal_pointer(&failure));
			return NULL;
		}
		again = TRUE;
		g_usleep(PAUSE_US);
	}
	return NULL;
}
