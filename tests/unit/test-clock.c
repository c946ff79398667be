/* Clocks: the texts of times, and deadlines. */
#include "base/clock.h"

static const struct {
	gint64 wall_us;
	const char *iso, *histo, *folder;
} times[] = {
	{ 0, "1970-01-01T00:00:00.000Z", "19700101000000000000", "1970-01-01_00-00-00" },
	{ 1516114024142000, "2018-01-16T14:47:04.142Z", "20180116144704142000",
		"2018-01-16_14-47-04" },
	{ 1602151941879662, "2020-10-08T10:12:21.879Z", "20201008101221879662",
		"2020-10-08_10-12-21" },
	{ 1709251199999999, "2024-02-29T23:59:59.999Z", "20240229235959999999",
		"2024-02-29_23-59-59" },
	{ 4102444800000001, "2100-01-01T00:00:00.000Z", "21000101000000000001",
		"2100-01-01_00-00-00" },
};

/* They are UTC wherever the program runs. */
static void
test_texts(void)
{
	g_setenv("TZ", "Asia/Kolkata", TRUE);
	for (size_t i = 0; i < G_N_ELEMENTS(times); i++) {
		g_autofree char *iso = clock_iso(times[i].wall_us);
		g_autofree char *histo = clock_histo(times[i].wall_us);
		g_autofree char *folder = clock_folder(times[i].wall_us);

		g_assert_cmpstr(iso, ==, times[i].iso);
		g_assert_cmpstr(histo, ==, times[i].histo);
		g_assert_cmpstr(folder, ==, times[i].folder);
	}
}

static void
test_remaining(void)
{
	gint64 now = clock_ms();

	g_assert_cmpint(clock_remaining_ms(-1), ==, -1);
	g_assert_cmpint(clock_remaining_ms(0), ==, 0);
	g_assert_cmpint(clock_remaining_ms(now - 1), ==, 0);
	g_assert_cmpint(clock_remaining_ms(now + 10000), >, 9000);
	g_assert_cmpint(clock_remaining_ms(now + 10000), <=, 10000);
	g_assert_cmpint(clock_remaining_ms(G_MAXINT64), ==, G_MAXINT);
}

static void
test_monotonic_goes_on(void)
{
	gint64 before = clock_ms();

	g_usleep(20 * 1000);
	g_assert_cmpint(clock_ms() - before, >=, 19);
}

static void
test_parse_iso(void)
{
	g_assert_cmpint(clock_parse_iso("2018-01-16T14:47:04.142Z", 7), ==, 1516114024142000);
	g_assert_cmpint(clock_parse_iso("2018-01-16", 7), ==, 7);
	g_assert_cmpint(clock_parse_iso("", 7), ==, 7);
	g_assert_cmpint(clock_parse_iso(NULL, 7), ==, 7);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/clock/texts", test_texts);
	g_test_add_func("/clock/parse-iso", test_parse_iso);
	g_test_add_func("/clock/remaining", test_remaining);
	g_test_add_func("/clock/monotonic-goes-on", test_monotonic_goes_on);
	return g_test_run();
}
