/* daemon/keys.h: the operations key.check, key.add, key.list and key.revoke, and when keys were used. */
#pragma once

#include "daemon/daemon.h"

void keys_check(Call *call, gpointer daemon);
void keys_add(Call *call, gpointer daemon);
void keys_list(Call *call, gpointer daemon);
void keys_revoke(Call *call, gpointer daemon);

/* Has the store note the last uses that it does not know of: at once, or from now on every minute, until the
 * source that this gives is removed. */
void keys_note_uses(Daemon *daemon);
guint keys_keep_noting(Daemon *daemon);
