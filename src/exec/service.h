/* exec/service.h: the executor in service: one run, asked for over one socket, watched over another.
 *
 * It waits on its socket for the one run.play and then, while the kernel gets ready, for run.begin; when the socket
 * closes before that, it ends, and nothing of the author's was run. From then on the run's listening socket lives as long as the run: every connection is told the present state at
 * once and again at every change, and may stop the run; the run plays on when connections close
 * (HACKING, "The conversations"). SIGTERM stops the run. */
#pragma once

#include <glib.h>

#include "conf/settings.h"
#include "exec/boot.h"

/* Plays the one run that comes over socket and ends everything that it started. socket and boot are taken
 * over; a kernel that boot has is looked after while no run has come.
 * SIGTERM and SIGINT must be blocked. False with an error when no run came, or whoever sent one went. */
gboolean service_run(int socket, const Settings *settings, Boot *boot, GError **error);
