#include "control/client.h"

#include <errno.h>
#include <gio/gio.h>
#include <poll.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/files.h"
#include "base/listen.h"

#define REPEAT_FOR_MS 5000
#define PAUSE_US 20000

struct ControlClient {
	char *path;
	int socket;          /* -1: not connected */
	FrameReader *reader; /* of that connection */
	int asker;           /* borrowed; -1: none */
	gint64 last_id;
};

ControlClient *
control_client_new(const char *path)
{
	ControlClient *client = g_new0(ControlClient, 1);

	client->path = g_strdup(path);
	client->socket = -1;
	client->asker = -1;
	return client;
}

static void
disconnect(ControlClient *client)
{
	files_close(&client->socket);
	g_clear_pointer(&client->reader, frame_reader_free);
}

static gboolean
connect_to(ControlClient *client, gint64 deadline_ms, GError **error)
{
	client->socket = listen_connect(client->path, deadline_ms, error);
	if (client->socket >= 0)
		client->reader = frame_reader_new(FRAME_MAX_REPLY);
	return client->socket >= 0;
}

void
control_client_free(ControlClient *client)
{
	if (client == NULL)
		return;
	disconnect(client);
	g_free(client->path);
	g_free(client);
}

void
control_client_set_asker(ControlClient *client, int asker)
{
	client->asker = asker;
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

/* Waits until there is something to receive, or the deadline, as long as the asker is there. */
static gboolean
await_reply(const ControlClient *client, gint64 deadline_ms, GError **error)
{
	struct pollfd ends[] = { { .fd = client->socket, .events = POLLIN },
		{ .fd = client->asker } }; /* a hang-up is always told */
	int result;

	do
		result = poll(ends, G_N_ELEMENTS(ends), clock_remaining_ms(deadline_ms));
	while (result < 0 && errno == EINTR);
	if (result <= 0 || ends[1].revents == 0)
		return TRUE;
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "the asker has gone");
	return FALSE;
}

static Frame *
exchange(ControlClient *client, json_object *body, const int *fds, int n_fds, gint64 deadline_ms,
	GError **error)
{
	if ((client->socket < 0 && !connect_to(client, deadline_ms, error)) ||
		!frame_send(client->socket, body, fds, n_fds, deadline_ms, error) ||
		!await_reply(client, deadline_ms, error))
		return NULL;
	return frame_reader_receive(client->reader, client->socket, deadline_ms, error);
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
	gint64 give_up_ms = -1;

	if (retry_after != NULL)
		*retry_after = 0;
	for (;;) {
		g_autoptr(GError) failure = NULL;
		gboolean kept = client->socket >= 0;
		g_autoptr(Frame) reply = exchange(client, body, fds, n_fds, deadline_ms, &failure);

		if (reply != NULL)
			return check_reply(reply, retry_after, error) ? g_steal_pointer(&reply)
								      : NULL;
		gboolean broke = client->socket >= 0 &&
				 g_error_matches(failure, NBHOOK_ERROR, NBHOOK_ERROR_UNAVAILABLE);
		disconnect(client);
		if (give_up_ms < 0)
			give_up_ms = clock_ms() + REPEAT_FOR_MS;
		if (!broke || clock_ms() >= give_up_ms || clock_remaining_ms(deadline_ms) == 0) {
			g_propagate_error(error, g_steal_pointer(&failure));
			return NULL;
		}
		if (!kept)
			g_usleep(PAUSE_US);
	}
}
