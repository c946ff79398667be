/* Processes come and go while /proc is read, so a chain of ancestors that breaks off says nothing: it is
 * looked at again. */
#include "runner/leftovers.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "exec/environment.h"

#define MAX_DEPTH 1000
#define ROUNDS 20
#define PAUSE_MS 50

typedef enum {
	KEPT,      /* an executor or a keeper is above it */
	LEFT_OVER, /* none is */
	UNCLEAR,   /* it or one above it went away meanwhile */
} Finding;

/* Name and parent in "pid (name) state ppid …"; the name may hold anything, parentheses too. */
static gboolean
read_stat(pid_t pid, char **name, pid_t *parent)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int) pid);
	g_autofree char *text = NULL;

	if (!g_file_get_contents(path, &text, NULL, NULL))
		return FALSE;
	const char *start = strchr(text, '(');
	const char *end = strrchr(text, ')');
	if (start == NULL || end == NULL || strlen(end) < 5)
		return FALSE;
	*name = g_strndup(start + 1, (gsize) (end - start - 1));
	*parent = (pid_t) g_ascii_strtoll(end + 4, NULL, 10);
	return TRUE;
}

static Finding
look_above(pid_t pid)
{
	for (int depth = 0; depth < MAX_DEPTH; depth++) {
		g_autofree char *name = NULL;
		pid_t parent = 0;

		if (!read_stat(pid, &name, &parent))
			return UNCLEAR;
		if (strcmp(name, "nbhook-exec") == 0 || strcmp(name, "nbhook-ready") == 0 ||
			strcmp(name, "nbhook-keeper") == 0)
			return KEPT;
		if (parent <= 1)
			return LEFT_OVER;
		pid = parent;
	}
	return UNCLEAR;
}

/* Whether its environment, as its program got it, has the mark. That of other accounts cannot be read. */
static gboolean
is_of_a_run(const char *pid_text, const char *mark)
{
	g_autofree char *path = g_build_filename("/proc", pid_text, "environ", NULL);
	g_autofree char *text = NULL;
	gsize size = 0;

	return g_file_get_contents(path, &text, &size, NULL) &&
	       memmem(text, size, mark, strlen(mark) + 1) != NULL;
}

/* Kills what is left over; how many were, or may be. */
static int
end_some(const char *mark)
{
	g_autoptr(GDir) dir = g_dir_open("/proc", 0, NULL);
	const char *pid_text;
	int count = 0;

	while (dir != NULL && (pid_text = g_dir_read_name(dir)) != NULL) {
		pid_t pid = (pid_t) g_ascii_strtoll(pid_text, NULL, 10);

		if (pid <= 1 || !is_of_a_run(pid_text, mark))
			continue;
		Finding finding = look_above(pid);
		count += finding != KEPT;
		if (finding == LEFT_OVER && kill(pid, SIGKILL) == 0)
			g_warning("process %d was left behind by a run and is killed", (int) pid);
	}
	return count;
}

void
leftovers_end(const char *run_dir)
{
	g_autofree char *mark = g_strdup_printf(ENVIRONMENT_MARK "=%s", run_dir);

	for (int round = 0; round < ROUNDS && end_some(mark) > 0; round++)
		poll(NULL, 0, PAUSE_MS);
}
