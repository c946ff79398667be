/* The four signed parts go through HMAC as they came, and only then through the JSON parser. */
#include "jupyter/wire.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"

#define DELIMITER "<IDS|MSG>"
#define PROTOCOL "5.3"
#define N_SIGNED 4
#define MAC_SIZE 32
#define MAX_DEPTH 400 /* an output must fit into a notebook, which may be 500 deep */

struct Wire {
	EVP_MAC *mac;
	EVP_MAC_CTX *keyed; /* duplicated for each message */
	char *session;
	guint64 n_built;
};

static EVP_MAC_CTX *
keyed_new(EVP_MAC *mac, const char *key)
{
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC_CTX *keyed = EVP_MAC_CTX_new(mac);

	if (keyed == NULL ||
		EVP_MAC_init(keyed, (const unsigned char *) key, strlen(key), params) != 1)
		g_error("libcrypto has no HMAC-SHA256");
	return keyed;
}

void
wire_warm(void)
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);

	EVP_MAC_CTX_free(keyed_new(mac, ""));
	EVP_MAC_free(mac);
}

Wire *
wire_new(const char *key)
{
	Wire *wire = g_new0(Wire, 1);

	wire->mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	wire->keyed = keyed_new(wire->mac, key);
	wire->session = ids_uuid();
	return wire;
}

void
wire_free(Wire *wire)
{
	if (wire == NULL)
		return;
	EVP_MAC_CTX_free(wire->keyed);
	EVP_MAC_free(wire->mac);
	g_free(wire->session);
	g_free(wire);
}

const char *
wire_session(const Wire *wire)
{
	return wire->session;
}

/* The signature of four parts in lower-case hex. */
static void
sign(Wire *wire, const WirePart *parts, char hex[2 * MAC_SIZE + 1])
{
	EVP_MAC_CTX *context = EVP_MAC_CTX_dup(wire->keyed);
	unsigned char mac[MAC_SIZE];
	size_t size = 0;

	for (size_t i = 0; i < N_SIGNED; i++)
		EVP_MAC_update(context, parts[i].data, parts[i].size);
	if (EVP_MAC_final(context, mac, &size, sizeof mac) != 1 || size != MAC_SIZE)
		g_error("libcrypto could not finish a signature");
	EVP_MAC_CTX_free(context);
	for (size_t i = 0; i < MAC_SIZE; i++)
		g_snprintf(hex + 2 * i, 3, "%02x", mac[i]);
}

static char *
header_text(Wire *wire, const char *msg_type, const char *msg_id)
{
	g_autoptr(json_object) header = json_object_new_object();
	g_autofree char *date = clock_iso(clock_wall_us());

	json_put_string(header, "msg_id", msg_id);
	json_put_string(header, "msg_type", msg_type);
	json_put_string(header, "session", wire->session);
	json_put_string(header, "username", "nbhook");
	json_put_string(header, "date", date);
	json_put_string(header, "version", PROTOCOL);
	return json_print(header);
}

static GBytes *
bytes_of(const char *text)
{
	return g_bytes_new(text, strlen(text));
}

GPtrArray *
wire_build(Wire *wire, const char *msg_type, json_object *content, char **msg_id)
{
	GPtrArray *message = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);
	g_autofree char *id =
		g_strdup_printf("%s_%" G_GUINT64_FORMAT, wire->session, wire->n_built++);
	g_autofree char *header = header_text(wire, msg_type, id);
	g_autofree char *content_text = json_print(content);
	const char *texts[N_SIGNED] = { header, "{}", "{}", content_text };
	WirePart parts[N_SIGNED];
	char signature[2 * MAC_SIZE + 1];

	for (size_t i = 0; i < N_SIGNED; i++)
		parts[i] = (WirePart){ texts[i], strlen(texts[i]) };
	sign(wire, parts, signature);
	g_ptr_array_add(message, bytes_of(DELIMITER));
	g_ptr_array_add(message, bytes_of(signature));
	for (size_t i = 0; i < N_SIGNED; i++)
		g_ptr_array_add(message, bytes_of(texts[i]));
	*msg_id = g_steal_pointer(&id);
	return message;
}

static gboolean
part_is(const WirePart *part, const char *text)
{
	return part->size == strlen(text) && memcmp(part->data, text, part->size) == 0;
}

/* The index of the delimiter, or n_parts. */
static size_t
find_delimiter(const WirePart *parts, size_t n_parts)
{
	size_t i = 0;

	while (i < n_parts && !part_is(&parts[i], DELIMITER))
		i++;
	return i;
}

static gboolean
verify(Wire *wire, const WirePart *signature, const WirePart *parts)
{
	char expected[2 * MAC_SIZE + 1];

	sign(wire, parts, expected);
	return signature->size == 2 * MAC_SIZE &&
	       CRYPTO_memcmp(signature->data, expected, 2 * MAC_SIZE) == 0;
}

/* How many bytes at text stand as one U+FFFD: the longest beginning of a character, as Python and browsers
 * have it (Unicode, section 3.9; g_utf8_make_valid takes single bytes). */
static size_t
broken_length(const unsigned char *text, size_t size)
{
	/* clang-format off */
	static const struct { /* Unicode, table 3-7: first bytes, second bytes, length */
		unsigned char first, last, second_from, second_to;
		size_t length;
	} rows[] = {
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};
	/* clang-format on */
	size_t row = 0, length = 1;

	while (row < G_N_ELEMENTS(rows) && (text[0] < rows[row].first || text[0] > rows[row].last))
		row++;
	if (row == G_N_ELEMENTS(rows) || size < 2 || text[1] < rows[row].second_from ||
		text[1] > rows[row].second_to)
		return 1;
	for (length = 2; length < rows[row].length && length < size; length++)
		if ((text[length] & 0xc0) != 0x80)
			break;
	return length;
}

static GString *
make_valid(const char *text, size_t size)
{
	GString *valid = g_string_sized_new(size);
	const char *end;

	while (!g_utf8_validate_len(text, size, &end)) {
		size_t sound = (size_t) (end - text);
		size_t broken = broken_length((const unsigned char *) end, size - sound);

		g_string_append_len(valid, text, (gssize) sound);
		g_string_append(valid, "\xef\xbf\xbd");
		text = end + broken;
		size -= sound + broken;
	}
	g_string_append_len(valid, text, (gssize) size);
	return valid;
}

/* One part as an object. Kernels that cannot encode a string send raw bytes in it. */
static json_object *
parse_part(const WirePart *part, GError **error)
{
	const char *text = part->data;
	GError *failure = NULL;
	json_object *object = json_parse_object(text, part->size, MAX_DEPTH, &failure);

	if (object != NULL)
		return object;
	if (g_utf8_validate_len(text, part->size, NULL)) {
		g_propagate_error(error, failure);
		return NULL;
	}
	g_clear_error(&failure);
	g_autoptr(GString) valid = make_valid(text, part->size);
	return json_parse_object(valid->str, valid->len, MAX_DEPTH, error);
}

/* Copies of the parts; NULL for none. */
static GPtrArray *
copy_buffers(const WirePart *parts, size_t n_parts)
{
	GPtrArray *buffers;

	if (n_parts == 0)
		return NULL;
	buffers = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);
	for (size_t i = 0; i < n_parts; i++)
		g_ptr_array_add(buffers, g_bytes_new(parts[i].data, parts[i].size));
	return buffers;
}

WireMessage *
wire_parse(Wire *wire, const WirePart *parts, size_t n_parts, GError **error)
{
	size_t delimiter = find_delimiter(parts, n_parts);
	const WirePart *signed_parts = parts + delimiter + 2;

	if (n_parts > WIRE_MAX_PARTS || delimiter + 2 + N_SIGNED > n_parts) {
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST,
			"a kernel sent %zu parts that are no message", n_parts);
		return NULL;
	}
	if (!verify(wire, &parts[delimiter + 1], signed_parts)) {
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_FORBIDDEN,
			"a kernel sent a message with a wrong signature");
		return NULL;
	}
	g_autoptr(WireMessage) message = g_new0(WireMessage, 1);
	json_object **objects[N_SIGNED] = { &message->header, &message->parent, &message->metadata,
		&message->content };

	for (size_t i = 0; i < n_parts; i++)
		message->size += parts[i].size;
	for (size_t i = 0; i < N_SIGNED; i++) {
		*objects[i] = parse_part(&signed_parts[i], error);
		if (*objects[i] == NULL) {
			g_prefix_error(error, "a message of the kernel: ");
			return NULL;
		}
	}
	message->buffers =
		copy_buffers(signed_parts + N_SIGNED, n_parts - (delimiter + 2 + N_SIGNED));
	return g_steal_pointer(&message);
}

void
wire_message_free(WireMessage *message)
{
	if (message == NULL)
		return;
	json_object_put(message->header);
	json_object_put(message->parent);
	json_object_put(message->metadata);
	json_object_put(message->content);
	g_clear_pointer(&message->buffers, g_ptr_array_unref);
	g_free(message);
}

const char *
wire_message_type(const WireMessage *message)
{
	const char *type = json_string_member(message->header, "msg_type");

	return type != NULL ? type : "";
}

const char *
wire_message_parent_id(const WireMessage *message)
{
	const char *id = json_string_member(message->parent, "msg_id");

	return id != NULL ? id : "";
}

const char *
wire_message_date(const WireMessage *message)
{
	return json_string_member(message->header, "date");
}
