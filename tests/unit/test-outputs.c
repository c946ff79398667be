#include <string.h>

#include "base/error.h"
#include "notebook/lines.h"
#include "notebook/notebook.h"
#include "notebook/outputs.h"
#include "oracle.h"

#define CEILING (1 << 20)
#define MAX_OUTPUTS 100

static json_object *
json(const char *text)
{
	json_object *value = NULL;
	g_autoptr(GError) error = NULL;

	json_parse(text, strlen(text), 100, &value, &error);
	g_assert_no_error(error);
	return value;
}

static json_object *
new_cell(void)
{
	return json("{\"cell_type\": \"code\", \"outputs\": [], \"execution_count\": null}");
}

static void
take(Outputs *outputs, json_object *cell, const char *type, const char *content)
{
	g_autoptr(json_object) value = json(content);
	g_autoptr(GError) error = NULL;

	outputs_take(outputs, cell, type, value, strlen(content), &error);
	g_assert_no_error(error);
}

static void
assert_outputs(Outputs *outputs, json_object *cell, const char *expected)
{
	outputs_settle(outputs);
	g_autoptr(json_object) wanted = json(expected);
	g_autofree char *expected_text = json_print_sorted(wanted);
	g_autofree char *text = json_print_sorted(json_member(cell, "outputs"));

	g_assert_cmpstr(text, ==, expected_text);
}

static void
test_streams_are_joined(void)
{
	g_autoptr(Outputs) outputs = outputs_new((OutputLimits){ CEILING, MAX_OUTPUTS });
	g_autoptr(json_object) cell = new_cell();

	take(outputs, cell, "stream", "{\"name\": \"stdout\", \"text\": \"a\"}");
	outputs_settle(outputs);
	take(outputs, cell, "stream", "{\"name\": \"stdout\", \"text\": \"b\\u0000\"}");
	take(outputs, cell, "stream", "{\"name\": \"stderr\", \"text\": \"c\"}");
	take(outputs, cell, "stream", "{\"name\": \"stdout\", \"text\": [\"d\"]}");
	take(outputs, cell, "stream", "{\"name\": \"stdout\", \"text\": []}");
	take(outputs, cell, "stream", "{\"name\": \"stdout\", \"text\": 5}");
	assert_outputs(outputs, cell,
		"[{\"output_type\": \"stream\", \"name\": \"stdout\", \"text\": \"ab\\u0000\"},"
		"{\"output_type\": \"stream\", \"name\": \"stderr\", \"text\": \"c\"},"
		"{\"output_type\": \"stream\", \"name\": \"stdout\", \"text\": \"d\"}]");
}

static void
test_a_waiting_clear_waits(void)
{
	g_autoptr(Outputs) outputs = outputs_new((OutputLimits){ CEILING, MAX_OUTPUTS });
	g_autoptr(json_object) cell = new_cell();

	take(outputs, cell, "stream", "{\"name\": \"stdout\", \"text\": \"old\"}");
	take(outputs, cell, "clear_output", "{\"wait\": true}");
	assert_outputs(outputs, cell,
		"[{\"output_type\": \"stream\", \"name\": \"stdout\", \"text\": \"old\"}]");
	take(outputs, cell, "stream", "{\"name\": \"stdout\", \"text\": \"new\"}");
	assert_outputs(outputs, cell,
		"[{\"output_type\": \"stream\", \"name\": \"stdout\", \"text\": \"new\"}]");
	take(outputs, cell, "clear_output", "{\"wait\": false}");
	assert_outputs(outputs, cell, "[]");
}

static void
test_a_display_id_spans_cells(void)
{
	g_autoptr(Outputs) outputs = outputs_new((OutputLimits){ CEILING, MAX_OUTPUTS });
	g_autoptr(json_object) one = new_cell();
	g_autoptr(json_object) two = new_cell();
	const char *shown = "{\"data\": {\"text/plain\": \"1\"}, \"metadata\": {}, "
			    "\"transient\": {\"display_id\": \"x\"}}";

	take(outputs, one, "display_data", shown);
	take(outputs, two, "display_data", shown);
	take(outputs, two, "update_display_data",
		"{\"data\": {\"text/plain\": \"2\"}, \"transient\": {\"display_id\": \"x\"}}");
	take(outputs, two, "update_display_data",
		"{\"data\": {\"text/plain\": \"3\"}, \"transient\": {\"display_id\": \"other\"}}");
	const char *expected =
		"[{\"output_type\": \"display_data\", \"data\": {\"text/plain\": \"2\"}, "
		"\"metadata\": {}}]";
	assert_outputs(outputs, one, expected);
	assert_outputs(outputs, two, expected);
}

static void
test_misshapen_messages_are_ignored(void)
{
	static const char *const types[] = { "stream", "display_data", "execute_result",
		"update_display_data", "error", "execute_input", "status", "comm_open", "" };
	g_autoptr(Outputs) outputs = outputs_new((OutputLimits){ CEILING, MAX_OUTPUTS });
	g_autoptr(json_object) cell = new_cell();

	for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
		take(outputs, cell, types[i], "{}");
		take(outputs, cell, types[i], "[1]");
		take(outputs, cell, types[i],
			"{\"name\": 1, \"text\": [], \"data\": \"x\", \"transient\": 1}");
	}
	assert_outputs(outputs, cell, "[]");
}

/* Fills outputs until they refuse; gives the messages taken. */
static int
fill(Outputs *outputs, json_object *cell, const char *type, const char *content)
{
	g_autoptr(json_object) value = json(content);
	g_autoptr(GError) error = NULL;
	int taken = 0;

	while (outputs_take(outputs, cell, type, value, 100, &error))
		g_assert_cmpint(++taken, <, 1000);
	g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_TOO_LARGE);
	g_assert_nonnull(strstr(error->message, "output_limit"));
	return taken;
}

static void
test_the_ceiling(void)
{
	g_autoptr(Outputs) outputs = outputs_new((OutputLimits){ 1000, MAX_OUTPUTS });
	g_autoptr(json_object) one = new_cell();
	g_autoptr(json_object) two = new_cell();

	take(outputs, one, "stream", "{\"name\": \"stdout\", \"text\": \"0123456789\"}");
	g_assert_cmpint(fill(outputs, two, "display_data", "{\"data\": {}}"), ==, 9);
	g_assert_cmpint(fill(outputs, one, "stream", "{\"name\": \"a\", \"text\": \"\"}"), ==, 0);
	outputs_settle(outputs);
	g_assert_cmpuint(json_object_array_length(json_array_member(one, "outputs")), ==, 1);
}

/* Joined streams are one; what was cleared counts no longer. */
static void
test_the_number_of_outputs(void)
{
	g_autoptr(Outputs) outputs = outputs_new((OutputLimits){ CEILING, 2 });
	g_autoptr(json_object) one = new_cell();
	g_autoptr(json_object) two = new_cell();
	g_autoptr(json_object) content = json("{\"data\": {}}");
	g_autoptr(GError) error = NULL;

	for (int i = 0; i < 10; i++)
		take(outputs, one, "stream", "{\"name\": \"stdout\", \"text\": \"0\"}");
	take(outputs, two, "display_data", "{\"data\": {}}");
	take(outputs, one, "clear_output", "{}");
	take(outputs, two, "display_data", "{\"data\": {}}");
	g_assert_false(outputs_take(outputs, one, "display_data", content, 10, &error));
	g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_TOO_LARGE);
	g_assert_nonnull(strstr(error->message, "max_outputs"));
}

static void
test_what_is_gone_does_not_count(void)
{
	g_autoptr(Outputs) outputs = outputs_new((OutputLimits){ 1000, MAX_OUTPUTS });
	g_autoptr(json_object) cell = new_cell();

	take(outputs, cell, "display_data",
		"{\"data\": {}, \"transient\": {\"display_id\": \"x\"}}");
	for (int i = 0; i < 1000; i++)
		take(outputs, cell, "update_display_data",
			"{\"data\": {\"a\": 1}, \"transient\": {\"display_id\": \"x\"}}");
	for (int i = 0; i < 1000; i++) {
		take(outputs, cell, "clear_output", "{\"wait\": true}");
		take(outputs, cell, "stream", "{\"name\": \"stdout\", \"text\": \"0123456789\"}");
	}
}

static void
test_equals_nbclient(void)
{
	for (int seed = 0; seed < 12; seed++) {
		g_autofree char *argument = g_strdup_printf("%d", seed);
		g_autofree char *answer = oracle_ask("outputs-oracle.py", argument);
		g_autoptr(json_object) play = json(answer);
		json_object *messages = json_array_member(play, "messages");
		json_object *expected = json_array_member(play, "cells");
		g_autoptr(Outputs) outputs = outputs_new((OutputLimits){ CEILING, MAX_OUTPUTS });
		g_autoptr(json_object) cells = json_object_new_array();

		for (size_t i = 0; i < json_object_array_length(expected); i++)
			json_object_array_add(cells, new_cell());
		for (size_t i = 0; i < json_object_array_length(messages); i++) {
			json_object *message = json_object_array_get_idx(messages, i);
			size_t index = (size_t) json_int_member(message, "cell", -1);

			g_assert_true(outputs_take(outputs, json_object_array_get_idx(cells, index),
				json_string_member(message, "type"),
				json_member(message, "content"), 1, NULL));
		}
		outputs_settle(outputs);
		for (size_t i = 0; i < json_object_array_length(expected); i++)
			json_object_object_del(json_object_array_get_idx(cells, i), "cell_type");
		g_autofree char *text = json_print_sorted(cells);
		g_autofree char *expected_text = json_print_sorted(expected);
		g_assert_cmpstr(text, ==, expected_text);
	}
}

static void
test_much_text_is_joined_fast(void)
{
	g_autoptr(Outputs) outputs = outputs_new((OutputLimits){ G_MAXINT64, MAX_OUTPUTS });
	g_autoptr(json_object) cell = new_cell();
	g_autoptr(json_object) content =
		json("{\"name\": \"stdout\", \"text\": \"a line of one hundred bytes or so, "
		     "as a notebook would print it when it reports its progress\\n\"}");
	g_autoptr(GTimer) timer = g_timer_new();

	for (int i = 0; i < 200000; i++)
		outputs_take(outputs, cell, "stream", content, 200, NULL);
	outputs_settle(outputs);
	g_assert_cmpuint(json_object_array_length(json_array_member(cell, "outputs")), ==, 1);
	g_assert_cmpfloat(g_timer_elapsed(timer, NULL), <, 10);
}

/* Each end, and what only begins like one, wherever it stands: many bytes are looked at at a time. */
static void
test_lines_end_at_each_place(void)
{
	static const struct {
		const char *text;
		gboolean ends;
	} marks[] = {
		{ "\n", TRUE },
		{ "\v", TRUE },
		{ "\f", TRUE },
		{ "\r", TRUE },
		{ "\r\n", TRUE },
		{ "\x1c", TRUE },
		{ "\x1d", TRUE },
		{ "\x1e", TRUE },
		{ "\xc2\x85", TRUE },
		{ "\u2028", TRUE },
		{ "\u2029", TRUE },
		{ "\x1f", FALSE },
		{ "\t", FALSE },
		{ "\xc2\x86", FALSE },
		{ "\u2027", FALSE },
		{ "\u20ac", FALSE },
		{ "\u00e9", FALSE },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(marks); i++)
		for (size_t before = 0; before <= 40; before++) {
			g_autofree char *plain = g_strnfill(before, 'x');
			g_autofree char *text = g_strconcat(plain, marks[i].text, plain, "y", NULL);
			size_t end = before + strlen(marks[i].text);

			g_assert_cmpuint(lines_first(text, strlen(text)), ==,
				marks[i].ends ? end : strlen(text));
			g_assert_cmpuint(lines_first(text, end), ==, end);
		}
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/outputs/streams-are-joined", test_streams_are_joined);
	g_test_add_func("/outputs/a-waiting-clear-waits", test_a_waiting_clear_waits);
	g_test_add_func("/outputs/a-display-id-spans-cells", test_a_display_id_spans_cells);
	g_test_add_func(
		"/outputs/misshapen-messages-are-ignored", test_misshapen_messages_are_ignored);
	g_test_add_func("/outputs/the-ceiling", test_the_ceiling);
	g_test_add_func("/outputs/number", test_the_number_of_outputs);
	g_test_add_func("/outputs/what-is-gone-does-not-count", test_what_is_gone_does_not_count);
	g_test_add_func("/outputs/lines-end-at-each-place", test_lines_end_at_each_place);
	g_test_add_func("/outputs/equals-nbclient", test_equals_nbclient);
	g_test_add_func("/outputs/much-text-is-joined-fast", test_much_text_is_joined_fast);
	return g_test_run();
}
