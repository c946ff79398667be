#include "keeper/space.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#define NAMESPACES (CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS)
#define STACK_SIZE (128 * 1024)
#define COVER_FLAGS (MS_NOSUID | MS_NODEV | MS_NOEXEC)

/* A setting of the host with the value that refuses user namespaces to accounts. */
static const struct {
	const char *path;
	const char *name;
	const char *refusing;
} sysctls[] = {
	{ "/proc/sys/kernel/unprivileged_userns_clone", "kernel.unprivileged_userns_clone", "0" },
	{ "/proc/sys/user/max_user_namespaces", "user.max_user_namespaces", "0" },
	{ "/proc/sys/user/max_pid_namespaces", "user.max_pid_namespaces", "0" },
	{ "/proc/sys/user/max_mnt_namespaces", "user.max_mnt_namespaces", "0" },
	{ "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
		"kernel.apparmor_restrict_unprivileged_userns", "1" },
};

pid_t
space_clone(void)
{
	return (pid_t) syscall(SYS_clone, NAMESPACES | SIGCHLD, NULL, NULL, NULL, NULL);
}

pid_t
space_share(bool namespaces, int (*function)(void *data), void *data, pid_t *pid)
{
	static char stack[STACK_SIZE] __attribute__((aligned(16)));
	int flags = CLONE_VM | CLONE_VFORK | CLONE_PARENT_SETTID | SIGCHLD;

	if (namespaces)
		flags |= NAMESPACES;
	return clone(function, stack + sizeof stack, flags, data, pid); /* all of ours grow down */
}

/* Always false. */
static bool
fail(const char *what, const char *name, char *why, size_t size)
{
	snprintf(why, size, "%s%s: %s", what, name, strerror(errno));
	return false;
}

static bool
write_proc(const char *path, const char *text, char *why, size_t size)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool written = fd >= 0 && write(fd, text, strlen(text)) >= 0;

	if (!written)
		fail("writing ", path, why, size);
	if (fd >= 0)
		close(fd);
	return written;
}

static bool
map_account(uid_t uid, gid_t gid, char *why, size_t size)
{
	char uid_map[64];
	char gid_map[64];

	snprintf(uid_map, sizeof uid_map, "%u %u 1\n", (unsigned) uid, (unsigned) uid);
	snprintf(gid_map, sizeof gid_map, "%u %u 1\n", (unsigned) gid, (unsigned) gid);
	return write_proc("/proc/self/setgroups", "deny", why, size) &&
	       write_proc("/proc/self/uid_map", uid_map, why, size) &&
	       write_proc("/proc/self/gid_map", gid_map, why, size);
}

/* The files below /proc/self belong to root while the process is not dumpable. */
bool
space_enter(uid_t uid, gid_t gid, char *why, size_t size)
{
	prctl(PR_SET_DUMPABLE, 1);
	bool mapped = map_account(uid, gid, why, size);
	prctl(PR_SET_DUMPABLE, 0);
	if (!mapped)
		return false;
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return fail("making mounts private", "", why, size);
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return fail("mounting /proc", "", why, size);
	return true;
}

/* Why it holds: the kernel's account is not root in the namespace, so that execve(2) or the keeper takes
 * all capabilities from it, and in a namespace that it makes, the mounts of this one are locked
 * (mount_namespaces(7)). */
bool
space_hide_siblings(const char *folder, char *why, size_t size)
{
	char parent[PATH_MAX];
	char source[64];
	int kept = open(folder, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	const char *slash = strrchr(folder, '/');

	snprintf(parent, sizeof parent, "%.*s", slash != NULL ? (int) (slash - folder) : 0, folder);
	snprintf(source, sizeof source, "/proc/self/fd/%d", kept);
	bool hidden = kept >= 0 && mount("tmpfs", parent, "tmpfs", COVER_FLAGS, "mode=0700") == 0 &&
		      mkdir(folder, 0700) == 0 && mount(source, folder, NULL, MS_BIND, NULL) == 0 &&
		      mount(NULL, parent, NULL, MS_REMOUNT | MS_RDONLY | COVER_FLAGS, NULL) == 0;
	if (!hidden)
		fail("hiding the folders beside ", folder, why, size);
	if (kept >= 0)
		close(kept);
	return hidden;
}

bool
space_counts_processes(void)
{
	struct utsname system_name;
	char *rest = NULL;

	if (uname(&system_name) < 0)
		return false;
	unsigned long major = strtoul(system_name.release, &rest, 10);
	unsigned long minor = *rest == '.' ? strtoul(rest + 1, NULL, 10) : 0;
	return major > 5 || (major == 5 && minor >= 14);
}

/* Whether the file's text is that word. */
static bool
says(const char *path, const char *word)
{
	char text[32];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t size = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;

	if (fd >= 0)
		close(fd);
	text[size > 0 ? size : 0] = '\0';
	text[strcspn(text, " \n")] = '\0';
	return strcmp(text, word) == 0;
}

void
space_refusal(const char *what, int errno_value, char *text, size_t size)
{
	int used = what != NULL ? snprintf(text, size, "%s", what)
				: snprintf(text, size, "making a user namespace: %s",
					  strerror(errno_value));

	for (size_t i = 0; i < sizeof sysctls / sizeof sysctls[0]; i++)
		if (says(sysctls[i].path, sysctls[i].refusing) && used >= 0 && (size_t) used < size)
			used += snprintf(text + used, size - (size_t) used,
				"; the host refuses it by %s = %s", sysctls[i].name,
				sysctls[i].refusing);
}
