/* daemon/rights.h: who asks, and what they may. */
#pragma once

#include "daemon/daemon.h"

typedef enum {
	RIGHT_READ,  /* one webhook, by its path */
	RIGHT_WRITE, /* everything */
} Right;

/* Whether a call may do that to path (NULL: to all). On admin.sock always; on http.sock by the member
 * "key": an API key may do all, the key of a run may read its own webhook. When it may not, the call is
 * answered (UNAUTHORIZED or FORBIDDEN) and false is returned. */
gboolean rights_check(Daemon *daemon, Call *call, Right right, const char *path);
