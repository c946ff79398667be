/* Replays the corpus of the fuzz target that it is linked with: replay-<name> plays corpus/<name>,
 * one test a file. */
#include <glib.h>
#include <string.h>

#include "fuzz.h"

static void
replay(gconstpointer data)
{
	const char *path = data;
	g_autofree char *text = NULL;
	gsize size = 0;
	g_autoptr(GError) error = NULL;

	g_file_get_contents(path, &text, &size, &error);
	g_assert_no_error(error);
	/* An exact copy, so that reading behind its end is seen. */
	g_autofree uint8_t *exact = g_memdup2(text, size);
	LLVMFuzzerTestOneInput(exact, size);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_autofree char *program = g_path_get_basename(argv[0]);
	const char *target = strchr(program, '-');
	g_autofree char *folder = g_test_build_filename(
		G_TEST_DIST, "fuzz", "corpus", target != NULL ? target + 1 : "", NULL);
	g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GError) error = NULL;
	g_autoptr(GDir) entries = g_dir_open(folder, 0, &error);

	g_assert_no_error(error);
	for (const char *name; (name = g_dir_read_name(entries)) != NULL;) {
		g_autofree char *test = g_strconcat("/fuzz/", target + 1, "/", name, NULL);

		g_ptr_array_add(paths, g_build_filename(folder, name, NULL));
		g_test_add_data_func(test, g_ptr_array_index(paths, paths->len - 1), replay);
	}
	g_assert_cmpuint(paths->len, >, 0);
	return g_test_run();
}
