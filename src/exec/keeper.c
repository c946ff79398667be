/* The executor's half. A keeper that cannot have its namespace says so and ends, and a second one is made
 * without. Reports and commands are records of one size over a SOCK_SEQPACKET pair, which keeps their
 * borders and tells of the other end's death. A keeper that a fork server makes talks over the socket on
 * which it was ordered; it is nobody's child here, so that its end is waited for by a pidfd. */
#include "exec/keeper.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "keeper/descendants.h"
#include "keeper/order.h"
#include "keeper/process.h"
#include "keeper/space.h"

#define START_MS 10000
#define FORK_MS 5000
#define END_MS 10000

struct Keeper {
	int socket;
	int process; /* a pidfd */
	pid_t pid;   /* as our child; 0: it is none */
	char *refusal;
	char *fork_failure;
	gboolean apart, forked;
	gboolean gone;
};

/* One record with the pid of who sent it, as it is seen from here. */
static ssize_t
receive_record(int socket, KeeperReport *report, pid_t *sender)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct iovec part = { report, sizeof *report };
	struct msghdr message = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control };
	ssize_t size = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	const struct cmsghdr *header = size > 0 ? CMSG_FIRSTHDR(&message) : NULL;

	if (header != NULL && header->cmsg_level == SOL_SOCKET &&
		header->cmsg_type == SCM_CREDENTIALS)
		*sender = ((const struct ucred *) (const void *) CMSG_DATA(header))->pid;
	return size;
}

/* One report, waiting for it until deadline_ms; the kind KEEPER_REPORT_NONE when there is none. */
static void
receive_report(Keeper *keeper, gint64 deadline_ms, KeeperReport *report, pid_t *sender)
{
	struct pollfd ready = { .fd = keeper->socket, .events = POLLIN };
	ssize_t size = -1;
	int result;

	report->kind = KEEPER_REPORT_NONE;
	do
		result = poll(&ready, 1, clock_remaining_ms(deadline_ms));
	while (result < 0 && errno == EINTR);
	if (result > 0)
		size = receive_record(keeper->socket, report, sender);
	if (size == (ssize_t) sizeof *report)
		report->text[sizeof report->text - 1] = '\0';
	else
		report->kind = KEEPER_REPORT_NONE;
	keeper->gone = keeper->gone || size == 0 || (size < 0 && errno == ECONNRESET);
}

static KeeperOrder
order_of(const KeeperSpec *spec, int socket, gboolean namespaces)
{
	return (KeeperOrder){ .socket = socket,
		.output = spec->output,
		.folder = spec->folder,
		.place = spec->place,
		.namespaces = namespaces,
		.uid = geteuid(),
		.gid = getegid(),
		.limits = spec->limits };
}

/* Forks the keeper; false with errno. */
static gboolean
fork_keeper(Keeper *keeper, const KeeperSpec *spec, gboolean namespaces)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return FALSE;
	KeeperOrder order = order_of(spec, ends[1], namespaces);
	pid_t pid = namespaces ? space_clone() : fork();
	int cause = errno;
	if (pid == 0)
		keeper_process_run(&order, spec->argv, spec->env);
	close(ends[1]);
	keeper->socket = ends[0];
	keeper->pid = pid;
	keeper->process = pid > 0 ? pidfd_open(pid, 0) : -1;
	errno = cause;
	return pid > 0;
}

static void
forget(Keeper *keeper)
{
	files_close(&keeper->socket);
	files_close(&keeper->process);
	if (keeper->pid > 0)
		waitpid(keeper->pid, NULL, 0);
	keeper->pid = 0;
	keeper->gone = FALSE;
}

/* Starts with or without namespaces. True when the kernel runs; *report is what the keeper said. */
static gboolean
try_start(Keeper *keeper, const KeeperSpec *spec, gboolean namespaces, KeeperReport *report)
{
	report->kind = namespaces ? KEEPER_REPORT_NO_NAMESPACE : KEEPER_REPORT_NO_KERNEL;
	if (!fork_keeper(keeper, spec, namespaces)) {
		if (namespaces)
			space_refusal(NULL, errno, report->text, sizeof report->text);
		else
			g_strlcpy(report->text, g_strerror(errno), sizeof report->text);
		return FALSE;
	}
	receive_report(keeper, clock_ms() + START_MS, report, &(pid_t){ 0 });
	keeper->apart = namespaces;
	if (report->kind == KEEPER_REPORT_STARTED)
		return TRUE;
	if (report->kind == KEEPER_REPORT_NONE) {
		kill(keeper->pid, SIGKILL);
		g_strlcpy(report->text, "its keeper said nothing", sizeof report->text);
	}
	return FALSE;
}

static json_object *
strings(char *const *list)
{
	json_object *array = json_object_new_array();

	for (; *list != NULL; list++)
		json_object_array_add(array, json_object_new_string(*list));
	return array;
}

/* The order for a fork server, one record with the output's descriptor. */
static gboolean
send_order(int socket, const KeeperSpec *spec)
{
	g_autoptr(json_object) words = json_object_new_object();
	ForkOrder head = { .limits = spec->limits, .namespaces = spec->namespaces };
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .header = { .cmsg_len = CMSG_LEN(sizeof(int)),
			      .cmsg_level = SOL_SOCKET,
			      .cmsg_type = SCM_RIGHTS } };

	json_object_object_add(words, "argv", strings(spec->argv));
	json_object_object_add(words, "env", strings(spec->env));
	g_autofree char *text = json_print(words);
	struct iovec parts[] = { { &head, sizeof head },
		{ (char *) spec->folder, strlen(spec->folder) + 1 },
		{ (char *) spec->place, strlen(spec->place) + 1 }, { text, strlen(text) + 1 } };
	struct msghdr message = { .msg_iov = parts,
		.msg_iovlen = G_N_ELEMENTS(parts),
		.msg_control = &control,
		.msg_controllen = sizeof control };
	memcpy(CMSG_DATA(&control.header), &spec->output, sizeof(int));
	return sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

/* True when a fork runs; else the reason is kept. */
static gboolean
try_fork(Keeper *keeper, const KeeperSpec *spec)
{
	KeeperReport report = { .kind = KEEPER_REPORT_NONE };
	const char *why = NULL;
	pid_t sender = 0;
	int on = 1;

	keeper->socket = dup(spec->fork_server);
	if (setsockopt(keeper->socket, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0 ||
		!send_order(keeper->socket, spec)) {
		why = g_strerror(errno);
	} else {
		receive_report(keeper, clock_ms() + FORK_MS, &report, &sender);
		if (report.kind == KEEPER_REPORT_STARTED)
			keeper->process = pidfd_open(sender, 0);
		else
			why = report.kind != KEEPER_REPORT_NONE ? report.text
			      : keeper->gone                    ? "the fork server has gone"
								: "the fork server does not answer";
		if (why == NULL && keeper->process < 0)
			why = "the keeper has gone";
	}
	keeper->forked = why == NULL;
	keeper->apart = keeper->forked && spec->namespaces;
	if (keeper->forked)
		return TRUE;
	shutdown(keeper->socket, SHUT_RDWR);
	forget(keeper);
	keeper->fork_failure = g_strdup(why);
	return FALSE;
}

Keeper *
keeper_start(const KeeperSpec *spec, GError **error)
{
	g_autoptr(Keeper) keeper = g_new0(Keeper, 1);
	KeeperReport report = { 0 };

	keeper->socket = -1;
	keeper->process = -1;
	if (spec->fork_server >= 0 && try_fork(keeper, spec))
		return g_steal_pointer(&keeper);
	if (spec->namespaces && try_start(keeper, spec, TRUE, &report))
		return g_steal_pointer(&keeper);
	if (spec->namespaces && report.kind != KEEPER_REPORT_NO_KERNEL) {
		keeper->refusal = g_strdup(report.text);
		forget(keeper);
	}
	if (report.kind != KEEPER_REPORT_NO_KERNEL && try_start(keeper, spec, FALSE, &report))
		return g_steal_pointer(&keeper);
	g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_INTERNAL,
		"the kernel could not be started: %s", report.text);
	return NULL;
}

/* Waits for the keeper's own end, which follows that of the socket. */
static void
wait_end(const Keeper *keeper, gint64 deadline_ms)
{
	struct pollfd ready = { .fd = keeper->process, .events = POLLIN };
	int result;

	do
		result = poll(&ready, 1, clock_remaining_ms(deadline_ms));
	while (result < 0 && errno == EINTR);
	if (result <= 0)
		pidfd_send_signal(keeper->process, SIGKILL, NULL, 0);
	if (keeper->pid > 0)
		waitpid(keeper->pid, NULL, 0);
}

/* A keeper that is killed leaves its descendants to us, unless it is a fork server's. */
void
keeper_free(Keeper *keeper)
{
	gint64 deadline_ms = clock_ms() + END_MS;

	if (keeper == NULL)
		return;
	files_close(&keeper->socket);
	if (keeper->process >= 0)
		wait_end(keeper, deadline_ms);
	files_close(&keeper->process);
	if (!descendants_end(clock_remaining_ms(deadline_ms)))
		g_warning("some processes of a kernel could not be ended");
	g_free(keeper->refusal);
	g_free(keeper->fork_failure);
	g_free(keeper);
}

int
keeper_fd(const Keeper *keeper)
{
	return keeper->gone ? -1 : keeper->socket;
}

KeeperNews
keeper_take_news(Keeper *keeper, int *wait_status)
{
	KeeperReport report;

	if (keeper->gone)
		return KEEPER_NOTHING;
	receive_report(keeper, 0, &report, &(pid_t){ 0 });
	if (keeper->gone)
		return KEEPER_GONE;
	if (report.kind != KEEPER_REPORT_DIED)
		return KEEPER_NOTHING;
	*wait_status = report.value;
	return KEEPER_DIED;
}

void
keeper_signal(Keeper *keeper, int signal_number)
{
	if (send(keeper->socket, &signal_number, sizeof signal_number,
		    MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		g_debug("a signal for a kernel was not sent: %s", g_strerror(errno));
}

gboolean
keeper_is_apart(const Keeper *keeper)
{
	return keeper->apart;
}

gboolean
keeper_is_forked(const Keeper *keeper)
{
	return keeper->forked;
}

const char *
keeper_fork_failure(const Keeper *keeper)
{
	return keeper->fork_failure;
}

const char *
keeper_refusal(const Keeper *keeper)
{
	return keeper->refusal;
}
