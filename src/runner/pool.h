/* runner/pool.h: how many executors are to be ready, and when another one is begun. Pure: all that the
 * answers depend on are arguments.
 *
 * Runs come first. While as many runs play as the host has cores, or one plays and the next finds an executor
 * that is ready, nothing is begun for POOL_QUIET_MS after an executor was taken. One that fails to get ready
 * delays the next, twice as long each time. One is begun at a time. When memory is short, those that are ready
 * are given up one by one. */
#pragma once

#include <glib.h>

#define POOL_QUIET_MS 500
#define POOL_FIRST_DELAY_MS 1000
#define POOL_MAX_DELAY_MS 60000

typedef struct PoolView {
	gint64 wanted; /* executors to be ready */
	gint64 ready, booting;
	gint64 playing, cores;
	int failures;        /* in a row */
	gint64 failed_ms;    /* when the last of them was */
	gint64 taken_ms;     /* when one was taken last; 0: never */
	gboolean unprepared; /* its fork server is about to be ready */
	gboolean pressed;    /* memory is short */
} PoolView;

typedef enum {
	POOL_REST,
	POOL_BEGIN, /* begin one */
	POOL_DROP,  /* give one up */
} PoolStep;

/* What to do now. *again_ms gets when to ask again at the latest; -1: when something changes. */
PoolStep pool_next(const PoolView *view, gint64 now_ms, gint64 *again_ms);

/* How many fit a host: four for each core, no more than runs are allowed, and no more than an eighth of the
 * memory holds. */
gint64 pool_auto_size(gint64 cores, gint64 concurrency, gint64 memory_bytes);
