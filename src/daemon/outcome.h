/* daemon/outcome.h: what an outcome file says (HACKING, "The conversations"). */
#pragma once

#include "base/json.h"
#include "job/job.h"

typedef struct Outcome {
	gboolean begun;     /* the start mark is there */
	gint64 begun_us;    /* wall clock; now, where that is not said */
	json_object *ended; /* the last line, or NULL */
} Outcome;

/* Reads the outcome of an execution's folder. A missing file is an outcome that has not begun; a last line
 * without its newline does not count. One that cannot be read counts as begun: nothing is run twice. */
Outcome *outcome_load(int execution);
void outcome_free(Outcome *outcome);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Outcome, outcome_free)

/* A job that was being handed to an executor, and has begun since as its outcome says, is active since then. */
void outcome_recall_start(Job *job, int execution);
