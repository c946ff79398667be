/* daemon/run_files.h: the descriptors that an executor is given with a run. */
#pragma once

#include <glib.h>

#include "daemon/folders.h"
#include "job/job.h"

typedef enum {
	RUN_FD_RUN, /* its listening socket */
	RUN_FD_NOTEBOOK,
	RUN_FD_REQUEST,
	RUN_FD_OUTCOME,
	RUN_FD_EXECUTED,
	RUN_FD_RESPONSE,
	RUN_FD_ALTERNATIVE,
	RUN_FD_LOG,
	RUN_FD_N
} RunFd;

/* Their names in the frame run.play. */
extern const char *const run_fd_names[RUN_FD_N];

/* Sets all to -1. */
void run_files_init(int fds[RUN_FD_N]);

/* Makes those that are new beforehand, in a folder that is nobody's yet. */
gboolean run_files_prepare(const Folders *folders, int execution, GError **error);

/* Opens all for a run of job, whose folder is execution, and makes those that are new; the socket listens at socket_path.
 * False with an error (NO_SPACE and UNAVAILABLE: the host lacks something now) leaves what is open for
 * run_files_close. */
gboolean run_files_open(int fds[RUN_FD_N], const Folders *folders, const Job *job, int execution,
	const char *socket_path, GError **error);

void run_files_close(int fds[RUN_FD_N]);
