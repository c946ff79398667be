/* daemon/intake.h: from a caller's first word to an accepted job.
 *
 * call.begin makes an execution's folder and hands out its "request" file; call.submit makes the folder
 * durable (on a worker), then the row (with others in one commit), then says yes. A connection has at most
 * one call that has begun and is not submitted: call.abandon, the next call.begin or the connection's end
 * removes its folder. Folders that a crash left behind are swept after an hour. The caller's uuid names
 * call and folder, so that each step may be repeated. */
#pragma once

#include "daemon/daemon.h"

Intake *intake_new(Daemon *daemon);
void intake_free(Intake *intake);

/* Handlers of the operations (HACKING, "The conversations"). */
void intake_look(Call *call, gpointer daemon);
void intake_begin(Call *call, gpointer daemon);
void intake_submit(Call *call, gpointer daemon);

void intake_abandon(Call *call, gpointer daemon);

/* Adds the ids of the versions (char *) that calls of a notebook will play when they are accepted. */
void intake_add_versions(const Intake *intake, const char *path, GPtrArray *versions);

/* The connection of that number has ended. */
void intake_gone(guint64 peer, gpointer daemon);

/* Looks for folders without a row that are older than an hour, now and every ten minutes, and removes
 * them. */
void intake_start_sweeping(Intake *intake);
