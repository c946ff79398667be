#include "base/clock.h"

#include <time.h>

gint64
clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (gint64) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

gint64
clock_wall_us(void)
{
	return g_get_real_time();
}

static char *
format_utc(gint64 wall_us, const char *format)
{
	g_autoptr(GDateTime) seconds = g_date_time_new_from_unix_utc(wall_us / G_USEC_PER_SEC);

	return g_date_time_format(seconds, format);
}

char *
clock_iso(gint64 wall_us)
{
	g_autofree char *seconds = format_utc(wall_us, "%Y-%m-%dT%H:%M:%S");

	return g_strdup_printf("%s.%03dZ", seconds, (int) (wall_us % G_USEC_PER_SEC / 1000));
}

gint64
clock_parse_iso(const char *text, gint64 otherwise_us)
{
	g_autoptr(GDateTime) at = text != NULL ? g_date_time_new_from_iso8601(text, NULL) : NULL;

	return at != NULL
		       ? g_date_time_to_unix(at) * G_USEC_PER_SEC + g_date_time_get_microsecond(at)
		       : otherwise_us;
}

char *
clock_histo(gint64 wall_us)
{
	g_autofree char *seconds = format_utc(wall_us, "%Y%m%d%H%M%S");

	return g_strdup_printf("%s%06d", seconds, (int) (wall_us % G_USEC_PER_SEC));
}

char *
clock_folder(gint64 wall_us)
{
	return format_utc(wall_us, "%Y-%m-%d_%H-%M-%S");
}

gint64
clock_parse_http(const char *date)
{
	static const char *const forms[] = { "%a, %d %b %Y %H:%M:%S GMT",
		"%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y" };

	for (size_t i = 0; i < G_N_ELEMENTS(forms); i++) {
		struct tm fields = { 0 };
		const char *end = strptime(date, forms[i], &fields);

		if (end != NULL && *end == '\0')
			return (gint64) timegm(&fields);
	}
	return -1;
}

int
clock_remaining_ms(gint64 deadline_ms)
{
	if (deadline_ms < 0)
		return -1;
	return (int) CLAMP(deadline_ms - clock_ms(), 0, G_MAXINT);
}
