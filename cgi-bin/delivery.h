/* delivery.h: which call is a repetition of which.
 *
 * Senders that try again name their delivery in a header. The first of these that is there counts:
 * Idempotency-Key, webhook-id, X-GitHub-Delivery, X-Gitlab-Event-UUID, X-Shopify-Webhook-Id. Two calls
 * with one key have to be the same call, which the digest says. */
#pragma once

#include <glib.h>

#include "web_request.h"

/* Reads the key, "<header in lower case>:<value>", into *key, which the caller frees; NULL when no
 * delivery is named. BAD_REQUEST for a key that is empty, longer than 255 bytes, holds a control
 * character or is a broken quoted string. */
gboolean delivery_key(const WebRequest *request, char **key, GError **error);

/* SHA-256, in hex, of what must be the same in a repetition: method, query and body, which
 * stands in a file from offset on, without the boundary of a multipart body. The caller frees. */
char *delivery_digest(const WebRequest *request, int body, gint64 offset,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
