/* exec/service.h: the executor in service: one run, asked for over one socket, watched over another.
 *
 * It waits on its socket for the one run.play; when the socket closes before that, it ends. From then on
 * the run's listening socket lives as long as the run: every connection is told the present state at
 * once and again at every change, and may stop the run; the run plays on when connections close
 * (HACKING, "The conversations"). SIGTERM stops the run. */
#pragma once

#include <glib.h>

#include "conf/settings.h"

/* Plays the one run that comes over socket, which is taken over, and ends everything that it started.
 * SIGTERM and SIGINT must be blocked. False with an error when no run came. */
gboolean service_run(int socket, const Settings *settings, GError **error);
