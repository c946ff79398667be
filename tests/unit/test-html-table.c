/* HTML tables as CSV, with Python's own csv and naas's habits as the model. */
#include <string.h>

#include "base/error.h"
#include "notebook/html_table.h"

#define PANDAS                                                                                     \
	"<table border=\"1\" class=\"dataframe\">\n  <thead>\n    <tr style=\"text-align: "        \
	"right;\">\n      <th></th>\n      <th>name</th>\n    </tr>\n  </thead>\n  <tbody>\n    "  \
	"<tr>\n      <th>0</th>\n      <td>Ann &amp; Bob &lt;x&gt;</td>\n    </tr>\n  "            \
	"</tbody>\n</table>"

/* clang-format off */
static const struct {
	const char *html, *csv;
} tables[] = {
	{ PANDAS, "\"\";\"name\"\n\"0\";\"Ann & Bob <x>\"\n" },
	{ "<p>no</p><TABLE><TR><TD>a</TD></TR></TABLE><table><tr><td>b</td></tr></table>", "\"a\"\n" },
	{ "<table><tr><td>say \"hi\"</td><td>a;b</td></tr></table>", "\"say \"\"hi\"\"\";\"a;b\"\n" },
	{ "<table><tr><td> one <b> two </b>\n three </td></tr></table>", "\"onetwothree\"\n" },
	{ "<table><tr><td>a<br>b</td><td>c\nd</td></tr></table>", "\"ab\";\"c\nd\"\n" },
	{ "<table><tr><td>a<tr><td>b<td>c</table>", "\"a\"\n\"b\";\"c\"\n" },
	{ "<table><tr></tr><tr><td></td></tr></table>", "\n\"\"\n" },
	{ "<table></table>", "" },
	{ "<table><tr><td>&eacute; &#8364; &nbsp;&#x4e16;&nbsp;</td></tr></table>", "\"é € \302\240世\"\n" },
	{ "<table><caption>no</caption>no<tr>no<td title='<td>'>yes<!-- <td>no --></td></tr></table>", "\"yes\"\n" },
	{ "<table><tr><td>a <table><tr><td>in</td><td>ner</td></tr></table></td><td>b</td></tr></table>", "\"ainner\";\"b\"\n" },
	{ "<table><tr><td>never closed", "\"never closed\"\n" },
};

static const char *const none[] = { "", "text", "<td>a</td>", "<!-- <table> -->", "&lt;table&gt;" };
/* clang-format on */

static void
test_tables(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(tables); i++) {
		g_autoptr(GError) error = NULL;
		size_t size = 0;
		g_autofree char *csv =
			html_table_to_csv(tables[i].html, strlen(tables[i].html), &size, &error);

		g_assert_no_error(error);
		g_assert_cmpstr(csv, ==, tables[i].csv);
		g_assert_cmpint(size, ==, strlen(tables[i].csv));
	}
}

static void
test_none(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(none); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_null(html_table_to_csv(none[i], strlen(none[i]), NULL, &error));
		g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNPROCESSABLE);
	}
}

/* A text that comes in several pieces, cut within characters and entities. */
static void
test_large(void)
{
	g_autoptr(GString) html = g_string_new("<table>");
	g_autoptr(GString) expected = g_string_new(NULL);

	for (int i = 0; i < 20000; i++) {
		g_string_append_printf(html, "<tr><th>%d</th><td>é&amp;ü</td></tr>\n", i);
		g_string_append_printf(expected, "\"%d\";\"é&ü\"\n", i);
	}
	g_string_append(html, "</table>");
	g_autofree char *csv = html_table_to_csv(html->str, html->len, NULL, NULL);
	g_assert_cmpstr(csv, ==, expected->str);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/html-table/tables", test_tables);
	g_test_add_func("/html-table/none", test_none);
	g_test_add_func("/html-table/large", test_large);
	return g_test_run();
}
