/* exec/finish.h: the end of a run: what is written, and in which order.
 *
 * The response (on disk) and the executed notebook, then the last line of the outcome, which is the commit
 * point. What cannot be written or chosen turns a success into a failure before that. */
#pragma once

#include <glib.h>

#include "exec/player.h"
#include "exec/play.h"
#include "exec/joblog.h"

/* All borrowed. */
typedef struct FinishSpec {
	const Settings *settings;
	const PlaySpec *play;
	Notebook *notebook;                     /* NULL when it could not be read */
	Player *player;                         /* likewise */
	json_object *variables, *language_info; /* NULL: none */
	const Failure *failure;
	gboolean stopped;
	gint64 begun_ms, begun_wall_us;
} FinishSpec;

void finish_write(const FinishSpec *spec, JobLog *log);
