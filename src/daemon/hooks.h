/* daemon/hooks.h: publishing notebooks, and asking for them: the operations webhook.* and key.*.
 *
 * A publication is durable step by step: the version's file and folders (on a worker), the working copy
 * in production/, then the row; the answer leaves after the commit. Changes of one path are made one
 * after the other. */
#pragma once

#include "daemon/daemon.h"

void hooks_list(Call *call, gpointer daemon);
void hooks_get(Call *call, gpointer daemon);
void hooks_publish(Call *call, gpointer daemon);
void hooks_delete(Call *call, gpointer daemon);
void hooks_clear(Call *call, gpointer daemon);
