/* cli/cli.h: what all commands share: the common options, arguments, paths and output.
 *
 * A Cli lives as long as the program and belongs to main. Words of the command line are taken as bytes,
 * whatever the locale, and must be UTF-8 where they go into a request. */
#pragma once

#include <glib.h>

#include "base/json.h"
#include "cli/table.h"
#include "conf/settings.h"
#include "control/client.h"

typedef struct Command Command;

typedef struct Cli {
	char *config;         /* --config; NULL if not given */
	gboolean json;        /* --json */
	gboolean colour;      /* whether standard output is a terminal that has it */
	Settings *settings;   /* NULL until cli_settings() */
	ControlClient *admin; /* of admin.sock; NULL until something is asked */
	int exit_code;        /* of a command that fails in a way of its own; 0: the usual one */
} Cli;

void cli_clear(Cli *cli);

/* Adds the options that go before a command as well as behind it. */
void cli_add_common_options(Cli *cli, GOptionContext *context);

/* Reads the words behind a command: its options (may be NULL) into where they point, common ones into
 * cli. Gives the arguments, exactly as many as the command takes; NULL and a G_OPTION_ERROR otherwise.
 * --help is written and ends the program. The caller frees. */
char **cli_parse(Cli *cli, const Command *command, const GOptionEntry *options, int argc,
	char **argv, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The settings of the file that --config names, else of the usual one; read once. Borrowed. */
const Settings *cli_settings(Cli *cli, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The path under which a file is published: its folder without links, ".." and the like, and its name
 * as it is. The file need not exist. The caller frees. */
char *cli_absolute_path(const char *file, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Writes text and a newline, a value as one line of JSON, or a table to standard output. */
gboolean cli_print_line(const char *text, GError **error);
gboolean cli_print_json(json_object *value, GError **error);
gboolean cli_print_table(const Cli *cli, const Table *table, GError **error);
