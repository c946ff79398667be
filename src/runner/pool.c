/* When one is begun is the latest of all the times that something asks for. */
#include "runner/pool.h"

/* What an executor and its kernel take of the host's memory, the preloaded modules shared: measured with
 * numpy, pandas and matplotlib, and rounded up. */
#define MEMORY_OF_ONE (G_GINT64_CONSTANT(48) << 20)
#define SHARE_OF_MEMORY 8
#define PER_CORE 4

static gint64
delay_of(int failures)
{
	gint64 delay_ms = POOL_FIRST_DELAY_MS;

	for (int i = 1; i < failures && delay_ms < POOL_MAX_DELAY_MS; i++)
		delay_ms *= 2;
	return MIN(delay_ms, POOL_MAX_DELAY_MS);
}

/* When one may be begun. */
static gint64
earliest(const PoolView *view)
{
	gboolean can_wait = view->playing >= view->cores || (view->playing > 0 && view->ready > 0);
	gint64 quiet_ms = can_wait && view->taken_ms > 0 ? view->taken_ms + POOL_QUIET_MS : 0;
	gint64 retry_ms = view->failures > 0 ? view->failed_ms + delay_of(view->failures) : 0;

	return MAX(quiet_ms, retry_ms);
}

PoolStep
pool_next(const PoolView *view, gint64 now_ms, gint64 *again_ms)
{
	gint64 wanted = view->pressed ? 0 : view->wanted;
	gint64 have = view->ready + view->booting;

	*again_ms = -1;
	if (have > wanted)
		return POOL_DROP;
	if (have == wanted || view->booting > 0 || view->unprepared)
		return POOL_REST;
	if (now_ms >= earliest(view))
		return POOL_BEGIN;
	*again_ms = earliest(view);
	return POOL_REST;
}

gint64
pool_auto_size(gint64 cores, gint64 concurrency, gint64 memory_bytes)
{
	gint64 fit = memory_bytes / SHARE_OF_MEMORY / MEMORY_OF_ONE;

	return MAX(0, MIN(fit, MIN(concurrency, PER_CORE * cores)));
}
