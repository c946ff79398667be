/* notebook/signature.h: what signed webhooks look like, scheme by scheme, in one table.
 *
 * Two programs share the work, so that the one that parses callers' bytes has no secret and the one that has
 * the secrets parses nothing: nbhook.fcgi makes a claim out of the headers (which text precedes the signed
 * body, which digests are said to be right, whether it is of our time), nbhookd holds that against the
 * secrets and the bytes of the body (signature_verify). */
#pragma once

#include <glib.h>

#include "base/json.h"

/* The param "signature" of a webhook as it is kept:
 *
 *   {"scheme": one of the table, "secrets": [text, …]}   and for "hmac" "header" and "algorithm"
 *
 * as made from {"scheme", "secret" or "secrets", "header"?, "algorithm"?}. BAD_REQUEST says what is wrong, and
 * never a secret; a secret that is empty or blank is wrong. The caller owns the object. */
json_object *signature_settings(json_object *param, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What everybody may know of settings: the same with the number of secrets in their place. The caller owns
 * the object. */
json_object *signature_words(json_object *settings);

/* The lower-case name of the header in which the signature comes. Borrowed from words or static. */
const char *signature_header(json_object *words);

/* What a caller claims. */
typedef struct SignatureClaim {
	char *before;         /* the body is signed with this text before it */
	json_object *digests; /* an array of hex texts: one of them is right */
} SignatureClaim;

/* Takes the claim out of a request's headers (lower-case names). UNAUTHORIZED if they lack a signature, if it
 * is malformed, or if its time is more than tolerance_s seconds away from now_s. The caller frees. */
SignatureClaim *signature_claim_new(json_object *words, json_object *headers, gint64 now_s,
	gint64 tolerance_s, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void signature_claim_free(SignatureClaim *claim);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SignatureClaim, signature_claim_free)

/* Whether one of digests is right for one of the secrets in settings; the body stands in a file from offset
 * on. UNAUTHORIZED otherwise. The time that it takes says nothing of secrets and digests. Uses nothing that
 * another thread may change. */
gboolean signature_verify(json_object *settings, const char *before, json_object *digests, int body,
	gint64 offset, GError **error);

/* Some senders ask once whether a URL is theirs, by a text that is to be sent back (Slack, "url_verification").
 * That text in a body, NULL if it is no such question. Borrowed from body. */
const char *signature_challenge(json_object *words, json_object *body);
