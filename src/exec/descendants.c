/* /proc/<pid>/stat of all processes gives the tree. A tree that grows while it is read is read again: the
 * loop ends when waitpid(2) knows of no child. */
#include "exec/descendants.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#define FIRST_PAUSE_MS 1
#define LONGEST_PAUSE_MS 50

typedef struct {
	pid_t pid;
	pid_t parent;
} Process;

/* The parent in "pid (comm) state ppid …"; comm may hold anything, parentheses too. 0 if it is gone. */
static pid_t
parent_of(const char *pid_text)
{
	g_autofree char *path = g_build_filename("/proc", pid_text, "stat", NULL);
	g_autofree char *text = NULL;

	if (!g_file_get_contents(path, &text, NULL, NULL))
		return 0;
	const char *end = strrchr(text, ')');
	if (end == NULL || strlen(end) < 5)
		return 0;
	return (pid_t) g_ascii_strtoll(end + 4, NULL, 10);
}

static GArray *
all_processes(void)
{
	GArray *processes = g_array_new(FALSE, FALSE, sizeof(Process));
	g_autoptr(GDir) dir = g_dir_open("/proc", 0, NULL);
	const char *name;

	while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
		if (!g_ascii_isdigit(name[0]))
			continue;
		Process process = { (pid_t) g_ascii_strtoll(name, NULL, 10), parent_of(name) };
		if (process.parent != 0)
			g_array_append_val(processes, process);
	}
	return processes;
}

static void
add_children(GArray *pids, GArray *processes, pid_t parent)
{
	for (guint i = 0; i < processes->len; i++) {
		Process *process = &g_array_index(processes, Process, i);

		if (process->parent == parent)
			g_array_append_val(pids, process->pid);
	}
}

GArray *
descendants_children(void)
{
	GArray *pids = g_array_new(FALSE, FALSE, sizeof(pid_t));
	g_autoptr(GArray) processes = all_processes();

	add_children(pids, processes, getpid());
	return pids;
}

static void
kill_all(void)
{
	g_autoptr(GArray) processes = all_processes();
	g_autoptr(GArray) pids = g_array_new(FALSE, FALSE, sizeof(pid_t));

	add_children(pids, processes, getpid());
	for (guint i = 0; i < pids->len; i++)
		add_children(pids, processes, g_array_index(pids, pid_t, i));
	for (guint i = 0; i < pids->len; i++)
		kill(g_array_index(pids, pid_t, i), SIGKILL);
}

/* Reaps what is dead; whether any child is left. */
static gboolean
reap(void)
{
	pid_t pid;

	do
		pid = waitpid(-1, NULL, WNOHANG);
	while (pid > 0 || (pid < 0 && errno == EINTR));
	return pid == 0;
}

gboolean
descendants_end(gint64 deadline_ms)
{
	int pause_ms = FIRST_PAUSE_MS;

	while (reap()) {
		if (clock_remaining_ms(deadline_ms) == 0)
			return FALSE;
		kill_all();
		if (!reap())
			return TRUE;
		poll(NULL, 0, pause_ms);
		pause_ms = MIN(2 * pause_ms, LONGEST_PAUSE_MS);
	}
	return TRUE;
}
