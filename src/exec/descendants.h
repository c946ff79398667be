/* exec/descendants.h: finding and ending everything that a process has started.
 *
 * For a child subreaper (PR_SET_CHILD_SUBREAPER) or process 1 of a PID namespace: then whatever its
 * descendants do (double fork, new sessions), they stay its descendants, and "no child left" means
 * "nothing left". */
#pragma once

#include <glib.h>
#include <sys/types.h>

/* The children of this process (pid_t). The caller frees the array. */
GArray *descendants_children(void);

/* Kills and reaps all descendants of this process until none is left. False when some are still there
 * at deadline_ms (clock_ms()): they are in the kernel, or not ours to kill. */
gboolean descendants_end(gint64 deadline_ms);
