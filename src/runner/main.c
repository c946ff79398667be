/* nbhook-runner: hands out executors. */
#include <gio/gio.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/listen.h"
#include "base/log.h"
#include "conf/settings.h"
#include "control/server.h"
#include "exec/namespace.h"
#include "runner/executors.h"
#include "runner/leftovers.h"

static char *argument_config;
static char *argument_exec;
static char *argument_proc;
static gboolean argument_version;

static const GOptionEntry entries[] = {
	{ "config", 0, 0, G_OPTION_ARG_FILENAME, &argument_config, "The configuration file",
		"FILE" },
	{ "exec", 0, 0, G_OPTION_ARG_FILENAME, &argument_exec, "The program nbhook-exec", "PATH" },
	{ "proc", 0, 0, G_OPTION_ARG_FILENAME, &argument_proc,
		"Where meminfo and pressure/memory are read, instead of /proc", "DIR" },
	{ "version", 0, 0, G_OPTION_ARG_NONE, &argument_version, "Print the version", NULL },
	{ NULL },
};

static void
print_error(const char *message)
{
	fprintf(stderr, "nbhook-runner: %s\n", message);
}

static void
take_executor(Call *call, gpointer context)
{
	Executors *executors = context;
	static const char *const names[] = { "executor" };
	const char *kernel = json_string_member(call_body(call), "kernel");
	const char *language = json_string_member(call_body(call), "language");
	g_autoptr(GError) error = NULL;
	pid_t pid = 0;
	AUTO_FD executor = executors_take(executors, kernel, language, &pid, &error);

	if (executor < 0) {
		g_warning("%s", error->message);
		call_fail(call, error, 1);
		return;
	}
	json_object *members = json_object_new_object();
	json_put_int(members, "pid", pid);
	call_reply(call, members, names, &executor, 1);
}

static void
end_executor(Call *call, gpointer context)
{
	pid_t pid = (pid_t) json_int_member(call_body(call), "pid", 0);

	if (executors_end(context, pid))
		call_reply(call, NULL, NULL, NULL, 0);
	else
		call_fail_with(call, NBHOOK_ERROR_NOT_FOUND, "there is no executor %d", (int) pid);
}

static void
list_kernels(Call *call, gpointer context)
{
	json_object *members = json_object_new_object();

	json_object_object_add(members, "kernels", executors_kernels(context));
	call_reply(call, members, NULL, NULL, 0);
}

static const OpRow ops[] = {
	{ "executor.take", take_executor, FALSE },
	{ "executor.end", end_executor, FALSE },
	{ "kernel.list", list_kernels, FALSE },
	{ NULL },
};

/* Process-wide, before there is any thread: core files would hold keys, other processes of the account
 * must not look in, orphans come here. */
static void
settle_process(void)
{
	struct rlimit no_core = { 0, 0 };
	sigset_t set;

	setrlimit(RLIMIT_CORE, &no_core);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_SETMASK, &set, NULL);
}

static int
open_child_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static gboolean
take_child_signals(int fd, GIOCondition condition, gpointer data)
{
	Executors *executors = data;
	struct signalfd_siginfo info;

	while (read(fd, &info, sizeof info) > 0)
		continue;
	executors_reap(executors);
	return G_SOURCE_CONTINUE;
}

static gboolean
quit(gpointer data)
{
	GMainLoop *loop = data;

	g_main_loop_quit(loop);
	return G_SOURCE_CONTINUE; /* another one does not kill while the end is made */
}

/* Whether runs can have namespaces; says once why not. */
static gboolean
look_for_namespaces(const Settings *settings)
{
	g_autoptr(GError) error = NULL;

	if (g_strcmp0(settings->namespaces, "auto") != 0)
		return FALSE;
	if (namespace_probe(&error))
		return TRUE;
	g_message(
		"runs get no PID namespace of their own: %s. They can see and signal each other's "
		"processes; namespaces = off in nbhook.conf silences this.",
		error->message);
	return FALSE;
}

static void
serve(const Settings *settings, int listener)
{
	g_autofree char *program = argument_exec != NULL
					   ? g_strdup(argument_exec)
					   : g_strdup(NBHOOK_LIBEXECDIR "/nbhook-exec");
	ExecutorsSpec spec = { .settings = settings,
		.program = program,
		.config = settings_path(argument_config),
		.proc = argument_proc != NULL ? argument_proc : "/proc",
		.fork_program = NBHOOK_LIBEXECDIR "/forkserver.py",
		.fork_library = NBHOOK_LIBEXECDIR "/nbhook-fork.so",
		.namespaces = look_for_namespaces(settings) };
	g_autoptr(Executors) executors = executors_new(&spec);
	g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
	AUTO_FD children = open_child_signals();
	Server *server = server_new(ops, NULL, executors);

	leftovers_end(settings->run_dir);
	g_unix_fd_add(children, G_IO_IN, take_child_signals, executors);
	g_unix_signal_add(SIGTERM, quit, loop);
	g_unix_signal_add(SIGINT, quit, loop);
	server_listen(server, listener, TRUE);
	executors_keep(executors);
	sd_notify(0, "READY=1");
	g_main_loop_run(loop);
	sd_notify(0, "STOPPING=1");
	server_free(server);
}

static int
start(void)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Settings) settings = settings_load(settings_path(argument_config), &error);
	int listener = settings != NULL ? listen_inherited("runner", &error) : -1;

	if (listener < 0) {
		print_error(error->message);
		return 1;
	}
	log_init("nbhook-runner", settings->log_level);
	settle_process();
	serve(settings, listener);
	return 0;
}

int
main(int argc, char **argv)
{
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_autoptr(GError) error = NULL;

	prctl(PR_SET_DUMPABLE, 0);
	g_option_context_set_summary(context, "Hands executors to nbhookd.");
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &error)) {
		print_error(error->message);
		return 2;
	}
	if (argument_version) {
		printf("nbhook-runner %s\n", NBHOOK_VERSION);
		return 0;
	}
	if (geteuid() == 0) {
		print_error("notebooks never run as root; start it as an ordinary account");
		return 2;
	}
	return start();
}
