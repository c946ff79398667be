/* runner/leftovers.h: what runs of an earlier runner have left alive.
 *
 * Where runs share the host's processes (no namespaces), a notebook can kill all of its account at once,
 * runner, executors and keepers, and survive: then nobody is there who would end what it has started. The
 * next runner does, before it takes requests. */
#pragma once

#include <glib.h>

/* Kills the processes of runs, known by a mark with run_dir in their environment, above which there is
 * neither executor nor keeper. Executors that play on, and all below them, are not touched. */
void leftovers_end(const char *run_dir);
