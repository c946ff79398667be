/* Received parts stay in ZeroMQ's own memory until the message has been parsed. */
#include "jupyter/channels.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"

#define RECONNECT_MS 1

struct Channels {
	Wire *wire;
	void *context;
	void *sockets[CHANNELS_N_SOCKETS];
};

static const struct {
	Channel channel;
	int type;
} rows[CHANNELS_N_SOCKETS] = {
	{ CHANNEL_SHELL, ZMQ_DEALER },
	{ CHANNEL_IOPUB, ZMQ_SUB },
	{ CHANNEL_STDIN, ZMQ_DEALER },
	{ CHANNEL_CONTROL, ZMQ_DEALER },
};

static void *
socket_of(const Channels *channels, Channel channel)
{
	for (size_t i = 0; i < CHANNELS_N_SOCKETS; i++)
		if (rows[i].channel == channel)
			return channels->sockets[i];
	g_assert_not_reached();
}

static gboolean
set_zmq_error(GError **error, const char *what)
{
	g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_INTERNAL, "%s: %s", what,
		zmq_strerror(zmq_errno()));
	return FALSE;
}

static gboolean
set_number(void *socket, int option, int number)
{
	return zmq_setsockopt(socket, option, &number, sizeof number) == 0;
}

static gboolean
prepare(const Channels *channels, void *socket, int type)
{
	const char *session = wire_session(channels->wire);

	return set_number(socket, ZMQ_RCVHWM, 0) && set_number(socket, ZMQ_SNDHWM, 0) &&
	       set_number(socket, ZMQ_LINGER, 0) &&
	       set_number(socket, ZMQ_RECONNECT_IVL, RECONNECT_MS) &&
	       zmq_setsockopt(socket, ZMQ_ROUTING_ID, session, strlen(session)) == 0 &&
	       (type != ZMQ_SUB || zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "", 0) == 0);
}

Channels *
channels_new(const Connection *connection, GError **error)
{
	g_autoptr(Channels) channels = g_new0(Channels, 1);

	channels->wire = wire_new(connection->key);
	channels->context = zmq_ctx_new();
	for (size_t i = 0; i < CHANNELS_N_SOCKETS; i++) {
		g_autofree char *endpoint = connection_endpoint(connection, rows[i].channel);
		void *socket = zmq_socket(channels->context, rows[i].type);

		channels->sockets[i] = socket;
		if (socket == NULL || !prepare(channels, socket, rows[i].type) ||
			zmq_connect(socket, endpoint) != 0) {
			set_zmq_error(error, "connecting to a kernel");
			return NULL;
		}
	}
	return g_steal_pointer(&channels);
}

void
channels_free(Channels *channels)
{
	if (channels == NULL)
		return;
	for (size_t i = 0; i < CHANNELS_N_SOCKETS; i++)
		if (channels->sockets[i] != NULL)
			zmq_close(channels->sockets[i]);
	if (channels->context != NULL)
		zmq_ctx_term(channels->context);
	wire_free(channels->wire);
	g_free(channels);
}

void
channels_poll_items(Channels *channels, zmq_pollitem_t *items)
{
	for (size_t i = 0; i < CHANNELS_N_SOCKETS; i++)
		items[i] = (zmq_pollitem_t){ .socket = channels->sockets[i], .events = ZMQ_POLLIN };
}

char *
channels_send(Channels *channels, Channel channel, const char *msg_type, json_object *content,
	GError **error)
{
	g_autofree char *msg_id = NULL;
	g_autoptr(GPtrArray) parts = wire_build(channels->wire, msg_type, content, &msg_id);
	void *socket = socket_of(channels, channel);

	for (guint i = 0; i < parts->len; i++) {
		size_t size;
		const void *data = g_bytes_get_data(parts->pdata[i], &size);
		int more = i + 1 < parts->len ? ZMQ_SNDMORE : 0;

		if (zmq_send(socket, data, size, ZMQ_DONTWAIT | more) < 0) {
			set_zmq_error(error, "sending to a kernel");
			return NULL;
		}
	}
	return g_steal_pointer(&msg_id);
}

static void
part_free(gpointer data)
{
	zmq_msg_close(data);
	g_free(data);
}

/* The parts of one message (zmq_msg_t *, which must not move); an empty array when none has come. Parts
 * beyond the ceiling are read and thrown away but for one, so that the parser sees that there were too
 * many. */
static GPtrArray *
receive_parts(void *socket)
{
	GPtrArray *parts = g_ptr_array_new_with_free_func(part_free);
	gboolean more = TRUE;

	while (more) {
		zmq_msg_t *part = g_new(zmq_msg_t, 1);

		zmq_msg_init(part);
		more = zmq_msg_recv(part, socket, ZMQ_DONTWAIT) >= 0;
		if (more && parts->len <= WIRE_MAX_PARTS) {
			more = zmq_msg_more(part) != 0;
			g_ptr_array_add(parts, part);
		} else {
			more = more && zmq_msg_more(part) != 0;
			part_free(part);
		}
	}
	return parts;
}

WireMessage *
channels_receive(Channels *channels, Channel channel, GError **error)
{
	g_autoptr(GPtrArray) messages = receive_parts(socket_of(channels, channel));

	if (messages->len == 0)
		return NULL;
	g_autofree WirePart *parts = g_new(WirePart, messages->len);
	for (guint i = 0; i < messages->len; i++)
		parts[i] = (WirePart){ zmq_msg_data(messages->pdata[i]),
			zmq_msg_size(messages->pdata[i]) };
	return wire_parse(channels->wire, parts, messages->len, error);
}
