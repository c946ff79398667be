#include "control/server.h"

#include <errno.h>
#include <glib-unix.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "control/channel.h"

#define PAUSE_MS 100
#define PATIENCE_S 2 /* for an error that will pass */

typedef struct {
	Server *server;
	Channel *channel;
	guint64 number;
	gboolean admin;
	GPtrArray *calls; /* not answered yet, borrowed */
} Connection;

struct Call {
	Connection *connection; /* NULL when the asker has gone */
	Frame *frame;
	guint64 peer;
	gboolean admin;
	CallWithdrawn withdrawn;
	gpointer withdrawn_data;
};

typedef struct {
	Server *server;
	int fd;
	gboolean admin;
	guint source;
} Listener;

struct Server {
	const OpRow *ops;
	ServerGone gone;
	gpointer context;
	guint64 last_number;
	GPtrArray *listeners;
	GPtrArray *connections;
};

static void
connection_free(Connection *connection)
{
	g_autoptr(GPtrArray) calls = g_steal_pointer(&connection->calls);

	for (guint i = 0; i < calls->len; i++)
		((Call *) g_ptr_array_index(calls, i))->connection = NULL;
	for (guint i = 0; i < calls->len; i++) {
		Call *call = g_ptr_array_index(calls, i);

		if (call->withdrawn != NULL)
			call->withdrawn(call, call->withdrawn_data);
	}
	if (connection->server->gone != NULL)
		connection->server->gone(connection->number, connection->server->context);
	channel_free(connection->channel);
	g_free(connection);
}

static const OpRow *
find_op(Server *server, const char *op, gboolean admin)
{
	for (const OpRow *row = server->ops; row->op != NULL; row++)
		if (g_strcmp0(row->op, op) == 0)
			return !row->admin_only || admin ? row : NULL;
	return NULL;
}

static void
on_frame(Channel *channel, Frame *frame, gpointer data)
{
	Connection *connection = data;
	const char *op = json_string_member(frame->body, "op");
	const OpRow *row = find_op(connection->server, op, connection->admin);
	Call *call = g_new0(Call, 1);

	call->connection = connection;
	call->frame = frame;
	call->peer = connection->number;
	call->admin = connection->admin;
	g_ptr_array_add(connection->calls, call);
	if (row == NULL)
		call_fail_with(call, NBHOOK_ERROR_FORBIDDEN,
			"this socket does not offer the operation \"%s\"", op != NULL ? op : "");
	else
		row->handle(call, connection->server->context);
}

static void
on_closed(Channel *channel, const GError *failure, gpointer data)
{
	Connection *connection = data;

	if (failure != NULL)
		g_debug("a connection broke: %s", failure->message);
	g_ptr_array_remove_fast(connection->server->connections, connection);
}

static gboolean on_connection(gint fd, GIOCondition condition, gpointer data);

/* Without descriptors the socket stays readable: it is left alone for a moment. */
static gboolean
on_pause_over(gpointer data)
{
	Listener *listener = data;

	listener->source = g_unix_fd_add(listener->fd, G_IO_IN, on_connection, listener);
	return G_SOURCE_REMOVE;
}

static gboolean
on_connection(gint fd, GIOCondition condition, gpointer data)
{
	Listener *listener = data;
	int accepted = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (accepted < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED))
		return G_SOURCE_CONTINUE;
	if (accepted < 0) {
		g_critical("accepting a connection, a pause is made: %s", g_strerror(errno));
		listener->source = g_timeout_add(PAUSE_MS, on_pause_over, listener);
		return G_SOURCE_REMOVE;
	}
	Connection *connection = g_new0(Connection, 1);
	connection->server = listener->server;
	connection->number = ++listener->server->last_number;
	connection->admin = listener->admin;
	connection->calls = g_ptr_array_new();
	connection->channel = channel_new(accepted, on_frame, on_closed, connection);
	g_ptr_array_add(listener->server->connections, connection);
	return G_SOURCE_CONTINUE;
}

static void
listener_free(Listener *listener)
{
	g_source_remove(listener->source);
	files_close(&listener->fd);
	g_free(listener);
}

Server *
server_new(const OpRow *ops, ServerGone gone, gpointer context)
{
	Server *server = g_new0(Server, 1);

	server->ops = ops;
	server->gone = gone;
	server->context = context;
	server->listeners = g_ptr_array_new_with_free_func((GDestroyNotify) listener_free);
	server->connections = g_ptr_array_new_with_free_func((GDestroyNotify) connection_free);
	return server;
}

void
server_free(Server *server)
{
	if (server == NULL)
		return;
	server->gone = NULL; /* it is we who go */
	g_ptr_array_unref(server->listeners);
	g_ptr_array_unref(server->connections);
	g_free(server);
}

void
server_close(Server *server)
{
	g_ptr_array_set_size(server->listeners, 0);
}

void
server_listen(Server *server, int fd, gboolean admin)
{
	Listener *listener = g_new0(Listener, 1);

	g_unix_set_fd_nonblocking(fd, TRUE, NULL);
	listener->server = server;
	listener->fd = fd;
	listener->admin = admin;
	listener->source = g_unix_fd_add(fd, G_IO_IN, on_connection, listener);
	g_ptr_array_add(server->listeners, listener);
}

json_object *
call_body(Call *call)
{
	return call->frame->body;
}

int
call_steal_fd(Call *call, const char *name)
{
	return frame_steal_fd(call->frame, name);
}

guint64
call_peer(Call *call)
{
	return call->peer;
}

gboolean
call_is_admin(Call *call)
{
	return call->admin;
}

void
call_drop(Call *call)
{
	if (call->connection != NULL)
		g_ptr_array_remove_fast(call->connection->calls, call);
	frame_free(call->frame);
	g_free(call);
}

void
call_reply(Call *call, json_object *members, const char *const *names, const int *fds, int n_fds)
{
	g_autoptr(json_object) body = members != NULL ? members : json_object_new_object();

	json_put_int(body, "id", json_int_member(call->frame->body, "id", 0));
	gboolean sent = TRUE;
	if (call->connection != NULL && n_fds > 0)
		sent = channel_send_named(call->connection->channel, body, names, fds, n_fds);
	else if (call->connection != NULL)
		sent = channel_send(call->connection->channel, body, NULL, 0);
	if (!sent) {
		call_fail_with(call, NBHOOK_ERROR_INTERNAL,
			"the answer is longer than %u bytes, the most that a message may have",
			FRAME_MAX_REPLY);
		return;
	}
	call_drop(call);
}

void
call_fail(Call *call, const GError *error, int retry_after)
{
	json_object *members = json_object_new_object();
	json_object *failure = json_object_new_object();

	if (retry_after == 0 && nbhook_error_http_status(error) == 503)
		retry_after = PATIENCE_S;
	if (nbhook_error_http_status(error) == 500)
		g_message("%s: %s", json_string_member(call->frame->body, "op"), error->message);
	json_put_string(failure, "code", nbhook_error_slug(error));
	json_put_string(failure, "message", error->message);
	if (retry_after > 0)
		json_put_int(failure, "retry_after", retry_after);
	json_object_object_add(members, "error", failure);
	call_reply(call, members, NULL, NULL, 0);
}

void
call_fail_with(Call *call, int code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	g_autoptr(GError) error = g_error_new_valist(NBHOOK_ERROR, code, format, arguments);
	va_end(arguments);
	call_fail(call, error, 0);
}

void
call_set_withdrawn(Call *call, CallWithdrawn withdrawn, gpointer data)
{
	call->withdrawn = withdrawn;
	call->withdrawn_data = data;
}

static void
leave_place(Call *call, gpointer place)
{
	*(Call **) place = NULL;
	call_drop(call);
}

void
call_keep_at(Call *call, Call **place)
{
	*place = call;
	call_set_withdrawn(call, leave_place, place);
}
