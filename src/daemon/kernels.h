/* daemon/kernels.h: kernel.list. The runner answers it, as the account that starts kernels. */
#pragma once

#include "daemon/daemon.h"

void kernels_list(Call *call, gpointer daemon);
