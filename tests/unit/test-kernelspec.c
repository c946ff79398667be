/* Kernelspecs: which one is found, and how its command becomes ours. */
#include <glib/gstdio.h>
#include <string.h>

#include "base/error.h"
#include "jupyter/kernelspec.h"

typedef struct {
	char *folder;
	Settings *settings;
} Fixture;

static void
write_spec(const Fixture *fixture, const char *root, const char *name, const char *text)
{
	g_autofree char *folder = g_build_filename(fixture->folder, root, "kernels", name, NULL);
	g_autofree char *file = g_build_filename(folder, "kernel.json", NULL);

	g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
	g_assert_true(g_file_set_contents(file, text, -1, NULL));
}

static void
set_up(Fixture *fixture, gconstpointer unused)
{
	fixture->folder = g_dir_make_tmp("nbhook-test-XXXXXX", NULL);
	fixture->settings = settings_new();
	g_free(fixture->settings->kernel_path);
	fixture->settings->kernel_path =
		g_strdup_printf("%s/one::%s/two", fixture->folder, fixture->folder);
	g_free(fixture->settings->python);
	fixture->settings->python = g_build_filename(fixture->folder, "venv/bin/python", NULL);
	g_unsetenv("JUPYTER_PATH");
	write_spec(fixture, "one", "Mine",
		"{\"argv\":[\"python3.11\",\"-m\",\"ipykernel_launcher\",\"-f\",\"{connection_file}"
		"\"],"
		"\"language\":\"Python\",\"display_name\":\"one\",\"env\":{\"A\":\"b\"}}");
	write_spec(fixture, "two", "mine", "{\"argv\":[\"x\"],\"language\":\"x\"}");
	write_spec(fixture, "two", "ir",
		"{\"argv\":[\"R\",\"{resource_dir}/k\",\"{prefix}\",\"{connection_file}\"],"
		"\"language\":\"R\",\"interrupt_mode\":\"message\"}");
	write_spec(fixture, "two", "broken", "{\"argv\":\"no list\"}");
	write_spec(fixture, "venv/share/jupyter", "venv", "{\"argv\":[\"v\"],\"language\":\"v\"}");
}

static void
tear_down(Fixture *fixture, gconstpointer unused)
{
	const char *argv[] = { "rm", "-r", fixture->folder, NULL };

	g_assert_true(g_spawn_sync(NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL,
		NULL, NULL, NULL, NULL));
	settings_free(fixture->settings);
	g_free(fixture->folder);
}

/* The warning about a kernel.json that cannot be used, and no other. */
static Kernelspec *
find(Fixture *fixture, const char *name, const char *language, GError **error)
{
	g_test_expect_message(NULL, G_LOG_LEVEL_WARNING, "*broken is left out: argv*");
	Kernelspec *spec = kernelspec_find(fixture->settings, name, language, error);
	g_test_assert_expected_messages();
	return spec;
}

static const struct {
	const char *name;
	const char *language;
	const char *found;
} choices[] = {
	{ "mine", "python", "mine" }, { "MINE", NULL, "mine" },
	{ "ir", "python", "ir" }, /* the name decides */
	{ "gone", "r", "ir" },    /* then the language */
	{ "gone", "R", "ir" }, { NULL, "r", "ir" }, { "", "r", "ir" },
	{ "venv", NULL, "venv" }, /* below the prefix of the configured interpreter */
};

static void
test_choices(Fixture *fixture, gconstpointer unused)
{
	for (size_t i = 0; i < G_N_ELEMENTS(choices); i++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(Kernelspec) spec =
			find(fixture, choices[i].name, choices[i].language, &error);

		g_assert_no_error(error);
		g_assert_cmpstr(spec->name, ==, choices[i].found);
	}
}

static void
test_neither_said(Fixture *fixture, gconstpointer unused)
{
	g_autoptr(Kernelspec) spec = find(fixture, NULL, NULL, NULL);

	g_assert_cmpstr(spec->language, ==, "python");
}

static void
test_first_wins(Fixture *fixture, gconstpointer unused)
{
	g_autoptr(Kernelspec) spec = find(fixture, "mine", NULL, NULL);

	g_assert_cmpstr(spec->display_name, ==, "one");
	g_assert_cmpstr(spec->language, ==, "python");
	g_assert_cmpstr(json_string_member(spec->env, "A"), ==, "b");
	g_assert_false(spec->interrupt_by_message);
}

static void
test_jupyter_path(Fixture *fixture, gconstpointer unused)
{
	g_autofree char *path = g_build_filename(fixture->folder, "path", NULL);

	write_spec(fixture, "path", "extra", "{\"argv\":[\"e\"],\"language\":\"e\"}");
	write_spec(fixture, "path", "mine", "{\"argv\":[\"e\"],\"language\":\"e\"}");
	g_setenv("JUPYTER_PATH", path, TRUE);
	g_autoptr(Kernelspec) extra = find(fixture, "extra", NULL, NULL);
	g_autoptr(Kernelspec) mine = find(fixture, "mine", NULL, NULL);
	g_unsetenv("JUPYTER_PATH");
	g_assert_nonnull(extra);
	g_assert_cmpstr(mine->display_name, ==, "one");
}

static void
test_unknown(Fixture *fixture, gconstpointer unused)
{
	g_autoptr(GError) error = NULL;

	g_assert_null(find(fixture, "gone", "cobol", &error));
	g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNPROCESSABLE);
	g_assert_nonnull(strstr(error->message, "\"gone\""));
	g_assert_nonnull(strstr(error->message, "cobol"));
	g_assert_nonnull(strstr(error->message, "ir (r), mine (python)"));
}

static void
test_command_python(Fixture *fixture, gconstpointer unused)
{
	g_autoptr(Kernelspec) spec = find(fixture, "mine", NULL, NULL);
	g_auto(GStrv) argv = kernelspec_command(spec, fixture->settings, "/run/c.json");
	const char *expected[] = { fixture->settings->python, "-m", "ipykernel_launcher", "-f",
		"/run/c.json",
		"--HistoryManager.hist_file=:memory:", "--IPKernelApp.parent_handle=1", NULL };

	g_assert_true(g_strv_equal((const char *const *) argv, expected));
}

static void
test_command_other(Fixture *fixture, gconstpointer unused)
{
	g_autoptr(Kernelspec) spec = find(fixture, "ir", NULL, NULL);
	g_auto(GStrv) argv = kernelspec_command(spec, fixture->settings, "/run/c.json");
	g_autofree char *resource = g_build_filename(fixture->folder, "two/kernels/ir/k", NULL);
	g_autofree char *prefix = g_build_filename(fixture->folder, "venv", NULL);
	const char *expected[] = { "R", resource, prefix, "/run/c.json", NULL };

	g_assert_true(spec->interrupt_by_message);
	g_assert_true(g_strv_equal((const char *const *) argv, expected));
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *path;
		void (*test)(Fixture *, gconstpointer);
	} tests[] = {
		{ "/kernelspec/choices", test_choices },
		{ "/kernelspec/neither-said", test_neither_said },
		{ "/kernelspec/first-wins", test_first_wins },
		{ "/kernelspec/jupyter-path", test_jupyter_path },
		{ "/kernelspec/unknown", test_unknown },
		{ "/kernelspec/command-python", test_command_python },
		{ "/kernelspec/command-other", test_command_other },
	};

	g_test_init(&argc, &argv, NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(tests); i++)
		g_test_add(tests[i].path, Fixture, NULL, set_up, tests[i].test, tear_down);
	return g_test_run();
}
