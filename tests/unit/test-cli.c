#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/admin.h"
#include "cli/cli.h"

static void
expect_path(const char *file, const char *expected)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *path = cli_absolute_path(file, &error);

	g_assert_no_error(error);
	g_assert_cmpstr(path, ==, expected);
}

/* In a new folder with a/ and link -> a. */
static void
test_a_path_is_its_folder_without_links_and_its_name(void)
{
	g_autofree char *made = g_dir_make_tmp("nbhook-test-cli-XXXXXX", NULL);
	g_autofree char *top = realpath(made, NULL);
	g_autofree char *back = g_get_current_dir();

	g_assert_cmpint(g_chdir(top), ==, 0);
	g_assert_cmpint(g_mkdir("a", 0700), ==, 0);
	g_assert_cmpint(symlink("a", "link"), ==, 0);
	g_assert_cmpint(symlink("elsewhere.ipynb", "a/linked.ipynb"), ==, 0);
	g_autofree char *plain = g_build_filename(top, "x.ipynb", NULL);
	g_autofree char *below = g_build_filename(top, "a", "x.ipynb", NULL);
	g_autofree char *linked = g_build_filename(top, "a", "linked.ipynb", NULL);
	g_autofree char *gone = g_build_filename(top, "gone", "x.ipynb", NULL);
	g_autofree char *gone_below = g_build_filename(top, "a", "gone", "x.ipynb", NULL);

	expect_path("x.ipynb", plain);
	expect_path("./a/../x.ipynb", plain);
	expect_path("link/x.ipynb", below);
	expect_path("link/../x.ipynb", plain);
	expect_path("link/linked.ipynb", linked);
	expect_path("gone/./x.ipynb", gone);
	expect_path("link/gone/x.ipynb", gone_below);
	expect_path("link/gone/../x.ipynb", below);
	expect_path(below, below);

	g_assert_cmpint(g_remove("a/linked.ipynb"), ==, 0);
	g_assert_cmpint(g_remove("link"), ==, 0);
	g_assert_cmpint(g_remove("a"), ==, 0);
	g_assert_cmpint(g_chdir(back), ==, 0);
	g_assert_cmpint(g_remove(top), ==, 0);
}

static void
test_what_is_no_file_name_is_refused(void)
{
	static const char *const refused[] = { "", "/", "a/", ".", "..", "a/..", "\xff.ipynb" };

	for (size_t i = 0; i < G_N_ELEMENTS(refused); i++) {
		g_autoptr(GError) error = NULL;
		g_autofree char *path = cli_absolute_path(refused[i], &error);

		g_assert_null(path);
		g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST);
		g_assert_true(g_utf8_validate(error->message, -1, NULL));
	}
}

static void
test_a_denied_user_is_told_what_to_do(void)
{
	g_autofree char *outsider = admin_denied_text("/run/s", "ada", "nbhook", FALSE);
	g_autofree char *newcomer = admin_denied_text("/run/s", "ada", "nbhook", TRUE);

	g_assert_nonnull(strstr(outsider, "adduser ada nbhook"));
	g_assert_nonnull(strstr(outsider, "/run/s"));
	g_assert_null(strstr(newcomer, "adduser"));
	g_assert_nonnull(strstr(newcomer, "newgrp nbhook"));
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/cli/path", test_a_path_is_its_folder_without_links_and_its_name);
	g_test_add_func("/cli/path-refused", test_what_is_no_file_name_is_refused);
	g_test_add_func("/cli/denied", test_a_denied_user_is_told_what_to_do);
	return g_test_run();
}
