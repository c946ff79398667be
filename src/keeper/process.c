/* A keeper whose kernel is a program is a fork of an executor that never executes anything: it has that one's memory,
 * so it is not dumpable, and none of its descriptors but the socket and the standard ones. A keeper whose kernel is a
 * fork shares the fork server's memory until it has made it, and then is a small program of its own. */
#include "keeper/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#if __has_include(<sys/rseq.h>)
#include <sys/rseq.h>
#endif

#include "keeper/descendants.h"
#include "keeper/space.h"

#define FIRST_FD 3
#define END_MS 60000
#define NAME "nbhook-keeper"
#define RSEQ_AREA_SIZE 32 /* what every host takes */

/* A keeper's two descriptors. */
static int socket_fd = -1;
static int output_fd = -1;

#define N_ITEMS(array) (sizeof(array) / sizeof((array)[0]))

/* What a kernel's child says before its program runs; nothing when that is well. */
typedef struct {
	int errno_value;
	bool in_folder; /* the folder was the trouble, not the program */
	char space[sizeof(((KeeperReport *) 0)->text)]; /* a sentence: the namespace was */
} StartFailure;

/* What is sent to the keeper's group, or by a kernel of its account, is not for it. */
static const int ignored[] = { SIGHUP, SIGINT, SIGTERM, SIGPIPE, SIGUSR1, SIGUSR2 };

/* How the signals were before, for a kernel that is the same program. */
typedef struct {
	struct sigaction actions[N_ITEMS(ignored)];
	struct sigaction child;
	sigset_t mask;
} Signals;

static void
report(KeeperReportKind kind, int value, const char *text)
{
	KeeperReport record = { .kind = (int32_t) kind, .value = value };

	snprintf(record.text, sizeof record.text, "%s", text);
	send(socket_fd, &record, sizeof record, MSG_NOSIGNAL);
}

/* Everything but these two and the standard ones. */
static void
close_others(int one, int other)
{
	unsigned low = (unsigned) (one < other ? one : other);
	unsigned high = (unsigned) (one < other ? other : one);

	if (low > FIRST_FD)
		close_range(FIRST_FD, low - 1, 0);
	if (high > low + 1)
		close_range(low + 1, high - 1, 0);
	close_range(high + 1, ~0U, 0);
}

/* For a fork: what modules hold open to read on (fonts) is theirs, and a number that is used for something
 * else would be closed by them. All else is closed: sockets, pipes, processes. */
static void
close_others_but_files(int one, int other)
{
	DIR *folder = opendir("/proc/self/fd");
	struct dirent *entry;
	struct stat info;

	if (folder == NULL)
		_exit(126);
	while ((entry = readdir(folder)) != NULL) {
		int fd = (int) strtol(entry->d_name, NULL, 10);

		if (fd >= FIRST_FD && fd != one && fd != other && fd != dirfd(folder) &&
			fstat(fd, &info) == 0 && !S_ISREG(info.st_mode))
			close(fd);
	}
	closedir(folder);
}

/* Only the end of the socket ends a keeper. */
static int
settle_signals(Signals *before)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction usual = { .sa_handler = SIG_DFL };
	sigset_t set;

	for (size_t i = 0; i < N_ITEMS(ignored); i++)
		sigaction(ignored[i], &ignore, &before->actions[i]);
	sigaction(SIGCHLD, &usual, &before->child);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_SETMASK, &set, &before->mask);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* As a new program expects them. */
static void
reset_signals(void)
{
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void
restore_signals(const Signals *before)
{
	for (size_t i = 0; i < N_ITEMS(ignored); i++)
		sigaction(ignored[i], &before->actions[i], NULL);
	sigaction(SIGCHLD, &before->child, NULL);
	sigprocmask(SIG_SETMASK, &before->mask, NULL);
}

static void
lower(int resource, int64_t value)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit) < 0)
		return;
	if (limit.rlim_max > (rlim_t) value)
		limit.rlim_max = (rlim_t) value;
	if (limit.rlim_cur > limit.rlim_max)
		limit.rlim_cur = limit.rlim_max;
	setrlimit(resource, &limit);
}

/* What execve(2) does for an account that is not root; a fork has to do it. */
static bool
drop_privileges(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

	return syscall(SYS_capset, &header, none) == 0 && prctl(PR_SET_DUMPABLE, 1) == 0;
}

/* A process that shares memory has no area for rseq(2), and neither has its fork; the C library believes that it has
 * (sched_getcpu(3)). */
static void
register_rseq(void)
{
#if __has_include(<sys/rseq.h>)
	if (__rseq_size > 0)
		syscall(SYS_rseq, (char *) __builtin_thread_pointer() + __rseq_offset,
			RSEQ_AREA_SIZE, 0, RSEQ_SIG);
#endif
}

/* Makes the namespaces what they are to be, once for keeper and kernel; false with a sentence. */
static bool
settle_space(const KeeperOrder *order, char *sentence, size_t size)
{
	char why[sizeof(((KeeperReport *) 0)->text)];

	if (!order->namespaces || (space_enter(order->uid, order->gid, why, sizeof why) &&
					  space_hide_siblings(order->place, why, sizeof why)))
		return true;
	space_refusal(why, 0, sentence, size);
	return false;
}

/* In the kernel's process, whatever it is to become; false with what failed. */
static bool
settle_kernel(const KeeperOrder *order, pid_t keeper, StartFailure *failure)
{
	bool own = order->namespaces && space_counts_processes();
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	setsid();
	/* a kernel that kills its keeper, or all it can, has killed itself */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != keeper)
		_exit(126);
	lower(RLIMIT_CORE, 0);
	lower(RLIMIT_NPROC, own ? order->limits.own_processes : order->limits.shared_processes);
	lower(RLIMIT_DATA, order->limits.memory);
	setpriority(PRIO_PROCESS, 0, (int) order->limits.nice);
	dup2(null, STDIN_FILENO);
	dup2(output_fd, STDOUT_FILENO);
	dup2(output_fd, STDERR_FILENO);
	close(null);
	failure->in_folder = chdir(order->folder) < 0;
	failure->errno_value = errno;
	return !failure->in_folder;
}

_Noreturn static void
end_kernel(const StartFailure *failure, int failures)
{
	if (write(failures, failure, sizeof *failure) < 0)
		_exit(126);
	_exit(127);
}

/* A kernel that is a program; argv and environment are NULL for a fork, which returns. A fork settles the space, since
 * its keeper has the memory of the fork server, which must not be dumpable for a moment. */
static void
become_kernel(const KeeperOrder *order, char *const *argv, char *const *environment, pid_t keeper,
	const Signals *before, int failures)
{
	StartFailure failure = { 0 };
	bool apart = argv != NULL || settle_space(order, failure.space, sizeof failure.space);
	bool settled = apart && settle_kernel(order, keeper, &failure);

	if (settled && argv == NULL && drop_privileges()) {
		restore_signals(before);
		close_others_but_files(-1, -1);
		return;
	}
	if (settled && argv != NULL) {
		reset_signals();
		environ = (char **) environment;
		execvp(argv[0], argv);
	}
	if (settled)
		failure.errno_value = errno;
	end_kernel(&failure, failures);
}

/* Forks the kernel: its pid, 0 in a kernel that is a fork, -1 after a failure, which is reported. *failures is where
 * the kernel says what fails; its end says that the program runs. */
static pid_t
fork_kernel(const KeeperOrder *order, char *const *argv, char *const *environment,
	const Signals *before, int *failures)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0) {
		report(KEEPER_REPORT_NO_KERNEL, 0, strerror(errno));
		return -1;
	}
	pid_t keeper = getpid();
	pid_t pid = fork();
	if (pid == 0) {
		become_kernel(order, argv, environment, keeper, before, ends[1]);
		return 0;
	}
	if (pid < 0)
		report(KEEPER_REPORT_NO_KERNEL, 0, strerror(errno));
	close(ends[1]);
	*failures = ends[0];
	return pid;
}

/* Waits until the kernel's program, of this name, runs, and reports; whether it does. */
static bool
await_kernel(int failures, const char *name)
{
	StartFailure failure = { 0 };
	char text[sizeof(((KeeperReport *) 0)->text)];
	ssize_t size;

	do
		size = read(failures, &failure, sizeof failure);
	while (size < 0 && errno == EINTR);
	close(failures);
	if (size <= 0) {
		report(KEEPER_REPORT_STARTED, 0, "");
		return true;
	}
	if (failure.space[0] != '\0')
		snprintf(text, sizeof text, "%s", failure.space);
	else
		snprintf(text, sizeof text, "%s: %s",
			failure.in_folder ? "its working directory" : name,
			strerror(failure.errno_value));
	report(KEEPER_REPORT_NO_KERNEL, 0, text);
	return false;
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
	struct pollfd items[2] = { { .fd = socket_fd, .events = POLLIN },
		{ .fd = children, .events = POLLIN } };

	for (;;) {
		int signal_number;

		if (poll(items, 2, -1) < 0 && errno != EINTR)
			return;
		if (items[1].revents != 0)
			reap(children, &kernel);
		if (items[0].revents == 0)
			continue;
		ssize_t size = recv(socket_fd, &signal_number, sizeof signal_number, MSG_DONTWAIT);
		if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR))
			return;
		if (size == (ssize_t) sizeof signal_number && kernel > 0)
			kill(-kernel, signal_number);
	}
}

/* What both kinds of keeper begin with; the descriptor of the children's signals. */
static int
settle_keeper(const KeeperOrder *order, Signals *before)
{
	socket_fd = order->socket;
	output_fd = order->output;
	fcntl(socket_fd, F_SETFD, FD_CLOEXEC);
	fcntl(output_fd, F_SETFD, FD_CLOEXEC);
	int children = settle_signals(before);
	setsid();
	prctl(PR_SET_NAME, NAME);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	return children;
}

/* The end of process 1 is the end of its namespace; else everything is found and killed. */
_Noreturn static void
end_keeper(bool namespaces)
{
	if (!namespaces)
		descendants_end(END_MS);
	_exit(0);
}

_Noreturn void
keeper_process_run(const KeeperOrder *order, char *const *argv, char *const *environment)
{
	const char *slash = strrchr(argv[0], '/');
	Signals before;
	int failures;
	char sentence[sizeof(((KeeperReport *) 0)->text)];

	close_others(order->socket, order->output);
	int children = settle_keeper(order, &before);
	if (!settle_space(order, sentence, sizeof sentence)) {
		report(KEEPER_REPORT_NO_NAMESPACE, 0, sentence);
		_exit(1);
	}
	pid_t kernel = fork_kernel(order, argv, environment, &before, &failures);
	if (kernel > 0 && await_kernel(failures, slash != NULL ? slash + 1 : argv[0])) {
		close_others(socket_fd, children);
		keep(children, kernel);
	}
	end_keeper(order->namespaces);
}

/* Becomes the program that keeps the kernel. */
_Noreturn static void
become_program(const KeeperOrder *order, const char *program, pid_t kernel, int failures)
{
	char texts[KEEPER_N_WORDS][16];
	char *argv[] = { NAME, texts[0], texts[1], texts[2], texts[3], NULL };
	char *environment[] = { NULL };
	const int words[KEEPER_N_WORDS] = { socket_fd, failures, (int) kernel, order->namespaces };

	for (size_t i = 0; i < KEEPER_N_WORDS; i++)
		snprintf(texts[i], sizeof texts[i], "%d", words[i]);
	fcntl(socket_fd, F_SETFD, 0);
	fcntl(failures, F_SETFD, 0);
	execve(program, argv, environment);
	report(KEEPER_REPORT_NO_KERNEL, 0, "its keeper could not be executed");
	kill(kernel, SIGKILL);
	waitpid(kernel, NULL, 0);
	_exit(1);
}

void
keeper_process_fork(const KeeperOrder *order, const char *program)
{
	Signals before;
	char name[16];
	int failures;

	prctl(PR_GET_NAME, name);
	settle_keeper(order, &before);
	close_others_but_files(socket_fd, output_fd);
	pid_t kernel = fork_kernel(order, NULL, NULL, &before, &failures);
	if (kernel > 0)
		become_program(order, program, kernel, failures);
	if (kernel < 0)
		_exit(1);
	register_rseq();
	prctl(PR_SET_NAME, name);
}

_Noreturn void
keeper_process_keep(const int words[KEEPER_N_WORDS])
{
	int failures = words[1];
	pid_t kernel = (pid_t) words[2];
	bool namespaces = words[3] != 0;
	sigset_t set;

	socket_fd = words[0];
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	int children = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (await_kernel(failures, "a fork")) {
		close_others(socket_fd, children);
		keep(children, kernel);
	}
	end_keeper(namespaces);
}
