#include "daemon/run_files.h"

#include <fcntl.h>

#include "base/files.h"
#include "base/listen.h"
#include "daemon/versions.h"

const char *const run_fd_names[RUN_FD_N] = {
	[RUN_FD_RUN] = "run",
	[RUN_FD_NOTEBOOK] = "notebook",
	[RUN_FD_REQUEST] = "request",
	[RUN_FD_OUTCOME] = "outcome",
	[RUN_FD_EXECUTED] = "executed",
	[RUN_FD_RESPONSE] = "response",
	[RUN_FD_ALTERNATIVE] = "alternative",
	[RUN_FD_LOG] = "log",
};

/* What is new. */
static const struct {
	RunFd fd;
	const char *name;
	gboolean for_web; /* nginx may read it */
} made[] = {
	{ RUN_FD_OUTCOME, "outcome", FALSE },
	{ RUN_FD_EXECUTED, ".executed", FALSE },
	{ RUN_FD_RESPONSE, "response", TRUE },
	{ RUN_FD_ALTERNATIVE, "alternative", TRUE },
	{ RUN_FD_LOG, "log", FALSE },
};

void
run_files_init(int fds[RUN_FD_N])
{
	for (int i = 0; i < RUN_FD_N; i++)
		fds[i] = -1;
}

gboolean
run_files_prepare(const Folders *folders, int execution, GError **error)
{
	for (size_t i = 0; i < G_N_ELEMENTS(made); i++)
		if (!folders_prepare_file(folders, execution, made[i].name, made[i].for_web, error))
			return FALSE;
	return TRUE;
}

gboolean
run_files_open(int fds[RUN_FD_N], const Folders *folders, const Job *job, int execution,
	const char *socket_path, GError **error)
{
	const Task *task = &job->task;
	AUTO_FD folder = folders_make_production(folders, task->path + 1, error);

	if (folder < 0 ||
		(fds[RUN_FD_NOTEBOOK] =
				versions_open(folders, task->path + 1, task->histo, error)) < 0 ||
		(fds[RUN_FD_REQUEST] =
				files_open_beneath(execution, "request", O_RDONLY, 0, error)) < 0)
		return FALSE;
	for (size_t i = 0; i < G_N_ELEMENTS(made); i++) {
		fds[made[i].fd] = folders_create_file(
			folders, execution, made[i].name, made[i].for_web, error);
		if (fds[made[i].fd] < 0)
			return FALSE;
	}
	fds[RUN_FD_RUN] = listen_new(socket_path, error);
	return fds[RUN_FD_RUN] >= 0;
}

void
run_files_close(int fds[RUN_FD_N])
{
	for (int i = 0; i < RUN_FD_N; i++)
		files_close(&fds[i]);
}
