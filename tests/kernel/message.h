/* tests/kernel/message.h: messages of the scripted kernel, right ones and wrong ones.
 *
 * Written beside src/jupyter and not over it, so that a mistake there is not made on both sides. */
#pragma once

#include <glib.h>
#include <json-c/json.h>

static inline void
json_object_release(json_object *object)
{
	json_object_put(object);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(json_object, json_object_release)

/* What may be wrong with a message that is sent. */
typedef enum {
	FLAW_BAD_HMAC = 1 << 0, /* a signature of something else */
	FLAW_NO_HMAC = 1 << 1,  /* an empty signature */
	FLAW_ORPHAN = 1 << 2,   /* no parent */
	FLAW_STRANGER = 1 << 3, /* a parent that nobody sent */
	FLAW_CUT = 1 << 4,      /* half of the content, signed */
	FLAW_SHORT = 1 << 5,    /* no content part */
	FLAW_NO_DELIMITER = 1 << 6,
	FLAW_MANY_PARTS = 1 << 7, /* 1000 parts behind the content */
} Flaw;

/* A flaw by its word ("bad-hmac"); 0 if there is none. */
Flaw message_flaw(const char *word);

/* A request that came. Freed by request_unref. */
typedef struct Request {
	int socket;       /* index of the socket it came on */
	GBytes *identity; /* of who sent it */
	json_object *header;
	json_object *content;
} Request;

Request *request_ref(Request *request);
void request_unref(Request *request);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Request, request_unref)

const char *request_type(const Request *request);

/* Receives what has come on a ROUTER; NULL when there is nothing. A wrong signature ends the program. */
Request *request_receive(void *socket, int index, const char *key);

/* Sends a message whose content is this text, to the sender of parent where to_sender is set. */
void message_send(void *socket, const char *key, const char *type, Request *parent,
	const char *content, unsigned flaws, gboolean to_sender);

/* A reply of ZeroMQ frames as they are. */
void message_send_frames(void *socket, Request *parent, char *const *frames);
