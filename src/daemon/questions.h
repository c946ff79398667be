/* daemon/questions.h: what callers ask of a job or the server: job.wait, job.status, job.log,
 * server.info; and job.stop. */
#pragma once

#include "daemon/daemon.h"

void questions_info(Call *call, gpointer daemon);
void questions_wait(Call *call, gpointer daemon);
void questions_status(Call *call, gpointer daemon);
void questions_log(Call *call, gpointer daemon);
void questions_stop(Call *call, gpointer daemon);
