#include "runner/starter.h"

#include <errno.h>
#include <gio/gio.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/files.h"
#include "exec/zygote.h"

/* The numbers that the descriptors have in the program. */
#define SOCKET_FD 3
#define FORK_SERVER_FD 4

/* A fork takes milliseconds, to load the program some more, on a host that may be busy, above all where it has just been
 * booted. Nothing else is done meanwhile, so one that hangs is not tried often. */
#define FIRST_MS 30000
#define ANSWER_MS 5000
#define AGAIN_MS 60000

struct Starter {
	StarterSpec spec;
	int link; /* to the zygote; -1: none */
	pid_t zygote;
	gint64 again_ms; /* not before that is another one tried; 0: at once */
};

Starter *
starter_new(const StarterSpec *spec)
{
	Starter *starter = g_new0(Starter, 1);

	starter->spec = *spec;
	starter->link = -1;
	return starter;
}

/* The program with that socket as its number 3, and that of a fork server as its number 4. */
static gboolean
spawn(const Starter *starter, const char *const *words, char *const *environment, int socket,
	int fork_server, pid_t *pid, GError **error)
{
	const char *const always[] = { starter->spec.program, "--config", starter->spec.config,
		starter->spec.namespaces ? NULL : "--without-namespaces", NULL };
	const char *const *const parts[] = { always, words };
	const int sources[] = { socket, fork_server };
	const int targets[] = { SOCKET_FD, FORK_SERVER_FD };
	g_autoptr(GPtrArray) argv = g_ptr_array_new();
	GPid started = 0;

	for (size_t i = 0; i < G_N_ELEMENTS(parts); i++)
		for (const char *const *word = parts[i]; *word != NULL; word++)
			g_ptr_array_add(argv, (gpointer) *word);
	g_ptr_array_add(argv, NULL);
	gboolean done = g_spawn_async_with_pipes_and_fds("/", (const char *const *) argv->pdata,
		(const char *const *) environment, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, -1, -1,
		-1, sources, targets, fork_server >= 0 ? 2 : 1, &started, NULL, NULL, NULL, error);
	*pid = started;
	return done;
}

static pid_t
start_program(const Starter *starter, const ExecutorOrder *order, GError **error)
{
	g_autofree char *number = g_strdup_printf("%d", SOCKET_FD);
	g_autofree char *fork_number = g_strdup_printf("%d", FORK_SERVER_FD);
	const char *words[8] = { "--socket", number };
	size_t n = 2;
	pid_t pid = -1;

	if (order->kernel != NULL) {
		words[n++] = "--kernel";
		words[n++] = order->kernel;
	}
	if (order->boot)
		words[n++] = "--boot";
	if (order->fork_server >= 0) {
		words[n++] = "--fork-server";
		words[n++] = fork_number;
	}
	return spawn(starter, words, starter->spec.environment, order->socket, order->fork_server,
		       &pid, error)
		       ? pid
		       : -1;
}

static gboolean
make_ends(int ends[2], GError **error)
{
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0 ||
	       nbhook_error_set_errno(error, errno, "making the socket of an executor");
}

/* All functions of its libraries are looked up at its start, once, instead of in each fork. */
static gboolean
start_zygote(Starter *starter, gint64 patience_ms, GError **error)
{
	g_autofree char *number = g_strdup_printf("%d", SOCKET_FD);
	const char *const words[] = { "--zygote", number, NULL };
	int ends[2];

	if (!make_ends(ends, error))
		return FALSE;
	AUTO_FD ours = ends[0];
	AUTO_FD theirs = ends[1];
	g_auto(GStrv) environment = g_environ_setenv(
		g_strdupv((char **) starter->spec.environment), "LD_BIND_NOW", "1", TRUE);
	if (!spawn(starter, words, environment, theirs, -1, &starter->zygote, error))
		return FALSE;
	files_close(&theirs); /* so that its end is seen */
	starter->link = files_steal_fd(&ours);
	return zygote_await(starter->link, clock_ms() + patience_ms, error);
}

static void
end_zygote(Starter *starter)
{
	files_close(&starter->link);
	if (starter->zygote > 0)
		kill(starter->zygote, SIGKILL);
}

static void
give_up_zygote(Starter *starter, const GError *error)
{
	g_warning("an executor is started as a program, not as a fork: %s", error->message);
	end_zygote(starter);
	starter->again_ms = clock_ms() + AGAIN_MS;
}

/* Whether there is one, which is started if need be. */
static gboolean
has_zygote(Starter *starter, gint64 patience_ms)
{
	g_autoptr(GError) error = NULL;

	if (starter->link >= 0)
		return TRUE;
	if (clock_ms() < starter->again_ms)
		return FALSE;
	if (start_zygote(starter, patience_ms, &error))
		return TRUE;
	give_up_zygote(starter, error);
	return FALSE;
}

void
starter_prepare(Starter *starter)
{
	has_zygote(starter, FIRST_MS);
}

/* The pid of a fork; -1 and no zygote any more when it gives none. */
static pid_t
fork_zygote(Starter *starter, const ExecutorOrder *order)
{
	g_autoptr(GError) error = NULL;
	pid_t pid = zygote_order(starter->link, order, clock_ms() + ANSWER_MS, &error);

	if (pid > 0)
		return pid;
	give_up_zygote(starter, error);
	if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
		starter->again_ms = 0; /* it was well until now */
	return -1;
}

/* Our end of a socket whose other end the executor has; -1 when it could not be started that way. */
static int
try_start(Starter *starter, ExecutorOrder order, gboolean forked, pid_t *pid, GError **error)
{
	int ends[2];

	if (!make_ends(ends, error))
		return -1;
	AUTO_FD ours = ends[0];
	AUTO_FD theirs = ends[1];
	order.socket = theirs;
	*pid = forked ? fork_zygote(starter, &order) : start_program(starter, &order, error);
	return *pid > 0 ? files_steal_fd(&ours) : -1;
}

/* A zygote that did not answer may have forked all the same: that executor, which nobody knows, ends with its socket,
 * and may have ordered a kernel. So the program gets a socket of its own, and starts its kernel itself. */
int
starter_start(Starter *starter, const char *kernel, int fork_server, gboolean boot, pid_t *pid,
	GError **error)
{
	ExecutorOrder order = {
		.kernel = (char *) kernel, .boot = boot, .fork_server = fork_server
	};

	if (has_zygote(starter, ANSWER_MS)) {
		int socket = try_start(starter, order, TRUE, pid, NULL);

		if (socket >= 0)
			return socket;
		order.fork_server = -1;
	}
	int socket = try_start(starter, order, FALSE, pid, error);
	if (socket < 0)
		g_prefix_error(error, "an executor could not be started: ");
	return socket;
}

gboolean
starter_has(const Starter *starter, pid_t pid)
{
	return starter != NULL && starter->zygote == pid;
}

gboolean
starter_note_end(Starter *starter, pid_t pid)
{
	if (!starter_has(starter, pid))
		return FALSE;
	if (starter->link >= 0)
		g_warning("the zygote of executors, process %d, has ended; another one is started",
			(int) pid);
	files_close(&starter->link);
	starter->zygote = 0;
	return TRUE;
}

void
starter_free(Starter *starter)
{
	if (starter == NULL)
		return;
	end_zygote(starter);
	g_free(starter);
}
