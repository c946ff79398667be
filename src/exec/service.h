/* exec/service.h: the executor in service: one run, asked for over one socket, watched over another.
 *
 * It waits on its socket for the one run.play and then, while a kernel that is ready gets to its place, for run.begin.
 * When the socket closes or SIGTERM comes before that, it ends, and nothing of the author's was executed. From then on
 * the run's listening socket lives as long as the run: every connection is told the present state at once and again at
 * every change, and may stop the run; the run plays on when connections close (HACKING, "The conversations"). SIGTERM
 * stops the run. */
#pragma once

#include <glib.h>

#include "conf/settings.h"
#include "exec/boot.h"

/* Plays the one run that comes over socket and ends everything that it started. socket and boot are taken
 * over; a kernel that boot has is looked after while no run has come.
 * SIGTERM and SIGINT must be blocked. False with an error when no run came that might begin. */
gboolean service_run(int socket, const Settings *settings, Boot *boot, GError **error);
