/* Executors start cold: one is made when one is taken. The end of an executor that was not taken is the
 * closing of its socket. */
#include "runner/executors.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "exec/environment.h"
#include "exec/kernel_list.h"
#include "jupyter/connection.h"
#include "keeper/descendants.h"

/* The number that the socket has in an executor. */
#define EXECUTOR_FD 3

/* What an executor needs of the runner's environment and a kernel does not. The last three are for builds
 * with a sanitizer. */
static const char *const further[] = { "TMPDIR", "JUPYTER_PATH", "JUPYTER_DATA_DIR", "ASAN_OPTIONS",
	"LSAN_OPTIONS", "UBSAN_OPTIONS", NULL };

struct Executors {
	const Settings *settings;
	const char *program;
	const char *config;
	gboolean namespaces;
	char **environment;
	GHashTable *pids; /* set of GINT_TO_POINTER(pid) */
};

/* Executors that live, of whichever runner, have claimed their folders. */
static void
sweep(const Executors *executors)
{
	connection_sweep(executors->settings);
	environment_sweep();
}

Executors *
executors_new(const ExecutorsSpec *spec)
{
	Executors *executors = g_new0(Executors, 1);

	executors->settings = spec->settings;
	executors->program = spec->program;
	executors->config = spec->config;
	executors->namespaces = spec->namespaces;
	executors->environment = environment_inherit(further);
	executors->pids = g_hash_table_new(g_direct_hash, g_direct_equal);
	sweep(executors);
	return executors;
}

void
executors_free(Executors *executors)
{
	if (executors == NULL)
		return;
	g_hash_table_unref(executors->pids);
	g_strfreev(executors->environment);
	g_free(executors);
}

/* Starts an executor at one end of a socketpair; standard error stays ours, the rest is closed. */
static gboolean
spawn(Executors *executors, int socket, GPid *pid, GError **error)
{
	g_autofree char *number = g_strdup_printf("%d", EXECUTOR_FD);
	const char *argv[] = { executors->program, "--socket", number, "--config",
		executors->config, executors->namespaces ? NULL : "--without-namespaces", NULL };
	int target = EXECUTOR_FD;

	return g_spawn_async_with_pipes_and_fds("/", argv,
		(const char *const *) executors->environment, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL,
		-1, -1, -1, &socket, &target, 1, pid, NULL, NULL, NULL, error);
}

int
executors_take(Executors *executors, const char *kernel, pid_t *pid, GError **error)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
		nbhook_error_set_errno(error, errno, "making the socket of an executor");
		return -1;
	}
	AUTO_FD ours = ends[0];
	AUTO_FD theirs = ends[1];
	GPid started = 0;

	if (!spawn(executors, theirs, &started, error)) {
		g_prefix_error(error, "an executor could not be started: ");
		return -1;
	}
	g_hash_table_add(executors->pids, GINT_TO_POINTER(started));
	g_debug("executor %d is taken for the kernel %s", (int) started,
		kernel != NULL ? kernel : "of the language");
	*pid = started;
	return files_steal_fd(&ours);
}

gboolean
executors_end(Executors *executors, pid_t pid)
{
	return g_hash_table_contains(executors->pids, GINT_TO_POINTER(pid)) &&
	       kill(pid, SIGKILL) == 0;
}

/* Whether it may have left something behind. */
static gboolean
note_end(Executors *executors, pid_t pid, int status)
{
	if (!g_hash_table_remove(executors->pids, GINT_TO_POINTER(pid)))
		return TRUE;
	if (WIFSIGNALED(status))
		g_warning("executor %d was ended by signal %d", (int) pid, WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		g_info("executor %d ended with exit code %d", (int) pid, WEXITSTATUS(status));
	return status != 0;
}

static void
kill_orphans(Executors *executors)
{
	pid_t *children;
	size_t n = descendants_children(&children);

	for (size_t i = 0; i < n; i++) {
		if (g_hash_table_contains(executors->pids, GINT_TO_POINTER(children[i])))
			continue;
		g_debug("process %d was left behind and is killed", (int) children[i]);
		kill(children[i], SIGKILL);
	}
	free(children);
}

/* The death of an orphan is a SIGCHLD of its own, so that its children's turn comes too. Until it is dead it
 * may write in what is being swept: the last one's sweep is the one that counts. */
void
executors_reap(Executors *executors)
{
	gboolean left = FALSE;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		left = note_end(executors, pid, status) || left;
	kill_orphans(executors);
	if (left)
		sweep(executors);
}

json_object *
executors_kernels(const Executors *executors)
{
	return kernel_list(executors->settings);
}
