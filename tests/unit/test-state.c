/* States: every cell of both tables, and how they agree. */
#include "job/state.h"

/* Rows are from, columns to, in the order of the enumeration; x: the move is allowed. */
static const char *const job_moves[JOB_N_STATUSES] = {
	/*               pacfs */
	[JOB_PENDING] = ".x.xx",
	[JOB_ACTIVE] = "x.xxx",
	[JOB_COMPLETED] = ".....",
	[JOB_FAILED] = ".....",
	[JOB_STOPPED] = ".....",
};

static const char *const task_moves[TASK_N_STATUSES] = {
	/*               pcasfts, s: succeed, f: failed, t: stopped, s: skipped */
	[TASK_PENDING] = ".x..xxx",
	[TASK_CREATING] = "x.xxxx.",
	[TASK_ACTIVE] = "...xxx.",
	[TASK_SUCCEED] = ".......",
	[TASK_FAILED] = ".......",
	[TASK_STOPPED] = ".......",
	[TASK_SKIPPED] = ".......",
};

static const char *const job_words[JOB_N_STATUSES] = { "pending", "active", "completed", "failed",
	"stopped" };
static const char *const task_words[TASK_N_STATUSES] = { "pending", "creating", "active", "succeed",
	"failed", "stopped", "skipped" };

static void
test_job_moves(void)
{
	for (int from = 0; from < JOB_N_STATUSES; from++)
		for (int to = 0; to < JOB_N_STATUSES; to++)
			g_assert_cmpint(job_status_may_follow((JobStatus) from, (JobStatus) to), ==,
				job_moves[from][to] == 'x');
}

static void
test_task_moves(void)
{
	for (int from = 0; from < TASK_N_STATUSES; from++)
		for (int to = 0; to < TASK_N_STATUSES; to++)
			g_assert_cmpint(task_status_may_follow((TaskStatus) from, (TaskStatus) to),
				==, task_moves[from][to] == 'x');
}

/* An ended state is never left, and no other is a dead end. */
static void
test_ends(void)
{
	for (int job = 0; job < JOB_N_STATUSES; job++)
		g_assert_cmpint(job_status_is_ended((JobStatus) job), ==, job >= JOB_COMPLETED);
	for (int task = 0; task < TASK_N_STATUSES; task++)
		g_assert_cmpint(task_status_is_ended((TaskStatus) task), ==, task >= TASK_SUCCEED);
}

/* A move of the only task is a move of its job, or none. */
static void
test_job_follows_its_task(void)
{
	for (int from = 0; from < TASK_N_STATUSES; from++) {
		JobStatus job = job_status_of_task((TaskStatus) from);

		g_assert_cmpint(
			job_status_is_ended(job), ==, task_status_is_ended((TaskStatus) from));
		for (int to = 0; to < TASK_SKIPPED; to++) {
			JobStatus next = job_status_of_task((TaskStatus) to);

			if (task_moves[from][to] == 'x')
				g_assert_true(job == next || job_status_may_follow(job, next));
		}
	}
	g_assert_cmpint(job_status_of_task(TASK_SUCCEED), ==, JOB_COMPLETED);
	g_assert_cmpint(job_status_of_task(TASK_FAILED), ==, JOB_FAILED);
	g_assert_cmpint(job_status_of_task(TASK_STOPPED), ==, JOB_STOPPED);
	g_assert_cmpint(job_status_of_task(TASK_CREATING), ==, JOB_ACTIVE);
}

static void
test_words(void)
{
	JobStatus job = JOB_STOPPED;
	TaskStatus task = TASK_SKIPPED;

	for (int i = 0; i < JOB_N_STATUSES; i++) {
		g_assert_cmpstr(job_status_word((JobStatus) i), ==, job_words[i]);
		g_assert_true(job_status_from_word(job_words[i], &job));
		g_assert_cmpint(job, ==, i);
	}
	for (int i = 0; i < TASK_N_STATUSES; i++) {
		g_assert_cmpstr(task_status_word((TaskStatus) i), ==, task_words[i]);
		g_assert_true(task_status_from_word(task_words[i], &task));
		g_assert_cmpint(task, ==, i);
	}
	g_assert_false(job_status_from_word("succeed", &job));
	g_assert_false(job_status_from_word(NULL, &job));
	g_assert_cmpint(job, ==, JOB_STOPPED);
	g_assert_false(task_status_from_word("completed", &task));
	g_assert_false(task_status_from_word("", &task));
	g_assert_cmpint(task, ==, TASK_SKIPPED);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/state/job-moves", test_job_moves);
	g_test_add_func("/state/task-moves", test_task_moves);
	g_test_add_func("/state/ends", test_ends);
	g_test_add_func("/state/job-follows-its-task", test_job_follows_its_task);
	g_test_add_func("/state/words", test_words);
	return g_test_run();
}
