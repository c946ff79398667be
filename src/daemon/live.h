/* daemon/live.h: a job that has been accepted and has not ended, and who waits to hear of it.
 *
 * The dispatcher owns LiveJobs and moves them; others look at them by live_job and wait. A job's folder is
 * open while it has something to write there; in the queue it is closed, so that a long queue holds no
 * descriptors. */
#pragma once

#include "daemon/daemon.h"
#include "daemon/slots.h"
#include "job/job.h"

typedef struct Run Run;

typedef struct LiveJob {
	Dispatcher *dispatcher;
	Daemon *daemon;
	Job *job;
	int execution; /* its folder, -1: closed */
	char *key;     /* the run's own, from creating to running */
	Run *run;      /* the dispatcher's */
	LivePlace place;
	gboolean drafted;    /* the status file of its end is written… */
	gboolean published;  /* … and has its name */
	char *stop_reason;   /* it is to be stopped, and why */
	gint64 revision;     /* of what can be told of it; grows with the wall clock */
	GPtrArray *waiters;  /* of Call, for the end */
	GPtrArray *watchers; /* of Call, for a change */
	guint status_source; /* a status file that is due */
	guint retry_source;  /* something that failed and is tried again */
} LiveJob;

/* job and execution are given away. */
LiveJob *live_new(Daemon *daemon, Job *job, int execution);

/* Calls that still wait are dropped: their connections end with the daemon. The run must be gone. */
void live_free(LiveJob *live);

const Job *live_job(const LiveJob *live);

gboolean live_open_folder(LiveJob *live, GError **error);
void live_close_folder(LiveJob *live);

/* Something new can be told of the job: tells those who watch it, and those who look at its webhook's runs. */
void live_tell(LiveJob *live);

/* The same, and replaces its status file: at once, or soon together with further changes. */
void live_publish(LiveJob *live);
void live_publish_soon(LiveJob *live);
void live_forget_due_status(LiveJob *live);

/* The job has ended: puts its results in place and writes the status file, which nobody sees yet. Its folder is open. */
void live_prepare_end(LiveJob *live);

/* The end is durable: publishes that file as live_publish does. */
void live_publish_end(LiveJob *live);

/* Answers those who wait for the end. */
void live_answer(LiveJob *live);

/* Frees a job that has ended; its folder is settled on a worker. */
void live_leave(LiveJob *live);

/* The call is answered (records_answer) when the job has ended. */
void live_wait(LiveJob *live, Call *call);

/* The call is answered (records_status) when there is something later to tell than seen, a revision. */
void live_watch(LiveJob *live, Call *call, gint64 seen);
