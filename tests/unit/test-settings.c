/* Settings: the table's defaults, a file's values, and what a wrong file is told. */
#include <glib/gstdio.h>
#include <string.h>

#include "base/error.h"
#include "conf/settings.h"

static Settings *
load_text(const char *text, GError **error)
{
	g_autofree char *path = NULL;
	int fd = g_file_open_tmp("nbhook-settings-XXXXXX", &path, NULL);

	g_assert_cmpint(fd, >=, 0);
	g_close(fd, NULL);
	g_assert_true(g_file_set_contents(path, text, -1, NULL));
	Settings *settings = settings_load(path, error);
	g_unlink(path);
	return settings;
}

static void
test_units(void)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Settings) settings = load_text(
		"[http]\nresponse_limit = 1.5\nmax_body = 3M\n[jobs]\nconcurrency=2\n", &error);

	g_assert_no_error(error);
	g_assert_cmpint(settings->response_limit_ms, ==, 1500);
	g_assert_cmpint(settings->max_body, ==, 3 * 1024 * 1024);
	g_assert_cmpint(settings->concurrency, ==, 2);
	g_assert_cmpint(settings->daemon_wait_ms, ==, 5000);
	g_assert_cmpstr(settings->web_group, ==, "www-data");
}

static const struct {
	const char *text;
	const char *says;
} wrong[] = {
	{ "[http]\nresponse_limit = soon\n", "seconds, 0 to 3600" },
	{ "[http]\nresponse_limit = -1\n", "response_limit" },
	{ "[http]\nresponse_limit = 3601\n", "seconds, 0 to 3600" },
	{ "[http]\nmax_body = 12Q\n", "bytes" },
	{ "[jobs]\nconcurrency = 1.5\n", "1 to 4096" },
	{ "[jobs]\nconcurency = 1\n", "no setting \"concurency\"" },
	{ "[job]\nconcurrency = 1\n", "no setting \"concurrency\" in [job]" },
	{ "[paths]\nstate_dir = here\n", "an absolute path" },
	{ "[kernels]\nnamespaces = maybe\n", "one of: auto off" },
	{ "concurrency = 1\n", "group" },
};

static void
test_wrong(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(Settings) settings = load_text(wrong[i].text, &error);

		g_assert_null(settings);
		g_assert_nonnull(error);
		g_assert_nonnull(strstr(error->message, wrong[i].says));
	}
}

/* The sample, with every setting's comment sign taken off, is a file with the defaults. */
static void
test_sample_is_a_file(void)
{
	g_autofree char *sample = settings_sample();
	g_auto(GStrv) lines = g_strsplit(sample, "\n", -1);
	GString *text = g_string_new(NULL);
	int settings_seen = 0;

	for (char **line = lines; *line != NULL; line++) {
		gboolean setting = (*line)[0] == '#' && g_ascii_islower((*line)[1]);

		settings_seen += setting;
		g_string_append_printf(text, "%s\n", *line + setting);
	}
	g_autofree char *file = g_string_free(text, FALSE);
	g_autoptr(GError) error = NULL;
	g_autoptr(Settings) settings = load_text(file, &error);
	g_assert_no_error(error);
	g_assert_cmpint(settings->response_limit_ms, ==, 60000);
	g_assert_cmpint(settings_seen, >=, 20);
}

static void
test_path(void)
{
	g_unsetenv("NBHOOK_CONF");
	g_assert_cmpstr(settings_path(NULL), ==, "/etc/nbhook/nbhook.conf");
	g_setenv("NBHOOK_CONF", "/x", TRUE);
	g_assert_cmpstr(settings_path(NULL), ==, "/x");
	g_assert_cmpstr(settings_path("/y"), ==, "/y");
	g_unsetenv("NBHOOK_CONF");
}

static void
test_missing_file(void)
{
	g_autoptr(GError) error = NULL;

	g_assert_null(settings_load("/nonexistent/nbhook.conf", &error));
	g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNPROCESSABLE);
	g_assert_nonnull(strstr(error->message, "/nonexistent/nbhook.conf"));
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/settings/units", test_units);
	g_test_add_func("/settings/wrong", test_wrong);
	g_test_add_func("/settings/sample-is-a-file", test_sample_is_a_file);
	g_test_add_func("/settings/path", test_path);
	g_test_add_func("/settings/missing-file", test_missing_file);
	return g_test_run();
}
