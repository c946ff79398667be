#include <string.h>

#include "cli/params.h"

typedef struct {
	const char *text;
	const char *json; /* the object that it makes; NULL where it is refused */
} Case;

/* clang-format off */
static const Case cases[] = {
	{ "name=Ada",              "{\"name\":\"Ada\"}" },
	{ "name=",                 "{\"name\":\"\"}" },
	{ "n=3",                   "{\"n\":3}" },
	{ "n=3.50",                "{\"n\":3.50}" },
	{ "n=10000000000000000000000001", "{\"n\":10000000000000000000000001}" },
	{ "n=\"3\"",               "{\"n\":\"3\"}" },
	{ "inline=true",           "{\"inline\":true}" },
	{ "nothing=null",          "{\"nothing\":null}" },
	{ "list=[1,{\"a\":[]}]",   "{\"list\":[1,{\"a\":[]}]}" },
	{ "url=http://h/?a=b",     "{\"url\":\"http://h/?a=b\"}" },
	{ "text=[1,",              "{\"text\":\"[1,\"}" },
	{ "text=NaN",              "{\"text\":\"NaN\"}" },
	{ "text=1 2",              "{\"text\":\"1 2\"}" },
	{ "city=Zürich",           "{\"city\":\"Zürich\"}" },
	{ "name",                  NULL },
	{ "=value",                NULL },
	{ "",                      NULL },
	{ "name=\xff",             NULL },
};
/* clang-format on */

static void
test_values(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(json_object) params = json_object_new_object();
		g_autoptr(GError) error = NULL;
		gboolean taken = params_add(params, cases[i].text, &error);

		g_test_message("%s", cases[i].text);
		g_assert_true(taken == (cases[i].json != NULL));
		if (!taken) {
			g_assert_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE);
			continue;
		}
		g_autofree char *json = json_print(params);
		g_assert_cmpstr(json, ==, cases[i].json);
	}
}

static void
test_a_name_given_twice_is_refused(void)
{
	g_autoptr(json_object) params = json_object_new_object();
	g_autoptr(GError) error = NULL;

	g_assert_true(params_add(params, "a=1", &error));
	g_assert_true(params_add(params, "b=1", &error));
	g_assert_false(params_add(params, "a=2", &error));
	g_assert_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE);
	g_assert_nonnull(strstr(error->message, "\"a\""));
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/params/values", test_values);
	g_test_add_func("/params/twice", test_a_name_given_twice_is_refused);
	return g_test_run();
}
