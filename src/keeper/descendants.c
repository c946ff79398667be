/* /proc/<pid>/stat of all processes gives the tree. A tree that grows while it is read is read again: the
 * loop ends when waitpid(2) knows of no child. */
#include "keeper/descendants.h"

#include <assert.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FIRST_PAUSE_MS 1
#define LONGEST_PAUSE_MS 50
#define STAT_SIZE 512

typedef struct {
	pid_t pid;
	pid_t parent;
} Process;

static long long
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (long long) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The parent in "pid (comm) state ppid …"; comm may hold anything, parentheses too. 0 if it is gone. */
static pid_t
parent_of(const char *pid_text)
{
	char path[64];
	char text[STAT_SIZE];

	snprintf(path, sizeof path, "/proc/%s/stat", pid_text);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t size = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
	if (fd >= 0)
		close(fd);
	text[size > 0 ? size : 0] = '\0';
	const char *end = strrchr(text, ')');
	if (end == NULL || strlen(end) < 5)
		return 0;
	return (pid_t) strtol(end + 4, NULL, 10);
}

/* One more at the end of a table that doubles. */
static void
append(Process **processes, size_t *n, Process process)
{
	if ((*n & (*n - 1)) == 0) {
		size_t room = *n == 0 ? 1 : 2 * *n;
		Process *larger = reallocarray(*processes, room, sizeof(Process));

		if (larger == NULL)
			abort();
		*processes = larger;
	}
	(*processes)[(*n)++] = process;
}

static size_t
all_processes(Process **processes)
{
	DIR *folder = opendir("/proc");
	struct dirent *entry;
	size_t n = 0;

	*processes = NULL;
	while (folder != NULL && (entry = readdir(folder)) != NULL) {
		if (!isdigit((unsigned char) entry->d_name[0]))
			continue;
		Process process = { (pid_t) strtol(entry->d_name, NULL, 10),
			parent_of(entry->d_name) };
		if (process.parent != 0)
			append(processes, &n, process);
	}
	if (folder != NULL)
		closedir(folder);
	return n;
}

/* Moves the children of parent to the front, behind the first done ones; how many stand there then. */
static size_t
gather(Process *processes, size_t n, size_t done, pid_t parent)
{
	for (size_t i = done; i < n; i++) {
		if (processes[i].parent != parent)
			continue;
		Process found = processes[i];
		processes[i] = processes[done];
		processes[done++] = found;
	}
	return done;
}

/* Of one thread; whether they are listed. */
static bool
read_children(const char *thread, Process **processes, size_t *n)
{
	char path[NAME_MAX + 64];
	Process process = { .parent = getpid() };

	snprintf(path, sizeof path, "/proc/self/task/%s/children", thread);
	FILE *list = fopen(path, "re");
	if (list == NULL)
		return false;
	while (fscanf(list, "%d", &process.pid) == 1 && process.pid > 0)
		append(processes, n, process);
	fclose(list);
	return true;
}

/* As the kernel lists them, if it does (proc(5)): a host may have thousands of other processes. None is passed over,
 * since those that are dead stay there until we have waited for them. */
static bool
own_children(Process **processes, size_t *n)
{
	DIR *threads = opendir("/proc/self/task");
	const struct dirent *entry;
	bool listed = false;

	*processes = NULL;
	*n = 0;
	while (threads != NULL && (entry = readdir(threads)) != NULL)
		if (isdigit((unsigned char) entry->d_name[0]))
			listed = read_children(entry->d_name, processes, n) || listed;
	if (threads != NULL)
		closedir(threads);
	return listed;
}

size_t
descendants_children(pid_t **pids)
{
	Process *processes;
	size_t n_children;

	if (!own_children(&processes, &n_children)) {
		size_t n = all_processes(&processes);
		n_children = gather(processes, n, 0, getpid());
	}
	*pids = calloc(n_children + 1, sizeof(pid_t));
	if (*pids == NULL)
		abort();
	for (size_t i = 0; i < n_children; i++)
		(*pids)[i] = processes[i].pid;
	free(processes);
	return n_children;
}

static void
kill_all(void)
{
	Process *processes;
	size_t n = all_processes(&processes);
	size_t found = gather(processes, n, 0, getpid());

	assert(found <= n);
	for (size_t i = 0; i < found; i++)
		found = gather(processes, n, found, processes[i].pid);
	for (size_t i = 0; i < found; i++)
		kill(processes[i].pid, SIGKILL);
	free(processes);
}

/* Reaps what is dead; whether any child is left. */
static bool
reap(void)
{
	pid_t pid;

	do
		pid = waitpid(-1, NULL, WNOHANG);
	while (pid > 0 || (pid < 0 && errno == EINTR));
	return pid == 0;
}

bool
descendants_end(int milliseconds)
{
	long long deadline_ms = now_ms() + milliseconds;
	int pause_ms = FIRST_PAUSE_MS;

	while (reap()) {
		if (now_ms() >= deadline_ms)
			return false;
		kill_all();
		if (!reap())
			return true;
		poll(NULL, 0, pause_ms);
		pause_ms = 2 * pause_ms < LONGEST_PAUSE_MS ? 2 * pause_ms : LONGEST_PAUSE_MS;
	}
	return true;
}
