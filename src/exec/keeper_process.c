/* The keeper is a fork that never executes anything: it has the executor's memory, so it is not dumpable,
 * and none of its descriptors but the socket and the standard ones. */
#include "exec/keeper_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/files.h"
#include "exec/descendants.h"
#include "exec/namespace.h"

/* Where the two descriptors of a keeper are from its first moments on. */
#define SOCKET_FD 3
#define OUTPUT_FD 4
#define END_MS 60000

/* What a kernel's child says before its program runs. */
typedef struct {
	int errno_value;
	gboolean in_folder; /* the folder was the trouble, not the program */
} ExecFailure;

static void
report(KeeperReportKind kind, int value, const char *text)
{
	KeeperReport record = { .kind = kind, .value = value };

	g_strlcpy(record.text, text, sizeof record.text);
	send(SOCKET_FD, &record, sizeof record, MSG_NOSIGNAL);
}

/* Both descriptors to their places, everything else closed. */
static void
settle_descriptors(int socket, int output)
{
	int high_socket = fcntl(socket, F_DUPFD_CLOEXEC, 10);
	int high_output = fcntl(output, F_DUPFD_CLOEXEC, 10);

	if (dup3(high_socket, SOCKET_FD, O_CLOEXEC) < 0 ||
		dup3(high_output, OUTPUT_FD, O_CLOEXEC) < 0)
		_exit(1);
	close_range(OUTPUT_FD + 1, ~0U, 0);
}

/* Only the end of the socket ends a keeper; what is sent to its group is not for it. */
static int
settle_signals(void)
{
	static const int ignored[] = { SIGHUP, SIGINT, SIGTERM, SIGPIPE, SIGUSR1, SIGUSR2 };
	sigset_t set;

	for (size_t i = 0; i < G_N_ELEMENTS(ignored); i++)
		signal(ignored[i], SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_SETMASK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void
restore_signals(void)
{
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void
lower(int resource, gint64 value)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit) < 0)
		return;
	limit.rlim_max = MIN(limit.rlim_max, (rlim_t) value);
	limit.rlim_cur = MIN(limit.rlim_cur, limit.rlim_max);
	setrlimit(resource, &limit);
}

/* In the kernel's process, from fork to exec. */
G_GNUC_NORETURN static void
become_kernel(const KeeperSpec *spec, gboolean namespaces, pid_t keeper, int failures)
{
	ExecFailure failure = { 0 };
	gboolean own = namespaces && namespace_counts_processes();
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	setsid();
	restore_signals();
	/* a kernel that kills its keeper, or all it can, has killed itself */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != keeper)
		_exit(126);
	lower(RLIMIT_CORE, 0);
	lower(RLIMIT_NPROC, own ? spec->max_own_processes : spec->max_shared_processes);
	dup2(null, STDIN_FILENO);
	dup2(OUTPUT_FD, STDOUT_FILENO);
	dup2(OUTPUT_FD, STDERR_FILENO);
	if (chdir(spec->folder) == 0) {
		environ = (char **) spec->env;
		execvp(spec->argv[0], spec->argv);
	} else {
		failure.in_folder = TRUE;
	}
	failure.errno_value = errno;
	if (write(failures, &failure, sizeof failure) < 0)
		_exit(126);
	_exit(127);
}

/* Forks the kernel and waits until its program runs; 0 after a failure, which is reported. */
static pid_t
start_kernel(const KeeperSpec *spec, gboolean namespaces)
{
	ExecFailure failure;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0) {
		report(KEEPER_REPORT_NO_KERNEL, 0, g_strerror(errno));
		return 0;
	}
	pid_t keeper = getpid();
	pid_t pid = fork();
	if (pid == 0)
		become_kernel(spec, namespaces, keeper, ends[1]);
	failure.errno_value = errno;
	failure.in_folder = FALSE;
	close(ends[1]);
	ssize_t size = pid < 0 ? (ssize_t) sizeof failure : read(ends[0], &failure, sizeof failure);
	close(ends[0]);
	if (size <= 0)
		return pid;
	g_autofree char *program = g_path_get_basename(spec->argv[0]);
	g_autofree char *text =
		g_strdup_printf("%s: %s", failure.in_folder ? "its working directory" : program,
			g_strerror(failure.errno_value));
	report(KEEPER_REPORT_NO_KERNEL, 0, text);
	return 0;
}

/* Reaps all that has ended; tells of the kernel. */
static void
reap(int children, pid_t *kernel)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	while (read(children, &info, sizeof info) > 0)
		continue;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != *kernel)
			continue;
		*kernel = 0;
		report(KEEPER_REPORT_DIED, status, "");
	}
}

/* Until the executor's end of the socket closes. */
static void
keep(int children, pid_t kernel)
{
	struct pollfd items[2] = { { .fd = SOCKET_FD, .events = POLLIN },
		{ .fd = children, .events = POLLIN } };

	for (;;) {
		int signal_number;

		if (poll(items, 2, -1) < 0 && errno != EINTR)
			return;
		if (items[1].revents != 0)
			reap(children, &kernel);
		if (items[0].revents == 0)
			continue;
		ssize_t size = recv(SOCKET_FD, &signal_number, sizeof signal_number, MSG_DONTWAIT);
		if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR))
			return;
		if (size == (ssize_t) sizeof signal_number && kernel > 0)
			kill(-kernel, signal_number);
	}
}

void
keeper_process(int socket, const KeeperSpec *spec, gboolean namespaces, uid_t uid, gid_t gid)
{
	g_autoptr(GError) error = NULL;

	settle_descriptors(socket, spec->output);
	int children = settle_signals();
	setsid();
	prctl(PR_SET_NAME, "nbhook-keeper");
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (namespaces && !(namespace_enter(uid, gid, &error) &&
				  namespace_hide_siblings(spec->place, &error))) {
		g_autofree char *why = namespace_refusal(error->message, 0);

		report(KEEPER_REPORT_NO_NAMESPACE, 0, why);
		_exit(1);
	}
	pid_t kernel = start_kernel(spec, namespaces);
	if (kernel > 0) {
		report(KEEPER_REPORT_STARTED, 0, "");
		close(OUTPUT_FD);
		keep(children, kernel);
	}
	/* The end of process 1 is the end of its namespace; else everything is found and killed. */
	if (!namespaces)
		descendants_end(clock_ms() + END_MS);
	_exit(0);
}
