#include "prefer.h"

#include <string.h>

#include "field.h"

static const FieldItem *
find_first(GPtrArray *items, const char *name)
{
	for (guint i = 0; i < items->len; i++) {
		const FieldItem *item = g_ptr_array_index(items, i);

		if (strcmp(item->name, name) == 0)
			return item;
	}
	return NULL;
}

/* delta-seconds of RFC 9110 section 10.2.3; larger ones than we can count are the largest we can. */
static gint64
read_seconds(const char *text)
{
	if (text == NULL || text[0] == '\0' || text[strspn(text, "0123456789")] != '\0')
		return -1;
	return (gint64) MIN(g_ascii_strtoull(text, NULL, 10), G_MAXINT32);
}

Preferences
prefer_read(const char *header)
{
	g_autoptr(GPtrArray) items = field_list(header);
	const FieldItem *async = find_first(items, "respond-async");
	const FieldItem *wait = find_first(items, "wait");

	/* An empty value is no value (section 2). */
	return (Preferences){
		.respond_async = async != NULL && (async->value == NULL || async->value[0] == '\0'),
		.wait_s = wait != NULL ? read_seconds(wait->value) : -1,
	};
}

char *
prefer_applied(const Preferences *applied)
{
	g_autoptr(GString) value = g_string_new(applied->respond_async ? "respond-async" : "");

	if (applied->wait_s >= 0)
		g_string_append_printf(value, "%swait=%" G_GINT64_FORMAT,
			value->len > 0 ? ", " : "", applied->wait_s);
	return g_strdup(value->str);
}
