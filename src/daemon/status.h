/* daemon/status.h: the published copies of a job in its folder. */
#pragma once

#include "daemon/workers.h"
#include "job/job.h"

/* Replaces status.json; durable: synced first. Failures are logged: the row is the truth. */
void status_write(const Job *job, int execution, gboolean durable);

/* Takes the progress of the present attempt from status.json: the row does not follow the cells, and what
 * was published is not taken back. */
void status_recall(Job *job, int execution);

/* Writes the status file of an ended job durably, on a worker. Job and folder are given away. */
void status_write_end(Workers *workers, Job *job, int execution);

/* Where an executor writes what is then renamed into place. */
#define SNAPSHOT_FILE ".snapshot"

/* The name of the executed notebook. The caller frees. */
char *status_executed_name(const Job *job);

/* Puts the executed notebook and response.json in place when a run has ended. */
void status_publish_results(const Job *job, int execution);
