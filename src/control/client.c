#include "control/client.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/files.h"
#include "base/listen.h"

struct ControlClient {
	char *path;
	int socket; /* -1: not connected */
	gint64 last_id;
};

ControlClient *
control_client_new(const char *path)
{
	ControlClient *client = g_new0(ControlClient, 1);

	client->path = g_strdup(path);
	client->socket = -1;
	return client;
}

void
control_client_free(ControlClient *client)
{
	if (client == NULL)
		return;
	files_close(&client->socket);
	g_free(client->path);
	g_free(client);
}

static json_object *
request_body(ControlClient *client, const char *op, json_object *members, const char *const *names,
	int n_fds)
{
	json_object *body = members != NULL ? members : json_object_new_object();

	json_put_int(body, "id", ++client->last_id);
	json_put_string(body, "op", op);
	if (n_fds > 0) {
		json_object *list = json_object_new_array();

		for (int i = 0; i < n_fds; i++)
			json_object_array_add(list, json_object_new_string(names[i]));
		json_object_object_add(body, "fds", list);
	}
	return body;
}

static Frame *
exchange(ControlClient *client, json_object *body, const int *fds, int n_fds, gint64 deadline_ms,
	GError **error)
{
	if (client->socket < 0)
		client->socket = listen_connect(client->path, deadline_ms, error);
	if (client->socket < 0 || !frame_send(client->socket, body, fds, n_fds, deadline_ms, error))
		return NULL;
	return frame_receive(client->socket, deadline_ms, error);
}

/* Turns an error reply into an error; true for any other reply. */
static gboolean
check_reply(Frame *reply, int *retry_after, GError **error)
{
	json_object *failure = json_object_member(reply->body, "error");

	if (failure == NULL)
		return TRUE;
	const char *message = json_string_member(failure, "message");
	if (retry_after != NULL)
		*retry_after = (int) json_int_member(failure, "retry_after", 0);
	g_set_error_literal(error, NBHOOK_ERROR,
		(int) nbhook_error_from_slug(json_string_member(failure, "code")),
		message != NULL ? message : "the daemon refused without saying why");
	return FALSE;
}

Frame *
control_call(ControlClient *client, const char *op, json_object *members, const char *const *names,
	const int *fds, int n_fds, gint64 deadline_ms, int *retry_after, GError **error)
{
	g_autoptr(json_object) body = request_body(client, op, members, names, n_fds);
	gboolean kept = client->socket >= 0;
	g_autoptr(GError) failure = NULL;
	g_autoptr(Frame) reply = exchange(client, body, fds, n_fds, deadline_ms, &failure);

	if (retry_after != NULL)
		*retry_after = 0;
	if (reply == NULL && kept &&
		g_error_matches(failure, NBHOOK_ERROR, NBHOOK_ERROR_UNAVAILABLE)) {
		files_close(&client->socket);
		g_clear_error(&failure);
		reply = exchange(client, body, fds, n_fds, deadline_ms, &failure);
	}
	if (reply == NULL) {
		files_close(&client->socket);
		g_propagate_error(error, g_steal_pointer(&failure));
		return NULL;
	}
	return check_reply(reply, retry_after, error) ? g_steal_pointer(&reply) : NULL;
}
