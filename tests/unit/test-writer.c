/* The writer: changes that meet share a commit, a failing one goes alone, the yes comes after the
 * commit. The store is memory's, with a commit that can be held up or fail. */
#include <string.h>

#include "base/error.h"
#include "store/writer.h"

typedef struct {
	GMutex mutex;
	GCond changed;
	gboolean held;    /* commits wait */
	gboolean waiting; /* one does */
	int begins, commits;
	gboolean fail_begin, fail_commit, lose_transaction;
	StoreInterface store;
} Gate;

static Gate gate;

static gboolean
refuse(gboolean refused, GError **error)
{
	if (refused)
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_NO_SPACE, "the disk is full");
	return !refused;
}

static gboolean
gate_begin(Store *store, GError **error)
{
	g_atomic_int_inc(&gate.begins);
	return refuse(gate.fail_begin, error) && store_memory.begin(store, error);
}

static gboolean
gate_commit(Store *store, GError **error)
{
	g_mutex_lock(&gate.mutex);
	while (gate.held) {
		gate.waiting = TRUE;
		g_cond_broadcast(&gate.changed);
		g_cond_wait(&gate.changed, &gate.mutex);
	}
	gate.waiting = FALSE;
	g_mutex_unlock(&gate.mutex);
	g_atomic_int_inc(&gate.commits);
	return refuse(gate.fail_commit, error) && store_memory.commit(store, error);
}

static gboolean
gate_undo(Store *store, GError **error)
{
	return refuse(gate.lose_transaction, error) && store_memory.undo(store, error);
}

static void
hold(void)
{
	g_mutex_lock(&gate.mutex);
	gate.held = TRUE;
	g_mutex_unlock(&gate.mutex);
}

static void
await_held_commit(void)
{
	g_mutex_lock(&gate.mutex);
	while (!gate.waiting)
		g_cond_wait(&gate.changed, &gate.mutex);
	g_mutex_unlock(&gate.mutex);
}

static void
release(void)
{
	g_mutex_lock(&gate.mutex);
	gate.held = FALSE;
	g_cond_broadcast(&gate.changed);
	g_mutex_unlock(&gate.mutex);
}

typedef struct {
	GMainContext *context;
	StoreWriter *writer;
	GString *told; /* the names of changes whose done ran, "!" before one that failed */
	GThread *thread;
} Fixture;

typedef struct {
	Fixture *fixture;
	char name[2];
	gboolean fails, silently;
	guint seen; /* of a question: how many jobs there were */
} Change;

static void
set_up(Fixture *fixture, gconstpointer unused)
{
	memset(&gate, 0, sizeof gate);
	gate.store = store_memory;
	gate.store.begin = gate_begin;
	gate.store.commit = gate_commit;
	gate.store.undo = gate_undo;
	fixture->context = g_main_context_new();
	fixture->writer = store_writer_new(&gate.store, "", fixture->context, NULL);
	fixture->told = g_string_new(NULL);
	fixture->thread = g_thread_self();
	g_assert_nonnull(fixture->writer);
}

static void
run_until_told(Fixture *fixture)
{
	while (store_writer_pending(fixture->writer) > 0)
		g_main_context_iteration(fixture->context, TRUE);
}

static void
tear_down(Fixture *fixture, gconstpointer unused)
{
	run_until_told(fixture);
	store_writer_free(fixture->writer);
	g_main_context_unref(fixture->context);
	g_string_free(fixture->told, TRUE);
}

static gboolean
add_job(const StoreInterface *store, Store *handle, gpointer data, GError **error)
{
	Change *change = data;
	JobRecord job = { change->name, (char *) "f", (char *) "/p", 1, FALSE, (char *) "active",
		change->name[0], (char *) "{}" };

	if (!store->add_job(handle, &job, error))
		return FALSE;
	if (change->fails && !change->silently)
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_CONFLICT, "not this one");
	return !change->fails;
}

static gboolean
count_jobs(const StoreInterface *store, Store *handle, gpointer data, GError **error)
{
	g_autoptr(GPtrArray) jobs = store->list_unended_jobs(handle, error);

	((Change *) data)->seen = jobs->len;
	return !((Change *) data)->fails;
}

static void
on_done(gpointer data, const GError *failure)
{
	Change *change = data;

	g_assert_true(g_thread_self() == change->fixture->thread);
	g_string_append_printf(
		change->fixture->told, "%s%s", failure != NULL ? "!" : "", change->name);
}

static Change *
new_change(Fixture *fixture, char name)
{
	Change *change = g_new0(Change, 1);

	change->fixture = fixture;
	change->name[0] = name;
	return change;
}

static void
give(Fixture *fixture, const char *names)
{
	for (const char *name = names; *name != '\0'; name++) {
		Change *change = new_change(fixture, g_ascii_tolower(*name));

		change->fails = g_ascii_isupper(*name);
		store_writer_push(fixture->writer, add_job, on_done, change, g_free);
	}
}

static void
assert_kept(Fixture *fixture, guint count)
{
	Change *change = new_change(fixture, '?');

	store_writer_read(fixture->writer, count_jobs, NULL, change, NULL);
	run_until_told(fixture);
	g_assert_cmpuint(change->seen, ==, count);
	g_free(change);
}

static void
test_group_commit(Fixture *fixture, gconstpointer unused)
{
	hold();
	give(fixture, "a");
	await_held_commit();
	give(fixture, "bcdefgh");
	g_assert_cmpuint(store_writer_pending(fixture->writer), ==, 8);
	release();
	run_until_told(fixture);
	g_assert_cmpstr(fixture->told->str, ==, "abcdefgh");
	g_assert_cmpint(gate.begins, ==, 2);
	g_assert_cmpint(gate.commits, ==, 2);
	assert_kept(fixture, 8);
}

static void
test_done_comes_after_commit(Fixture *fixture, gconstpointer unused)
{
	hold();
	give(fixture, "a");
	await_held_commit();
	for (int i = 0; i < 20; i++) {
		g_main_context_iteration(fixture->context, FALSE);
		g_usleep(1000);
	}
	g_assert_cmpstr(fixture->told->str, ==, "");
	release();
	run_until_told(fixture);
	g_assert_cmpstr(fixture->told->str, ==, "a");
}

/* Also when nobody iterates the context at that moment. */
static void
test_done_waits_for_the_loop(Fixture *fixture, gconstpointer unused)
{
	give(fixture, "a");
	g_usleep(50 * 1000);
	g_assert_cmpstr(fixture->told->str, ==, "");
	g_assert_cmpuint(store_writer_pending(fixture->writer), ==, 1);
	run_until_told(fixture);
	g_assert_cmpstr(fixture->told->str, ==, "a");
}

/* The default context, too, which another thread could acquire between two iterations. */
static void
test_default_context(Fixture *fixture, gconstpointer unused)
{
	StoreWriter *own = fixture->writer;

	fixture->writer = store_writer_new(&gate.store, "", g_main_context_default(), NULL);
	for (int i = 0; i < 50; i++) {
		give(fixture, "abc");
		g_usleep(500);
		while (store_writer_pending(fixture->writer) > 0)
			g_main_context_iteration(NULL, TRUE);
	}
	store_writer_free(fixture->writer);
	fixture->writer = own;
	g_assert_true(g_str_has_prefix(fixture->told->str, "abc!a!b!c"));
}

static void
test_failing_change_goes_alone(Fixture *fixture, gconstpointer unused)
{
	hold();
	give(fixture, "a");
	await_held_commit();
	give(fixture, "bCdaEf");
	release();
	run_until_told(fixture);
	g_assert_cmpstr(fixture->told->str, ==, "ab!cd!a!ef");
	g_assert_cmpint(gate.commits, ==, 2);
	assert_kept(fixture, 4);
}

static void
test_failing_without_a_reason(Fixture *fixture, gconstpointer unused)
{
	Change *change = new_change(fixture, 'a');
	Change *question = new_change(fixture, 'b');

	change->fails = change->silently = question->fails = TRUE;
	store_writer_push(fixture->writer, add_job, on_done, change, g_free);
	store_writer_read(fixture->writer, count_jobs, on_done, question, g_free);
	run_until_told(fixture);
	g_assert_cmpstr(fixture->told->str, ==, "!a!b");
	assert_kept(fixture, 0);
}

/* A question beside changes whose transaction fails is answered from what is kept. */
static void
test_failing_commit(Fixture *fixture, gconstpointer unused)
{
	hold();
	give(fixture, "a");
	await_held_commit();
	give(fixture, "bC");
	store_writer_read(fixture->writer, count_jobs, on_done, new_change(fixture, '?'), g_free);
	give(fixture, "d");
	gate.fail_commit = TRUE;
	release();
	run_until_told(fixture);
	g_assert_cmpstr(fixture->told->str, ==, "!a!b!c?!d");
	gate.fail_commit = FALSE;
	assert_kept(fixture, 0);
	give(fixture, "a");
	assert_kept(fixture, 1);
}

/* So is one beside changes that could not even begin. */
static void
test_failing_begin(Fixture *fixture, gconstpointer unused)
{
	hold();
	give(fixture, "a");
	await_held_commit();
	gate.fail_begin = TRUE;
	give(fixture, "b");
	store_writer_read(fixture->writer, count_jobs, on_done, new_change(fixture, '?'), g_free);
	release();
	run_until_told(fixture);
	g_assert_cmpstr(fixture->told->str, ==, "a!b?");
	gate.fail_begin = FALSE;
	assert_kept(fixture, 1);
}

/* A change that cannot be taken back has cost the whole transaction. */
static void
test_lost_transaction(Fixture *fixture, gconstpointer unused)
{
	hold();
	give(fixture, "a");
	await_held_commit();
	gate.lose_transaction = TRUE;
	give(fixture, "bCd");
	release();
	run_until_told(fixture);
	g_assert_cmpstr(fixture->told->str, ==, "a!b!c!d");
	g_assert_cmpint(gate.commits, ==, 1);
	gate.lose_transaction = FALSE;
	assert_kept(fixture, 1);
}

static void
test_questions_need_no_commit(Fixture *fixture, gconstpointer unused)
{
	assert_kept(fixture, 0);
	g_assert_cmpint(gate.begins, ==, 0);
	g_assert_cmpint(gate.commits, ==, 0);
}

static void
test_many(Fixture *fixture, gconstpointer unused)
{
	for (int i = 0; i < 5000; i++)
		store_writer_read(
			fixture->writer, count_jobs, on_done, new_change(fixture, 'q'), g_free);
	run_until_told(fixture);
	g_assert_cmpuint(fixture->told->len, ==, 5000);
}

static void
add(const char *name, void (*test)(Fixture *, gconstpointer))
{
	g_test_add(name, Fixture, NULL, set_up, test, tear_down);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	add("/writer/group-commit", test_group_commit);
	add("/writer/done-comes-after-commit", test_done_comes_after_commit);
	add("/writer/done-waits-for-the-loop", test_done_waits_for_the_loop);
	add("/writer/default-context", test_default_context);
	add("/writer/failing-change-goes-alone", test_failing_change_goes_alone);
	add("/writer/failing-without-a-reason", test_failing_without_a_reason);
	add("/writer/failing-commit", test_failing_commit);
	add("/writer/failing-begin", test_failing_begin);
	add("/writer/lost-transaction", test_lost_transaction);
	add("/writer/questions-need-no-commit", test_questions_need_no_commit);
	add("/writer/many", test_many);
	return g_test_run();
}
