/* nbhook-exec: plays one notebook. */
#include <fcntl.h>
#include <glib.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "exec/service.h"
#include "exec/zygote.h"

static ExecutorOrder argument_order = { .socket = -1, .fork_server = -1 };
static int argument_zygote = -1;
static char *argument_config;
static gboolean argument_without_namespaces;
static gboolean argument_version;

static const GOptionEntry entries[] = {
	{ "socket", 0, 0, G_OPTION_ARG_INT, &argument_order.socket,
		"The inherited socket over which the run comes", "FD" },
	{ "zygote", 0, 0, G_OPTION_ARG_INT, &argument_zygote,
		"Instead: the inherited socket over which executors are ordered, which are forked",
		"FD" },
	{ "config", 0, 0, G_OPTION_ARG_FILENAME, &argument_config, "The configuration file",
		"FILE" },
	{ "kernel", 0, 0, G_OPTION_ARG_STRING, &argument_order.kernel,
		"The kernel that is likely to be asked for", "NAME" },
	{ "fork-server", 0, 0, G_OPTION_ARG_INT, &argument_order.fork_server,
		"The inherited socket over which one such kernel can be ordered", "FD" },
	{ "boot", 0, 0, G_OPTION_ARG_NONE, &argument_order.boot,
		"Start that kernel before the run has come", NULL },
	{ "without-namespaces", 0, 0, G_OPTION_ARG_NONE, &argument_without_namespaces,
		"The host is known to refuse them", NULL },
	{ "version", 0, 0, G_OPTION_ARG_NONE, &argument_version, "Print the version", NULL },
	{ NULL },
};

static void
print_error(const char *message)
{
	fprintf(stderr, "nbhook-exec: %s\n", message);
}

/* A message of many megabytes passes through several copies; pages that go back to the system in between
 * cost more than the copying. The process lives for one run. */
static void
settle_memory(void)
{
	mallopt(M_MMAP_THRESHOLD, 32 << 20);
	mallopt(M_TRIM_THRESHOLD, G_MAXINT);
}

/* What the kernel's process must not be able to do to this one, and what this one owes it. */
static void
settle_process(void)
{
	struct rlimit no_core = { 0, 0 };
	sigset_t set;

	setrlimit(RLIMIT_CORE, &no_core);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_SETMASK, &set, NULL);
	signal(SIGCHLD, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
}

static gboolean
parse(int *argc, char ***argv)
{
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_autoptr(GError) error = NULL;

	g_option_context_set_summary(context, "Plays the one run that comes over a socket.");
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, argc, argv, &error)) {
		print_error(error->message);
		return FALSE;
	}
	return TRUE;
}

/* What the order says of the kernel; NULL when it was to be started and cannot be. */
static Boot *
boot(const ExecutorOrder *order, const Settings *settings, GError **error)
{
	g_autoptr(Boot) made = boot_new(settings, order->kernel, order->fork_server);

	if (order->fork_server >= 0)
		fcntl(order->fork_server, F_SETFD, FD_CLOEXEC);
	if (order->boot && (!boot_find(made, order->kernel, NULL, error) ||
				   !boot_start(made, NULL, -1, error)))
		return NULL;
	return g_steal_pointer(&made);
}

static int
serve(const ExecutorOrder *order)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Settings) settings = settings_load(settings_path(argument_config), &error);

	if (settings == NULL) {
		print_error(error->message);
		return 1;
	}
	if (argument_without_namespaces) {
		g_free(settings->namespaces);
		settings->namespaces = g_strdup("off");
	}
	log_init("nbhook-exec", settings->log_level);
	settle_process();
	settle_memory();
	Boot *booted = boot(order, settings, &error);
	if (booted != NULL && service_run(order->socket, settings, booted, &error))
		return 0;
	g_info("ends without a run: %s", error->message);
	return 1;
}

/* To end forty libraries takes 2 ms, and whatever they have is given back by then. A sanitizer looks for leaks there. */
static _Noreturn void
end_fork(int status)
{
#ifdef __SANITIZE_ADDRESS__
	exit(status);
#else
	_exit(status);
#endif
}

int
main(int argc, char **argv)
{
	prctl(PR_SET_DUMPABLE, 0);
	if (!parse(&argc, &argv))
		return 2;
	if (argument_version) {
		printf("nbhook-exec %s\n", NBHOOK_VERSION);
		return 0;
	}
	if (geteuid() == 0) {
		print_error("notebooks never run as root; start it as an ordinary account");
		return 2;
	}
	if (argument_zygote >= 0) {
		gboolean forked = zygote_serve(argument_zygote, &argument_order);

		end_fork(forked ? serve(&argument_order) : 0);
	}
	if (argument_order.socket < 0) {
		print_error("--socket FD is missing: nbhook-runner starts this program");
		return 2;
	}
	return serve(&argument_order);
}
