/* Jobs: a document goes both ways byte for byte, moves do what they say, the status document is this. */
#include <string.h>

#include "base/error.h"
#include "base/clock.h"
#include "job/job.h"

#define UUID "672a8b0e-c0b0-486e-bb2b-4571b0805f29"
#define SECOND G_GINT64_CONSTANT(1000000)
#define ACCEPTED (G_GINT64_CONSTANT(1602151941) * SECOND) /* 2020-10-08T10:12:21Z */

static const char full[] =
	"{\"uuid\":\"" UUID "\",\"name\":\"report\",\"folder\":\"2020-10-08_10-12-21-" UUID
	"\",\"webhook\":12,\"status\":\"failed\",\"accepted_us\":1602151941000000,"
	"\"ended_us\":1602151943500000,\"debug\":true,"
	"\"params\":{\"big\":100000000000000000000000000,\"d\":1.50,\"e\":1e+00,\"n\":null,"
	"\"t\":\"\u00e9/\\\"\\u0001\",\"z\":-0},"
	"\"task\":{\"node\":\"webhook\",\"path\":\"/home/a/report.ipynb\","
	"\"histo\":\"20201008101221879662\",\"kernel\":\"python3\",\"kernelspec\":\"python3\","
	"\"language\":null,"
	"\"status\":\"failed\",\"reason\":\"cell_error\",\"started_us\":1602151942000000,"
	"\"ended_us\":1602151943500000,\"cells_done\":2,\"cells_total\":5,\"attempts\":1,"
	"\"key_hash\":\"abc\",\"error\":{\"ename\":\"ValueError\",\"evalue\":\"bad\","
	"\"traceback\":[\"x\"],\"cell\":{\"index\":2,\"id\":null,\"execution_count\":3}},"
	"\"response\":null}}";

static Job *
read_job(const char *text, GError **error)
{
	g_autoptr(json_object) document = json_parse_object(text, strlen(text), 20, NULL);

	g_assert_nonnull(document);
	return job_from_document(document, error);
}

static json_object *
object(const char *text)
{
	json_object *value = json_parse_object(text, strlen(text), 20, NULL);

	g_assert_nonnull(value);
	return value;
}

static Job *
new_job(void)
{
	Job *job = job_new("report", UUID, "folder", ACCEPTED);

	job->task.node = g_strdup("webhook");
	job->task.path = g_strdup("/home/a/report.ipynb");
	job->task.histo = g_strdup("20201008101221879662");
	return job;
}

static void
assert_document(const Job *job, const char *text)
{
	g_autoptr(json_object) document = job_document(job);
	g_autofree char *printed = json_print(document);

	g_assert_cmpstr(printed, ==, text);
}

static void
test_round_trip(void)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Job) job = read_job(full, &error);

	g_assert_no_error(error);
	g_assert_cmpstr(job->id, ==, "report:" UUID);
	g_assert_cmpint(job->status, ==, JOB_FAILED);
	assert_document(job, full);
}

static void
test_new_one_goes_round(void)
{
	g_autoptr(Job) job = new_job();
	g_autoptr(json_object) document = job_document(job);
	g_autofree char *text = json_print(document);
	g_autoptr(Job) again = read_job(text, NULL);

	g_assert_cmpint(again->status, ==, JOB_PENDING);
	g_assert_null(again->task.kernel);
	g_assert_null(again->task.error);
	assert_document(again, text);
}

static const char *const broken_members[] = {
	("\"uuid\":\"" UUID "\","),
	"\"name\":\"report\",",
	"\"status\":\"failed\",\"accepted",
	"\"node\":\"webhook\",",
	"\"path\":\"/home/a/report.ipynb\",",
	"\"histo\":\"20201008101221879662\",",
	"\"status\":\"failed\",\"reason",
	"\"params\":",
	"\"task\":",
	"\"folder\":",
};

/* Without any of them it is no job. */
static void
test_broken_documents(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(broken_members); i++) {
		g_autoptr(GString) text = g_string_new(full);
		g_autoptr(GError) error = NULL;
		char *member = strstr(text->str, broken_members[i]);

		g_assert_nonnull(member);
		member[1] = 'X'; /* the name is another one */
		g_assert_null(read_job(text->str, &error));
		g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNPROCESSABLE);
	}
	g_assert_null(read_job("{}", NULL));
}

static void
test_moves(void)
{
	g_autoptr(Job) job = new_job();

	job_move(job, TASK_CREATING, NULL, ACCEPTED + SECOND);
	g_assert_cmpint(job->status, ==, JOB_ACTIVE);
	g_assert_cmpint(job->task.attempts, ==, 1);
	g_assert_cmpint(job->task.started_us, ==, 0);
	job_move(job, TASK_PENDING, "lost", ACCEPTED + SECOND);
	g_assert_cmpint(job->status, ==, JOB_PENDING);
	g_assert_cmpstr(job->task.reason, ==, "lost");
	job_move(job, TASK_CREATING, NULL, ACCEPTED + 2 * SECOND);
	g_assert_cmpint(job->task.attempts, ==, 2);
	g_assert_null(job->task.reason);
	job_move(job, TASK_ACTIVE, NULL, ACCEPTED + 3 * SECOND);
	g_assert_cmpint(job->task.started_us, ==, ACCEPTED + 3 * SECOND);
	g_assert_cmpfloat(job_seconds(job), ==, 0);
	job_move(job, TASK_SUCCEED, NULL, ACCEPTED + 5 * SECOND + 1499);
	g_assert_cmpint(job->status, ==, JOB_COMPLETED);
	g_assert_cmpint(job->ended_us, ==, ACCEPTED + 5 * SECOND + 1499);
	g_assert_cmpint(job->task.ended_us, ==, job->ended_us);
	g_assert_cmpfloat(job_seconds(job), ==, 2.001);
}

static void
test_refused_moves(void)
{
	for (int to = 0; to < TASK_N_STATUSES; to++) {
		g_autoptr(Job) job = read_job(full, NULL);

		g_test_expect_message(NULL, G_LOG_LEVEL_CRITICAL, "*cannot go from failed to*");
		job_move(job, (TaskStatus) to, "why", ACCEPTED);
		g_test_assert_expected_messages();
		assert_document(job, full);
	}
}

static const struct {
	const char *ended;
	TaskStatus from, status;
	JobStatus job;
	const char *reason, *text;
} outcomes[] = {
	{ "{\"status\":\"succeed\",\"progress\":{\"done\":3,\"total\":3}}", TASK_ACTIVE,
		TASK_SUCCEED, JOB_COMPLETED, NULL, NULL },
	{ "{\"status\":\"succeed\",\"progress\":{\"done\":3,\"total\":3}}", TASK_CREATING,
		TASK_SUCCEED, JOB_COMPLETED, NULL, NULL },
	{ "{\"status\":\"failed\",\"reason\":\"cell_error\",\"progress\":{\"done\":3,\"total\":3},"
	  "\"error\":{\"ename\":\"ValueError\",\"evalue\":\"bad\"}}",
		TASK_ACTIVE, TASK_FAILED, JOB_FAILED, "cell_error", "ValueError: bad" },
	{ "{\"status\":\"failed\",\"reason\":\"cell_error\",\"error\":{\"ename\":"
	  "\"KeyboardInterrupt\","
	  "\"evalue\":\"\"}}",
		TASK_ACTIVE, TASK_FAILED, JOB_FAILED, "cell_error", "KeyboardInterrupt" },
	{ "{\"status\":\"failed\",\"reason\":\"kernel_died\"}", TASK_CREATING, TASK_FAILED,
		JOB_FAILED, "kernel_died", "the kernel died while the notebook ran" },
	{ "{\"status\":\"stopped\",\"reason\":\"stopped_by_user\"}", TASK_ACTIVE, TASK_STOPPED,
		JOB_STOPPED, "stopped_by_user", "the run was stopped by a user" },
	{ "{\"status\":\"failed\",\"reason\":\"disk_full\",\"error\":{\"ename\":null,"
	  "\"evalue\":\"the response: No space left on device\"}}",
		TASK_ACTIVE, TASK_FAILED, JOB_FAILED, "disk_full",
		"the server's disk is full (state_dir; see the setting disk_reserve)" },
	/* what an executor must not say ends the run all the same */
	{ "{}", TASK_ACTIVE, TASK_FAILED, JOB_FAILED, NULL, "the run failed" },
	{ "{\"status\":\"skipped\"}", TASK_ACTIVE, TASK_FAILED, JOB_FAILED, NULL, NULL },
	{ "{\"status\":\"pending\"}", TASK_CREATING, TASK_FAILED, JOB_FAILED, NULL, NULL },
	{ "{\"status\":[],\"error\":7,\"response\":\"x\",\"progress\":[],\"reason\":{}}",
		TASK_CREATING, TASK_FAILED, JOB_FAILED, NULL, "the run failed" },
};

static void
test_outcomes(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(outcomes); i++) {
		g_autoptr(Job) job = new_job();
		g_autoptr(json_object) ended = object(outcomes[i].ended);

		job_move(job, TASK_CREATING, NULL, ACCEPTED);
		if (outcomes[i].from == TASK_ACTIVE)
			job_move(job, TASK_ACTIVE, NULL, ACCEPTED);
		job_take_outcome(job, ended, ACCEPTED + SECOND);
		g_assert_cmpint(job->task.status, ==, outcomes[i].status);
		g_assert_cmpint(job->status, ==, outcomes[i].job);
		g_assert_cmpstr(job->task.reason, ==, outcomes[i].reason);
		g_assert_cmpint(job->ended_us, ==, ACCEPTED + SECOND);
		if (outcomes[i].text == NULL)
			continue;
		g_autofree char *text = job_error_text(job);
		g_assert_cmpstr(text, ==, outcomes[i].text);
	}
}

/* The daemon may hear of an end long after it; a clock that was set leads to no time that cannot be. */
static void
test_outcome_has_its_time(void)
{
	static const struct {
		const char *at;
		int ended_s; /* behind the acceptance */
	} times[] = { { "0", 9 }, { "1", 1 }, { "4", 4 }, { "10", 9 }, { "-3", 1 } };

	for (size_t i = 0; i < G_N_ELEMENTS(times); i++) {
		g_autoptr(Job) job = new_job();
		g_autofree char *at =
			clock_iso(ACCEPTED + g_ascii_strtoll(times[i].at, NULL, 10) * SECOND);
		g_autofree char *text = g_strdup_printf(
			"{\"status\":\"succeed\",\"at\":\"%s\"}", i > 0 ? at : "yesterday");
		g_autoptr(json_object) ended = object(text);

		job_move(job, TASK_CREATING, NULL, ACCEPTED);
		job_move(job, TASK_ACTIVE, NULL, ACCEPTED + SECOND);
		job_take_outcome(job, ended, ACCEPTED + 9 * SECOND);
		g_assert_cmpint(job->ended_us, ==, ACCEPTED + times[i].ended_s * SECOND);
	}
}

static void
test_outcome_keeps_response(void)
{
	g_autoptr(Job) job = new_job();
	g_autoptr(json_object) ended =
		object("{\"status\":\"succeed\",\"response\":{\"kind\":\"json\","
		       "\"type\":\"application/json\",\"size\":2},"
		       "\"progress\":{\"done\":4,\"total\":4}}");

	job_move(job, TASK_CREATING, NULL, ACCEPTED);
	job_take_outcome(job, ended, ACCEPTED + SECOND);
	g_assert_cmpstr(json_string_member(job->task.response, "kind"), ==, "json");
	g_assert_cmpint(job->task.cells_done, ==, 4);
	g_assert_cmpint(job->task.cells_total, ==, 4);
}

static void
assert_status(const Job *job, const char *golden)
{
	g_autoptr(json_object) document = job_status_document(job);
	g_autofree char *text = json_print(document);

	g_assert_cmpstr(text, ==, golden);
}

#define STATUS_HEAD                                                                                \
	"{\"jobId\":\"report:" UUID "\",\"pipeline\":\"report\","                                  \
	"\"notebook\":\"/home/a/report.ipynb\",\"version\":\"20201008101221879662\","

static void
test_status_documents(void)
{
	g_autoptr(Job) failed = read_job(full, NULL);
	g_autoptr(Job) job = new_job();

	assert_status(job, STATUS_HEAD
		"\"status\":\"pending\",\"reason\":null,"
		"\"accepted\":\"2020-10-08T10:12:21.000Z\",\"started\":null,\"ended\":null,"
		"\"seconds\":null,\"progress\":{\"done\":0,\"total\":0},\"attempts\":0,\"error\":"
		"null,"
		"\"response\":null}");
	assert_status(failed,
		STATUS_HEAD "\"status\":\"failed\",\"reason\":\"cell_error\","
			    "\"accepted\":\"2020-10-08T10:12:21.000Z\","
			    "\"started\":\"2020-10-08T10:12:22.000Z\","
			    "\"ended\":\"2020-10-08T10:12:23.500Z\",\"seconds\":1.5,"
			    "\"progress\":{\"done\":2,\"total\":5},\"attempts\":1,"
			    "\"error\":{\"error\":\"ValueError: bad\",\"ename\":\"ValueError\","
			    "\"evalue\":\"bad\",\"cell\":{\"index\":2,\"id\":null,"
			    "\"execution_count\":3}},\"response\":null}");
}

/* One that runs, one whose outcome is not known, one that was stopped. */
static void
test_status_documents_in_between(void)
{
	g_autoptr(Job) job = new_job();
	g_autoptr(Job) stopped = new_job();
	g_autoptr(json_object) ended = object(
		"{\"status\":\"stopped\",\"reason\":\"too slow\",\"error\":{\"ename\":\"Stopped\"},"
		"\"progress\":{\"done\":1,\"total\":3}}");

	job_move(job, TASK_CREATING, NULL, ACCEPTED);
	job_move(job, TASK_ACTIVE, NULL, ACCEPTED + SECOND);
	job->task.cells_done = 1;
	job->task.cells_total = 3;
	assert_status(job, STATUS_HEAD "\"status\":\"active\",\"reason\":null,"
				       "\"accepted\":\"2020-10-08T10:12:21.000Z\","
				       "\"started\":\"2020-10-08T10:12:22.000Z\",\"ended\":null,"
				       "\"seconds\":null,\"progress\":{\"done\":1,\"total\":3},"
				       "\"attempts\":1,\"error\":null,\"response\":null}");
	job_move(job, TASK_FAILED, "lost", ACCEPTED + 2 * SECOND);
	assert_status(job, STATUS_HEAD
		"\"status\":\"failed\",\"reason\":\"lost\","
		"\"accepted\":\"2020-10-08T10:12:21.000Z\","
		"\"started\":\"2020-10-08T10:12:22.000Z\","
		"\"ended\":\"2020-10-08T10:12:23.000Z\",\"seconds\":1,"
		"\"progress\":{\"done\":1,\"total\":3},\"attempts\":1,"
		"\"error\":{\"error\":\"the run was interrupted and its outcome is not known\","
		"\"ename\":null,\"evalue\":null,\"cell\":null},\"response\":null}");
	job_move(stopped, TASK_CREATING, NULL, ACCEPTED);
	job_take_outcome(stopped, ended, ACCEPTED + SECOND);
	assert_status(stopped,
		STATUS_HEAD "\"status\":\"stopped\",\"reason\":\"too slow\","
			    "\"accepted\":\"2020-10-08T10:12:21.000Z\",\"started\":null,"
			    "\"ended\":\"2020-10-08T10:12:22.000Z\",\"seconds\":1,"
			    "\"progress\":{\"done\":1,\"total\":3},\"attempts\":1,"
			    "\"error\":null,\"response\":null}");
}

static void
test_status_shows_no_file(void)
{
	g_autoptr(Job) job = new_job();
	g_autoptr(json_object) ended =
		object("{\"status\":\"succeed\",\"response\":{\"kind\":\"file\","
		       "\"type\":\"text/csv\",\"size\":2,"
		       "\"filename\":\"secret\"}}");

	job_move(job, TASK_CREATING, NULL, ACCEPTED);
	job_take_outcome(job, ended, ACCEPTED + SECOND);
	assert_status(job,
		STATUS_HEAD "\"status\":\"completed\",\"reason\":null,"
			    "\"accepted\":\"2020-10-08T10:12:21.000Z\",\"started\":null,"
			    "\"ended\":\"2020-10-08T10:12:22.000Z\",\"seconds\":1,"
			    "\"progress\":{\"done\":0,\"total\":0},\"attempts\":1,\"error\":null,"
			    "\"response\":{\"type\":\"text/csv\",\"size\":2}}");
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/job/round-trip", test_round_trip);
	g_test_add_func("/job/new-one-goes-round", test_new_one_goes_round);
	g_test_add_func("/job/broken-documents", test_broken_documents);
	g_test_add_func("/job/moves", test_moves);
	g_test_add_func("/job/refused-moves", test_refused_moves);
	g_test_add_func("/job/outcomes", test_outcomes);
	g_test_add_func("/job/outcome-keeps-response", test_outcome_keeps_response);
	g_test_add_func("/job/outcome-time", test_outcome_has_its_time);
	g_test_add_func("/job/status-documents", test_status_documents);
	g_test_add_func("/job/status-documents-in-between", test_status_documents_in_between);
	g_test_add_func("/job/status-shows-no-file", test_status_shows_no_file);
	return g_test_run();
}
