/* daemon/repair.h: the status files that a crash left behind. */
#pragma once

#include "daemon/daemon.h"

/* Rewrites, in the background, the status files of ended jobs that are missing, broken or disagree with the
 * row. (Those of live jobs are rewritten when they are adopted.) */
void repair_status_files(Daemon *daemon);
