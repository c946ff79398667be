/* daemon/dispatch.h: accepted jobs that have not ended, and whose turn it is.
 *
 * A LiveJob is in one of these states:
 *
 *   entered ──start──► queued ──slot──► committing ("creating") ──► running ──► ending ──► gone
 *      └──► entered with a slot ──start──► running        ▲            │
 *                                                         └── the executor went before it began
 *
 * At most "concurrency" jobs hold a slot, and of those with one kernel at most its "max". While there is
 * a free slot, only jobs with kernels that have as many as they may stand in the queue. A job that finds a
 * free slot when it enters is kept as "creating" by the very commit that accepts it. Waiting calls are
 * answered when the end is committed. */
#pragma once

#include "daemon/daemon.h"
#include "daemon/live.h"

Dispatcher *dispatcher_new(Daemon *daemon);
void dispatcher_free(Dispatcher *dispatcher);

/* Whether another job of that webhook may be accepted. QUEUE_FULL or UNAVAILABLE that name the setting;
 * *retry_after then says when to try again. */
gboolean dispatcher_has_room(
	Dispatcher *dispatcher, const Hook *hook, int *retry_after, GError **error);

/* Where its jobs are; borrowed. */
const Slots *dispatcher_slots(const Dispatcher *dispatcher);

/* Takes a job (given away) and its opened folder (-1: it is opened when needed) before its row is made; where it has a
 * slot, its run is made. */
LiveJob *dispatcher_enter(Dispatcher *dispatcher, Job *job, int execution);

/* The row is durable: the job may run. */
void dispatcher_start(Dispatcher *dispatcher, LiveJob *live);

/* The row could not be made: forgets the job. */
void dispatcher_abandon(Dispatcher *dispatcher, LiveJob *live);

/* Takes up a job of an earlier daemon: its status says how far it was. Those that play first, then those that
 * wait. */
void dispatcher_adopt(Dispatcher *dispatcher, Job *job);

/* NULL when no such job is live. */
LiveJob *dispatcher_find(Dispatcher *dispatcher, const char *uuid);

/* The versions of a published path that live jobs play or will play (new char *); the caller unrefs it. */
GPtrArray *dispatcher_versions_in_use(Dispatcher *dispatcher, const char *path);

/* Stops the job for that reason; its end is told as any other. False: it has ended already. */
gboolean dispatcher_stop(LiveJob *live, const char *reason);
