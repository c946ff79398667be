#include "auth.h"

#include <string.h>

#include "base/base64.h"

/* RFC 6750 section 2.1: b64token; a key is never longer than this. */
#define MAX_KEY_LENGTH 256

static gboolean
is_key(const char *text)
{
	size_t length = strspn(
		text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=");

	return length > 0 && length <= MAX_KEY_LENGTH && text[length] == '\0';
}

static char *
take_plain(const char *credentials)
{
	return is_key(credentials) ? g_strdup(credentials) : NULL;
}

/* RFC 7617: base64 of "user:password". */
static char *
take_basic(const char *credentials)
{
	size_t size = 0;
	g_autofree char *pair = (char *) base64_decode(credentials, strlen(credentials), &size);
	const char *colon = pair != NULL ? strchr(pair, ':') : NULL;

	return colon != NULL && strlen(pair) == size ? take_plain(colon + 1) : NULL;
}

typedef struct {
	const char *scheme;
	char *(*take)(const char *credentials);
} SchemeRow;

static const SchemeRow scheme_rows[] = {
	{ "bearer", take_plain },
	{ "token", take_plain },
	{ "basic", take_basic },
};

char *
auth_key(const char *authorization)
{
	if (authorization == NULL)
		return NULL;
	g_autofree char *text = g_strstrip(g_strdup(authorization));
	size_t length = strcspn(text, " ");

	for (size_t i = 0; i < G_N_ELEMENTS(scheme_rows); i++)
		if (strlen(scheme_rows[i].scheme) == length &&
			g_ascii_strncasecmp(text, scheme_rows[i].scheme, length) == 0)
			return scheme_rows[i].take(text + length + strspn(text + length, " "));
	return NULL;
}
