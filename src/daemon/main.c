/* nbhookd: the owner of state. See nbhookd(8). */
#include <curl/curl.h>
#include <glib-unix.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include "base/listen.h"
#include "base/log.h"
#include "daemon/daemon.h"
#include "daemon/folders.h"

typedef struct {
	char *config;
	gboolean check, print_config, version;
} Arguments;

static gboolean
read_arguments(int *argc, char ***argv, Arguments *arguments, GError **error)
{
	const GOptionEntry entries[] = {
		{ "config", 'c', 0, G_OPTION_ARG_FILENAME, &arguments->config,
			"The configuration file (default " NBHOOK_SYSCONFDIR "/nbhook/nbhook.conf)",
			"FILE" },
		{ "check", 'n', 0, G_OPTION_ARG_NONE, &arguments->check,
			"Check the configuration and end", NULL },
		{ "print-config", 0, 0, G_OPTION_ARG_NONE, &arguments->print_config,
			"Print a sample configuration with every setting and end", NULL },
		{ "version", 0, 0, G_OPTION_ARG_NONE, &arguments->version,
			"Print the version and end", NULL },
		{ NULL }
	};
	g_autoptr(GOptionContext) context = g_option_context_new("- keeps and plays nbhook's jobs");

	g_option_context_add_main_entries(context, entries, NULL);
	return g_option_context_parse(context, argc, argv, error);
}

/* A descriptor for each waiting caller and each live job. */
static void
raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static gboolean
quit(gpointer loop)
{
	g_main_loop_quit(loop);
	return G_SOURCE_REMOVE;
}

static gboolean
serve(const Settings *settings, GError **error)
{
	int http = listen_inherited("http", error);
	int admin = http >= 0 ? listen_inherited("admin", error) : -1;
	g_autoptr(Daemon) daemon = admin >= 0 ? daemon_new(settings, error) : NULL;
	g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);

	if (daemon == NULL)
		return FALSE;
	server_listen(daemon->server, http, FALSE);
	server_listen(daemon->server, admin, TRUE);
	g_unix_signal_add(SIGTERM, quit, loop);
	g_unix_signal_add(SIGINT, quit, loop);
	sd_notify(0, "READY=1");
	g_message("ready, version %s", NBHOOK_VERSION);
	g_main_loop_run(loop);
	sd_notify(0, "STOPPING=1");
	daemon_drain(daemon);
	return TRUE;
}

static int
run(const Arguments *arguments, GError **error)
{
	g_autoptr(Settings) settings = settings_load(settings_path(arguments->config), error);

	if (settings == NULL)
		return 2;
	if (arguments->check)
		return folders_check(settings, error) ? 0 : 2;
	log_init("nbhookd", settings->log_level);
	prctl(PR_SET_DUMPABLE, 0);
	umask(0007);
	raise_file_limit();
	curl_global_init(CURL_GLOBAL_DEFAULT);
	return serve(settings, error) ? 0 : 1;
}

int
main(int argc, char **argv)
{
	Arguments arguments = { NULL };
	g_autoptr(GError) error = NULL;
	int status = 2;

	if (!read_arguments(&argc, &argv, &arguments, &error)) {
		fprintf(stderr, "nbhookd: %s\n", error->message);
		return status;
	}
	if (arguments.version) {
		puts("nbhookd " NBHOOK_VERSION);
	} else if (arguments.print_config) {
		g_autofree char *sample = settings_sample();

		fputs(sample, stdout);
	} else if ((status = run(&arguments, &error)) != 0 && error != NULL) {
		fprintf(stderr, "nbhookd: %s\n", error->message);
	}
	g_free(arguments.config);
	return arguments.version || arguments.print_config ? 0 : status;
}
