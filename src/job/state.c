#include "job/state.h"

#define BIT(status) (1u << (status))

typedef struct {
	const char *word;
	unsigned next; /* the statuses that may follow */
} StateRow;

/* clang-format off */
static const StateRow job_rows[JOB_N_STATUSES] = {
	[JOB_PENDING]   = { "pending",   BIT(JOB_ACTIVE) | BIT(JOB_FAILED) | BIT(JOB_STOPPED) },
	[JOB_ACTIVE]    = { "active",    BIT(JOB_PENDING) | BIT(JOB_COMPLETED) | BIT(JOB_FAILED) | BIT(JOB_STOPPED) },
	[JOB_COMPLETED] = { "completed", 0 },
	[JOB_FAILED]    = { "failed",    0 },
	[JOB_STOPPED]   = { "stopped",   0 },
};

static const StateRow task_rows[TASK_N_STATUSES] = {
	[TASK_PENDING]  = { "pending",  BIT(TASK_CREATING) | BIT(TASK_FAILED) | BIT(TASK_STOPPED) | BIT(TASK_SKIPPED) },
	[TASK_CREATING] = { "creating", BIT(TASK_PENDING) | BIT(TASK_ACTIVE) | BIT(TASK_SUCCEED) | BIT(TASK_FAILED) | BIT(TASK_STOPPED) },
	[TASK_ACTIVE]   = { "active",   BIT(TASK_SUCCEED) | BIT(TASK_FAILED) | BIT(TASK_STOPPED) },
	[TASK_SUCCEED]  = { "succeed",  0 },
	[TASK_FAILED]   = { "failed",   0 },
	[TASK_STOPPED]  = { "stopped",  0 },
	[TASK_SKIPPED]  = { "skipped",  0 },
};

static const JobStatus job_of_task[TASK_N_STATUSES] = {
	[TASK_PENDING]  = JOB_PENDING,
	[TASK_CREATING] = JOB_ACTIVE,
	[TASK_ACTIVE]   = JOB_ACTIVE,
	[TASK_SUCCEED]  = JOB_COMPLETED,
	[TASK_FAILED]   = JOB_FAILED,
	[TASK_STOPPED]  = JOB_STOPPED,
	[TASK_SKIPPED]  = JOB_COMPLETED,
};
/* clang-format on */

static gboolean
find_word(const StateRow *table, int count, const char *word, int *found)
{
	for (int i = 0; i < count; i++) {
		if (g_strcmp0(table[i].word, word) == 0) {
			*found = i;
			return TRUE;
		}
	}
	return FALSE;
}

const char *
job_status_word(JobStatus status)
{
	return job_rows[status].word;
}

const char *
task_status_word(TaskStatus status)
{
	return task_rows[status].word;
}

gboolean
job_status_from_word(const char *word, JobStatus *status)
{
	int found;

	if (!find_word(job_rows, JOB_N_STATUSES, word, &found))
		return FALSE;
	*status = (JobStatus) found;
	return TRUE;
}

gboolean
task_status_from_word(const char *word, TaskStatus *status)
{
	int found;

	if (!find_word(task_rows, TASK_N_STATUSES, word, &found))
		return FALSE;
	*status = (TaskStatus) found;
	return TRUE;
}

gboolean
job_status_may_follow(JobStatus from, JobStatus to)
{
	return (job_rows[from].next & BIT(to)) != 0;
}

gboolean
task_status_may_follow(TaskStatus from, TaskStatus to)
{
	return (task_rows[from].next & BIT(to)) != 0;
}

gboolean
job_status_is_ended(JobStatus status)
{
	return job_rows[status].next == 0;
}

gboolean
task_status_is_ended(TaskStatus status)
{
	return task_rows[status].next == 0;
}

JobStatus
job_status_of_task(TaskStatus status)
{
	return job_of_task[status];
}
