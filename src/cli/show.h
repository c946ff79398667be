/* cli/show.h: a job in words for people. Nothing here can command a terminal. */
#pragma once

#include <glib.h>

#include "base/json.h"

/* One line of text that may be shown: valid UTF-8, a control character becomes "?", a line's end a space.
 * The caller frees all of these. */
char *show_line(const char *text);

/* The same for text of several lines, whose ends stay; colours and other commands to a terminal go. */
char *show_text(const char *text);

/* "ValueError: no (cell 2)" of a status document or an error_info; cells count from 0 as everywhere. */
char *show_error(json_object *error, const char *reason);

/* "3 of 10 cells" of a status document. */
char *show_progress(json_object *status);

/* Seconds since a job of that status document began, or that it took; "-" while it waits. */
char *show_seconds(json_object *status, gint64 now_us);

/* The status document as lines of names and values. */
char *show_status(json_object *status, gint64 now_us);

/* A line that shows how far a job is that is waited for seconds already, with a bar. status may be NULL. */
char *show_bar(json_object *status, double seconds);
