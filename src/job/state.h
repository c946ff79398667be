/* job/state.h: the states of jobs and tasks, and which may follow which.
 *
 *   job    pending ◄─► active ──► completed | failed | stopped        (pending ──► stopped, failed too)
 *
 *   task   pending ──► creating ──► active ──► succeed | failed | stopped
 *             ▲           │ │                          ▲
 *             └───────────┘ └──────────────────────────┘ its beginning was not seen
 *              the executor went away before it began
 *          pending ──► skipped | stopped | failed
 *
 * An ended state is never left. */
#pragma once

#include <glib.h>

typedef enum {
	JOB_PENDING,
	JOB_ACTIVE,
	JOB_COMPLETED,
	JOB_FAILED,
	JOB_STOPPED,
	JOB_N_STATUSES
} JobStatus;

typedef enum {
	TASK_PENDING,
	TASK_CREATING,
	TASK_ACTIVE,
	TASK_SUCCEED,
	TASK_FAILED,
	TASK_STOPPED,
	TASK_SKIPPED,
	TASK_N_STATUSES
} TaskStatus;

/* The words of status files, HTTP answers and the store. Static. */
const char *job_status_word(JobStatus status);
const char *task_status_word(TaskStatus status);

/* The status of a word; false for a word that is none. */
gboolean job_status_from_word(const char *word, JobStatus *status);
gboolean task_status_from_word(const char *word, TaskStatus *status);

gboolean job_status_may_follow(JobStatus from, JobStatus to);
gboolean task_status_may_follow(TaskStatus from, TaskStatus to);

gboolean job_status_is_ended(JobStatus status);
gboolean task_status_is_ended(TaskStatus status);

/* The status of a job whose only task has that status. */
JobStatus job_status_of_task(TaskStatus status);
