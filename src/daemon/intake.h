/* daemon/intake.h: from a caller's first word to an accepted job.
 *
 * call.begin makes an execution's folder and hands out its "request" file; call.submit makes the folder
 * durable (on a worker), then the row (with others in one commit), then says yes. A folder that is not
 * submitted within an hour is swept. The caller's uuid names both, so that each may be repeated. */
#pragma once

#include "daemon/daemon.h"

Intake *intake_new(Daemon *daemon);
void intake_free(Intake *intake);

/* Handlers of the operations (HACKING, "The conversations"). */
void intake_begin(Call *call, gpointer daemon);
void intake_submit(Call *call, gpointer daemon);

/* Removes folders of executions without a row that are older than an hour. known holds the folder names
 * of all rows (borrowed char *). */
void intake_sweep(Intake *intake, GPtrArray *known);
