/* base/error.h: what can go wrong, in the words that every program and caller shares.
 *
 * One domain, NBHOOK_ERROR; a code has a slug (in frames and problem documents) and an HTTP status.
 * The message of an error says what is wrong, where, and what to do; it is for people and holds no
 * token, key or path of the server's own. */
#pragma once

#include <glib.h>

typedef enum {
	NBHOOK_ERROR_BAD_REQUEST,
	NBHOOK_ERROR_UNAUTHORIZED,
	NBHOOK_ERROR_FORBIDDEN,
	NBHOOK_ERROR_NOT_FOUND,
	NBHOOK_ERROR_METHOD_NOT_ALLOWED,
	NBHOOK_ERROR_NOT_ACCEPTABLE,
	NBHOOK_ERROR_CONFLICT,
	NBHOOK_ERROR_GONE,
	NBHOOK_ERROR_TOO_LARGE,
	NBHOOK_ERROR_URI_TOO_LONG,
	NBHOOK_ERROR_UNSUPPORTED_TYPE,
	NBHOOK_ERROR_UNPROCESSABLE,
	NBHOOK_ERROR_QUEUE_FULL,
	NBHOOK_ERROR_INTERNAL,
	NBHOOK_ERROR_UNAVAILABLE,
	NBHOOK_ERROR_NO_SPACE,
	NBHOOK_ERROR_N_CODES
} NbhookErrorCode;

#define NBHOOK_ERROR (nbhook_error_quark())
GQuark nbhook_error_quark(void);

/* The HTTP status of an error; 500 for an error of any other domain. */
int nbhook_error_http_status(const GError *error);

/* The word of an error in frames and problem documents, such as "not_found". Static. */
const char *nbhook_error_slug(const GError *error);

/* The code of a slug; NBHOOK_ERROR_INTERNAL for a word that is none. */
NbhookErrorCode nbhook_error_from_slug(const char *slug);

/* Sets *error to NBHOOK_ERROR_INTERNAL "what: strerror(errno_value)"; NO_SPACE when the disk is full,
 * UNAVAILABLE when descriptors or memory are short.
 * Returns false, so that a caller can end with it. */
gboolean nbhook_error_set_errno(GError **error, int errno_value, const char *format, ...)
	G_GNUC_PRINTF(3, 4);
