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
	g_unsetenv("JUPYTER_DATA_DIR");
	g_unsetenv("HOME");
	write_spec(fixture, "one", "Mine",
		"{\"argv\":[\"python3.11\",\"-m\",\"ipykernel_launcher\",\"-f\",\"{connection_file}"
		"\"],"
		"\"language\":\"Python\",\"display_name\":\"one\",\"env\":{\"A\":\"b\"}}");
	write_spec(fixture, "two", "mine", "{\"argv\":[\"x\"],\"language\":\"x\"}");
	write_spec(fixture, "two", "ir",
		"{\"argv\":[\"R\",\"{resource_dir}/k\",\"{prefix}\",\"{connection_file}\"],"
		"\"language\":\"R\",\"interrupt_mode\":\"message\"}");
	write_spec(fixture, "two", "broken", "{\"argv\":\"no list\",\"language\":\"basic\"}");
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

static Kernelspec *
find(Fixture *fixture, const char *name, const char *language, GError **error)
{
	return kernelspec_find(fixture->settings, name, language, error);
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
test_users(Fixture *fixture, gconstpointer unused)
{
	g_autofree char *home = g_build_filename(fixture->folder, "home", NULL);
	g_autofree char *data = g_build_filename(fixture->folder, "data", NULL);
	const char *text = "{\"argv\":[\"u\"],\"language\":\"u\"}";

	write_spec(fixture, "home/.local/share/jupyter", "athome", text);
	write_spec(fixture, "home/.local/share/jupyter", "venv", text);
	write_spec(fixture, "data", "indata", text);
	g_setenv("HOME", home, TRUE);
	g_autoptr(Kernelspec) at_home = find(fixture, "athome", NULL, NULL);
	g_autoptr(Kernelspec) before_prefix = find(fixture, "venv", NULL, NULL);
	g_setenv("JUPYTER_DATA_DIR", data, TRUE);
	g_autoptr(Kernelspec) in_data = find(fixture, "indata", NULL, NULL);
	g_autoptr(Kernelspec) no_longer = find(fixture, "athome", NULL, NULL);
	g_assert_nonnull(at_home);
	g_assert_cmpstr(before_prefix->language, ==, "u");
	g_assert_nonnull(in_data);
	g_assert_null(no_longer);
}

/* "python3" is there wherever the interpreter has ipykernel, unless a kernelspec has that name. */
static void
test_native(Fixture *fixture, gconstpointer unused)
{
	g_autofree char *package = g_build_filename(
		fixture->folder, "venv/lib/python3.11/site-packages/ipykernel", NULL);

	g_assert_null(kernelspec_native(fixture->settings));
	g_assert_cmpint(g_mkdir_with_parents(package, 0700), ==, 0);
	g_autoptr(Kernelspec) native = kernelspec_native(fixture->settings);
	g_auto(GStrv) argv = kernelspec_command(native, fixture->settings, "/run/c.json");
	g_assert_true(g_str_has_prefix(native->folder, package));
	g_assert_cmpstr(argv[0], ==, fixture->settings->python);
	g_assert_cmpstr(argv[2], ==, "ipykernel_launcher");
	write_spec(fixture, "two", "python3", "{\"argv\":[\"p\"],\"language\":\"python\"}");
	g_autoptr(Kernelspec) own = find(fixture, "python3", NULL, NULL);
	g_assert_cmpstr(own->argv[0], ==, "p");
}

/* Of a language: one that can be started, then python3, then by name. */
static void
test_best_of_language(Fixture *fixture, gconstpointer unused)
{
	static const struct {
		const char *name, *text;
	} steps[] = {
		{ "pz", "{\"argv\":[\"/no/program\"],\"language\":\"p\"}" },
		{ "python3", "{\"argv\":[\"/no/program\"],\"language\":\"p\"}" },
		{ "pb", "{\"argv\":[\"/bin/true\"],\"language\":\"p\"}" },
		{ "pa", "{\"argv\":[\"/bin/true\"],\"language\":\"p\"}" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
		write_spec(fixture, "two", steps[i].name, steps[i].text);
		g_autoptr(Kernelspec) spec = find(fixture, "unknown", "P", NULL);

		g_assert_cmpstr(spec->name, ==, steps[i].name);
	}
}

/* A broken one is known by its name and never stands in for another. */
static void
test_broken(Fixture *fixture, gconstpointer unused)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GError) other = NULL;

	g_assert_null(find(fixture, "broken", "r", &error));
	g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNPROCESSABLE);
	g_assert_nonnull(strstr(error->message, "\"broken\""));
	g_assert_nonnull(strstr(error->message, "argv"));
	g_assert_null(find(fixture, NULL, "basic", &other));
	g_assert_nonnull(strstr(other->message, "broken (broken)"));
}

static const struct {
	const char *name, *text, *trouble; /* a part of it; NULL: none */
} troubles[] = {
	{ "t", "{\"argv\":[\"/bin/true\"]}", NULL },
	{ "t", "{\"argv\":[\"true\"]}", NULL },
	{ "t", "{\"argv\":[\"/no/program\"]}", "/no/program: No such file" },
	{ "t", "{\"argv\":[\"no-such-program\"]}", "no-such-program is not in PATH" },
	{ "t", "{\"argv\":[\"no-such-program\"],\"env\":{\"PATH\":\"/x\"}}", NULL },
	{ "t", "{\"argv\":[\"python3\"]}", "venv/bin/python: No such file" },
	{ "t", "{\"argv\":[\"{resource_dir}/kernel.json\"]}", "t/kernel.json: Permission denied" },
	{ "t", "{\"argv\":[\"/bin\"]}", "is a folder" },
	{ "t", "{\"argv\":[]}", "argv" },
	{ "t", "{\"argv\":[\"a\",1]}", "argv" },
	{ "t", "{\"argv\":[\"/bin/true\"]", "kernel.json: " },
	{ "t", "[]", "kernel.json: " },
	{ "a b", "{\"argv\":[\"/bin/true\"]}", "its name" },
};

static void
test_troubles(Fixture *fixture, gconstpointer unused)
{
	for (size_t i = 0; i < G_N_ELEMENTS(troubles); i++) {
		write_spec(fixture, "one", troubles[i].name, troubles[i].text);
		g_autoptr(GPtrArray) specs = kernelspec_list(fixture->settings);
		g_autofree char *trouble = NULL;

		for (guint k = 0; k < specs->len; k++)
			if (strcmp(((Kernelspec *) specs->pdata[k])->name, troubles[i].name) == 0)
				trouble = kernelspec_trouble(specs->pdata[k], fixture->settings);
		g_test_message("%s: %s", troubles[i].text, trouble);
		if (troubles[i].trouble == NULL)
			g_assert_null(trouble);
		else
			g_assert_true(
				trouble != NULL && strstr(trouble, troubles[i].trouble) != NULL);
	}
}

static void
test_transport(Fixture *fixture, gconstpointer unused)
{
	write_spec(fixture, "two", "t",
		"{\"argv\":[\"t\"],\"metadata\":{\"nbhook\":{\"transport\":\"tcp\"}}}");
	g_autoptr(Kernelspec) tcp = find(fixture, "t", NULL, NULL);
	g_autoptr(Kernelspec) other = find(fixture, "ir", NULL, NULL);

	g_assert_true(tcp->tcp);
	g_assert_false(other->tcp);
}

static void
test_unknown(Fixture *fixture, gconstpointer unused)
{
	g_autoptr(GError) error = NULL;

	g_assert_null(find(fixture, "gone", "cobol", &error));
	g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNPROCESSABLE);
	g_assert_nonnull(strstr(error->message,
		"there is no kernel \"gone\" and none for the language cobol; installed: "));
	g_assert_nonnull(strstr(error->message, "ir (r), mine (python)"));
	g_clear_error(&error);
	g_assert_null(find(fixture, NULL, "cobol", &error));
	g_assert_nonnull(
		strstr(error->message, "there is no kernel for the language cobol; installed: "));
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
		{ "/kernelspec/users", test_users },
		{ "/kernelspec/native", test_native },
		{ "/kernelspec/best-of-language", test_best_of_language },
		{ "/kernelspec/broken", test_broken },
		{ "/kernelspec/troubles", test_troubles },
		{ "/kernelspec/transport", test_transport },
		{ "/kernelspec/unknown", test_unknown },
		{ "/kernelspec/command-python", test_command_python },
		{ "/kernelspec/command-other", test_command_other },
	};

	g_test_init(&argc, &argv, NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(tests); i++)
		g_test_add(tests[i].path, Fixture, NULL, set_up, tests[i].test, tear_down);
	return g_test_run();
}
