#include "exec/handshake.h"

#include <string.h>

#define FIRST_PAUSE_MS 1000
#define REPLIED_PAUSE_MS 20

void
handshake_init(Handshake *handshake, gint64 now_ms)
{
	*handshake = (Handshake){ .next_ms = now_ms };
}

void
handshake_clear(Handshake *handshake)
{
	g_clear_pointer(&handshake->language_info, json_object_put);
}

gboolean
handshake_is_due(Handshake *handshake, gint64 now_ms)
{
	if (now_ms < handshake->next_ms)
		return FALSE;
	handshake->next_ms = now_ms + (handshake->replied ? REPLIED_PAUSE_MS : FIRST_PAUSE_MS);
	return TRUE;
}

static void
take_reply(Handshake *handshake, const WireMessage *message, gint64 now_ms)
{
	json_object *info = json_object_member(message->content, "language_info");

	if (handshake->replied)
		return;
	handshake->replied = TRUE;
	handshake->next_ms = now_ms + REPLIED_PAUSE_MS;
	if (info != NULL)
		handshake->language_info = json_object_get(info);
	handshake->takes_before = json_bool_member(message->content, "before", FALSE);
}

void
handshake_take(Handshake *handshake, Channel channel, const WireMessage *message, gint64 now_ms)
{
	if (channel == CHANNEL_IOPUB)
		handshake->heard = handshake->heard || *wire_message_parent_id(message) != '\0';
	else if (channel == CHANNEL_SHELL &&
		 strcmp(wire_message_type(message), "kernel_info_reply") == 0)
		take_reply(handshake, message, now_ms);
}

gboolean
handshake_is_done(const Handshake *handshake)
{
	return handshake->replied && handshake->heard;
}
