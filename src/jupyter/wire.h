/* jupyter/wire.h: Jupyter messages as bytes.
 *
 * A Wire signs what it builds and verifies what it is given: HMAC-SHA256 over the four raw frames,
 * compared in constant time over the received bytes before any of them is parsed (Jupyter messaging
 * 5.3, The Wire Protocol). It belongs to one thread. A WireMessage owns its JSON; all four parts are
 * objects, and bytes that are not UTF-8 stand as U+FFFD in it. */
#pragma once

#include <glib.h>

#include "base/json.h"

/* The parts of a multipart message that a parse looks at; a message with more is refused. */
#define WIRE_MAX_PARTS 256

typedef struct Wire Wire;

/* Bytes that belong to somebody else for as long as they are looked at. */
typedef struct WirePart {
	const void *data;
	size_t size;
} WirePart;

typedef struct WireMessage {
	json_object *header;
	json_object *parent; /* {} where the message has none */
	json_object *metadata;
	json_object *content;
	GPtrArray *buffers; /* GBytes; NULL where there are none */
	size_t size;        /* of all parts on the wire, buffers too */
} WireMessage;

/* Lets libcrypto do what it does when it is first used: reads its configuration, looks for its algorithms. Draws no
 * random numbers. */
void wire_warm(void);

/* key signs both ways and is copied; username and a new session id go into every header. */
Wire *wire_new(const char *key);
void wire_free(Wire *wire);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Wire, wire_free)

/* The session id, which is also the routing id of the channels. Borrowed. */
const char *wire_session(const Wire *wire);

/* The parts (GBytes: delimiter, signature, header, parent header, metadata, content) of a request with a
 * new message id, which is copied to *msg_id. content is borrowed. The caller owns both results. */
GPtrArray *wire_build(Wire *wire, const char *msg_type, json_object *content,
	char **msg_id) G_GNUC_WARN_UNUSED_RESULT;

/* Verifies and parses a received message: identities, delimiter, signature, four parts, buffers (which
 * are copied). Errors: FORBIDDEN for a signature that is wrong or missing, BAD_REQUEST for
 * what is no message. The caller frees the result. */
WireMessage *wire_parse(Wire *wire, const WirePart *parts, size_t n_parts,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

void wire_message_free(WireMessage *message);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WireMessage, wire_message_free)

/* header.msg_type, "" if it is missing; parent_header.msg_id, "" for a message without a parent; and
 * header.date, NULL if it is missing. Borrowed. */
const char *wire_message_type(const WireMessage *message);
const char *wire_message_parent_id(const WireMessage *message);
const char *wire_message_date(const WireMessage *message);
