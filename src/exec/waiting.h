/* exec/waiting.h: an executor that has no run yet.
 *
 * With a kernel to boot it boots it meanwhile, and says {"event": "ready"} over its socket once that has
 * answered. It is called nbhook-ready until its run has come. */
#pragma once

#include <glib.h>

#include "base/frame.h"
#include "exec/boot.h"

/* Waits for the frame run.play. NULL without an error when a signal asked it to end instead; with one when
 * nobody holds the other end any more, and when its kernel has ended or not answered in start_timeout. */
Frame *waiting_for_play(
	int socket, int signals, Boot *boot, GError **error) G_GNUC_WARN_UNUSED_RESULT;
