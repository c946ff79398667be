/* exec/time_limits.h: what of a run may take only so long, each by its setting. Time is an argument. */
#pragma once

#include <glib.h>

#include "conf/settings.h"

typedef enum {
	TIME_LIMIT_START, /* of the kernel */
	TIME_LIMIT_CELL,
	TIME_LIMIT_RUN,
	N_TIME_LIMITS,
} TimeLimit;

typedef struct TimeLimits {
	const Settings *settings;       /* borrowed */
	gint64 until_ms[N_TIME_LIMITS]; /* -1: is not counted now */
} TimeLimits;

/* Nothing is counted at first. */
void time_limits_init(TimeLimits *limits, const Settings *settings);

/* Counts from now on; counts no longer. */
void time_limits_begin(TimeLimits *limits, TimeLimit limit, gint64 now_ms);
void time_limits_end(TimeLimits *limits, TimeLimit limit);

/* When the first of them is reached; -1 for never. */
gint64 time_limits_deadline(const TimeLimits *limits);

/* Whether one is reached: then its reason (a slug, static) and a sentence with the setting's name, which the
 * caller frees. */
gboolean time_limits_reached(
	const TimeLimits *limits, gint64 now_ms, const char **reason, char **sentence);
