/* daemon/keys.h: the operations key.check, key.add, key.list and key.revoke. */
#pragma once

#include "daemon/daemon.h"

void keys_check(Call *call, gpointer daemon);
void keys_add(Call *call, gpointer daemon);
void keys_list(Call *call, gpointer daemon);
void keys_revoke(Call *call, gpointer daemon);
