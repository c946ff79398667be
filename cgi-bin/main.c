/* nbhook.fcgi: takes requests from nginx and answers them; see server.h. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "conf/settings.h"
#include "server.h"

static char *config_path;
static gboolean show_version;

static const GOptionEntry entries[] = {
	{ "config", 0, 0, G_OPTION_ARG_FILENAME, &config_path, "The configuration file", "FILE" },
	{ "version", 0, 0, G_OPTION_ARG_NONE, &show_version, "Print the version and exit", NULL },
	{ NULL },
};

/* A CGI host may make arguments of a query (RFC 3875 section 4.4); those are a stranger's. */
static gboolean
read_arguments(int argc, char **argv, GError **error)
{
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);

	if (g_getenv("REQUEST_METHOD") != NULL)
		return TRUE;
	g_option_context_set_summary(context,
		"Answers webhook URLs. It is started with a listening FastCGI socket, or as a CGI "
		"program.");
	g_option_context_add_main_entries(context, entries, NULL);
	return g_option_context_parse(context, &argc, &argv, error);
}

int
main(int argc, char **argv)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Settings) settings = NULL;

	setlocale(LC_ALL, "C.UTF-8");
	if (read_arguments(argc, argv, &error) && show_version) {
		puts("nbhook.fcgi " NBHOOK_VERSION);
		return EXIT_SUCCESS;
	}
	if (error == NULL)
		settings = settings_load(settings_path(config_path), &error);
	if (settings != NULL) {
		log_init("nbhook.fcgi", settings->log_level);
		if (server_run(settings, &error))
			return EXIT_SUCCESS;
	}
	fprintf(stderr, "nbhook.fcgi: %s\n", error->message);
	return EXIT_FAILURE;
}
