/* base/ids.h: names that are unique or secret, and how they are checked. */
#pragma once

#include <glib.h>

#define TOKEN_LENGTH 60 /* 30 random bytes in hex */
#define SHA256_HEX_LENGTH 64

/* A new UUID of the system's randomness (RFC 4122, version 4) in lower case; another in each fork. The caller frees. */
char *ids_uuid(void);

/* A new token: 30 bytes of the system's randomness in hex. The caller frees. */
char *ids_token(void);

gboolean ids_is_uuid(const char *text);
gboolean ids_is_token(const char *text); /* 60 hex digits */

/* SHA-256 in lower-case hex; what stands in the store for a secret. The caller frees. */
char *ids_sha256(const char *text);

/* Whether two secrets of the same length are equal, in constant time. */
gboolean ids_secret_equal(const char *one, const char *other);

/* "<name>:<uuid>"; characters of the name outside [-_.A-Za-z0-9] become "-", at most 64 of them, an
 * empty name is "job". The caller frees. */
char *ids_job_id(const char *name, const char *uuid);

/* The uuid in a job id, borrowed from it; NULL when it is none, or has no name as ids_job_id() makes. */
const char *ids_job_uuid(const char *job_id);
