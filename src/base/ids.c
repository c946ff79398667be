#include "base/ids.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>

#define TOKEN_BYTES (TOKEN_LENGTH / 2)
#define NAME_MAX_LENGTH 64
#define NAME_CHARACTERS "-_.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

char *
ids_uuid(void)
{
	return g_uuid_string_random();
}

char *
ids_token(void)
{
	unsigned char bytes[TOKEN_BYTES];
	GString *token = g_string_sized_new(TOKEN_LENGTH + 1);

	if (RAND_bytes(bytes, sizeof bytes) != 1)
		g_error("the system gives no random bytes");
	for (size_t i = 0; i < sizeof bytes; i++)
		g_string_append_printf(token, "%02x", bytes[i]);
	return g_string_free(token, FALSE);
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
