#include "base/ids.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>
#include <unistd.h>

#define TOKEN_BYTES (TOKEN_LENGTH / 2)
#define UUID_BYTES 16
#define UUID_LENGTH 36
#define NAME_MAX_LENGTH 64
#define NAME_CHARACTERS "-_.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

static void
fill_randomly(unsigned char *bytes, size_t size)
{
	if (getentropy(bytes, size) < 0)
		g_error("the system gives no random bytes: %s", g_strerror(errno));
}

/* Writes two hex digits for each byte; the place behind them. */
static char *
write_hex(char *text, const unsigned char *bytes, size_t size)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < size; i++) {
		*text++ = digits[bytes[i] >> 4];
		*text++ = digits[bytes[i] & 0xf];
	}
	return text;
}

/* GLib's own takes from a generator whose state a fork would have, too. */
char *
ids_uuid(void)
{
	static const size_t groups[] = { 4, 2, 2, 2, 6 }; /* bytes: RFC 4122, section 3 */
	unsigned char bytes[UUID_BYTES];
	const unsigned char *from = bytes;
	char *uuid = g_malloc0(UUID_LENGTH + 1);
	char *text = uuid;

	fill_randomly(bytes, sizeof bytes);
	bytes[6] = (bytes[6] & 0x0f) | 0x40; /* version 4 and its variant: section 4.4 */
	bytes[8] = (bytes[8] & 0x3f) | 0x80;
	for (size_t i = 0; i < G_N_ELEMENTS(groups); i++) {
		if (i > 0)
			*text++ = '-';
		text = write_hex(text, from, groups[i]);
		from += groups[i];
	}
	return uuid;
}

char *
ids_token(void)
{
	unsigned char bytes[TOKEN_BYTES];
	char *token = g_malloc0(TOKEN_LENGTH + 1);

	fill_randomly(bytes, sizeof bytes);
	write_hex(token, bytes, sizeof bytes);
	return token;
}

gboolean
ids_is_uuid(const char *text)
{
	return text != NULL && g_uuid_string_is_valid(text);
}

gboolean
ids_is_token(const char *text)
{
	return text != NULL && strlen(text) == TOKEN_LENGTH &&
	       strspn(text, "0123456789abcdefABCDEF") == TOKEN_LENGTH;
}

char *
ids_sha256(const char *text)
{
	return g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
}

gboolean
ids_secret_equal(const char *one, const char *other)
{
	size_t length = strlen(one);

	return length == strlen(other) && CRYPTO_memcmp(one, other, length) == 0;
}

char *
ids_job_id(const char *name, const char *uuid)
{
	GString *id = g_string_new(NULL);

	for (const char *at = name; *at != '\0' && id->len < NAME_MAX_LENGTH; at++)
		if (((unsigned char) *at & 0xc0) != 0x80) /* one for each character of UTF-8 */
			g_string_append_c(id, strchr(NAME_CHARACTERS, *at) != NULL ? *at : '-');
	if (id->len == 0)
		g_string_append(id, "job");
	g_string_append_printf(id, ":%s", uuid);
	return g_string_free(id, FALSE);
}

const char *
ids_job_uuid(const char *job_id)
{
	size_t length = job_id != NULL ? strspn(job_id, NAME_CHARACTERS) : 0;

	if (length == 0 || length > NAME_MAX_LENGTH || job_id[length] != ':')
		return NULL;
	return ids_is_uuid(job_id + length + 1) ? job_id + length + 1 : NULL;
}
