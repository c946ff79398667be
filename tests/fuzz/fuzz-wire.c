/* What a kernel sends is parsed, handed to a handshake and to a player, and what came of it is a notebook.
 *
 * The input is the parts of messages, each behind the one before it and a record separator (0x1e); a group
 * separator (0x1d) ends a message. A signature that reads "sign" is replaced by the right one, so that
 * mutations reach what is behind it. */
#include "fuzz.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "exec/handshake.h"
#include "exec/player.h"
#include "jupyter/wire.h"
#include "../print.h"

#define KEY "key"
#define PART_END 0x1e
#define MESSAGE_END 0x1d
#define N_SIGNED 4
#define OUTPUT_LIMIT (1 << 20)
#define MAX_OUTPUTS 20

static const char cells[] =
	"{\"nbformat\": 4, \"nbformat_minor\": 4, \"metadata\": {}, \"cells\": ["
	"{\"cell_type\": \"code\", \"metadata\": {}, \"source\": \"1\", \"outputs\": [], "
	"\"execution_count\": null}, "
	"{\"cell_type\": \"code\", \"metadata\": {\"tags\": [\"raises-exception\"]}, "
	"\"source\": \"2\", \"outputs\": [], \"execution_count\": null}]}";

/* Splits bytes at a separator; the pieces (WirePart) point into them. */
static GArray *
split(const char *data, size_t size, char separator)
{
	GArray *pieces = g_array_new(FALSE, FALSE, sizeof(WirePart));
	const char *end = data + size;

	while (data <= end) {
		const char *next =
			data < end ? memchr(data, separator, (size_t) (end - data)) : NULL;
		WirePart piece = { data, (size_t) ((next != NULL ? next : end) - data) };

		g_array_append_val(pieces, piece);
		data += piece.size + 1;
	}
	return pieces;
}

static char *
signature_of(const WirePart *parts)
{
	g_autoptr(GByteArray) all = g_byte_array_new();
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned size = 0;
	GString *hex = g_string_new(NULL);

	for (size_t i = 0; i < N_SIGNED; i++)
		g_byte_array_append(all, parts[i].data, (guint) parts[i].size);
	HMAC(EVP_sha256(), KEY, strlen(KEY), all->data, all->len, mac, &size);
	for (unsigned i = 0; i < size; i++)
		g_string_append_printf(hex, "%02x", mac[i]);
	return g_string_free(hex, FALSE);
}

/* The caller frees what the signature points to. */
static char *
sign_where_asked(GArray *parts)
{
	for (guint i = 1; i + N_SIGNED < parts->len; i++) {
		WirePart *part = &g_array_index(parts, WirePart, i);

		if (part->size != 4 || memcmp(part->data, "sign", 4) != 0)
			continue;
		char *signature = signature_of(part + 1);
		*part = (WirePart){ signature, strlen(signature) };
		return signature;
	}
	return NULL;
}

/* The channel is by the type's last letters, as the two kinds of messages of a kernel are. */
static void
take(Handshake *handshake, Player *player, const WireMessage *message)
{
	gboolean is_reply = g_str_has_suffix(wire_message_type(message), "_reply");
	Channel channel = is_reply ? CHANNEL_SHELL : CHANNEL_IOPUB;

	g_assert_nonnull(wire_message_parent_id(message));
	handshake_take(handshake, channel, message, 1);
	player_take(player, channel, message, 1);
	if (player_state(player) != PLAYER_READY)
		return;
	g_autoptr(json_object) request = player_next(player);
	if (request != NULL)
		player_sent(player, "b");
}

static void
check_print(Notebook *notebook)
{
	g_autofree char *printed = print_notebook(notebook);
	g_autoptr(GError) error = NULL;
	g_autoptr(Notebook) again = notebook_parse(printed, strlen(printed), &error);

	g_assert_no_error(error);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(Wire) wire = wire_new(KEY);
	g_autoptr(Notebook) notebook = notebook_parse(cells, strlen(cells), NULL);
	g_autoptr(Player) player =
		player_new(notebook, (OutputLimits){ OUTPUT_LIMIT, MAX_OUTPUTS });
	g_autoptr(GArray) messages = split((const char *) data, size, MESSAGE_END);
	g_autoptr(json_object) request = player_next(player);
	Handshake handshake;

	handshake_init(&handshake, 0);
	player_sent(player, "a");
	for (guint i = 0; i < messages->len; i++) {
		const WirePart *whole = &g_array_index(messages, WirePart, i);
		g_autoptr(GArray) parts = split(whole->data, whole->size, PART_END);
		g_autofree char *signature = sign_where_asked(parts);
		g_autoptr(WireMessage) message =
			wire_parse(wire, (const WirePart *) parts->data, parts->len, NULL);

		if (message != NULL)
			take(&handshake, player, message);
	}
	player_settle(player);
	check_print(notebook);
	handshake_clear(&handshake);
	return 0;
}
