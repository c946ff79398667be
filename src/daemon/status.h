/* daemon/status.h: the published copies of a job in its folder. */
#pragma once

#include "job/job.h"

/* Replaces status.json; durable: synced first. Failures are logged: the row is the truth. */
void status_write(const Job *job, int execution, gboolean durable);

/* Puts the executed notebook and response.json in place when a run has ended. */
void status_publish_results(const Job *job, int execution);
