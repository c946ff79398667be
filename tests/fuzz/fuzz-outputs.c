/* Output messages become outputs of two cells. Whatever comes, in whichever order: the notebook can be
 * printed and read again, its size stays in proportion to output_limit, and after the limit nothing is taken.
 *
 * The input is lines: the letter of a cell (a or b), the type of a message, a space, its content. */
#include "fuzz.h"

#include <string.h>

#include "notebook/notebook.h"
#include "notebook/outputs.h"
#include "../print.h"

#define LIMIT 4096
#define MAX_OUTPUTS 20
#define MAX_DEPTH 400
/* What an escaped byte, the indentation of a deep value and an output's own members add to a message. */
#define MAX_PRINTED (1 << 20)

static const char cells[] =
	"{\"nbformat\": 4, \"nbformat_minor\": 4, \"metadata\": {}, \"cells\": ["
	"{\"cell_type\": \"code\", \"metadata\": {}, \"source\": \"1\", \"outputs\": [], "
	"\"execution_count\": null}, "
	"{\"cell_type\": \"code\", \"metadata\": {}, \"source\": \"2\", \"outputs\": [], "
	"\"execution_count\": null}]}";

/* Whether the outputs are full now. */
static gboolean
take_line(Notebook *notebook, Outputs *outputs, const char *line, gboolean full)
{
	size_t cell = *line == 'b' ? 1 : 0;
	const char *space = *line != '\0' ? strchr(line, ' ') : NULL;
	g_autoptr(GError) error = NULL;

	if (space == NULL || space == line)
		return full;
	g_autofree char *type = g_strndup(line + 1, (gsize) (space - line - 1));
	g_autoptr(json_object) content =
		json_parse_object(space + 1, strlen(space + 1), MAX_DEPTH, NULL);
	if (content == NULL)
		return full;
	gboolean taken = outputs_take(
		outputs, notebook_cell(notebook, cell), type, content, strlen(line), &error);
	g_assert_true(taken == (error == NULL));
	g_assert_false(full && taken);
	return !taken;
}

/* Reading joins the lists of lines that a kernel may send, so only what was read once prints the same. */
static void
check_reading(const char *printed)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Notebook) second = notebook_parse(printed, strlen(printed), &error);

	g_assert_no_error(error);
	g_autofree char *second_print = print_notebook(second);
	g_autoptr(Notebook) third = notebook_parse(second_print, strlen(second_print), &error);
	g_assert_no_error(error);
	g_autofree char *third_print = print_notebook(third);
	g_assert_cmpstr(second_print, ==, third_print);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *text = g_strndup((const char *) data, size);
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	g_autoptr(Notebook) notebook = notebook_parse(cells, strlen(cells), NULL);
	g_autoptr(Outputs) outputs = outputs_new((OutputLimits){ LIMIT, MAX_OUTPUTS });
	gboolean full = FALSE;

	for (char **line = lines; *line != NULL; line++)
		full = take_line(notebook, outputs, *line, full);
	outputs_settle(outputs);
	g_autofree char *printed = print_notebook(notebook);
	g_assert_cmpuint(strlen(printed), <, MAX_PRINTED);
	check_reading(printed);
	return 0;
}
