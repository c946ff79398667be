/* When memory is short, and when it no longer is. */
#include "runner/pressure.h"

#define AVAILABLE(kib) "MemTotal:        1600 kB\nMemFree: 1 kB\nMemAvailable:    " #kib " kB\n"
#define WAITED(percent) "some avg10=" percent " avg60=0.00 avg300=0.00 total=0\nfull avg10=99.00\n"

static const struct {
	const char *meminfo, *psi;
	gboolean before, pressed;
} rows[] = {
	{ AVAILABLE(800), WAITED("0.00"), FALSE, FALSE },
	{ AVAILABLE(99), WAITED("0.00"), FALSE, TRUE },
	{ AVAILABLE(100), WAITED("0.00"), FALSE, FALSE },
	{ AVAILABLE(100), WAITED("0.00"), TRUE, TRUE },
	{ AVAILABLE(160), WAITED("0.00"), TRUE, FALSE },
	{ AVAILABLE(800), WAITED("20.00"), FALSE, TRUE },
	{ AVAILABLE(800), WAITED("19.99"), FALSE, FALSE },
	{ AVAILABLE(800), WAITED("0.10"), TRUE, TRUE },
	{ AVAILABLE(800), NULL, FALSE, FALSE },
	{ AVAILABLE(800), NULL, TRUE, FALSE },
	{ AVAILABLE(99), NULL, FALSE, TRUE },
	{ NULL, NULL, FALSE, FALSE },
	{ NULL, NULL, TRUE, FALSE },
};

static void
test_judgement(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_test_message("row %zu", i);
		g_assert_cmpint(pressure_judge(rows[i].meminfo, rows[i].psi, rows[i].before), ==,
			rows[i].pressed);
	}
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/pressure/judgement", test_judgement);
	return g_test_run();
}
