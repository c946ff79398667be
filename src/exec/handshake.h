/* exec/handshake.h: when a kernel is ready.
 *
 * Ready is a kernel_info_reply and an iopub message with a parent: the second shows that the
 * subscription has arrived, without which the first outputs would be lost. kernel_info_request is sent
 * again each second until the reply has come, and then every 20 ms until iopub has spoken. Pure: times
 * are arguments. */
#pragma once

#include <glib.h>

#include "jupyter/connection.h"
#include "jupyter/wire.h"

typedef struct Handshake {
	gboolean replied;
	gboolean heard;
	gint64 next_ms;             /* when a request is due */
	json_object *language_info; /* of the reply, or NULL */
	gboolean takes_before;      /* the kernel knows "before" (exec/placement.h) */
} Handshake;

void handshake_init(Handshake *handshake, gint64 now_ms);
void handshake_clear(Handshake *handshake);

/* Whether a kernel_info_request is to be sent now; asks for the next one later. */
gboolean handshake_is_due(Handshake *handshake, gint64 now_ms);

/* Takes any message of the kernel. */
void handshake_take(
	Handshake *handshake, Channel channel, const WireMessage *message, gint64 now_ms);

gboolean handshake_is_done(const Handshake *handshake);
