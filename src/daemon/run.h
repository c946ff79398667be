/* daemon/run.h: one attempt to play a job, seen from the daemon.
 *
 * A Run asks the runner for an executor, makes the files and the run socket, hands the job over, lets it begin, follows
 * it on the run socket, and reads the outcome when the executor is gone or says that it has ended. It
 * tells its owner, from the main loop, what it learns; after RUN_ENDED, RUN_NOT_BEGUN or RUN_LOST
 * nothing more comes and it may be freed. Freeing it earlier leaves the executor playing, or ends one that may not
 * begin yet. */
#pragma once

#include "daemon/daemon.h"
#include "daemon/live.h"

typedef enum {
	RUN_PLAYING,   /* it has begun, or cells were done since */
	RUN_ENDED,     /* run_outcome() holds the end */
	RUN_NOT_BEGUN, /* the executor went before its first cell: nothing was run */
	RUN_LOST,      /* it began, and there is neither an executor nor a whole outcome */
} RunEvent;

typedef void (*RunTold)(Run *run, RunEvent event, gpointer data);

/* A run of job (borrowed; its task must not change meanwhile): an executor is asked for, its files are made, and the
 * executor gets the job when it is there. It may put its kernel in place, but executes nothing of the author's, and
 * nothing is told, before run_begin. execution is the job's folder, borrowed; key the run's own key. */
Run *run_new(Daemon *daemon, const Job *job, int execution, const char *key, RunTold told,
	gpointer data);

/* It is durable that there is this run: it may begin. Once. */
void run_begin(Run *run);

/* Takes up the run of an earlier daemon, by its socket or its outcome. */
Run *run_adopt(Daemon *daemon, const Job *job, int execution, RunTold told, gpointer data);

void run_free(Run *run);

/* Has the executor stop the run for that reason: it ends with RUN_ENDED as any other. Before it
 * has begun, the run ends with RUN_NOT_BEGUN. */
void run_stop(Run *run, const char *reason);

gint64 run_cells_done(const Run *run);
gint64 run_cells_total(const Run *run);
json_object *run_outcome(const Run *run); /* the "ended" line, borrowed */
const char *run_failure(const Run *run);  /* why it was not begun, or NULL */

/* Whether the host lacked something then, space or descriptors, that may be there later. */
gboolean run_failure_is_passing(const Run *run);
