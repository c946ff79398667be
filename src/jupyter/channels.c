/* Received parts stay in ZeroMQ's own memory until the message has been parsed. ZeroMQ does not say how much
 * it holds, so everything is moved out of its queues every few messages, which is cheap beside parsing, and
 * counted. */
#include "jupyter/channels.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"

#define RECONNECT_MS 1

#define N_SOCKETS 4
#define N_MONITORS 2
/* How many messages are taken before the sockets are emptied again. */
#define EMPTY_EVERY 64
/* What a part costs beside its bytes. */
#define PART_COST ((gint64) (sizeof(zmq_msg_t) + 2 * sizeof(void *)))

struct Channels {
	Wire *wire;
	void *context;
	void *sockets[N_SOCKETS];
	void *monitors[N_MONITORS]; /* of the first sockets: what becomes of their connections */
	GQueue waiting[N_SOCKETS];  /* GPtrArray *: parts (zmq_msg_t *, which must not move) */
	gint64 waiting_bytes, waiting_limit;
	int taken; /* since the sockets were emptied */
	gboolean lost;
};

static const struct {
	Channel channel;
	int type;
} rows[N_SOCKETS] = {
	{ CHANNEL_SHELL, ZMQ_DEALER },
	{ CHANNEL_IOPUB, ZMQ_SUB },
	{ CHANNEL_STDIN, ZMQ_DEALER },
	{ CHANNEL_CONTROL, ZMQ_DEALER },
};

static size_t
index_of(Channel channel)
{
	for (size_t i = 0; i < N_SOCKETS; i++)
		if (rows[i].channel == channel)
			return i;
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
prepare(const Channels *channels, void *socket, int type, gint64 message_limit)
{
	const char *session = wire_session(channels->wire);

	return set_number(socket, ZMQ_RCVHWM, 0) && set_number(socket, ZMQ_SNDHWM, 0) &&
	       set_number(socket, ZMQ_LINGER, 0) &&
	       zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &message_limit, sizeof message_limit) == 0 &&
	       set_number(socket, ZMQ_RECONNECT_IVL, RECONNECT_MS) &&
	       zmq_setsockopt(socket, ZMQ_ROUTING_ID, session, strlen(session)) == 0 &&
	       (type != ZMQ_SUB || zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "", 0) == 0);
}

/* Lets a socket tell of the end of its connection. */
static gboolean
begin_monitor(Channels *channels, size_t index)
{
	g_autofree char *endpoint = g_strdup_printf("inproc://monitor-%zu", index);

	channels->monitors[index] = zmq_socket(channels->context, ZMQ_PAIR);
	return channels->monitors[index] != NULL &&
	       zmq_socket_monitor(channels->sockets[index], endpoint, ZMQ_EVENT_DISCONNECTED) ==
		       0 &&
	       zmq_connect(channels->monitors[index], endpoint) == 0;
}

void
channels_warm(void)
{
	wire_warm();
	zmq_ctx_term(zmq_ctx_new());
}

Channels *
channels_new(const Connection *connection, const Settings *settings, GError **error)
{
	g_autoptr(Channels) channels = g_new0(Channels, 1);

	channels->wire = wire_new(connection->key);
	channels->context = zmq_ctx_new();
	channels->waiting_limit = settings->output_limit;
	for (size_t i = 0; i < N_SOCKETS; i++) {
		g_autofree char *endpoint = connection_endpoint(connection, rows[i].channel);
		void *socket = zmq_socket(channels->context, rows[i].type);

		channels->sockets[i] = socket;
		if (socket == NULL ||
			!prepare(channels, socket, rows[i].type, settings->message_limit) ||
			(i < N_MONITORS && !begin_monitor(channels, i)) ||
			zmq_connect(socket, endpoint) != 0) {
			set_zmq_error(error, "connecting to a kernel");
			return NULL;
		}
	}
	return g_steal_pointer(&channels);
}

/* Whether there was one; all that a monitor can say here is the end of a connection. */
static gboolean
read_events(void *monitor)
{
	char event[16];
	gboolean any = FALSE;

	while (zmq_recv(monitor, event, sizeof event, ZMQ_DONTWAIT) >= 0)
		any = TRUE;
	return any;
}

/* Stopped and emptied first: ZeroMQ leaks an event that comes while its reader closes. */
static void
end_monitor(Channels *channels, size_t index)
{
	void *monitor = channels->monitors[index];

	if (channels->sockets[index] != NULL)
		zmq_socket_monitor(channels->sockets[index], NULL, 0);
	if (monitor == NULL)
		return;
	read_events(monitor);
	zmq_close(monitor);
}

void
channels_free(Channels *channels)
{
	if (channels == NULL)
		return;
	for (size_t i = 0; i < N_MONITORS; i++)
		end_monitor(channels, i);
	for (size_t i = 0; i < N_SOCKETS; i++) {
		g_queue_clear_full(&channels->waiting[i], (GDestroyNotify) g_ptr_array_unref);
		if (channels->sockets[i] != NULL)
			zmq_close(channels->sockets[i]);
	}
	if (channels->context != NULL)
		zmq_ctx_term(channels->context);
	wire_free(channels->wire);
	g_free(channels);
}

/* What the monitors have said is read first: it would be there for ever. */
void
channels_poll_items(Channels *channels, zmq_pollitem_t *items)
{
	channels_are_lost(channels);
	for (size_t i = 0; i < N_SOCKETS; i++)
		items[i] = (zmq_pollitem_t){ .socket = channels->sockets[i], .events = ZMQ_POLLIN };
	for (size_t i = 0; i < N_MONITORS; i++)
		items[N_SOCKETS + i] =
			(zmq_pollitem_t){ .socket = channels->monitors[i], .events = ZMQ_POLLIN };
}

gboolean
channels_have_waiting(const Channels *channels)
{
	return channels->waiting_bytes > 0;
}

gboolean
channels_are_lost(Channels *channels)
{
	for (size_t i = 0; i < N_MONITORS; i++)
		channels->lost = read_events(channels->monitors[i]) || channels->lost;
	return channels->lost;
}

char *
channels_send(Channels *channels, Channel channel, const char *msg_type, json_object *content,
	GError **error)
{
	g_autofree char *msg_id = NULL;
	g_autoptr(GPtrArray) parts = wire_build(channels->wire, msg_type, content, &msg_id);
	void *socket = channels->sockets[index_of(channel)];

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

static gint64
cost_of(const GPtrArray *parts)
{
	gint64 cost = 0;

	for (guint i = 0; i < parts->len; i++)
		cost += (gint64) zmq_msg_size(parts->pdata[i]) + PART_COST;
	return cost;
}

/* Moves one message out of a socket; whether there was one. */
static gboolean
move_one(Channels *channels, size_t index)
{
	g_autoptr(GPtrArray) parts = receive_parts(channels->sockets[index]);

	if (parts->len == 0)
		return FALSE;
	channels->waiting_bytes += cost_of(parts);
	g_queue_push_tail(&channels->waiting[index], g_steal_pointer(&parts));
	return TRUE;
}

/* Moves what has come out of the sockets, up to the limit. */
static void
empty_sockets(Channels *channels)
{
	channels->taken = 0;
	for (size_t i = 0; i < N_SOCKETS; i++)
		while (channels->waiting_bytes <= channels->waiting_limit && move_one(channels, i))
			continue;
}

WireMessage *
channels_receive(Channels *channels, Channel channel, GError **error)
{
	GQueue *waiting = &channels->waiting[index_of(channel)];

	if (waiting->length == 0 || channels->taken >= EMPTY_EVERY)
		empty_sockets(channels);
	if (channels->waiting_bytes > channels->waiting_limit && waiting->length > 1) {
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_TOO_LARGE,
			"the kernel sends faster than can be read: more waits than output_limit "
			"allows "
			"(%" G_GINT64_FORMAT " bytes)",
			channels->waiting_limit);
		return NULL;
	}
	g_autoptr(GPtrArray) messages = g_queue_pop_head(waiting);
	if (messages == NULL)
		return NULL;
	channels->waiting_bytes -= cost_of(messages);
	channels->taken++;
	g_autofree WirePart *parts = g_new(WirePart, messages->len);
	for (guint i = 0; i < messages->len; i++)
		parts[i] = (WirePart){ zmq_msg_data(messages->pdata[i]),
			zmq_msg_size(messages->pdata[i]) };
	return wire_parse(channels->wire, parts, messages->len, error);
}
