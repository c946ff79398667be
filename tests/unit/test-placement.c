/* What is sent to put a kernel where its run wants it. (That kernels obey is tested with real ones.) */
#include <string.h>

#include "exec/placement.h"

static void
test_languages(void)
{
	g_assert_true(placement_is_known("python"));
	g_assert_true(placement_is_known("R"));
	g_assert_false(placement_is_known("julia"));
	g_assert_null(placement_request("julia", &(Place){ .folder = "/" }));
}

/* A value is a string of the language, whatever it holds. */
static void
test_values(void)
{
	static const char *const known[] = { "python", "r" };
	Place place = { .folder = "/a\"b\\c\n\xc3\xbc", .url = "http://x", .key = NULL };

	for (size_t i = 0; i < G_N_ELEMENTS(known); i++) {
		g_autoptr(json_object) content = placement_request(known[i], &place);
		const char *code = json_string_member(content, "code");

		g_assert_nonnull(strstr(code, "\"/a\\\"b\\\\c\\n\xc3\xbc\""));
		g_assert_nonnull(strstr(code, "NAAS_URL"));
		g_assert_null(strstr(code, "NAAS_TOKEN"));
	}
}

/* Neither history nor count nor output. */
static void
test_silence(void)
{
	g_autoptr(json_object) content = placement_request("python", &(Place){ .folder = "/" });

	g_assert_true(json_bool_member(content, "silent", FALSE));
	g_assert_false(json_bool_member(content, "store_history", TRUE));
	g_assert_false(json_bool_member(content, "stop_on_error", TRUE));
	g_autoptr(json_object) warming = placement_warm_request("python");
	g_assert_true(json_bool_member(warming, "silent", FALSE));
	g_assert_false(json_bool_member(warming, "store_history", TRUE));
	g_assert_null(placement_warm_request("r"));
}

/* What a kernel executes by itself is what it is sent otherwise. */
static void
test_before(void)
{
	Place place = { .folder = "/a\"b", .url = "http://x", .key = "k" };
	g_autoptr(json_object) values = placement_values(&place);
	g_autoptr(json_object) content = placement_request("python", &place);
	g_autoptr(json_object) source = json_object_new_string(placement_python());
	g_autofree char *quoted = json_print(source);
	g_autofree char *printed = json_print(values);
	g_autofree char *code = g_strdup_printf("exec(%s, %s)", quoted, printed);

	g_assert_cmpstr(json_string_member(values, "folder"), ==, place.folder);
	g_assert_cmpstr(json_string_member(content, "code"), ==, code);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/placement/languages", test_languages);
	g_test_add_func("/placement/values", test_values);
	g_test_add_func("/placement/silence", test_silence);
	g_test_add_func("/placement/before", test_before);
	return g_test_run();
}
