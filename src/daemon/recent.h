/* daemon/recent.h: the last runs of each notebook in memory, for lists that are asked for often.
 *
 * A path is known once it has been filled from the store; from recent_expect() on what happens to its jobs
 * is noted too, so that nothing is missed while the store is asked. Nothing is kept of paths that nobody
 * has asked about. The main thread's. */
#pragma once

#include <glib.h>

#include "job/job.h"

/* How many runs of a path are kept. */
#define RECENT_RUNS 10

typedef struct Recent Recent;

Recent *recent_new(void);
void recent_free(Recent *recent);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Recent, recent_free)

gboolean recent_knows(Recent *recent, const char *path);

/* The store is going to be asked for the runs of a path. */
void recent_expect(Recent *recent, const char *path);

/* What the store said: records, of JobRecord. What was noted meanwhile is later and stays. */
void recent_fill(Recent *recent, const char *path, GPtrArray *records);

/* A job is there, or has another status. */
void recent_note(Recent *recent, const Job *job);

/* A job was not accepted after all. */
void recent_forget(Recent *recent, const Job *job);

/* Nobody will ask about a path any more. */
void recent_drop(Recent *recent, const char *path);

/* The runs of a path, as GET /job has them: [{id, duration, date, status}…], newest first; all that there
 * are, where the path is known. Borrowed until the next change. *status is that of the newest run and
 * *accepted_us its time; they are not touched when there is none. */
json_object *recent_runs(Recent *recent, const char *path, JobStatus *status, gint64 *accepted_us);
