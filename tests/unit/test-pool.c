/* The pool's decisions, as tables. */
#include "runner/pool.h"

#define NOW 100000

/* Two are wanted on a host with two cores, where nothing happens. */
#define CALM .wanted = 2, .cores = 2

static const struct {
	const char *what;
	PoolView view;
	PoolStep step;
	gint64 again_ms;
} rows[] = {
	{ "an empty pool", { CALM }, POOL_BEGIN, -1 },
	{ "one is missing", { CALM, .ready = 1 }, POOL_BEGIN, -1 },
	{ "one at a time", { CALM, .booting = 1 }, POOL_REST, -1 },
	{ "a full pool", { CALM, .ready = 2 }, POOL_REST, -1 },
	{ "one that boots counts", { CALM, .ready = 1, .booting = 1 }, POOL_REST, -1 },
	{ "one too many", { CALM, .ready = 3 }, POOL_DROP, -1 },
	{ "nothing is wanted", { .cores = 2 }, POOL_REST, -1 },
	{ "the fork server is not there yet", { CALM, .unprepared = TRUE }, POOL_REST, -1 },
	{ "runs leave a core free", { CALM, .playing = 1, .taken_ms = NOW }, POOL_BEGIN, -1 },
	{ "a run plays, and there are others", { CALM, .ready = 1, .playing = 1, .taken_ms = NOW },
		POOL_REST, NOW + POOL_QUIET_MS },
	{ "it has played for a while",
		{ CALM, .ready = 1, .playing = 1, .taken_ms = NOW - POOL_QUIET_MS }, POOL_BEGIN,
		-1 },
	{ "runs have all cores", { CALM, .playing = 2, .taken_ms = NOW - 100 }, POOL_REST,
		NOW - 100 + POOL_QUIET_MS },
	{ "they have had them for a while", { CALM, .playing = 2, .taken_ms = NOW - POOL_QUIET_MS },
		POOL_BEGIN, -1 },
	{ "the first failure", { CALM, .failures = 1, .failed_ms = NOW }, POOL_REST,
		NOW + POOL_FIRST_DELAY_MS },
	{ "it is a while ago", { CALM, .failures = 1, .failed_ms = NOW - POOL_FIRST_DELAY_MS },
		POOL_BEGIN, -1 },
	{ "the third failure", { CALM, .failures = 3, .failed_ms = NOW }, POOL_REST,
		NOW + 4 * POOL_FIRST_DELAY_MS },
	{ "the hundredth failure", { CALM, .failures = 100, .failed_ms = NOW }, POOL_REST,
		NOW + POOL_MAX_DELAY_MS },
	{ "short memory, one is ready", { CALM, .ready = 1, .pressed = TRUE }, POOL_DROP, -1 },
	{ "short memory, one boots", { CALM, .booting = 1, .pressed = TRUE }, POOL_DROP, -1 },
	{ "short memory, none is there", { CALM, .pressed = TRUE }, POOL_REST, -1 },
};

static void
test_steps(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		gint64 again_ms = 0;

		g_test_message("%s", rows[i].what);
		g_assert_cmpint(pool_next(&rows[i].view, NOW, &again_ms), ==, rows[i].step);
		g_assert_cmpint(again_ms, ==, rows[i].again_ms);
	}
}

#define GIB (G_GINT64_CONSTANT(1) << 30)

static const struct {
	gint64 cores, concurrency, memory, size;
} sizes[] = {
	{ 1, 16, 8 * GIB, 4 },
	{ 2, 16, 8 * GIB, 8 },
	{ 2, 3, 8 * GIB, 3 },
	{ 64, 16, 256 * GIB, 16 },
	{ 8, 16, GIB, 2 },
	{ 8, 16, GIB / 8, 0 },
};

static void
test_sizes(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++)
		g_assert_cmpint(
			pool_auto_size(sizes[i].cores, sizes[i].concurrency, sizes[i].memory), ==,
			sizes[i].size);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/pool/steps", test_steps);
	g_test_add_func("/pool/sizes", test_sizes);
	return g_test_run();
}
