/* daemon/spares.h: folders of executions that are made before anybody calls.
 *
 * A folder with all its files is a dozen new inodes, which take a file system a millisecond or more (ext4 passes over
 * those that were given back lately, one by one): as much as a tenth of a call that finds everything else ready. A
 * spare one takes a call a few renames. It is a convenience: where none can be made or used, a call makes its own. */
#pragma once

#include "daemon/daemon.h"

Spares *spares_new(Daemon *daemon);

/* Removes those that were not used. The daemon's workers must be gone. */
void spares_free(Spares *spares);

/* Removes, on a worker, what an earlier daemon has left, and makes the first. No other daemon may be there. */
void spares_start(Spares *spares);

/* Makes some on a worker, one after the other, until there are enough. */
void spares_fill(Spares *spares);

/* No more are made. */
void spares_stop(Spares *spares);

/* The folder of an execution, new: a spare one where there is one. Gives it opened, or -1. */
int spares_make_execution(Spares *spares, const char *name, GError **error);
