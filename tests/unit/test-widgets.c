/* Widgets, through the player: what nbclient makes of the same messages. */
#include <string.h>

#include "exec/player.h"
#include "base/error.h"
#include "notebook/widgets.h"
#include "oracle.h"

#define N_PLAYS 30
#define N_CELLS 4
#define LIMIT 100000000
#define CELL                                                                                       \
	"{\"cell_type\": \"code\", \"source\": \"1\", \"metadata\": {}, \"outputs\": [], "         \
	"\"execution_count\": null}"
#define NOTEBOOK                                                                                   \
	"{\"nbformat\": 4, \"nbformat_minor\": 4, \"metadata\": {}, \"cells\": [" CELL "," CELL    \
	"," CELL "," CELL "]}"
#define OUTPUT_STATE                                                                               \
	"{\"_model_module\": \"@jupyter-widgets/output\", \"_model_name\": \"OutputModel\", "      \
	"\"outputs\": []}"

static void
hear(Player *player, Channel channel, const char *type, const char *parent, json_object *content,
	json_object *buffers)
{
	g_autoptr(WireMessage) message = g_new0(WireMessage, 1);

	message->header = json_object_new_object();
	message->parent = json_object_new_object();
	message->metadata = json_object_new_object();
	message->content = json_object_get(content);
	message->size = 1;
	json_put_string(message->header, "msg_type", type);
	json_put_string(message->parent, "msg_id", parent);
	message->buffers = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);
	for (size_t i = 0; buffers != NULL && i < json_object_array_length(buffers); i++) {
		gsize size;
		guchar *bytes = g_base64_decode(
			json_object_get_string(json_object_array_get_idx(buffers, i)), &size);

		g_ptr_array_add(message->buffers, g_bytes_new_take(bytes, size));
	}
	player_take(player, channel, message, 1000);
}

static void
end_cell(Player *player, const char *request)
{
	g_autoptr(json_object) ok = json_tokener_parse("{\"status\": \"ok\"}");
	g_autoptr(json_object) idle = json_tokener_parse("{\"execution_state\": \"idle\"}");

	hear(player, CHANNEL_SHELL, "execute_reply", request, ok, NULL);
	hear(player, CHANNEL_IOPUB, "status", request, idle, NULL);
	g_assert_cmpint(player_state(player), ==, PLAYER_READY);
}

static void
assert_equal(json_object *value, json_object *expected)
{
	g_autofree char *text = json_print_sorted(value);
	g_autofree char *expected_text = json_print_sorted(expected);

	g_assert_cmpstr(text, ==, expected_text);
}

/* What the kernel is told between two cells: of each widget the last that nbclient says. */
static void
check_told(Player *player, json_object *told)
{
	json_object *content;
	int n = 0;

	while ((content = player_next_comm(player)) != NULL) {
		json_object *expected = json_member(told, json_string_member(content, "comm_id"));
		json_object *state = json_member(json_member(content, "data"), "state");

		if (expected != NULL) {
			assert_equal(json_member(state, "outputs"), expected);
			n++;
		}
		json_object_put(content);
	}
	g_assert_cmpint(n, ==, json_object_object_length(told));
}

static void
play(json_object *play)
{
	g_autoptr(Notebook) notebook = notebook_parse(NOTEBOOK, strlen(NOTEBOOK), NULL);
	g_autoptr(Player) player =
		player_new(notebook, (OutputLimits){ .max_bytes = LIMIT, .max_outputs = 100 });
	json_object *messages = json_array_member(play, "messages");
	size_t at = 0;

	for (int cell = 0; cell < N_CELLS; cell++) {
		g_autoptr(json_object) request = player_next(player);
		g_autofree char *id = g_strdup_printf("m%d", cell);

		player_sent(player, id);
		for (; at < json_object_array_length(messages); at++) {
			json_object *message = json_object_array_get_idx(messages, at);

			if (json_int_member(message, "cell", -1) != cell)
				break;
			hear(player, CHANNEL_IOPUB, json_string_member(message, "type"), id,
				json_member(message, "content"), json_member(message, "buffers"));
		}
		end_cell(player, id);
		if (cell < N_CELLS - 1)
			check_told(player, json_object_array_get_idx(
						   json_member(play, "told"), (size_t) cell));
	}
	player_settle(player);
	for (size_t i = 0; i < N_CELLS; i++)
		assert_equal(json_member(notebook_cell(notebook, i), "outputs"),
			json_object_array_get_idx(json_member(play, "outputs"), i));
	assert_equal(
		json_member(notebook_metadata(notebook), "widgets"), json_member(play, "widgets"));
}

static void
test_equals_nbclient(void)
{
	for (int seed = 0; seed < N_PLAYS; seed++) {
		g_autofree char *argument = g_strdup_printf("%d", seed);
		g_autofree char *answer = oracle_ask("widgets-oracle.py", argument);
		g_autoptr(json_object) value = json_parse_object(answer, strlen(answer), 100, NULL);

		g_test_message("seed %d", seed);
		play(value);
	}
}

/* A slider that is moved does not fill the notebook; a widget that keeps much does. */
static void
test_the_ceiling_counts_what_is_kept(void)
{
	g_autoptr(Outputs) outputs =
		outputs_new((OutputLimits){ .max_bytes = 2000, .max_outputs = 100 });
	g_autoptr(Widgets) widgets = widgets_new(outputs);
	g_autoptr(GError) error = NULL;
	g_autofree char *long_text = g_strnfill(900, 'x');
	g_autofree char *large = g_strdup_printf(
		"{\"comm_id\": \"b\", \"data\": {\"state\": {\"%s\": 1}}}", long_text);
	g_autoptr(json_object) moved = json_tokener_parse(
		"{\"comm_id\": \"a\", \"data\": {\"state\": {\"value\": 12345}}}");
	g_autoptr(json_object) kept = json_tokener_parse(large);
	g_autoptr(json_object) other = json_tokener_parse(large);

	for (int i = 0; i < 1000; i++)
		g_assert_true(widgets_take(widgets, "comm_msg", moved, NULL, &error));
	g_assert_true(widgets_take(widgets, "comm_msg", kept, NULL, &error));
	json_put_string(other, "comm_id", "c");
	g_assert_false(widgets_take(widgets, "comm_msg", other, NULL, &error));
	g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_TOO_LARGE);
}

/* Whether 1,000 messages, each with another name where the %d is, are refused at a ceiling of 100,000 bytes. */
static gboolean
names_are_refused(const char *format)
{
	g_autoptr(Outputs) outputs =
		outputs_new((OutputLimits){ .max_bytes = 100000, .max_outputs = 100 });
	g_autoptr(Widgets) widgets = widgets_new(outputs);
	g_autoptr(json_object) open =
		json_tokener_parse("{\"comm_id\": \"o\", \"target_name\": \"jupyter.widget\", "
				   "\"data\": {\"state\": " OUTPUT_STATE "}}");
	gboolean taken = widgets_take(widgets, "comm_open", open, NULL, NULL);

	for (int i = 1; i <= 1000 && taken; i++) {
		g_auto(GStrv) halves = g_strsplit(format, "%d", 2);
		g_autofree char *text = g_strdup_printf("%s%d%s", halves[0], i, halves[1]);
		g_autoptr(json_object) content = json_tokener_parse(text);

		taken = widgets_take(widgets, "comm_msg", content, NULL, NULL);
	}
	return !taken;
}

/* Nothing of a state is kept of these, but their names are. */
static void
test_the_ceiling_counts_names(void)
{
	g_assert_true(names_are_refused("{\"comm_id\": \"%d\", \"data\": {\"state\": {}}}"));
	g_assert_true(names_are_refused(
		"{\"comm_id\": \"o\", \"data\": {\"state\": {\"msg_id\": \"%d\"}}}"));
	g_assert_false(
		names_are_refused("{\"comm_id\": \"o\", \"data\": {\"state\": {\"x\": %d}}}"));
}

static void
take_text(Widgets *widgets, const char *type, const char *text)
{
	g_autoptr(json_object) content = json_tokener_parse(text);
	g_autoptr(GError) error = NULL;

	widgets_take(widgets, type, content, NULL, &error);
	g_assert_no_error(error);
}

#define OPEN                                                                                       \
	"{\"comm_id\": \"o\", \"target_name\": \"jupyter.widget\", \"data\": "                     \
	"{\"state\": " OUTPUT_STATE "}}"
#define STATE(state) "{\"comm_id\": \"o\", \"data\": {\"state\": {" state "}}}"

/* "with out:" in a loop. */
static void
test_what_is_captured_no_more_does_not_count(void)
{
	g_autoptr(Outputs) outputs =
		outputs_new((OutputLimits){ .max_bytes = 2000, .max_outputs = 100 });
	g_autoptr(Widgets) widgets = widgets_new(outputs);

	take_text(widgets, "comm_open", OPEN);
	for (int i = 0; i < 1000; i++) {
		take_text(widgets, "comm_msg", STATE("\"msg_id\": \"r\""));
		g_assert_nonnull(widgets_capture(widgets, "r", "stream", NULL));
		take_text(widgets, "comm_msg", STATE("\"msg_id\": \"\""));
		g_assert_null(widgets_capture(widgets, "r", "stream", NULL));
	}
}

/* A clear that waits changes nothing yet. */
static void
test_a_waiting_clear_is_not_told(void)
{
	g_autoptr(Outputs) outputs =
		outputs_new((OutputLimits){ .max_bytes = 2000, .max_outputs = 100 });
	g_autoptr(Widgets) widgets = widgets_new(outputs);
	g_autoptr(json_object) waits = json_tokener_parse("{\"wait\": true}");
	g_autoptr(json_object) at_once = json_tokener_parse("{\"wait\": false}");

	take_text(widgets, "comm_open", OPEN);
	take_text(widgets, "comm_msg", STATE("\"msg_id\": \"r\""));
	g_assert_nonnull(widgets_capture(widgets, "r", "clear_output", waits));
	g_assert_nonnull(widgets_capture(widgets, "r", "status", NULL));
	g_assert_null(widgets_next_message(widgets));
	g_assert_nonnull(widgets_capture(widgets, "r", "clear_output", at_once));
	g_autoptr(json_object) told = widgets_next_message(widgets);
	g_assert_nonnull(told);
}

/* Messages without the shape of theirs. */
static void
test_misshapen_messages_are_ignored(void)
{
	static const char *const texts[] = { "{}", "{\"comm_id\": 1}", "{\"comm_id\": \"a\"}",
		"{\"comm_id\": \"a\", \"data\": 5}",
		"{\"comm_id\": \"a\", \"data\": {\"state\": []}}",
		"{\"comm_id\": \"o\", \"data\": {\"state\": {\"msg_id\": \"\"}}}",
		"{\"comm_id\": \"o\", \"data\": {\"state\": {\"msg_id\": 7}, \"buffer_paths\": "
		"[1]}}" };
	g_autoptr(Outputs) outputs =
		outputs_new((OutputLimits){ .max_bytes = 1000, .max_outputs = 100 });
	g_autoptr(Widgets) widgets = widgets_new(outputs);
	g_autoptr(json_object) open =
		json_tokener_parse("{\"comm_id\": \"o\", \"target_name\": \"jupyter.widget\", "
				   "\"data\": {\"state\": " OUTPUT_STATE "}}");

	g_assert_true(widgets_take(widgets, "comm_open", open, NULL, NULL));
	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autoptr(json_object) content = json_tokener_parse(texts[i]);

		g_assert_true(widgets_take(widgets, "comm_msg", content, NULL, NULL));
		g_assert_true(widgets_take(widgets, "comm_close", content, NULL, NULL));
	}
	g_assert_null(widgets_capture(widgets, "", "stream", NULL));
	g_assert_null(widgets_next_message(widgets));
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/widgets/equals-nbclient", test_equals_nbclient);
	g_test_add_func("/widgets/the-ceiling", test_the_ceiling_counts_what_is_kept);
	g_test_add_func("/widgets/the-ceiling-names", test_the_ceiling_counts_names);
	g_test_add_func("/widgets/captured-no-more", test_what_is_captured_no_more_does_not_count);
	g_test_add_func("/widgets/a-waiting-clear", test_a_waiting_clear_is_not_told);
	g_test_add_func("/widgets/misshapen", test_misshapen_messages_are_ignored);
	return g_test_run();
}
