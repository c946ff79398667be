#include "exec/namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"

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
namespace_clone(void)
{
	return (pid_t) syscall(SYS_clone, CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | SIGCHLD,
		NULL, NULL, NULL, NULL);
}

static gboolean
write_proc(const char *path, const char *text, GError **error)
{
	AUTO_FD fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return nbhook_error_set_errno(error, errno, "writing %s", path);
	return TRUE;
}

static gboolean
map_account(uid_t uid, gid_t gid, GError **error)
{
	g_autofree char *uid_map = g_strdup_printf("%u %u 1\n", (guint) uid, (guint) uid);
	g_autofree char *gid_map = g_strdup_printf("%u %u 1\n", (guint) gid, (guint) gid);

	return write_proc("/proc/self/setgroups", "deny", error) &&
	       write_proc("/proc/self/uid_map", uid_map, error) &&
	       write_proc("/proc/self/gid_map", gid_map, error);
}

/* The files below /proc/self belong to root while the process is not dumpable. */
gboolean
namespace_enter(uid_t uid, gid_t gid, GError **error)
{
	prctl(PR_SET_DUMPABLE, 1);
	gboolean mapped = map_account(uid, gid, error);
	prctl(PR_SET_DUMPABLE, 0);
	if (!mapped)
		return FALSE;
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return nbhook_error_set_errno(error, errno, "making mounts private");
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return nbhook_error_set_errno(error, errno, "mounting /proc");
	return TRUE;
}

/* Why it holds: the kernel's account is not root in the namespace, so that execve(2) takes all capabilities
 * from it, and in a namespace that it makes, the mounts of this one are locked (mount_namespaces(7)). */
gboolean
namespace_hide_siblings(const char *folder, GError **error)
{
	g_autofree char *parent = g_path_get_dirname(folder);
	AUTO_FD kept = open(folder, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	g_autofree char *source = g_strdup_printf("/proc/self/fd/%d", kept);

	if (kept < 0 || mount("tmpfs", parent, "tmpfs", COVER_FLAGS, "mode=0700") < 0 ||
		mkdir(folder, 0700) < 0 || mount(source, folder, NULL, MS_BIND, NULL) < 0 ||
		mount(NULL, parent, NULL, MS_REMOUNT | MS_RDONLY | COVER_FLAGS, NULL) < 0)
		return nbhook_error_set_errno(error, errno, "hiding the folders beside %s", folder);
	return TRUE;
}

gboolean
namespace_counts_processes(void)
{
	struct utsname system;
	char *rest = NULL;

	if (uname(&system) < 0)
		return FALSE;
	guint64 major = g_ascii_strtoull(system.release, &rest, 10);
	guint64 minor = *rest == '.' ? g_ascii_strtoull(rest + 1, NULL, 10) : 0;
	return major > 5 || (major == 5 && minor >= 14);
}

char *
namespace_refusal(const char *what, int errno_value)
{
	g_autoptr(GString) text = g_string_new(what);

	if (what == NULL)
		g_string_append_printf(
			text, "making a user namespace: %s", g_strerror(errno_value));
	for (size_t i = 0; i < G_N_ELEMENTS(sysctls); i++) {
		g_autofree char *value = NULL;

		if (g_file_get_contents(sysctls[i].path, &value, NULL, NULL) &&
			strcmp(g_strstrip(value), sysctls[i].refusing) == 0)
			g_string_append_printf(text, "; the host refuses it by %s = %s",
				sysctls[i].name, sysctls[i].refusing);
	}
	return g_string_free(g_steal_pointer(&text), FALSE);
}

G_GNUC_NORETURN static void
probe_child(int report, uid_t uid, gid_t gid)
{
	g_autoptr(GError) error = NULL;

	if (namespace_enter(uid, gid, &error))
		_exit(0);
	files_write_all(report, error->message, strlen(error->message), NULL);
	_exit(1);
}

gboolean
namespace_probe(GError **error)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	char what[256] = "";
	int status = 1;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return nbhook_error_set_errno(error, errno, "making a pipe");
	pid_t pid = namespace_clone();
	int cause = errno;
	if (pid == 0)
		probe_child(ends[1], uid, gid);
	close(ends[1]);
	if (pid > 0 && read(ends[0], what, sizeof what - 1) >= 0)
		waitpid(pid, &status, 0);
	close(ends[0]);
	if (pid > 0 && status == 0)
		return TRUE;
	g_autofree char *sentence = namespace_refusal(pid > 0 ? what : NULL, cause);
	g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNAVAILABLE, "%s", sentence);
	return FALSE;
}
