/* daemon/submission.h: from a folder to an accepted job; for intake.c.
 *
 * A Pending is a folder without a row. Its submission is a chain: the delivery, if it is one, is claimed;
 * a worker syncs the folder and pipeline_executions; the store keeps the row; the dispatcher starts the
 * job. The job enters the dispatcher before the commit, so that it counts against the queue and its slot
 * is reserved. A call that asks for the same meanwhile joins and is answered with the first. */
#pragma once

#include "daemon/daemon.h"
#include "job/job.h"

typedef struct Submission Submission;

typedef struct Pending {
	char *uuid;
	char *folder;
	guint64 peer; /* the connection that has begun it */
	Hook *hook;
	gint64 begun_us;        /* wall clock */
	gint64 n_files;         /* made in its files/ */
	gboolean verified;      /* its signature, where the hook requires one */
	Submission *submission; /* while one is on its way; borrowed */
} Pending;

struct Intake {
	Daemon *daemon;
	GHashTable *pending; /* uuid -> Pending, owned */
	GHashTable
		*by_peer; /* connection -> Pending that it has begun and not submitted, borrowed */
	guint sweep_source;
};

/* The call that the asker's connection has begun and not submitted, by the uuid that it names; NULL when
 * there is none. */
Pending *intake_find(Call *call, Daemon *daemon);

/* Forgets a pending call and removes its folder (on a worker). */
void intake_forget(Intake *intake, Pending *pending);

/* Answers call (call.submit) when the job has been accepted or refused. */
void submission_start(Call *call, Daemon *daemon, Pending *pending);

/* So does this for another call of the same uuid, or of the same delivery. */
void submission_join(Submission *submission, Call *call, gboolean joined);

/* Says that job has been accepted; joined: as the job of an earlier call. */
void submission_reply(Call *call, const Job *job, gboolean joined);
