#include "keeper/fork.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Where /proc/<pid>/stat has the borders of a program's arguments: proc(5), arg_start. */
#define ARG_START 48
#define STAT_SIZE 2048
#define NAME "nbhook-forks"

bool
nbhook_fork_settle(void)
{
	return prctl(PR_SET_NAME, NAME) == 0 && prctl(PR_SET_DUMPABLE, 0) == 0;
}

/* The n-th number of /proc/self/stat, counted as proc(5) does; the name in it may hold anything. */
static unsigned long
stat_number(const char *text, int n)
{
	const char *at = strrchr(text, ')');

	for (int i = 2; at != NULL && i < n; i++)
		at = strchr(at + 1, ' ');
	return at != NULL ? strtoul(at, NULL, 10) : 0;
}

void
nbhook_fork_title(const char *argv, size_t size)
{
	const char *slash = strrchr(argv, '/');
	char text[STAT_SIZE];

	prctl(PR_SET_NAME, slash != NULL ? slash + 1 : argv);
	int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	ssize_t length = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;

	if (fd >= 0)
		close(fd);
	text[length > 0 ? length : 0] = '\0';
	char *start =
		(char *) stat_number(text, ARG_START); /* ours, where the program was started */
	char *end = (char *) stat_number(text, ARG_START + 1);
	if (start == NULL || end <= start)
		return;
	size_t room = (size_t) (end - start);
	size_t used = size < room ? size : room;
	memcpy(start, argv, used);
	memset(start + used, 0, room - used);
	start[room - 1] = '\0';
}

/* Of libzmq (zmq_send(3)). */
#define SEND_DONT_WAIT 1
#define SEND_MORE 2

bool
nbhook_fork_send(const ForkSender *sender, const char *const *parts, const size_t *sizes, size_t n)
{
	if (sender->busy != 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		int flags = SEND_DONT_WAIT | (i + 1 < n ? SEND_MORE : 0);

		if (sender->send(sender->socket, parts[i], sizes[i], flags) < 0)
			return i > 0;
	}
	return true;
}
