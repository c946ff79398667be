/* The executor's half. A keeper that cannot have its namespace says so and ends, and a second one is made
 * without. Reports and commands are records of one size over a SOCK_SEQPACKET pair, which keeps their
 * borders and tells of the other end's death. */
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
#include "exec/descendants.h"
#include "exec/keeper_process.h"
#include "exec/namespace.h"

#define START_MS 10000
#define END_MS 10000

struct Keeper {
	int socket;
	pid_t pid;
	char *refusal;
	gboolean apart;
	gboolean gone;
};

/* One report, waiting for it until deadline_ms; the kind KEEPER_REPORT_NONE when there is none. */
static void
receive_report(Keeper *keeper, gint64 deadline_ms, KeeperReport *report)
{
	struct pollfd ready = { .fd = keeper->socket, .events = POLLIN };
	ssize_t size = -1;
	int result;

	report->kind = KEEPER_REPORT_NONE;
	do
		result = poll(&ready, 1, clock_remaining_ms(deadline_ms));
	while (result < 0 && errno == EINTR);
	if (result > 0)
		size = recv(keeper->socket, report, sizeof *report, MSG_DONTWAIT);
	if (size == (ssize_t) sizeof *report)
		report->text[sizeof report->text - 1] = '\0';
	else
		report->kind = KEEPER_REPORT_NONE;
	keeper->gone = keeper->gone || size == 0 || (size < 0 && errno == ECONNRESET);
}

/* Forks the keeper; false with errno. */
static gboolean
fork_keeper(Keeper *keeper, const KeeperSpec *spec, gboolean namespaces)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return FALSE;
	pid_t pid = namespaces ? namespace_clone() : fork();
	int cause = errno;
	if (pid == 0)
		keeper_process(ends[1], spec, namespaces, uid, gid);
	close(ends[1]);
	keeper->socket = ends[0];
	keeper->pid = pid;
	errno = cause;
	return pid > 0;
}

static void
forget(Keeper *keeper)
{
	files_close(&keeper->socket);
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
		g_autofree char *why =
			namespaces ? namespace_refusal(NULL, errno) : g_strdup(g_strerror(errno));

		g_strlcpy(report->text, why, sizeof report->text);
		return FALSE;
	}
	receive_report(keeper, clock_ms() + START_MS, report);
	keeper->apart = namespaces;
	if (report->kind == KEEPER_REPORT_STARTED)
		return TRUE;
	if (report->kind == KEEPER_REPORT_NONE) {
		kill(keeper->pid, SIGKILL);
		g_strlcpy(report->text, "its keeper said nothing", sizeof report->text);
	}
	return FALSE;
}

Keeper *
keeper_start(const KeeperSpec *spec, GError **error)
{
	g_autoptr(Keeper) keeper = g_new0(Keeper, 1);
	KeeperReport report = { 0 };

	keeper->socket = -1;
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
wait_end(pid_t pid, gint64 deadline_ms)
{
	AUTO_FD handle = pidfd_open(pid, 0);
	struct pollfd ready = { .fd = handle, .events = POLLIN };
	int result;

	do
		result = poll(&ready, 1, clock_remaining_ms(deadline_ms));
	while (result < 0 && errno == EINTR);
	if (result <= 0)
		kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

void
keeper_free(Keeper *keeper)
{
	gint64 deadline_ms = clock_ms() + END_MS;

	if (keeper == NULL)
		return;
	files_close(&keeper->socket);
	if (keeper->pid > 0)
		wait_end(keeper->pid, deadline_ms);
	if (!descendants_end(deadline_ms))
		g_warning("some processes of a kernel could not be ended");
	g_free(keeper->refusal);
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
	receive_report(keeper, 0, &report);
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

const char *
keeper_refusal(const Keeper *keeper)
{
	return keeper->refusal;
}
