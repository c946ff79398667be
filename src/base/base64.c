#include "base/base64.h"

#include <string.h>

guchar *
base64_decode(const char *text, size_t length, size_t *size)
{
	size_t digits =
		strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
	size_t padding = strspn(text + digits, "=");

	if (length % 4 != 0 || padding > 2 || digits + padding != length)
		return NULL;
	guchar *bytes = g_malloc(length / 4 * 3 + 1);
	int state = 0;
	guint rest = 0;
	*size = g_base64_decode_step(text, length, bytes, &state, &rest);
	bytes[*size] = '\0';
	return bytes;
}
