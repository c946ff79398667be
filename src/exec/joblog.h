/* exec/joblog.h: the log file of a job, as its run writes it: one line per event, with its time. */
#pragma once

#include <glib.h>

typedef struct JobLog JobLog;

/* fd is borrowed; -1: nothing is written. */
JobLog *job_log_new(int fd);
void job_log_free(JobLog *log);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(JobLog, job_log_free)

/* Adds a line. After JOB_LOG_MAX_LINES a run has no more to say. */
#define JOB_LOG_MAX_LINES 1000
void job_log_add(JobLog *log, const char *format, ...) G_GNUC_PRINTF(2, 3);
