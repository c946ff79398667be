#include "exec/time_limits.h"

#include <stddef.h>

static const struct {
	const char *setting;
	size_t offset; /* of the setting, in milliseconds */
	const char *reason;
	const char *sentence;
} rows[N_TIME_LIMITS] = {
	[TIME_LIMIT_START] = { "start_timeout", offsetof(Settings, start_timeout_ms),
		"kernel_failed", "The kernel was not ready after" },
	[TIME_LIMIT_CELL] = { "cell_timeout", offsetof(Settings, cell_timeout_ms), "timed_out",
		"The cell took longer than" },
	[TIME_LIMIT_RUN] = { "run_timeout", offsetof(Settings, run_timeout_ms), "timed_out",
		"The run took longer than" },
};

static gint64
setting_ms(const TimeLimits *limits, TimeLimit limit)
{
	return *(const gint64 *) ((const char *) limits->settings + rows[limit].offset);
}

void
time_limits_init(TimeLimits *limits, const Settings *settings)
{
	limits->settings = settings;
	for (TimeLimit i = 0; i < N_TIME_LIMITS; i++)
		limits->until_ms[i] = -1;
}

void
time_limits_begin(TimeLimits *limits, TimeLimit limit, gint64 now_ms)
{
	limits->until_ms[limit] = now_ms + setting_ms(limits, limit);
}

void
time_limits_end(TimeLimits *limits, TimeLimit limit)
{
	limits->until_ms[limit] = -1;
}

static TimeLimit
first(const TimeLimits *limits)
{
	TimeLimit found = 0;

	for (TimeLimit i = 1; i < N_TIME_LIMITS; i++)
		if (limits->until_ms[i] >= 0 &&
			(limits->until_ms[found] < 0 ||
				limits->until_ms[i] < limits->until_ms[found]))
			found = i;
	return found;
}

gint64
time_limits_deadline(const TimeLimits *limits)
{
	return limits->until_ms[first(limits)];
}

gboolean
time_limits_reached(const TimeLimits *limits, gint64 now_ms, const char **reason, char **sentence)
{
	TimeLimit limit = first(limits);

	if (limits->until_ms[limit] < 0 || now_ms < limits->until_ms[limit])
		return FALSE;
	*reason = rows[limit].reason;
	*sentence = g_strdup_printf("%s %.0f seconds (setting %s).", rows[limit].sentence,
		(double) setting_ms(limits, limit) / 1000, rows[limit].setting);
	return TRUE;
}
