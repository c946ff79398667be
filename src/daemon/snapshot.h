/* daemon/snapshot.h: the executed notebook of a run that goes on.
 *
 * Its executor asks for a file, writes the whole notebook and says so; it is renamed into place, so whoever
 * reads there reads a whole notebook. It is not synced: it may be lost with the power, and is no promise. */
#pragma once

#include "control/channel.h"
#include "daemon/folders.h"
#include "job/job.h"

/* Hears what an executor says on its channel, and does what is due when it is about a snapshot. */
void snapshot_hear(const Folders *folders, const Job *job, int execution, Channel *channel,
	json_object *event);
