/* What notebook_parse() takes is printed, and the print is a notebook that prints the same. */
#include "fuzz.h"

#include <string.h>

#include "notebook/notebook.h"
#include "notebook/response.h"
#include "notebook/translate.h"
#include "../print.h"

static const ResponseLimits limits = { 1 << 20, 1 << 20 };

static void
check_print(Notebook *notebook)
{
	g_autofree char *printed = print_notebook(notebook);
	g_autoptr(GError) error = NULL;
	g_autoptr(Notebook) again = notebook_parse(printed, strlen(printed), &error);

	g_assert_no_error(error);
	g_autofree char *printed_again = print_notebook(again);
	g_assert_cmpstr(printed, ==, printed_again);
}

static void
check_cells(Notebook *notebook)
{
	for (size_t i = 0; i < notebook_n_cells(notebook); i++) {
		json_object *cell = notebook_cell(notebook, i);
		size_t size;
		g_autofree char *source = notebook_cell_source(cell, &size);

		g_assert_true(source[size] == '\0');
		g_assert_true(!notebook_cell_is_run(cell) || notebook_cell_is_code(cell));
		g_assert_cmpint(notebook_author_index(notebook, i), ==, (gssize) i);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(Notebook) notebook = notebook_parse((const char *) data, size, NULL);
	g_autoptr(Response) response = NULL;
	g_autoptr(json_object) variables = json_object_new_object();

	if (notebook == NULL)
		return 0;
	check_print(notebook);
	check_cells(notebook);
	response_find(notebook, "fuzz", &limits, &response, NULL);
	translate_inject(notebook, "python", variables, "uid", "path", "now", NULL);
	notebook_clear_outputs(notebook);
	check_print(notebook);
	return 0;
}
