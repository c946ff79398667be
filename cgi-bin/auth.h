/* auth.h: the API key that a request brings.
 *
 * "Authorization: Bearer KEY", "token KEY" (the original naas client) or Basic with the key as password
 * (what http://x:KEY@host becomes). Whether a key is good, the daemon says. */
#pragma once

#include <glib.h>

/* The key in the value of an Authorization header (may be NULL); NULL if there is none that could be one.
 * The caller frees. */
char *auth_key(const char *authorization);
