/* Source: Jupyter messaging 5.3, The Wire Protocol. */
#include "message.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>
#include <zmq.h>

#define DELIMITER "<IDS|MSG>"
#define N_SIGNED 4
#define MAX_PARTS 32
#define MANY_PARTS 1000

static const struct {
	const char *word;
	Flaw flaw;
} flaws_by_word[] = {
	{ "bad-hmac", FLAW_BAD_HMAC },
	{ "no-hmac", FLAW_NO_HMAC },
	{ "orphan", FLAW_ORPHAN },
	{ "stranger", FLAW_STRANGER },
	{ "cut", FLAW_CUT },
	{ "short", FLAW_SHORT },
	{ "no-delimiter", FLAW_NO_DELIMITER },
	{ "many-parts", FLAW_MANY_PARTS },
};

Flaw
message_flaw(const char *word)
{
	for (size_t i = 0; i < G_N_ELEMENTS(flaws_by_word); i++)
		if (strcmp(flaws_by_word[i].word, word) == 0)
			return flaws_by_word[i].flaw;
	return 0;
}

static void
sign(const char *key, const char *const parts[N_SIGNED], char hex[65])
{
	g_autoptr(GString) all = g_string_new(NULL);
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned size = 0;

	for (int i = 0; i < N_SIGNED; i++)
		g_string_append(all, parts[i]);
	HMAC(EVP_sha256(), key, (int) strlen(key), (const unsigned char *) all->str, all->len, mac,
		&size);
	for (unsigned i = 0; i < size; i++)
		g_snprintf(hex + (size_t) 2 * i, 3, "%02x", mac[i]);
}

static json_object *
parse_object(const char *text)
{
	json_object *object = json_tokener_parse(text);

	return object != NULL ? object : json_object_new_object();
}

Request *
request_ref(Request *request)
{
	return g_rc_box_acquire(request);
}

static void
clear_request(gpointer data)
{
	Request *request = data;

	g_bytes_unref(request->identity);
	json_object_put(request->header);
	json_object_put(request->content);
}

void
request_unref(Request *request)
{
	g_rc_box_release_full(request, clear_request);
}

const char *
request_type(const Request *request)
{
	return json_object_get_string(json_object_object_get(request->header, "msg_type"));
}

/* All parts of one message, each with a NUL behind it. */
static GPtrArray *
receive_parts(void *socket)
{
	GPtrArray *parts = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);
	gboolean more = TRUE;

	while (more && parts->len < MAX_PARTS) {
		zmq_msg_t part;

		zmq_msg_init(&part);
		more = zmq_msg_recv(&part, socket, ZMQ_DONTWAIT) >= 0;
		if (more) {
			size_t size = zmq_msg_size(&part);
			char *copy = g_strndup(zmq_msg_data(&part), size);

			g_ptr_array_add(parts, g_bytes_new_take(copy, size + 1));
			more = zmq_msg_more(&part) != 0;
		}
		zmq_msg_close(&part);
	}
	return parts;
}

static const char *
text_of(GPtrArray *parts, guint index)
{
	return g_bytes_get_data(parts->pdata[index], NULL);
}

Request *
request_receive(void *socket, int index, const char *key)
{
	g_autoptr(GPtrArray) parts = receive_parts(socket);
	char expected[65] = "";

	if (parts->len == 0)
		return NULL;
	if (parts->len < 3 + N_SIGNED || strcmp(text_of(parts, 1), DELIMITER) != 0)
		g_error("a client sent %u parts that are no message", parts->len);
	const char *signed_parts[N_SIGNED] = { text_of(parts, 3), text_of(parts, 4),
		text_of(parts, 5), text_of(parts, 6) };
	sign(key, signed_parts, expected);
	if (strcmp(expected, text_of(parts, 2)) != 0)
		g_error("a client sent a wrong signature");
	Request *request = g_rc_box_new0(Request);
	gsize size = g_bytes_get_size(parts->pdata[0]) - 1;

	request->socket = index;
	request->identity = g_bytes_new_from_bytes(parts->pdata[0], 0, size);
	request->header = parse_object(signed_parts[0]);
	request->content = parse_object(signed_parts[3]);
	return request;
}

static char *
header_of(const char *type)
{
	static guint64 n_sent = 0;
	g_autoptr(json_object) header = json_object_new_object();
	g_autofree char *id = g_strdup_printf("scripted_%" G_GUINT64_FORMAT, n_sent++);
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	g_autofree char *date = g_date_time_format(now, "%Y-%m-%dT%H:%M:%S.%fZ");

	json_object_object_add(header, "msg_id", json_object_new_string(id));
	json_object_object_add(header, "msg_type", json_object_new_string(type));
	json_object_object_add(header, "username", json_object_new_string("kernel"));
	json_object_object_add(header, "session", json_object_new_string("scripted"));
	json_object_object_add(header, "date", json_object_new_string(date));
	json_object_object_add(header, "version", json_object_new_string("5.3"));
	return g_strdup(json_object_to_json_string_ext(header, JSON_C_TO_STRING_PLAIN));
}

static const char *
parent_of(Request *parent, unsigned flaws)
{
	if (parent == NULL || (flaws & FLAW_ORPHAN) != 0)
		return "{}";
	if ((flaws & FLAW_STRANGER) != 0)
		return "{\"msg_id\": \"nobody\", \"msg_type\": \"execute_request\"}";
	return json_object_to_json_string_ext(parent->header, JSON_C_TO_STRING_PLAIN);
}

static void
send_part(void *socket, const char *text, size_t size, gboolean more)
{
	if (zmq_send(socket, text, size, more ? ZMQ_SNDMORE : 0) < 0)
		g_debug("a part was not sent: %s", zmq_strerror(zmq_errno()));
}

static void
send_identity(void *socket, Request *parent)
{
	gsize size;
	const char *identity = g_bytes_get_data(parent->identity, &size);

	send_part(socket, identity, size, TRUE);
}

void
message_send(void *socket, const char *key, const char *type, Request *parent, const char *content,
	unsigned flaws, gboolean to_sender)
{
	g_autofree char *header = header_of(type);
	size_t size = strlen(content) / ((flaws & FLAW_CUT) != 0 ? 2 : 1);
	g_autofree char *said = g_strndup(content, size);
	const char *parts[N_SIGNED] = { header, parent_of(parent, flaws), "{}", said };
	int n_parts = (flaws & FLAW_SHORT) != 0 ? N_SIGNED - 1 : N_SIGNED;
	int n_more = (flaws & FLAW_MANY_PARTS) != 0 ? MANY_PARTS : 0;
	char signature[65] = "";

	if ((flaws & FLAW_NO_HMAC) == 0)
		sign((flaws & FLAW_BAD_HMAC) != 0 ? "another key" : key, parts, signature);
	if (to_sender)
		send_identity(socket, parent);
	if ((flaws & FLAW_NO_DELIMITER) == 0)
		send_part(socket, DELIMITER, strlen(DELIMITER), TRUE);
	send_part(socket, signature, strlen(signature), TRUE);
	for (int i = 0; i < n_parts; i++)
		send_part(socket, parts[i], strlen(parts[i]), i + 1 < n_parts + n_more);
	for (int i = 0; i < n_more; i++)
		send_part(socket, "", 0, i + 1 < n_more);
}

void
message_send_frames(void *socket, Request *parent, char *const *frames)
{
	if (parent != NULL)
		send_identity(socket, parent);
	for (; *frames != NULL; frames++)
		send_part(socket, *frames, strlen(*frames), frames[1] != NULL);
}
