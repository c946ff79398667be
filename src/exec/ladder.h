/* exec/ladder.h: how a kernel is brought to end what it does.
 *
 * Interrupt (when it executes: it would be lost before), once more after a second, SIGTERM after another,
 * SIGKILL after two; the end two seconds later. Somebody else looks whether the cell or the kernel has
 * ended meanwhile. Time is an argument. */
#pragma once

#include <glib.h>

#include "exec/joblog.h"
#include "exec/kernel.h"

typedef struct Ladder {
	guint rung; /* the next one */
	gint64 next_ms;
} Ladder;

/* The first interrupt waits a moment for the kernel to say that it executes the cell. */
void ladder_begin(Ladder *ladder, gint64 now_ms);

/* Whether an interrupt has been sent. */
gboolean ladder_has_interrupted(const Ladder *ladder);

/* Climbs when it is time. False when nothing is left to be tried. */
gboolean ladder_climb(
	Ladder *ladder, Kernel *kernel, gboolean is_executing, JobLog *log, gint64 now_ms);
