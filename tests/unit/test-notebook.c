#include <glib/gstdio.h>
#include <string.h>

#include "base/error.h"
#include "notebook/notebook.h"
#include "oracle.h"
#include "../print.h"

static Notebook *
parse(const char *text)
{
	g_autoptr(GError) error = NULL;
	Notebook *notebook = notebook_parse(text, strlen(text), &error);

	g_assert_no_error(error);
	g_assert_nonnull(notebook);
	return notebook;
}

/* A byte order mark, once, is no part of the text. */
static void
test_byte_order_mark(void)
{
	static const char text[] = "\xef\xbb\xbf{\"nbformat\":4,\"nbformat_minor\":5,"
				   "\"metadata\":{},\"cells\":[]}";
	static const char twice[] = "\xef\xbb\xbf\xef\xbb\xbf{}";
	g_autoptr(Notebook) notebook = parse(text);
	g_autoptr(GError) error = NULL;

	g_assert_cmpuint(notebook_n_cells(notebook), ==, 0);
	g_assert_null(notebook_parse(twice, strlen(twice), &error));
	g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNPROCESSABLE);
	g_assert_null(notebook_parse(text, 3, NULL));
	g_assert_null(notebook_parse(text, 2, NULL));
}

static Notebook *
read_notebook(const char *name)
{
	gsize size;
	g_autofree char *text = oracle_read(name, &size);
	g_autoptr(GError) error = NULL;
	Notebook *notebook = notebook_parse(text, size, &error);

	g_assert_no_error(error);
	return notebook;
}

static void
test_prints_as_nbformat(gconstpointer data)
{
	g_autoptr(Notebook) notebook = read_notebook(data);
	g_autofree char *path = g_test_build_filename(G_TEST_DIST, "unit", data, NULL);
	g_autofree char *expected = oracle_ask("nbformat-oracle.py", path);
	g_autofree char *printed = print_notebook(notebook);

	g_assert_cmpstr(printed, ==, expected);
}

/* The text is written in pieces: many lines, one that is longer than a piece, and the end of one at its end. */
static void
test_prints_much_as_nbformat(void)
{
	g_autofree char *line = g_strnfill(300000, 'x');
	g_autoptr(GString) text = g_string_new(
		"{\"nbformat\": 4, \"nbformat_minor\": 4, \"metadata\": {}, \"cells\": [");

	for (int i = 0; i < 3; i++) {
		g_string_append_printf(text,
			"%s{\"cell_type\": \"code\", \"execution_count\": %d, \"metadata\": {}, "
			"\"source\": \"%s\", \"outputs\": [{\"output_type\": \"stream\", "
			"\"name\": \"stdout\", \"text\": \"",
			i > 0 ? "," : "", i, line);
		for (int k = 0; k < 20000; k++)
			g_string_append_printf(text, "%d \\\"line\\\"\\n", k);
		g_string_append(text, i > 1 ? line : "");
		g_string_append(text, "\"}]}");
	}
	g_string_append(text, "]}");
	g_autofree char *folder = g_dir_make_tmp("nbhook-notebook-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(folder, "large.ipynb", NULL);
	g_assert_true(g_file_set_contents(path, text->str, -1, NULL));
	g_autofree char *expected = oracle_ask("nbformat-oracle.py", path);
	g_autoptr(Notebook) notebook = parse(text->str);
	g_autofree char *printed = print_notebook(notebook);

	g_assert_true(strcmp(printed, expected) == 0);
	g_remove(path);
	g_rmdir(folder);
}

static void
test_upgrades_as_nbformat(void)
{
	g_autoptr(Notebook) notebook = read_notebook("notebooks/v3.ipynb");
	g_autofree char *path =
		g_test_build_filename(G_TEST_DIST, "unit", "notebooks", "v3.ipynb", NULL);
	g_autofree char *expected = oracle_ask("nbformat-oracle.py", path);

	for (size_t i = 0; i < notebook_n_cells(notebook); i++) {
		g_autofree char *id = g_strdup_printf("%zu", i);

		g_assert_nonnull(notebook_cell_id(notebook_cell(notebook, i)));
		json_put_string(notebook_cell(notebook, i), "id", id);
	}
	g_autofree char *printed = print_notebook(notebook);
	g_assert_cmpstr(printed, ==, expected);
}

static void
test_upgrade_keeps_the_language(void)
{
	g_autoptr(Notebook) notebook =
		parse("{\"nbformat\": 3, \"nbformat_minor\": 0, \"worksheets\": [{\"cells\": ["
		      "{\"cell_type\": \"code\", \"input\": [\"1\"], \"language\": \"julia\"}]}]}");

	g_assert_cmpstr(notebook_language(notebook), ==, "julia");
}

static void
test_numbers_survive(void)
{
	g_autoptr(Notebook) notebook = parse(
		"{\"nbformat\": 4, \"nbformat_minor\": 4, \"cells\": [], \"metadata\": {\"n\": ["
		"10000000000000000000000001, 1.0, 1E400, -0, 0.1000]}}");
	g_autofree char *printed = print_notebook(notebook);

	g_assert_nonnull(strstr(
		printed, "10000000000000000000000001,\n   1.0,\n   1E400,\n   -0,\n   0.1000"));
}

/* clang-format off */
static const struct {
	const char *text;
	const char *message; /* a part of it */
} broken[] = {
	{ "", "not a notebook: the JSON is broken" },
	{ "{\"nbformat\": 4,", "not a notebook: the JSON is broken" },
	{ "\xff", "not a notebook" },
	{ "[]", "no object" },
	{ "{}", "no member nbformat" },
	{ "{\"nbformat\": \"4\"}", "no version number" },
	{ "{\"nbformat\": 1}", "format 1, which is too old" },
	{ "{\"nbformat\": 2}", "jupyter nbconvert" },
	{ "{\"nbformat\": 5}", "format 5, which is newer" },
	{ "{\"nbformat\": 3}", "worksheets" },
	{ "{\"nbformat\": 3, \"worksheets\": [{}]}", "cells" },
	{ "{\"nbformat\": 4}", "no list of cells" },
	{ "{\"nbformat\": 4, \"cells\": {}}", "no list of cells" },
	{ "{\"nbformat\": 4, \"nbformat_minor\": \"x\", \"cells\": []}", "nbformat_minor" },
	{ "{\"nbformat\": 4, \"metadata\": [], \"cells\": []}", "metadata is no object" },
	{ "{\"nbformat\": 4, \"cells\": [{\"cell_type\": \"raw\"}, 1]}", "cell 1 (counted from 0): it is no object" },
	{ "{\"nbformat\": 4, \"cells\": [null]}", "cell 0" },
	{ "{\"nbformat\": 4, \"cells\": [{}]}", "it has no cell_type" },
	{ "{\"nbformat\": 4, \"cells\": [{\"cell_type\": 1}]}", "it has no cell_type" },
	{ "{\"nbformat\": 4, \"cells\": [{\"cell_type\": \"raw\", \"source\": 1}]}", "source" },
	{ "{\"nbformat\": 4, \"cells\": [{\"cell_type\": \"raw\", \"source\": [1]}]}", "source" },
	{ "{\"nbformat\": 4, \"cells\": [{\"cell_type\": \"raw\", \"metadata\": 1}]}", "metadata" },
	{ "{\"nbformat\": 4, \"cells\": [{\"cell_type\": \"code\", \"outputs\": {}}]}", "outputs are no list" },
	{ "{\"nbformat\": 4, \"cells\": [{\"cell_type\": \"code\", \"outputs\": [5]}]}", "output 0" },
};
/* clang-format on */

static void
test_refuses(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(broken); i++) {
		g_autoptr(GError) error = NULL;
		Notebook *notebook = notebook_parse(broken[i].text, strlen(broken[i].text), &error);

		g_assert_null(notebook);
		g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNPROCESSABLE);
		if (strstr(error->message, broken[i].message) == NULL)
			g_error("%s: %s", broken[i].text, error->message);
	}
}

static void
test_refuses_deep_json(void)
{
	g_autoptr(GString) text =
		g_string_new("{\"nbformat\": 4, \"cells\": [], \"metadata\": {\"a\": ");
	g_autoptr(GError) error = NULL;

	for (int i = 0; i < 100000; i++)
		g_string_append_c(text, '[');
	g_assert_null(notebook_parse(text->str, text->len, &error));
	g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNPROCESSABLE);
}

static void
test_makes_a_sparse_notebook_whole(void)
{
	g_autoptr(Notebook) notebook = parse("{\"nbformat\": 4, \"cells\": [{\"cell_type\": "
					     "\"code\"}, {\"cell_type\": \"raw\"}]}");
	g_autofree char *printed = print_notebook(notebook);

	g_assert_cmpstr(printed, ==,
		"{\n"
		" \"cells\": [\n"
		"  {\n"
		"   \"cell_type\": \"code\",\n"
		"   \"execution_count\": null,\n"
		"   \"metadata\": {},\n"
		"   \"outputs\": [],\n"
		"   \"source\": []\n"
		"  },\n"
		"  {\n"
		"   \"cell_type\": \"raw\",\n"
		"   \"metadata\": {},\n"
		"   \"source\": []\n"
		"  }\n"
		" ],\n"
		" \"metadata\": {},\n"
		" \"nbformat\": 4,\n"
		" \"nbformat_minor\": 0\n"
		"}\n");
	g_assert_null(notebook_kernel_name(notebook));
	g_assert_null(notebook_language(notebook));
}

static void
test_repairs_ids(void)
{
	g_autoptr(Notebook) notebook = parse(
		"{\"nbformat\": 4, \"nbformat_minor\": 5, \"metadata\": {}, \"cells\": ["
		"{\"cell_type\": \"raw\", \"id\": \"a\"}, {\"cell_type\": \"raw\", \"id\": \"a\"},"
		"{\"cell_type\": \"raw\"}, {\"cell_type\": \"raw\", \"id\": \"no id\"},"
		"{\"cell_type\": \"raw\", \"id\": 7}]}");
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

	g_assert_cmpstr(notebook_cell_id(notebook_cell(notebook, 0)), ==, "a");
	for (size_t i = 0; i < notebook_n_cells(notebook); i++) {
		const char *id = notebook_cell_id(notebook_cell(notebook, i));

		g_assert_nonnull(id);
		g_assert_null(strchr(id, ' '));
		g_assert_true(g_hash_table_add(seen, (char *) id));
	}
}

static void
test_no_ids_before_minor_5(void)
{
	g_autoptr(Notebook) notebook = parse("{\"nbformat\": 4, \"nbformat_minor\": 4, \"cells\": ["
					     "{\"cell_type\": \"raw\", \"id\": \"a\"}]}");

	notebook_insert_code(notebook, 0, "x", "tag");
	for (size_t i = 0; i < 2; i++)
		g_assert_null(notebook_cell_id(notebook_cell(notebook, i)));
}

static void
test_which_cells_run(void)
{
	/* clang-format off */
	static const struct {
		const char *cell;
		gboolean runs;
	} cases[] = {
		{ "{\"cell_type\": \"code\", \"source\": \"1\"}", TRUE },
		{ "{\"cell_type\": \"code\", \"source\": [\"\\n\", \"1\"]}", TRUE },
		{ "{\"cell_type\": \"code\", \"source\": \"\"}", FALSE },
		{ "{\"cell_type\": \"code\", \"source\": \" \\t\\n\\u000b\\u001c\\u0085\\u00a0\\u2028\\u3000\"}", FALSE },
		{ "{\"cell_type\": \"code\", \"source\": \"\\u200b\"}", TRUE },
		{ "{\"cell_type\": \"code\", \"source\": \"1\", \"metadata\": {\"tags\": [\"skip-execution\"]}}", FALSE },
		{ "{\"cell_type\": \"code\", \"source\": \"1\", \"metadata\": {\"tags\": \"skip-execution\"}}", TRUE },
		{ "{\"cell_type\": \"markdown\", \"source\": \"1\"}", FALSE },
		{ "{\"cell_type\": \"of the future\", \"source\": \"1\"}", FALSE },
	};
	/* clang-format on */

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *text =
			g_strdup_printf("{\"nbformat\": 4, \"cells\": [%s]}", cases[i].cell);
		g_autoptr(Notebook) notebook = parse(text);

		g_test_message("%s", cases[i].cell);
		g_assert_cmpint(
			notebook_cell_is_run(notebook_cell(notebook, 0)), ==, cases[i].runs);
	}
}

static void
test_source_keeps_a_nul(void)
{
	g_autoptr(Notebook) notebook = parse("{\"nbformat\": 4, \"cells\": [{\"cell_type\": "
					     "\"raw\", \"source\": [\"a\\u0000\", \"b\"]}]}");
	size_t size;
	g_autofree char *source = notebook_cell_source(notebook_cell(notebook, 0), &size);

	g_assert_cmpmem(source, size, "a\0b", 3);
}

/* A cell that is passed over keeps what it shows, as nbclient has it: for that people skip cells. */
static void
test_clears_outputs_of_what_is_run(void)
{
#define OUTPUTS                                                                                    \
	"\"execution_count\": 3, \"outputs\": [{\"output_type\": \"stream\", \"name\": "           \
	"\"stdout\", "                                                                             \
	"\"text\": \"x\"}]"
	g_autoptr(Notebook) notebook =
		parse("{\"nbformat\": 4, \"cells\": [{\"cell_type\": \"code\", \"source\": "
		      "\"1\", " OUTPUTS "}, {\"cell_type\": \"code\", \"source\": \" \", " OUTPUTS
		      "}, {\"cell_type\": \"code\", \"source\": \"1\", "
		      "\"metadata\": {\"tags\": [\"skip-execution\"]}, " OUTPUTS "}]}");
#undef OUTPUTS

	notebook_clear_outputs(notebook);
	for (size_t i = 0; i < notebook_n_cells(notebook); i++) {
		json_object *cell = notebook_cell(notebook, i);

		g_assert_cmpuint(json_object_array_length(json_array_member(cell, "outputs")), ==,
			i == 0 ? 0 : 1);
		g_assert_true((json_member(cell, "execution_count") == NULL) == (i == 0));
	}
}

/* What an earlier run left must not stop this one; a schema knows no output without a type. */
static void
test_outputs_of_no_type_are_left_out(void)
{
	g_autoptr(Notebook) notebook = parse("{\"nbformat\": 4, \"cells\": [{\"cell_type\": "
					     "\"code\", \"source\": \"1\", \"outputs\": ["
					     "{}, {\"output_type\": \"stream\", \"name\": "
					     "\"stdout\", \"text\": \"x\"}, {\"text\": \"y\"},"
					     "{\"output_type\": 5}]}]}");
	json_object *outputs = json_array_member(notebook_cell(notebook, 0), "outputs");

	g_assert_cmpuint(json_object_array_length(outputs), ==, 1);
	g_assert_cmpstr(json_string_member(json_object_array_get_idx(outputs, 0), "text"), ==, "x");
}

static void
test_indexes_of_the_file_stay(void)
{
	g_autoptr(Notebook) notebook = parse("{\"nbformat\": 4, \"nbformat_minor\": 5, \"cells\": ["
					     "{\"cell_type\": \"code\", \"source\": \"0\", "
					     "\"metadata\": {\"tags\": [\"gone\"]}},"
					     "{\"cell_type\": \"code\", \"source\": \"1\", "
					     "\"metadata\": {\"tags\": [\"a\", \"here\"]}},"
					     "{\"cell_type\": \"code\", \"source\": \"2\"}]}");

	notebook_remove_tagged(notebook, "gone");
	notebook_insert_code(notebook, 0, "new", "injected");
	notebook_insert_code(notebook, 2, "newer", "injected");
	notebook_insert_code(notebook, 99, "last", "injected");
	const gssize expected[] = { -1, 1, -1, 2, -1 };
	g_assert_cmpuint(notebook_n_cells(notebook), ==, G_N_ELEMENTS(expected));
	for (size_t i = 0; i < G_N_ELEMENTS(expected); i++)
		g_assert_cmpint(notebook_author_index(notebook, i), ==, expected[i]);
	g_assert_cmpint(notebook_find_tagged(notebook, "here"), ==, 1);
	g_assert_cmpint(notebook_find_tagged(notebook, "gone"), ==, -1);
	g_assert_cmpint(notebook_find_tagged(notebook, "injected"), ==, 0);
	g_assert_nonnull(notebook_cell_id(notebook_cell(notebook, 0)));
}

int
main(int argc, char **argv)
{
	static const char *const files[] = { "notebooks/v4.5.ipynb", "notebooks/v4.0.ipynb",
		"notebooks/odd.ipynb" };

	g_test_init(&argc, &argv, NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
		g_autofree char *name =
			g_strconcat("/notebook/prints-as-nbformat/", files[i], NULL);

		g_test_add_data_func(name, files[i], test_prints_as_nbformat);
	}
	g_test_add_func("/notebook/prints-much-as-nbformat", test_prints_much_as_nbformat);
	g_test_add_func("/notebook/upgrades-as-nbformat", test_upgrades_as_nbformat);
	g_test_add_func("/notebook/upgrade-keeps-the-language", test_upgrade_keeps_the_language);
	g_test_add_func("/notebook/numbers-survive", test_numbers_survive);
	g_test_add_func("/notebook/refuses", test_refuses);
	g_test_add_func("/notebook/refuses-deep-json", test_refuses_deep_json);
	g_test_add_func(
		"/notebook/makes-a-sparse-notebook-whole", test_makes_a_sparse_notebook_whole);
	g_test_add_func("/notebook/repairs-ids", test_repairs_ids);
	g_test_add_func("/notebook/no-ids-before-minor-5", test_no_ids_before_minor_5);
	g_test_add_func("/notebook/which-cells-run", test_which_cells_run);
	g_test_add_func("/notebook/source-keeps-a-nul", test_source_keeps_a_nul);
	g_test_add_func("/notebook/clears-outputs", test_clears_outputs_of_what_is_run);
	g_test_add_func(
		"/notebook/outputs-of-no-type-are-left-out", test_outputs_of_no_type_are_left_out);
	g_test_add_func("/notebook/indexes-of-the-file-stay", test_indexes_of_the_file_stay);
	g_test_add_func("/notebook/byte-order-mark", test_byte_order_mark);
	return g_test_run();
}
