/* A header field: its list is well formed whatever came, and Accept and Prefer make something of it. */
#include "fuzz.h"

#include <string.h>

#include "accept.h"
#include "field.h"
#include "prefer.h"

static void
check_pair(const FieldItem *pair)
{
	g_assert_cmpstr(pair->name, !=, "");
	g_assert_null(strpbrk(pair->name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ,;=\" \t"));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *text = g_strndup((const char *) data, size);
	g_autoptr(GPtrArray) list = field_list(text);

	for (guint i = 0; i < list->len; i++) {
		const FieldItem *item = g_ptr_array_index(list, i);

		check_pair(item);
		for (guint j = 0; j < item->parameters->len; j++)
			check_pair(g_ptr_array_index(item->parameters, j));
	}
	Preferences preferences = prefer_read(text);
	g_assert_cmpint(preferences.wait_s, >=, -1);
	g_assert_cmpint(preferences.wait_s, <=, G_MAXINT32);
	g_autofree char *applied = prefer_applied(&preferences);
	Preferences again = prefer_read(applied);
	g_assert_true(again.respond_async == preferences.respond_async);
	g_assert_cmpint(again.wait_s, ==, preferences.wait_s);
	if (accept_prefers_html(text))
		g_assert_cmpuint(list->len, >, 0);
	double weight = accept_weight(text, "image/png");
	g_assert_true(weight >= 0 && weight <= 1);
	return 0;
}
