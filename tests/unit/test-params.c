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

/* clang-format off */
static const struct {
	const char *words;
	const char *json; /* NULL: refused */
	const char *left;
} lines[] = {
	{ "exec -p n 3 in",               "{\"n\":3}", "exec in" },
	{ "exec in -p n x",               "{\"n\":\"x\"}", "exec in" },
	{ "exec --param n -5 in -o out",  "{\"n\":-5}", "exec in -o out" },
	{ "exec -p n=3 in",               "{\"n\":3}", "exec in" },
	{ "exec -pn=3 --param=m=4 in",    "{\"n\":3,\"m\":4}", "exec in" },
	{ "exec -r n 3 --raw m=4 in",     "{\"n\":\"3\",\"m\":\"4\"}", "exec in" },
	{ "exec -r n=3 -p m a=b in",      "{\"n\":\"3\",\"m\":\"a=b\"}", "exec in" },
	{ "exec -p n -o in",              "{\"n\":\"-o\"}", "exec in" },
	{ "exec -- -p n 3",               "{}", "exec -- -p n 3" },
	{ "exec --parameter --rawest -o", "{}", "exec --parameter --rawest -o" },
	{ "exec in -p",                   NULL, NULL },
	{ "exec in -p n",                 NULL, NULL },
	{ "exec -p n 3 -r n 4 in",        NULL, NULL },
	{ "exec --param= in",             NULL, NULL },
};
/* clang-format on */

static void
test_params_are_taken_out_of_the_words(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
		g_auto(GStrv) words = g_strsplit(lines[i].words, " ", -1);
		g_autofree char **argv =
			g_memdup2(words, (g_strv_length(words) + 1) * sizeof *words);
		int argc = (int) g_strv_length(words);
		g_autoptr(json_object) params = json_object_new_object();
		g_autoptr(GError) error = NULL;
		gboolean taken = params_take(params, &argc, argv, &error);

		g_test_message("%s", lines[i].words);
		g_assert_true(taken == (lines[i].json != NULL));
		if (!taken) {
			g_assert_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE);
			continue;
		}
		g_autofree char *json = json_print(params);
		g_autofree char *left = g_strjoinv(" ", argv);
		g_assert_cmpstr(json, ==, lines[i].json);
		g_assert_cmpstr(left, ==, lines[i].left);
		g_assert_cmpint(argc, ==, (int) g_strv_length(argv));
	}
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/params/values", test_values);
	g_test_add_func("/params/twice", test_a_name_given_twice_is_refused);
	g_test_add_func("/params/words", test_params_are_taken_out_of_the_words);
	return g_test_run();
}
