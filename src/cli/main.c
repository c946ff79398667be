/* nbhook: the command line. Finds the command in the table below and runs it; writes its error.
 *
 * Exit codes: 0 it is done; 1 it was refused or failed; 2 the command line is wrong; others are a command's
 * own. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/command.h"

enum { EXIT_USAGE = 2 };

static const Command *const commands[] = {
	&command_add,
	&command_find,
	&command_currents,
	&command_delete,
	&command_run,
	&command_exec,
	&command_jobs,
	&command_status,
	&command_results,
	&command_logs,
	&command_stop,
	&command_kernels,
	&command_key_add,
	&command_key_list,
	&command_key_revoke,
};

/* How many words of argv are the command's name; 0 if they are not. */
static int
match_name(const Command *command, int argc, char **argv)
{
	g_auto(GStrv) words = g_strsplit(command->name, " ", -1);
	int n_words = (int) g_strv_length(words);

	if (n_words > argc)
		return 0;
	for (int i = 0; i < n_words; i++)
		if (strcmp(words[i], argv[i]) != 0)
			return 0;
	return n_words;
}

/* The command that argv begins with, and its number of words; NULL if there is none. */
static const Command *
find_command(int argc, char **argv, int *n_words)
{
	for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
		*n_words = match_name(commands[i], argc, argv);
		if (*n_words > 0)
			return commands[i];
	}
	return NULL;
}

static void
set_unknown(const char *word, GError **error)
{
	g_autofree char *prefix = g_strconcat(word, " ", NULL);
	g_autoptr(GString) longer = g_string_new(NULL);

	for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
		if (g_str_has_prefix(commands[i]->name, prefix))
			g_string_append_printf(
				longer, "%s\"%s\"", longer->len > 0 ? ", " : "", commands[i]->name);
	if (longer->len > 0)
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
			"\"%s\" needs a second word: %s", word, longer->str);
	else
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
			"there is no command \"%s\"; \"nbhook --help\" lists all", word);
}

static char *
overview(void)
{
	GString *text = g_string_new("Commands:\n");

	for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
		g_autofree char *usage = g_strjoin(" ", commands[i]->name,
			commands[i]->arguments != NULL ? commands[i]->arguments : NULL, NULL);

		g_string_append_printf(text, "  %-18s %s\n", usage, commands[i]->summary);
	}
	g_string_append(text, "\n\"nbhook COMMAND --help\" says more about one. See nbhook(1).");
	return g_string_free(text, FALSE);
}

static GOptionContext *
make_context(Cli *cli, gboolean *version)
{
	GOptionContext *context = g_option_context_new("COMMAND [ARGUMENT]");
	g_autofree char *description = overview();
	const GOptionEntry entries[] = {
		{ "version", 'V', 0, G_OPTION_ARG_NONE, version, "Print the version", NULL },
		{ NULL },
	};

	g_option_context_set_summary(context, "Makes notebooks answer at a URL.");
	g_option_context_set_description(context, description);
	g_option_context_set_strict_posix(context, TRUE);
	cli_add_common_options(cli, context);
	g_option_context_add_main_entries(context, entries, NULL);
	return context;
}

static gboolean
run(Cli *cli, int argc, char **argv, GError **error)
{
	gboolean version = FALSE;
	int n_words;
	g_autoptr(GOptionContext) context = make_context(cli, &version);

	if (!g_option_context_parse(context, &argc, &argv, error))
		return FALSE;
	if (version)
		return cli_print_line("nbhook " NBHOOK_VERSION, error);
	if (argc < 2) {
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
			"a command is missing; \"nbhook --help\" lists all");
		return FALSE;
	}
	const Command *command = find_command(argc - 1, argv + 1, &n_words);
	if (command == NULL) {
		set_unknown(argv[1], error);
		return FALSE;
	}
	return command->run(cli, argc - n_words, argv + n_words, error);
}

int
main(int argc, char **argv)
{
	const char *terminal = g_getenv("TERM");
	Cli cli = {
		.colour = isatty(STDOUT_FILENO) && g_getenv("NO_COLOR") == NULL &&
			  g_strcmp0(terminal, "dumb") != 0,
	};
	g_autoptr(GError) error = NULL;

	setlocale(LC_ALL, "");
	g_set_prgname("nbhook");
	gboolean done = run(&cli, argc, argv, &error);
	cli_clear(&cli);
	if (done)
		return EXIT_SUCCESS;
	fprintf(stderr, "nbhook: %s\n", error->message);
	if (error->domain == G_OPTION_ERROR)
		return EXIT_USAGE;
	return cli.exit_code != 0 ? cli.exit_code : EXIT_FAILURE;
}
