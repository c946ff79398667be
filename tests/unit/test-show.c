/* Jobs in words: what people read, and that nothing in it commands their terminal. */
#include <string.h>

#include "cli/show.h"

#define SECOND G_GINT64_CONSTANT(1000000)
#define NOON (G_GINT64_CONSTANT(1602158400) * SECOND) /* 2020-10-08T12:00:00Z */

static json_object *
object(const char *text)
{
	json_object *value = json_parse_object(text, strlen(text), 20, NULL);

	g_assert_nonnull(value);
	return value;
}

static void
test_lines(void)
{
	static const char *const rows[][2] = {
		{ "plain", "plain" },
		{ "two\nlines", "two lines" },
		{ "\x1b[31mred\x07", "?[31mred?" },
		{ "Z\xc3\xbcrich \xff", "Z\xc3\xbcrich \xef\xbf\xbd" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *line = show_line(rows[i][0]);

		g_assert_cmpstr(line, ==, rows[i][1]);
	}
}

static void
test_text_loses_its_colours_and_keeps_its_lines(void)
{
	g_autofree char *text = show_text("\x1b[0;31mValueError\x1b[0m\tx\n\x1b]0;title\x07y");

	g_assert_cmpstr(text, ==, "ValueError\tx\n?]0;title?y");
}

static void
test_errors(void)
{
	static const char *const rows[][3] = {
		{ "{\"error\":\"ValueError: a\\nb\",\"cell\":{\"index\":2}}", NULL,
			"ValueError: a b (cell 2)" },
		{ "{\"error\":\"lost\",\"cell\":null}", NULL, "lost" },
		{ "{}", "timed_out", "timed_out" },
		{ "{}", NULL, "" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(json_object) error = object(rows[i][0]);
		g_autofree char *text = show_error(error, rows[i][1]);

		g_assert_cmpstr(text, ==, rows[i][2]);
	}
}

static void
test_seconds(void)
{
	static const char *const rows[][2] = {
		{ "{\"seconds\":1.5,\"started\":\"2020-10-08T11:00:00.000Z\"}", "1.500" },
		{ "{\"seconds\":null,\"started\":\"2020-10-08T11:59:57.500Z\"}", "2.500" },
		{ "{\"seconds\":null,\"started\":null}", "-" },
		{ "{\"seconds\":null,\"started\":\"2020-10-08T12:00:01.000Z\"}", "0.000" },
		{ "{\"started\":\"yesterday\"}", "-" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(json_object) status = object(rows[i][0]);
		g_autofree char *text = show_seconds(status, NOON);

		g_assert_cmpstr(text, ==, rows[i][1]);
	}
}

static void
test_bars(void)
{
	static const struct {
		const char *status;
		double seconds;
		const char *line;
	} rows[] = {
		{ NULL, 0.2, "waiting for its turn, 0 s" },
		{ "{\"status\":\"pending\",\"progress\":{\"done\":0,\"total\":0}}", 1,
			"waiting for its turn, 1 s" },
		{ "{\"status\":\"active\",\"progress\":{\"done\":0,\"total\":0}}", 2,
			"the kernel starts, 2 s" },
		{ "{\"status\":\"active\",\"progress\":{\"done\":1,\"total\":4}}", 61,
			"[######..................] 1 of 4 cells, 61 s" },
		{ "{\"status\":\"completed\",\"progress\":{\"done\":4,\"total\":4}}", 9,
			"[########################] 4 of 4 cells, 9 s" },
		{ "{\"status\":\"active\",\"progress\":{\"done\":7,\"total\":4}}", 9,
			"[########################] 7 of 4 cells, 9 s" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(json_object) status =
			rows[i].status != NULL ? object(rows[i].status) : NULL;
		g_autofree char *line = show_bar(status, rows[i].seconds);

		g_assert_cmpstr(line, ==, rows[i].line);
	}
}

static void
test_a_status_is_lines_of_names_and_values(void)
{
	g_autoptr(json_object) status =
		object("{\"jobId\":\"report:1\",\"notebook\":\"/a.ipynb\",\"version\":\"2020\","
		       "\"status\":\"failed\",\"reason\":\"cell_error\","
		       "\"accepted\":\"2020-10-08T11:59:58.000Z\",\"started\":null,"
		       "\"ended\":\"2020-10-08T11:59:59.000Z\",\"seconds\":1,"
		       "\"progress\":{\"done\":2,\"total\":5},\"attempts\":1,"
		       "\"error\":{\"error\":\"ValueError: bad\",\"cell\":{\"index\":2}},"
		       "\"response\":{\"type\":\"text/html\",\"size\":7}}");
	g_autofree char *text = show_status(status, NOON);

	g_assert_cmpstr(text, ==,
		"job       report:1\n"
		"status    failed (cell_error)\n"
		"notebook  /a.ipynb\n"
		"version   2020\n"
		"accepted  2020-10-08T11:59:58.000Z\n"
		"started   -\n"
		"ended     2020-10-08T11:59:59.000Z\n"
		"seconds   1.000\n"
		"progress  2 of 5 cells\n"
		"attempts  1\n"
		"error     ValueError: bad (cell 2)\n"
		"response  text/html, 7 bytes");
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/show/lines", test_lines);
	g_test_add_func("/show/text", test_text_loses_its_colours_and_keeps_its_lines);
	g_test_add_func("/show/errors", test_errors);
	g_test_add_func("/show/seconds", test_seconds);
	g_test_add_func("/show/bars", test_bars);
	g_test_add_func("/show/status", test_a_status_is_lines_of_names_and_values);
	return g_test_run();
}
