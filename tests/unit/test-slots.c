/* Which job may play now. */
#include "base/files.h"
#include "daemon/slots.h"

static const char *const conf =
	"[jobs]\nconcurrency = 3\n[kernel ir]\nmax = 1\n[kernel python3]\nmax = 2\n";

typedef struct {
	char *path;
	Settings *settings;
	Slots *slots;
} Fixture;

static void
set_up(Fixture *fixture, gconstpointer unused)
{
	g_autoptr(GError) error = NULL;
	int fd = g_file_open_tmp("nbhook-slots-XXXXXX", &fixture->path, &error);

	g_assert_no_error(error);
	files_close(&fd);
	g_assert_true(g_file_set_contents(fixture->path, conf, -1, &error));
	fixture->settings = settings_load(fixture->path, &error);
	g_assert_no_error(error);
	fixture->slots = slots_new(fixture->settings);
}

static void
tear_down(Fixture *fixture, gconstpointer unused)
{
	slots_free(fixture->slots);
	settings_free(fixture->settings);
	g_assert_cmpint(g_unlink(fixture->path), ==, 0);
	g_free(fixture->path);
}

static Job *
job_with(const char *kernel, const char *kernelspec)
{
	Job *job = job_new("a", "672a8b0e-c0b0-486e-bb2b-4571b0805f29", "folder", 1);

	job->task.kernel = g_strdup(kernel);
	job->task.kernelspec = g_strdup(kernelspec);
	return job;
}

static void
test_kernels_have_ceilings_of_their_own(Fixture *fixture, gconstpointer unused)
{
	Slots *slots = fixture->slots;
	g_autoptr(Job) r = job_with("no-such-kernel", "ir");
	g_autoptr(Job) python = job_with(NULL, "python3");

	g_assert_true(slots_has_free(slots, "ir"));
	slots_move(slots, r, PLACE_NONE, PLACE_SLOT);
	g_assert_false(slots_has_free(slots, "ir"));
	g_assert_true(slots_has_free(slots, "python3"));
	slots_move(slots, python, PLACE_NONE, PLACE_SLOT);
	g_assert_true(slots_has_free(slots, "python3"));
	slots_move(slots, python, PLACE_NONE, PLACE_SLOT);
	g_assert_false(slots_has_free(slots, "other")); /* concurrency */
	g_assert_false(slots_has_free(slots, NULL));
	slots_move(slots, r, PLACE_SLOT, PLACE_ENDING);
	g_assert_true(slots_has_free(slots, "ir"));
	g_assert_false(slots_has_free(slots, "python3"));
	g_assert_true(slots_has_free(slots, "other"));
	slots_move(slots, r, PLACE_ENDING, PLACE_NONE);
	g_assert_true(slots_has_free(slots, NULL));
}

/* What an earlier version accepted. */
static void
test_a_job_without_a_kernelspec(Fixture *fixture, gconstpointer unused)
{
	g_autoptr(Job) job = job_with("ir", NULL);

	slots_move(fixture->slots, job, PLACE_NONE, PLACE_SLOT);
	g_assert_false(slots_has_free(fixture->slots, "ir"));
}

static void
test_who_waits(Fixture *fixture, gconstpointer unused)
{
	Slots *slots = fixture->slots;
	g_autoptr(Job) job = job_with(NULL, "python3");

	job->webhook = 7;
	slots_move(slots, job, PLACE_NONE, PLACE_WAITING);
	slots_move(slots, job, PLACE_NONE, PLACE_WAITING);
	g_assert_cmpint(slots_waiting(slots), ==, 2);
	g_assert_cmpint(slots_waiting_of(slots, 7), ==, 2);
	g_assert_cmpint(slots_waiting_of(slots, 8), ==, 0);
	g_assert_cmpint(slots_waiting_with(slots, "python3"), ==, 2);
	g_assert_cmpint(slots_waiting_with(slots, "ir"), ==, 0);
	/* of three at a time two may be python3's, and one ir's */
	g_assert_cmpfloat_with_epsilon(slots_ahead(slots, "python3"), 1.5, 1e-9);
	g_assert_cmpfloat_with_epsilon(slots_ahead(slots, "ir"), 1, 1e-9);
	g_assert_cmpfloat_with_epsilon(slots_ahead(slots, "other"), 1, 1e-9);
	slots_move(slots, job, PLACE_WAITING, PLACE_SLOT);
	slots_move(slots, job, PLACE_SLOT, PLACE_WAITING); /* it is tried again */
	slots_move(slots, job, PLACE_WAITING, PLACE_SLOT);
	slots_move(slots, job, PLACE_WAITING, PLACE_SLOT);
	g_assert_cmpint(slots_waiting(slots), ==, 0);
	g_assert_cmpint(slots_waiting_of(slots, 7), ==, 0);
	g_assert_cmpint(slots_waiting_with(slots, "python3"), ==, 0);
	g_assert_cmpint(slots_playing(slots, "python3"), ==, 2);
	g_assert_cmpint(slots_max(slots, "python3"), ==, 2);
	g_assert_cmpint(slots_max(slots, "other"), ==, 3);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add("/slots/kernels", Fixture, NULL, set_up, test_kernels_have_ceilings_of_their_own,
		tear_down);
	g_test_add("/slots/no-kernelspec", Fixture, NULL, set_up, test_a_job_without_a_kernelspec,
		tear_down);
	g_test_add("/slots/waiting", Fixture, NULL, set_up, test_who_waits, tear_down);
	return g_test_run();
}
