/* daemon/job_list.h: the operation job.list. */
#pragma once

#include "daemon/daemon.h"

void job_list(Call *call, gpointer daemon);
