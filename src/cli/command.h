/* cli/command.h: what a command of nbhook is, and which there are.
 *
 * Each command is one file that begins with its entry, so that the file reads as its manual page; the
 * table in main.c lists the entries. A command prints its result on standard output and nothing else
 * there; its error ends in main, which writes it and chooses the exit code. */
#pragma once

#include <glib.h>

#include "cli/cli.h"

struct Command {
	const char *name;      /* one word, or two as in "key add" */
	const char *arguments; /* as the usage line shows them; NULL for none */
	guint n_arguments;
	const char *summary;     /* one line of the overview, without a full stop */
	const char *description; /* what its --help adds: sentences */
	/* argv[0] is the name. An error of G_OPTION_ERROR is one of usage. */
	gboolean (*run)(Cli *cli, int argc, char **argv, GError **error);
};

extern const Command command_add;
extern const Command command_currents;
extern const Command command_delete;
extern const Command command_exec;
extern const Command command_find;
extern const Command command_jobs;
extern const Command command_kernels;
extern const Command command_key_add;
extern const Command command_key_list;
extern const Command command_key_revoke;
extern const Command command_logs;
extern const Command command_results;
extern const Command command_run;
extern const Command command_status;
extern const Command command_stop;
