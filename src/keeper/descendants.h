/* keeper/descendants.h: finding and ending everything that a process has started.
 *
 * For a child subreaper (PR_SET_CHILD_SUBREAPER) or process 1 of a PID namespace: then whatever its
 * descendants do (double fork, new sessions), they stay its descendants, and "no child left" means
 * "nothing left". */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The children of this process. Their number; *pids is freed with free(). */
size_t descendants_children(pid_t **pids);

/* Kills and reaps all descendants of this process until none is left. False when some are still there
 * after that many milliseconds: they are in the kernel, or not ours to kill. */
bool descendants_end(int milliseconds);
