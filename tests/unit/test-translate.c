#include <glib/gstdio.h>
#include <string.h>

#include "base/error.h"
#include "notebook/notebook.h"
#include "notebook/translate.h"
#include "oracle.h"
#include "values.h"

static const Translator *
python(void)
{
	return translator_find("Python");
}

/* Python runs the cell of variables and finds the same values. */
static void
assert_python_agrees(json_object *variables)
{
	g_autofree char *source = translator_parameters(python(), variables);
	g_autofree char *wanted = json_print(variables);
	g_autofree char *both = g_strconcat(wanted, "\n", source, NULL);
	g_autofree char *name = oracle_file(both, -1);
	g_autofree char *answer = oracle_ask("literals-oracle.py", name);

	g_assert_cmpint(
		g_ascii_strtoll(answer, NULL, 10), ==, json_object_object_length(variables));
	g_remove(name);
}

static void
test_source(void)
{
	g_autoptr(json_object) variables =
		values_json("{\"a\": null, \"b\": [true, false, -0, 1E400, "
			    "10000000000000000000000001], \"c\": {\"d\\\"\": "
			    "\"x\\\\\\n\\r\\t\\u0000\\u001f\\u007f\\u0085\\u202"
			    "8\\u2029é😀\\u200b'\\\"\"}, \"e\": [], \"f\": {}}");
	g_autofree char *source = translator_parameters(python(), variables);

	g_assert_cmpstr(source, ==,
		"# Parameters\n"
		"a = None\n"
		"b = [True, False, -0, 1E400, 10000000000000000000000001]\n"
		"c = {\"d\\\"\": "
		"\"x\\\\\\n\\r\\t\\x00\\x1f\\x7f\\x85\\u2028\\u2029é😀\\u200b'\\\"\"}\n"
		"e = []\n"
		"f = {}");
}

static void
test_extremes(void)
{
	g_autoptr(json_object) variables = values_extreme();

	assert_python_agrees(variables);
}

static void
test_random_values(void)
{
	g_autoptr(json_object) variables = values_random(FALSE);

	assert_python_agrees(variables);
}

static gboolean
accepts(const char *name)
{
	return translator_accepts_name(python(), name, strlen(name));
}

static char
verdict(gunichar character)
{
	char alone[8] = "";
	char behind[8] = "a";

	alone[g_unichar_to_utf8(character, alone)] = '\0';
	behind[1 + g_unichar_to_utf8(character, behind + 1)] = '\0';
	return (char) ('0' + accepts(alone) + 2 * accepts(behind));
}

/* "as" is a keyword, so an "s" behind an "a" is left out. */
static void
test_names_are_pythons(void)
{
	g_autofree char *answer = oracle_ask("names-oracle.py", NULL);
	g_auto(GStrv) lines = g_strsplit(answer, "\n", -1);

	g_assert_cmpuint(strlen(lines[0]), ==, 0x10ffff);
	for (gunichar character = 1; character < 0x110000; character++)
		if (lines[0][character - 1] != '-' && character != 's')
			if (lines[0][character - 1] != verdict(character))
				g_error("U+%04X: Python %c, we %c", character,
					lines[0][character - 1], verdict(character));
	for (size_t i = 1; lines[i] != NULL; i++)
		if (accepts(lines[i]))
			g_error("%s is accepted", lines[i]);
	g_assert_cmpuint(g_strv_length(lines), >, 150);
}

static void
test_names(void)
{
	static const char *const good[] = { "a", "_", "_a1", "snake_case", "été", "日本", "match",
		"case", "__half", "half__", "Naas", "n" };
	static const char *const bad[] = { "", "1a", "a-b", "a b", "a.b", "a\n", "a=1", "ﬁ",
		"e\u0301", "class", "None", "print", "__name__", "__x__", "____", "get_ipython",
		"display", "\xff" };

	for (size_t i = 0; i < G_N_ELEMENTS(good); i++)
		if (!accepts(good[i]))
			g_error("%s is refused", good[i]);
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
		if (accepts(bad[i]))
			g_error("%s is accepted", bad[i]);
	g_assert_false(translator_accepts_name(python(), "a\0b", 3));
}

static void
test_identity(void)
{
	g_autofree char *source =
		translator_identity(python(), "u\"id", "/home/\xff\n'", "2018-01-16T14:47:04.142Z");

	g_assert_cmpstr(source, ==,
		"try:\n"
		"    import naas\n"
		"    naas.n_env.current = {\"uid\": \"u\\\"id\", \"path\": \"/home/\\udcff\\n'\", "
		"\"env\": \"RUNNER\", \"runtime\": \"2018-01-16T14:47:04.142Z\"}\n"
		"except (ImportError, AttributeError):\n"
		"    pass");
}

/* Injects and gives the first characters of each cell's source and where the file had it. */
static char *
inject(const char *cells)
{
	g_autofree char *text =
		g_strdup_printf("{\"nbformat\": 4, \"nbformat_minor\": 5, \"cells\": [%s]}", cells);
	g_autoptr(GError) error = NULL;
	g_autoptr(Notebook) notebook = notebook_parse(text, strlen(text), &error);
	g_autoptr(json_object) variables = values_json("{\"x\": 1}");
	GString *found = g_string_new(NULL);

	g_assert_no_error(error);
	g_assert_true(translate_inject(notebook, "python", variables, "u", "p", "r", &error));
	for (size_t i = 0; i < notebook_n_cells(notebook); i++) {
		g_autofree char *source = notebook_cell_source(notebook_cell(notebook, i), NULL);

		g_string_append_printf(
			found, "%.3s%zd ", source, translate_author_index(notebook, i));
	}
	return g_string_free(found, FALSE);
}

#define CELL(source, tag)                                                                          \
	"{\"cell_type\": \"code\", \"source\": \"" source "\", \"metadata\": {\"tags\": [\"" tag   \
	"\"]}}"

static void
test_where_cells_go(void)
{
	/* clang-format off */
	static const struct {
		const char *cells, *expected;
	} cases[] = {
		{ "", "try-1 # P-1 " },
		{ CELL("one", ""), "try-1 # P-1 one0 " },
		{ CELL("one", "") "," CELL("def", "parameters") "," CELL("two", "parameters"),
		  "try-1 one0 def1 # P-1 two2 " },
		{ CELL("old", "naas-injected") "," CELL("one", "") "," CELL("old", "injected-parameters") "," CELL("two", ""),
		  "try-1 # P-1 one1 two3 " },
	};
	/* clang-format on */

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *found = inject(cases[i].cells);

		g_assert_cmpstr(found, ==, cases[i].expected);
	}
}

static void
test_unknown_languages(void)
{
	/* clang-format off */
	static const struct {
		const char *language, *variables;
		gboolean fits;
	} cases[] = {
		{ "cobol", "{\"params\": {}, \"params_all\": {}, \"body\": {\"str\": \"\"}, \"body_all\": {}, \"headers\": {\"a\": \"b\"}}", TRUE },
		{ NULL, "{\"params\": {}, \"params_all\": {}, \"body\": {\"str\": \"\"}, \"body_all\": {}, \"headers\": {}}", TRUE },
		{ "cobol", "{\"params\": {\"a\": \"1\"}, \"body\": {\"str\": \"\"}}", FALSE },
		{ "cobol", "{\"params\": {}, \"body\": {\"str\": \"x\"}}", FALSE },
		{ "cobol", "{\"params\": {}, \"body\": {\"str\": \"\\u0000\"}}", FALSE },
		{ "cobol", "{\"params\": {}, \"body\": null}", FALSE },
		{ "cobol", "{\"x\": null}", FALSE },
		{ NULL, "{\"x\": null}", FALSE },
	};
	/* clang-format on */
	const char *text = "{\"nbformat\": 4, \"cells\": []}";

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(Notebook) notebook = notebook_parse(text, strlen(text), NULL);
		g_autoptr(json_object) variables = values_json(cases[i].variables);
		g_autoptr(GError) error = NULL;
		gboolean done = translate_inject(
			notebook, cases[i].language, variables, "u", "p", "r", &error);

		g_assert_cmpint(done, ==, cases[i].fits);
		g_assert_cmpuint(notebook_n_cells(notebook), ==, 0);
		if (!done)
			g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNPROCESSABLE);
	}
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/translate/source", test_source);
	g_test_add_func("/translate/extremes", test_extremes);
	g_test_add_func("/translate/random-values", test_random_values);
	g_test_add_func("/translate/names-are-pythons", test_names_are_pythons);
	g_test_add_func("/translate/names", test_names);
	g_test_add_func("/translate/identity", test_identity);
	g_test_add_func("/translate/where-cells-go", test_where_cells_go);
	g_test_add_func("/translate/unknown-languages", test_unknown_languages);
	return g_test_run();
}
