#include "notebook/excerpt.h"

#define MAX_CHARACTERS 60

char *
excerpt(const char *text)
{
	g_autofree char *valid = g_utf8_make_valid(text, -1);
	GString *quoted = g_string_new(NULL);
	const char *at = valid;

	for (int i = 0; i < MAX_CHARACTERS && *at != '\0'; i++, at = g_utf8_next_char(at)) {
		gunichar character = g_utf8_get_char(at);

		g_string_append_unichar(quoted, g_unichar_isprint(character) ? character : '?');
	}
	if (*at != '\0')
		g_string_append(quoted, "…");
	return g_string_free(quoted, FALSE);
}
