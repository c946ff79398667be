/* Deliveries: who claims one first has it; who repeats it finds its job; what failed may be tried again. */
#include <string.h>

#include "base/clock.h"
#include "daemon/deliveries.h"
#include "job/job.h"

typedef struct {
	Settings *settings;
	Daemon daemon;
} Fixture;

typedef struct {
	gboolean told;
	DeliveryVerdict verdict;
	char uuid[64];
} Told;

static void
set_up(Fixture *fixture, gconstpointer unused)
{
	fixture->settings = settings_new();
	fixture->daemon.settings = fixture->settings;
	fixture->daemon.writer =
		store_writer_new(&store_memory, NULL, g_main_context_default(), NULL);
	fixture->daemon.deliveries = deliveries_new(&fixture->daemon);
}

static void
drain(Fixture *fixture)
{
	while (store_writer_pending(fixture->daemon.writer) > 0)
		g_main_context_iteration(NULL, TRUE);
}

static void
tear_down(Fixture *fixture, gconstpointer unused)
{
	drain(fixture);
	deliveries_free(fixture->daemon.deliveries);
	store_writer_free(fixture->daemon.writer);
	settings_free(fixture->settings);
}

static void
on_told(DeliveryVerdict verdict, const char *uuid, const GError *failure, gpointer data)
{
	Told *told = data;

	g_assert_false(told->told);
	g_assert_no_error(failure);
	told->told = TRUE;
	told->verdict = verdict;
	g_strlcpy(told->uuid, uuid != NULL ? uuid : "", sizeof told->uuid);
}

static void
claim(Fixture *fixture, gint64 hook, const char *digest, const char *uuid, Told *told)
{
	*told = (Told){ .told = FALSE };
	deliveries_claim(fixture->daemon.deliveries, hook, "key", digest, uuid, on_told, told);
}

static void
assert_told(const Told *told, DeliveryVerdict verdict, const char *uuid)
{
	g_assert_true(told->told);
	g_assert_cmpint(told->verdict, ==, verdict);
	g_assert_cmpstr(told->uuid, ==, uuid);
}

/* What the store is to know of an ended delivery. */
typedef struct {
	JobStatus status;
	gint64 created_us;
} Kept;

static gboolean
keep(const StoreInterface *store, Store *handle, gpointer data, GError **error)
{
	const Kept *kept = data;
	JobRecord job = { "first", "folder", "/p", 1, job_status_is_ended(kept->status),
		(char *) job_status_word(kept->status), 1, "{}" };
	DeliveryRecord delivery = { 1, "key", "digest", "first", kept->created_us };

	return store->add_job(handle, &job, error) && store->put_delivery(handle, &delivery, error);
}

static void
keep_ended(Fixture *fixture, JobStatus status, gint64 created_us)
{
	Kept kept = { status, created_us };

	store_writer_push(fixture->daemon.writer, keep, NULL, &kept, NULL);
	drain(fixture);
}

static void
test_at_the_same_instant(Fixture *fixture, gconstpointer unused)
{
	Told first, second, other_hook, other_body;

	claim(fixture, 1, "digest", "one", &first);
	claim(fixture, 1, "digest", "two", &second);
	claim(fixture, 2, "digest", "three", &other_hook);
	claim(fixture, 1, "changed", "four", &other_body);
	g_assert_false(first.told);
	drain(fixture);
	assert_told(&first, DELIVERY_NEW, "");
	assert_told(&second, DELIVERY_KNOWN, "one");
	assert_told(&other_hook, DELIVERY_NEW, "");
	assert_told(&other_body, DELIVERY_OTHER, "");
}

static void
test_while_the_first_lives(Fixture *fixture, gconstpointer unused)
{
	Told first, second;

	claim(fixture, 1, "digest", "one", &first);
	drain(fixture);
	claim(fixture, 1, "digest", "two", &second);
	assert_told(&second, DELIVERY_KNOWN, "one");
}

static void
test_released_without_a_job(Fixture *fixture, gconstpointer unused)
{
	Told first, second;

	claim(fixture, 1, "digest", "one", &first);
	drain(fixture);
	deliveries_release(fixture->daemon.deliveries, "one");
	claim(fixture, 1, "digest", "two", &second);
	drain(fixture);
	assert_told(&second, DELIVERY_NEW, "");
}

static const struct {
	JobStatus status;
	const char *replay_failed;
	gboolean fresh;
	DeliveryVerdict verdict;
} ended[] = {
	{ JOB_COMPLETED, "no", TRUE, DELIVERY_KNOWN },
	{ JOB_ACTIVE, "no", TRUE, DELIVERY_KNOWN },
	{ JOB_FAILED, "no", TRUE, DELIVERY_NEW },
	{ JOB_STOPPED, "no", TRUE, DELIVERY_NEW },
	{ JOB_FAILED, "yes", TRUE, DELIVERY_KNOWN },
	{ JOB_STOPPED, "yes", TRUE, DELIVERY_KNOWN },
	{ JOB_COMPLETED, "no", FALSE, DELIVERY_NEW },
};

static void
test_what_the_store_says(Fixture *fixture, gconstpointer which)
{
	int i = GPOINTER_TO_INT(which);
	gint64 now = clock_wall_us();
	Told told, other;

	g_free(fixture->settings->replay_failed);
	fixture->settings->replay_failed = g_strdup(ended[i].replay_failed);
	keep_ended(fixture, ended[i].status,
		ended[i].fresh ? now : now - fixture->settings->idempotency_ttl_ms * 1000 - 1);
	claim(fixture, 1, "digest", "two", &told);
	claim(fixture, 1, "changed", "three", &other);
	drain(fixture);
	assert_told(&told, ended[i].verdict, ended[i].verdict == DELIVERY_KNOWN ? "first" : "");
	assert_told(&other, DELIVERY_OTHER, "");
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add("/deliveries/at-the-same-instant", Fixture, NULL, set_up,
		test_at_the_same_instant, tear_down);
	g_test_add("/deliveries/while-the-first-lives", Fixture, NULL, set_up,
		test_while_the_first_lives, tear_down);
	g_test_add("/deliveries/released-without-a-job", Fixture, NULL, set_up,
		test_released_without_a_job, tear_down);
	for (size_t i = 0; i < G_N_ELEMENTS(ended); i++) {
		g_autofree char *name = g_strdup_printf("/deliveries/what-the-store-says/%zu", i);

		g_test_add(name, Fixture, GINT_TO_POINTER((int) i), set_up,
			test_what_the_store_says, tear_down);
	}
	return g_test_run();
}
