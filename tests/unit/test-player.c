/* The player: which cell comes next, when one has ended, where an output goes. */
#include <string.h>

#include "exec/player.h"

#define NOTEBOOK(cells)                                                                            \
	"{\"nbformat\":4,\"nbformat_minor\":4,\"metadata\":{},\"cells\":[" cells "]}"
#define CELL(source, metadata)                                                                     \
	"{\"cell_type\":\"code\",\"source\":\"" source "\",\"metadata\":" metadata                 \
	",\"outputs\":[],\"execution_count\":null}"
#define IDLE "{\"execution_state\":\"idle\"}"
#define OK "{\"status\":\"ok\",\"execution_count\":1}"
#define FAILED "{\"status\":\"error\",\"ename\":\"E\",\"evalue\":\"v\",\"traceback\":[\"t\"]}"
#define EXIT "{\"status\":\"ok\",\"payload\":[{\"source\":\"ask_exit\"}]}"
#define EXIT_OF_A_CONSOLE                                                                          \
	"{\"status\":\"ok\",\"payload\":[{\"source\":\"ask_exit\",\"keepkernel\":true}]}"
#define PRINTED "{\"name\":\"stdout\",\"text\":\"late\"}"

typedef struct {
	Notebook *notebook;
	Player *player;
	int n_sent;
} Fixture;

static void
begin(Fixture *fixture, const char *text)
{
	g_autoptr(GError) error = NULL;

	fixture->notebook = notebook_parse(text, strlen(text), &error);
	g_assert_no_error(error);
	fixture->player = player_new(
		fixture->notebook, (OutputLimits){ .max_bytes = 1000, .max_outputs = 100 });
	fixture->n_sent = 0;
}

static void
finish(Fixture *fixture)
{
	player_free(fixture->player);
	notebook_free(fixture->notebook);
}

/* Sends the next cell as message "0", "1", …; checks its source, NULL for none. */
static void
expect_next(Fixture *fixture, const char *source)
{
	g_autoptr(json_object) request = player_next(fixture->player);
	g_autofree char *msg_id = g_strdup_printf("%d", fixture->n_sent++);

	g_assert_cmpstr(json_string_member(request, "code"), ==, source);
	if (source != NULL)
		player_sent(fixture->player, msg_id);
}

static void
hear(Fixture *fixture, Channel channel, const char *type, const char *parent, const char *content)
{
	g_autoptr(WireMessage) message = g_new0(WireMessage, 1);

	message->header = json_object_new_object();
	message->parent = json_object_new_object();
	message->metadata = json_object_new_object();
	message->content = json_tokener_parse(content);
	message->size = strlen(content);
	json_put_string(message->header, "msg_type", type);
	json_put_string(message->header, "date", "2018-01-16T14:47:04.142Z");
	json_put_string(message->parent, "msg_id", parent);
	player_take(fixture->player, channel, message, 1000);
}

static void
reply(Fixture *fixture, const char *parent, const char *content)
{
	hear(fixture, CHANNEL_SHELL, "execute_reply", parent, content);
}

static void
idle(Fixture *fixture, const char *parent)
{
	hear(fixture, CHANNEL_IOPUB, "status", parent, IDLE);
}

static void
test_order(void)
{
	Fixture fixture;

	begin(&fixture,
		NOTEBOOK(CELL("a", "{}") "," CELL("", "{}") "," CELL("  ", "{}") "," CELL("skipped",
			"{\"tags\":[\"skip-execution\"]}") ",{\"cell_type\":\"markdown\","
							   "\"source\":\"m\",\"metadata\":{}}"
							   "," CELL("b", "{}")));
	g_assert_cmpint(player_total(fixture.player), ==, 2);
	expect_next(&fixture, "a");
	reply(&fixture, "0", OK);
	g_assert_cmpint(player_state(fixture.player), ==, PLAYER_WAITING);
	idle(&fixture, "0");
	g_assert_cmpint(player_state(fixture.player), ==, PLAYER_READY);
	g_assert_cmpint(player_done(fixture.player), ==, 1);
	expect_next(&fixture, "b");
	idle(&fixture, "1"); /* the other order */
	reply(&fixture, "1", OK);
	expect_next(&fixture, NULL);
	g_assert_cmpint(player_state(fixture.player), ==, PLAYER_DONE);
	g_assert_true(player_outputs_complete(fixture.player));
	finish(&fixture);
}

/* What belongs to another request ends no cell. */
static void
test_foreign(void)
{
	Fixture fixture;

	begin(&fixture, NOTEBOOK(CELL("a", "{}")));
	expect_next(&fixture, "a");
	idle(&fixture, "kernel_info");
	reply(&fixture, "kernel_info", OK);
	hear(&fixture, CHANNEL_SHELL, "kernel_info_reply", "0", OK);
	idle(&fixture, "");
	g_assert_cmpint(player_state(fixture.player), ==, PLAYER_WAITING);
	g_assert_cmpint(player_deadline(fixture.player), ==, -1);
	finish(&fixture);
}

static void
test_no_idle(void)
{
	Fixture fixture;

	begin(&fixture, NOTEBOOK(CELL("a", "{}") "," CELL("b", "{}")));
	expect_next(&fixture, "a");
	reply(&fixture, "0", OK);
	g_assert_cmpint(player_deadline(fixture.player), ==, 5000);
	player_tick(fixture.player, 4999);
	g_assert_cmpint(player_state(fixture.player), ==, PLAYER_WAITING);
	player_tick(fixture.player, 5000);
	g_assert_cmpint(player_state(fixture.player), ==, PLAYER_READY);
	g_assert_false(player_outputs_complete(fixture.player));
	expect_next(&fixture, "b");
	idle(&fixture, "0"); /* the late one */
	reply(&fixture, "1", OK);
	g_assert_cmpint(player_state(fixture.player), ==, PLAYER_WAITING);
	finish(&fixture);
}

static void
test_late_output(void)
{
	Fixture fixture;

	begin(&fixture, NOTEBOOK(CELL("a", "{}") "," CELL("b", "{}")));
	expect_next(&fixture, "a");
	reply(&fixture, "0", OK);
	idle(&fixture, "0");
	expect_next(&fixture, "b");
	hear(&fixture, CHANNEL_IOPUB, "stream", "0", PRINTED);
	player_settle(fixture.player);
	json_object *first = json_array_member(notebook_cell(fixture.notebook, 0), "outputs");
	json_object *second = json_array_member(notebook_cell(fixture.notebook, 1), "outputs");
	g_assert_cmpuint(json_object_array_length(first), ==, 1);
	g_assert_cmpuint(json_object_array_length(second), ==, 0);
	finish(&fixture);
}

/* A reply and what becomes of the play. */
static const struct {
	const char *metadata;
	const char *reply;
	PlayerState state;
	const char *reason;
	const char *ename;
} endings[] = {
	{ "{}", OK, PLAYER_READY, NULL, NULL },
	{ "{}", FAILED, PLAYER_FAILED, "cell_error", "E" },
	{ "{}", "{\"status\":\"abort\"}", PLAYER_FAILED, "cell_error", "abort" },
	{ "{}", "{\"status\":\"aborted\"}", PLAYER_FAILED, "cell_error", "aborted" },
	{ "{}", "{}", PLAYER_FAILED, "cell_error", "unknown" },
	{ "{}", EXIT, PLAYER_DONE, NULL, NULL },
	{ "{}", EXIT_OF_A_CONSOLE, PLAYER_READY, NULL, NULL },
	{ "{\"tags\":[\"raises-exception\"]}", FAILED, PLAYER_READY, NULL, NULL },
};

static void
test_endings(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(endings); i++) {
		g_autofree char *text = g_strdup_printf(
			NOTEBOOK(CELL("a", "%s") "," CELL("b", "{}")), endings[i].metadata);
		Fixture fixture;

		begin(&fixture, text);
		expect_next(&fixture, "a");
		reply(&fixture, "0", endings[i].reply);
		idle(&fixture, "0");
		const Failure *failure = player_failure(fixture.player);
		g_assert_cmpint(player_state(fixture.player), ==, endings[i].state);
		g_assert_cmpstr(failure->reason, ==, endings[i].reason);
		g_assert_cmpstr(failure->ename, ==, endings[i].ename);
		g_assert_cmpint(failure->cell, ==, endings[i].reason != NULL ? 0 : -1);
		finish(&fixture);
	}
}

static int
count_of(const Fixture *fixture)
{
	return (int) json_int_member(notebook_cell(fixture->notebook, 0), "execution_count", -1);
}

/* Whichever channel is faster. */
static void
test_the_count_is_our_own(void)
{
	static const char result[] = "{\"execution_count\":77,\"data\":{},\"metadata\":{}}";
	Fixture fixture;

	begin(&fixture, NOTEBOOK(CELL("a", "{}")));
	expect_next(&fixture, "a");
	reply(&fixture, "0", OK);
	hear(&fixture, CHANNEL_IOPUB, "execute_result", "0", result);
	idle(&fixture, "0");
	g_assert_cmpint(count_of(&fixture), ==, 1);
	hear(&fixture, CHANNEL_IOPUB, "execute_result", "0", result);
	g_assert_cmpint(count_of(&fixture), ==, 1);
	finish(&fixture);
}

static void
test_death(void)
{
	Fixture fixture;

	begin(&fixture, NOTEBOOK(CELL("a", "{}")));
	expect_next(&fixture, "a");
	player_kernel_died(fixture.player, "signal 9");
	g_assert_cmpstr(player_failure(fixture.player)->reason, ==, "kernel_died");
	g_assert_cmpstr(player_failure(fixture.player)->evalue, ==, "signal 9");
	g_assert_false(player_outputs_complete(fixture.player));
	finish(&fixture);
}

/* Between two cells, and behind the last one. */
static void
test_death_after_a_cell(void)
{
	Fixture fixture;

	begin(&fixture, NOTEBOOK(CELL("a", "{}") "," CELL("b", "{}") "," CELL("", "{}")));
	expect_next(&fixture, "a");
	reply(&fixture, "0", OK);
	idle(&fixture, "0");
	player_kernel_died(fixture.player, "signal 9");
	g_assert_cmpint(player_state(fixture.player), ==, PLAYER_FAILED);
	finish(&fixture);
	begin(&fixture, NOTEBOOK(CELL("a", "{}") "," CELL("b", "{}") "," CELL("", "{}")));
	expect_next(&fixture, "a");
	reply(&fixture, "0", OK);
	idle(&fixture, "0");
	expect_next(&fixture, "b");
	reply(&fixture, "1", OK);
	idle(&fixture, "1");
	player_kernel_died(fixture.player, "signal 9");
	g_assert_cmpint(player_state(fixture.player), ==, PLAYER_DONE);
	g_assert_cmpint(player_done(fixture.player), ==, 2);
	g_assert_true(player_outputs_complete(fixture.player));
	finish(&fixture);
}

/* A kernel that goes after exit() was asked to. */
static void
test_death_after_exit(void)
{
	Fixture fixture;

	begin(&fixture, NOTEBOOK(CELL("exit()", "{}") "," CELL("b", "{}")));
	expect_next(&fixture, "exit()");
	reply(&fixture, "0", EXIT);
	player_kernel_died(fixture.player, "exit code 0");
	g_assert_cmpint(player_state(fixture.player), ==, PLAYER_DONE);
	g_assert_cmpint(player_done(fixture.player), ==, 1);
	finish(&fixture);
}

/* "i" and "p" were put in front of the author's. */
static void
begin_with_ours(Fixture *fixture)
{
	begin(fixture, NOTEBOOK(CELL("a", "{}") "," CELL("b", "{}")));
	notebook_insert_code(fixture->notebook, 0, "i", "tag");
	notebook_insert_code(fixture->notebook, 1, "p", "tag");
}

static void
test_what_stands_before_the_authors_is_sent_along(void)
{
	Fixture fixture;

	begin_with_ours(&fixture);
	g_assert_cmpint(player_next_is(fixture.player), ==, PLAYER_NEXT_OURS);
	expect_next(&fixture, "i");
	g_assert_cmpint(player_next_is(fixture.player), ==, PLAYER_NEXT_OURS);
	expect_next(&fixture, "p");
	g_assert_cmpint(player_next_is(fixture.player), ==, PLAYER_NEXT_NOTHING);
	g_assert_cmpint(player_cell(fixture.player), ==, 0);
	reply(&fixture, "0", OK);
	g_assert_cmpint(player_next_is(fixture.player), ==, PLAYER_NEXT_AUTHORS);
	expect_next(&fixture, "a");
	g_assert_cmpint(player_next_is(fixture.player), ==, PLAYER_NEXT_NOTHING);
	reply(&fixture, "1", OK); /* the channels are not in step */
	hear(&fixture, CHANNEL_IOPUB, "execute_input", "0", "{}");
	idle(&fixture, "0");
	g_assert_cmpint(player_cell(fixture.player), ==, 1);
	g_assert_false(player_is_executing(fixture.player));
	hear(&fixture, CHANNEL_IOPUB, "stream", "2", PRINTED);
	idle(&fixture, "1");
	g_assert_cmpint(player_cell(fixture.player), ==, 2);
	g_assert_cmpint(player_done(fixture.player), ==, 0);
	idle(&fixture, "2");
	g_assert_cmpint(player_state(fixture.player), ==, PLAYER_WAITING);
	reply(&fixture, "2", OK);
	g_assert_cmpint(player_done(fixture.player), ==, 1);
	for (int i = 0; i < 3; i++)
		g_assert_cmpint(json_int_member(notebook_cell(fixture.notebook, (size_t) i),
					"execution_count", -1),
			==, i + 1);
	g_assert_cmpint(player_next_is(fixture.player), ==, PLAYER_NEXT_AUTHORS);
	expect_next(&fixture, "b");
	finish(&fixture);
}

/* As where the author has a cell for parameters, which ours follows. */
static void
test_the_first_of_ours_is_waited_for(void)
{
	Fixture fixture;

	begin(&fixture, NOTEBOOK(CELL("a", "{}")));
	notebook_insert_code(fixture.notebook, 0, "i", "tag");
	expect_next(&fixture, "i");
	g_assert_cmpint(player_next_is(fixture.player), ==, PLAYER_NEXT_NOTHING);
	reply(&fixture, "0", OK);
	g_assert_cmpint(player_next_is(fixture.player), ==, PLAYER_NEXT_AUTHORS);
	finish(&fixture);
}

/* The author's is not sent any more, even if the kernel has not yet said that it is idle. */
static void
test_ours_fails(void)
{
	Fixture fixture;

	begin_with_ours(&fixture);
	expect_next(&fixture, "i");
	expect_next(&fixture, "p");
	reply(&fixture, "0", FAILED);
	g_assert_cmpint(player_next_is(fixture.player), ==, PLAYER_NEXT_NOTHING);
	reply(&fixture, "1", "{\"status\":\"aborted\"}");
	g_assert_cmpint(player_next_is(fixture.player), ==, PLAYER_NEXT_NOTHING);
	idle(&fixture, "0");
	g_assert_cmpint(player_state(fixture.player), ==, PLAYER_FAILED);
	g_assert_cmpstr(player_failure(fixture.player)->ename, ==, "E");
	g_assert_cmpint(player_failure(fixture.player)->cell, ==, 0);
	g_assert_cmpint(player_done(fixture.player), ==, 0);
	g_assert_cmpint(player_next_is(fixture.player), ==, PLAYER_NEXT_NOTHING);
	finish(&fixture);
}

/* The first of several loses its idle: the others, which have theirs, end with it. */
static void
test_no_idle_of_ours(void)
{
	Fixture fixture;

	begin_with_ours(&fixture);
	expect_next(&fixture, "i");
	expect_next(&fixture, "p");
	reply(&fixture, "0", OK);
	expect_next(&fixture, "a");
	for (int i = 1; i < 3; i++) {
		g_autofree char *parent = g_strdup_printf("%d", i);

		reply(&fixture, parent, OK);
		idle(&fixture, parent);
	}
	g_assert_cmpint(player_deadline(fixture.player), ==, 5000);
	player_tick(fixture.player, 5000);
	g_assert_cmpint(player_done(fixture.player), ==, 1);
	g_assert_cmpint(player_state(fixture.player), ==, PLAYER_READY);
	g_assert_false(player_outputs_complete(fixture.player));
	finish(&fixture);
}

static void
test_output_limit(void)
{
	g_autofree char *text = g_strnfill(2000, 'x');
	g_autofree char *content = g_strdup_printf("{\"name\":\"stdout\",\"text\":\"%s\"}", text);
	Fixture fixture;

	begin(&fixture, NOTEBOOK(CELL("a", "{}")));
	expect_next(&fixture, "a");
	hear(&fixture, CHANNEL_IOPUB, "stream", "0", content);
	g_assert_cmpint(player_state(fixture.player), ==, PLAYER_FAILED);
	g_assert_cmpstr(player_failure(fixture.player)->reason, ==, "output_limit");
	g_assert_nonnull(strstr(player_failure(fixture.player)->evalue, "output_limit"));
	finish(&fixture);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/player/order", test_order);
	g_test_add_func("/player/foreign", test_foreign);
	g_test_add_func("/player/no-idle", test_no_idle);
	g_test_add_func("/player/late-output", test_late_output);
	g_test_add_func("/player/endings", test_endings);
	g_test_add_func("/player/count", test_the_count_is_our_own);
	g_test_add_func("/player/death", test_death);
	g_test_add_func("/player/death-after-a-cell", test_death_after_a_cell);
	g_test_add_func("/player/death-after-exit", test_death_after_exit);
	g_test_add_func("/player/ours", test_what_stands_before_the_authors_is_sent_along);
	g_test_add_func("/player/first-of-ours", test_the_first_of_ours_is_waited_for);
	g_test_add_func("/player/ours-fails", test_ours_fails);
	g_test_add_func("/player/no-idle-of-ours", test_no_idle_of_ours);
	g_test_add_func("/player/output-limit", test_output_limit);
	return g_test_run();
}
