/* The last runs of a notebook: what the store said and what has been noted since make one list. */
#include <string.h>

#include "daemon/recent.h"
#include "store/store.h"

#define PATH "/news.ipynb"

static Job *
new_job(int number)
{
	g_autofree char *uuid = g_strdup_printf("672a8b0e-c0b0-486e-bb2b-%012d", number);
	Job *job = job_new("news", uuid, "folder", number * G_USEC_PER_SEC);

	job->task.node = g_strdup("webhook");
	job->task.path = g_strdup(PATH);
	job->task.histo = g_strdup("20201008101221879662");
	return job;
}

static void
add_record(GPtrArray *records, const Job *job)
{
	g_autoptr(json_object) document = job_document(job);
	JobRecord *record = g_new0(JobRecord, 1);

	record->document = json_print(document);
	g_ptr_array_add(records, record);
}

/* Fills with the jobs of those numbers, from newest to oldest. */
static void
fill(Recent *recent, int newest, int oldest)
{
	g_autoptr(GPtrArray) records =
		g_ptr_array_new_with_free_func((GDestroyNotify) job_record_free);

	for (int number = newest; number >= oldest; number--) {
		g_autoptr(Job) job = new_job(number);

		add_record(records, job);
	}
	recent_fill(recent, PATH, records);
}

static void
note(Recent *recent, int number, TaskStatus status)
{
	g_autoptr(Job) job = new_job(number);

	if (status != TASK_PENDING)
		job_move(job, TASK_CREATING, NULL, number * G_USEC_PER_SEC + 1);
	if (status != TASK_PENDING && status != TASK_CREATING)
		job_move(job, TASK_ACTIVE, NULL, number * G_USEC_PER_SEC + 2);
	if (status == TASK_SUCCEED)
		job_move(job, TASK_SUCCEED, NULL, (number + 2) * G_USEC_PER_SEC + 2);
	recent_note(recent, job);
}

/* "5:completed 3:pending", the numbers of the jobs with their status. */
static char *
list(Recent *recent)
{
	JobStatus status = JOB_PENDING;
	gint64 accepted_us = 0;
	json_object *runs = recent_runs(recent, PATH, &status, &accepted_us);
	g_autoptr(GString) text = g_string_new(NULL);

	for (size_t i = 0; i < json_object_array_length(runs); i++) {
		json_object *run = json_object_array_get_idx(runs, i);
		const char *id = json_string_member(run, "id");

		g_string_append_printf(text, "%s%d:%s", i > 0 ? " " : "",
			(int) g_ascii_strtoll(id + strlen(id) - 12, NULL, 10),
			json_string_member(run, "status"));
	}
	return g_string_free(g_steal_pointer(&text), FALSE);
}

static void
assert_list(Recent *recent, const char *expected)
{
	g_autofree char *text = list(recent);

	g_assert_cmpstr(text, ==, expected);
}

static void
test_known_once_filled(void)
{
	g_autoptr(Recent) recent = recent_new();

	g_assert_false(recent_knows(recent, PATH));
	note(recent, 1, TASK_PENDING); /* nobody has asked: the store will tell */
	recent_expect(recent, PATH);
	g_assert_false(recent_knows(recent, PATH));
	fill(recent, 2, 1);
	g_assert_true(recent_knows(recent, PATH));
	assert_list(recent, "2:pending 1:pending");
}

/* The store was asked before a job moved and answers afterwards. */
static void
test_noted_while_asked(void)
{
	g_autoptr(Recent) recent = recent_new();

	recent_expect(recent, PATH);
	note(recent, 2, TASK_SUCCEED);
	note(recent, 3, TASK_PENDING);
	fill(recent, 2, 1);
	assert_list(recent, "3:pending 2:completed 1:pending");
	fill(recent, 9, 4); /* a second answer to the same question: known already */
	assert_list(recent, "3:pending 2:completed 1:pending");
}

static void
test_moves(void)
{
	g_autoptr(Recent) recent = recent_new();
	JobStatus status = JOB_PENDING;
	gint64 accepted_us = 0;

	recent_expect(recent, PATH);
	fill(recent, 0, 1);
	assert_list(recent, "");
	recent_runs(recent, PATH, &status, &accepted_us);
	g_assert_cmpint(accepted_us, ==, 0);
	note(recent, 7, TASK_CREATING);
	assert_list(recent, "7:active");
	note(recent, 7, TASK_SUCCEED);
	assert_list(recent, "7:completed");
	json_object *runs = recent_runs(recent, PATH, &status, &accepted_us);
	g_assert_cmpint(status, ==, JOB_COMPLETED);
	g_assert_cmpint(accepted_us, ==, 7 * G_USEC_PER_SEC);
	json_object *seconds = json_member(json_object_array_get_idx(runs, 0), "duration");
	g_assert_cmpfloat(json_object_get_double(seconds), ==, 2);
}

static void
test_no_more_than_ten(void)
{
	g_autoptr(Recent) recent = recent_new();

	recent_expect(recent, PATH);
	fill(recent, 10, 1);
	note(recent, 12, TASK_PENDING);
	note(recent, 11, TASK_PENDING); /* accepted earlier, told later */
	assert_list(recent, "12:pending 11:pending 10:pending 9:pending 8:pending 7:pending "
			    "6:pending 5:pending 4:pending 3:pending");
}

/* A job that was not accepted leaves a gap that only the store can fill. */
static void
test_forgotten(void)
{
	g_autoptr(Recent) recent = recent_new();
	g_autoptr(Job) job = new_job(11);

	recent_expect(recent, PATH);
	fill(recent, 10, 1);
	note(recent, 11, TASK_PENDING);
	recent_forget(recent, job);
	g_assert_false(recent_knows(recent, PATH));
	fill(recent, 10, 1);
	g_assert_true(recent_knows(recent, PATH));
	assert_list(recent, "10:pending 9:pending 8:pending 7:pending 6:pending 5:pending "
			    "4:pending 3:pending 2:pending 1:pending");
}

/* An answer of the store for a path that was dropped meanwhile may be old. */
static void
test_dropped(void)
{
	g_autoptr(Recent) recent = recent_new();

	recent_expect(recent, PATH);
	recent_drop(recent, PATH);
	fill(recent, 2, 1);
	assert_list(recent, "2:pending 1:pending");
	g_assert_false(recent_knows(recent, PATH));
	fill(recent, 3, 1);
	g_assert_true(recent_knows(recent, PATH));
	assert_list(recent, "3:pending 2:pending 1:pending");
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/recent/known-once-filled", test_known_once_filled);
	g_test_add_func("/recent/noted-while-asked", test_noted_while_asked);
	g_test_add_func("/recent/moves", test_moves);
	g_test_add_func("/recent/no-more-than-ten", test_no_more_than_ten);
	g_test_add_func("/recent/forgotten", test_forgotten);
	g_test_add_func("/recent/dropped", test_dropped);
	return g_test_run();
}
