/* exec/play_request.h: the frame run.play and its answer. */
#pragma once

#include <glib.h>

#include "base/frame.h"
#include "exec/play.h"

/* Takes the run out of a run.play frame, and its listening socket (made non-blocking). BAD_REQUEST names
 * the member or descriptor that is missing. The caller owns both. */
PlaySpec *play_request_take(Frame *frame, int *listener, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Answers it: taken, or the error. False when nobody is there to hear it. */
gboolean play_request_answer(int socket, const Frame *frame, const GError *refusal);
