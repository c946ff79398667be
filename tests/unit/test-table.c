#include "cli/table.h"

static const char *const headings[] = { "NAME", "URL", NULL };

static void
expect(const Table *table, gboolean colour, const char *expected)
{
	g_autofree char *text = table_text(table, colour);

	g_assert_cmpstr(text, ==, expected);
}

static void
test_columns_are_aligned(void)
{
	g_autoptr(Table) table = table_new(headings);

	expect(table, FALSE, "NAME  URL\n");
	table_add(table, "longer");
	table_add(table, "u1");
	table_add(table, "s");
	table_add(table, "u2");
	expect(table, FALSE,
		"NAME    URL\n"
		"longer  u1\n"
		"s       u2\n");
	expect(table, TRUE,
		"\033[1mNAME    URL\033[0m\n"
		"longer  u1\n"
		"s       u2\n");
}

static void
test_widths_are_those_of_the_terminal(void)
{
	g_autoptr(Table) table = table_new(headings);

	table_add(table, "Zürich");
	table_add(table, "1");
	table_add(table, "日本");
	table_add(table, "2");
	table_add(table, "e\xcc\x81"
			 "tude"); /* a combining accent */
	table_add(table, "3");
	expect(table, FALSE,
		"NAME    URL\n"
		"Zürich  1\n"
		"日本    2\n"
		"e\xcc\x81"
		"tude   3\n");
}

static void
test_a_cell_cannot_command_the_terminal(void)
{
	g_autoptr(Table) table = table_new(headings);

	table_add(table, "a\033[2Jb\n");
	table_add(table, "\xff");
	expect(table, FALSE,
		"NAME     URL\n"
		"a?[2Jb   \xef\xbf\xbd\n");
}

static void
test_members(void)
{
	static const char *const five[] = { "A", "B", "C", "D", "E", NULL };
	g_autoptr(Table) table = table_new(five);
	g_autoptr(json_object) object = json_object_new_object();

	json_put_string(object, "text", "x");
	json_put_bool(object, "yes", TRUE);
	json_put_bool(object, "no", FALSE);
	json_put_string(object, "null", NULL);
	table_add_member(table, object, "text");
	table_add_member(table, object, "yes");
	table_add_member(table, object, "no");
	table_add_member(table, object, "null");
	table_add_member(table, object, "missing");
	expect(table, FALSE,
		"A  B    C   D  E\n"
		"x  yes  no  -  -\n");
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/table/aligned", test_columns_are_aligned);
	g_test_add_func("/table/widths", test_widths_are_those_of_the_terminal);
	g_test_add_func("/table/harmless", test_a_cell_cannot_command_the_terminal);
	g_test_add_func("/table/members", test_members);
	return g_test_run();
}
