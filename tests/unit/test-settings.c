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
	{ "[kernels]\nkernel_path = here\n", "absolute paths" },
	{ "[kernels]\nkernel_path = /a:here\n", "absolute paths" },
	{ "[kernels]\nkernel_path = /a::/b\n", "absolute paths" },
	{ "[http]\npublic_url = \n", "an http or https URL" },
	{ "[http]\npublic_url = localhost\n", "an http or https URL" },
	{ "[http]\npublic_url = localhost:80\n", "an http or https URL" },
	{ "[http]\npublic_url = ftp://example.org/\n", "an http or https URL" },
	{ "[http]\npublic_url = http://\n", "an http or https URL" },
	{ "[http]\npublic_url = http:///a\n", "an http or https URL" },
	{ "[http]\npublic_url = http:a\n", "an http or https URL" },
	{ "[http]\npublic_url = http://example.org?a\n", "an http or https URL" },
	{ "[http]\npublic_url = http://example.org/#a\n", "an http or https URL" },
	{ "[http]\npublic_url = http://me:word@example.org\n", "an http or https URL" },
	{ "[http]\npublic_url = http://example.org:port\n", "an http or https URL" },
	{ "[http]\npublic_url = http://a b\n", "an http or https URL" },
	{ "[http]\npublic_url = http://\u00fc.example\n", "an http or https URL" },
	{ "concurrency = 1\n", "group" },
	{ "[kernel python3]\nready = many\n", "auto, or 0 to 1000" },
	{ "[kernel python3]\nconcurrency = 1\n", "in [kernel python3]" },
	{ "[kernel]\nready = 1\n", "in [kernel]" },
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

static const struct {
	const char *text, *url;
} urls[] = {
	{ "http://localhost:8080", "http://localhost:8080" },
	{ "http://localhost/", "http://localhost" },
	{ "https://example.org/hooks//", "https://example.org/hooks" },
	{ "HTTPS://[::1]:8443/a%20b/", "HTTPS://[::1]:8443/a%20b" },
};

/* Webhook URLs are the public URL with a path behind it, so it has no slash of its own. */
static void
test_public_url(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(urls); i++) {
		g_autofree char *text = g_strdup_printf("[http]\npublic_url = %s\n", urls[i].text);
		g_autoptr(GError) error = NULL;
		g_autoptr(Settings) settings = load_text(text, &error);

		g_assert_no_error(error);
		g_assert_cmpstr(settings->public_url, ==, urls[i].url);
	}
}

static void
test_folders(void)
{
	g_autoptr(Settings) none = load_text("[kernels]\nkernel_path =\n", NULL);
	g_autoptr(Settings) two = load_text("[kernels]\nkernel_path = /a:/b c\n", NULL);

	g_assert_cmpstr(none->kernel_path, ==, "");
	g_assert_cmpstr(two->kernel_path, ==, "/a:/b c");
}

static void
test_kernels(void)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Settings) settings =
		load_text("[kernel Python3]\nready = 3\n[kernel ir]\npreload = off\n", &error);

	g_assert_no_error(error);
	g_assert_cmpint(settings_kernel(settings, "python3")->ready, ==, 3);
	g_assert_cmpstr(settings_kernel(settings, "PYTHON3")->preload, ==, "auto");
	g_assert_cmpint(settings_kernel(settings, "ir")->ready, ==, SETTINGS_AUTO);
	g_assert_cmpstr(settings_kernel(settings, "ir")->preload, ==, "off");
	g_assert_cmpint(settings_kernel(settings, "other")->ready, ==, SETTINGS_AUTO);
	g_assert_null(settings_kernel(settings, "other")->name);
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
	g_assert_cmpstr(settings_path(NULL), ==, NBHOOK_SYSCONFDIR "/nbhook/nbhook.conf");
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
	g_assert_nonnull(strstr(error->message, "NBHOOK_CONF says where it is"));
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/settings/units", test_units);
	g_test_add_func("/settings/wrong", test_wrong);
	g_test_add_func("/settings/public-url", test_public_url);
	g_test_add_func("/settings/folders", test_folders);
	g_test_add_func("/settings/kernels", test_kernels);
	g_test_add_func("/settings/sample-is-a-file", test_sample_is_a_file);
	g_test_add_func("/settings/path", test_path);
	g_test_add_func("/settings/missing-file", test_missing_file);
	return g_test_run();
}
