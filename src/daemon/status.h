/* daemon/status.h: the published copies of a job in its folder. */
#pragma once

#include "daemon/folders.h"
#include "daemon/workers.h"
#include "job/job.h"

/* Makes what becomes status.json and response.json beforehand, in a folder that is nobody's yet. */
gboolean status_prepare(const Folders *folders, int execution, GError **error);

/* Replaces status.json. Failures are logged: the row is the truth. */
void status_write(const Folders *folders, const Job *job, int execution);

/* The two halves of status_write for a job's end, which must be durable before anybody sees it: writes the
 * document, and makes it status.json. False when that failed. */
gboolean status_draft_end(const Folders *folders, const Job *job, int execution);
gboolean status_publish_end(int execution);

/* Takes the progress of the present attempt from status.json: the row does not follow the cells, and what
 * was published is not taken back. */
void status_recall(Job *job, int execution);

/* Waits on a worker until the status file of an ended job is on disk, and writes it first unless it was published. What
 * was prepared in the folder and not needed is removed. Job and folder are given away. */
void status_settle_end(
	Workers *workers, const Folders *folders, Job *job, int execution, gboolean published);

/* Where an executor writes what is then renamed into place. */
#define SNAPSHOT_FILE ".snapshot"

/* The name of the executed notebook. The caller frees. */
char *status_executed_name(const Job *job);

/* Puts the executed notebook and response.json in place when a run has ended. */
void status_publish_results(const Folders *folders, const Job *job, int execution);

/* Does all that again, durably, where the folder of an ended job does not say just what its row says; whether
 * it did not. */
gboolean status_repair(const Folders *folders, const Job *job, int execution);
