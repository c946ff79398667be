/* Nothing random is drawn before a fork: GLib's generator would go on alike in all of them. (json-c's seed of hashes
 * is, as is that of strings in forks of one fork server.) */
#include "exec/zygote.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "base/frame.h"
#include "jupyter/channels.h"

#define NAME "nbhook-zygote"
#define EXECUTOR_NAME "nbhook-exec"

/* pid 0: it is ready. */
static gboolean
answer(int link, pid_t pid, const char *failure)
{
	g_autoptr(json_object) reply = json_object_new_object();

	if (failure != NULL)
		json_put_string(reply, "error", failure);
	else
		json_put_int(reply, "pid", pid);
	return frame_send(link, reply, NULL, 0, -1, NULL);
}

static pid_t
fork_sibling(void)
{
	return (pid_t) syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, NULL);
}

static void
become_executor(Frame *frame, ExecutorOrder *order)
{
	prctl(PR_SET_NAME, EXECUTOR_NAME);
	order->socket = frame_steal_fd(frame, "socket");
	order->fork_server = frame_steal_fd(frame, "fork_server");
	order->kernel = g_strdup(json_string_member(frame->body, "kernel"));
	order->boot = json_bool_member(frame->body, "boot", FALSE);
}

gboolean
zygote_serve(int link, ExecutorOrder *order)
{
	AUTO_FD own = link;

	prctl(PR_SET_NAME, NAME);
	channels_warm();
	if (!answer(own, 0, NULL))
		return FALSE;
	for (;;) {
		g_autoptr(Frame) frame = frame_receive(own, -1, NULL);

		if (frame == NULL)
			return FALSE;
		pid_t pid = fork_sibling();
		if (pid == 0) {
			become_executor(frame, order);
			return TRUE;
		}
		if (!answer(own, pid, pid < 0 ? g_strerror(errno) : NULL))
			return FALSE;
	}
}

static gboolean
send_order(int link, const ExecutorOrder *order, gint64 deadline_ms, GError **error)
{
	g_autoptr(json_object) body = json_object_new_object();
	json_object *names = json_object_new_array();
	const int fds[] = { order->socket, order->fork_server };
	int n_fds = order->fork_server >= 0 ? 2 : 1;

	json_put_string(body, "kernel", order->kernel);
	json_put_bool(body, "boot", order->boot);
	json_object_array_add(names, json_object_new_string("socket"));
	if (n_fds == 2)
		json_object_array_add(names, json_object_new_string("fork_server"));
	json_object_object_add(body, "fds", names);
	return frame_send(link, body, fds, n_fds, deadline_ms, error);
}

gboolean
zygote_await(int link, gint64 deadline_ms, GError **error)
{
	g_autoptr(Frame) frame = frame_receive(link, deadline_ms, error);

	return frame != NULL;
}

pid_t
zygote_order(int link, const ExecutorOrder *order, gint64 deadline_ms, GError **error)
{
	g_autoptr(Frame) reply = send_order(link, order, deadline_ms, error)
					 ? frame_receive(link, deadline_ms, error)
					 : NULL;

	if (reply == NULL)
		return -1;
	const char *failure = json_string_member(reply->body, "error");
	gint64 pid = json_int_member(reply->body, "pid", 0);
	if (failure == NULL && pid > 0)
		return (pid_t) pid;
	g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_INTERNAL, "forking an executor: %s",
		failure != NULL ? failure : "no answer that makes sense");
	return -1;
}
