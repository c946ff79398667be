#include "oracle.h"

#include <glib/gstdio.h>
#include <string.h>

char *
oracle_ask(const char *script, const char *argument)
{
	const char *python = g_getenv("PYTHON");
	g_autofree char *path = g_test_build_filename(G_TEST_DIST, "unit", script, NULL);
	char *argv[] = { (char *) (python != NULL ? python : "/usr/bin/python3"), "-B", path,
		(char *) argument, NULL };
	char *output = NULL;
	int status = 0;
	g_autoptr(GError) error = NULL;

	g_spawn_sync(NULL, argv, NULL, 0, NULL, NULL, &output, NULL, &status, &error);
	g_assert_no_error(error);
	g_spawn_check_wait_status(status, &error);
	g_assert_no_error(error);
	return output;
}

char *
oracle_file(const char *text, gssize size)
{
	char *name = NULL;
	g_autoptr(GError) error = NULL;
	int fd = g_file_open_tmp("nbhook-test-XXXXXX", &name, &error);

	g_assert_no_error(error);
	g_close(fd, NULL);
	g_file_set_contents(name, text, size, &error);
	g_assert_no_error(error);
	return name;
}

char *
oracle_read(const char *name, gsize *size)
{
	g_autofree char *path = g_test_build_filename(G_TEST_DIST, "unit", name, NULL);
	char *text = NULL;
	g_autoptr(GError) error = NULL;

	g_file_get_contents(path, &text, size, &error);
	g_assert_no_error(error);
	return text;
}
