/* base/clock.h: the two clocks. Deadlines are monotonic and count sleep (CLOCK_BOOTTIME); times that
 * people read are wall clock, UTC. */
#pragma once

#include <glib.h>

/* Milliseconds since boot; for deadlines and durations. */
gint64 clock_ms(void);

/* Microseconds since 1970, UTC. */
gint64 clock_wall_us(void);

/* "2018-01-16T14:47:04.142Z". The caller frees. */
char *clock_iso(gint64 wall_us);

/* Microseconds since 1970 of such a text; otherwise_us where it is none, or NULL. */
gint64 clock_parse_iso(const char *text, gint64 otherwise_us);

/* A version's id, year to microsecond: "20201008101221879662". The caller frees. */
char *clock_histo(gint64 wall_us);

/* A folder's time: "2020-10-08_10-12-21". The caller frees. */
char *clock_folder(gint64 wall_us);

/* Seconds since 1970 of a date as HTTP writes it ("Thu, 01 Jan 1970 00:00:01 GMT" or an obsolete form, RFC 9110
 * section 5.6.7); -1 for anything else. */
gint64 clock_parse_http(const char *date);

/* Milliseconds from now until the deadline for poll(): -1 for no deadline, 0 when it has passed. */
int clock_remaining_ms(gint64 deadline_ms);
