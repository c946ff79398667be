#include "cli/command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "cli/destination.h"
#include "cli/hand.h"
#include "cli/params.h"
#include "cli/show.h"
#include "notebook/notebook.h"

static gboolean run_exec(Cli *cli, int argc, char **argv, GError **error);

const Command command_exec = {
	.name = "exec",
	.arguments = "FILE",
	.n_arguments = 1,
	.summary = "play a notebook here and now, without any service",
	.description = "Plays the notebook FILE (\"-\": standard input) in a kernel of its own and "
		       "in the\n"
		       "notebook's folder, and writes the executed notebook, also when it fails. "
		       "The file\n"
		       "itself stays as it is. See nbhook-exec(1).",
	.run = run_exec,
};

#define EXIT_SIGNAL 128
#define PIECE_SIZE (64 * 1024)
#define MAX_SECONDS 31536000
#define MAX_SOURCE_LINES 20

typedef struct {
	char *output, *kernel;
	double timeout, start_timeout; /* seconds; 0: not given */
	gboolean quiet;
} Options;

static void
options_clear(Options *options)
{
	g_free(options->output);
	g_free(options->kernel);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

/* Without a configuration the defaults hold: nothing has to be installed or readable to play a file. */
static Settings *
load_settings(const Cli *cli, GError **error)
{
	const char *path = settings_path(cli->config);
	gboolean named = cli->config != NULL || g_getenv("NBHOOK_CONF") != NULL;

	if (!named && access(path, R_OK) < 0)
		return settings_new();
	return settings_load(path, error);
}

static gboolean
set_timeout(gint64 *setting, const char *option, double seconds, GError **error)
{
	if (seconds < 0 || seconds > MAX_SECONDS) {
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			"%s: it must be seconds, at most %d", option, MAX_SECONDS);
		return FALSE;
	}
	if (seconds > 0)
		*setting = MAX((gint64) (seconds * 1000), 1);
	return TRUE;
}

/* A regular file of what can be read once only, as a pipe. */
static int
copy_stream(int from, gint64 max, GError **error)
{
	g_autofree char *name = NULL;
	g_autofree char *piece = g_malloc(PIECE_SIZE);
	AUTO_FD copy = g_file_open_tmp("nbhook-XXXXXX", &name, error);
	gint64 size = 0;
	ssize_t got;

	if (copy < 0)
		return -1;
	unlink(name);
	while ((got = read(from, piece, PIECE_SIZE)) != 0 && size <= max) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			nbhook_error_set_errno(error, errno, "reading the notebook");
			return -1;
		}
		if (!files_write_all(copy, piece, (size_t) got, error))
			return -1;
		size += got;
	}
	return files_steal_fd(&copy);
}

static int
open_notebook(const char *file, gint64 max, GError **error)
{
	AUTO_FD fd = strcmp(file, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
					    : open(file, O_RDONLY | O_CLOEXEC);
	struct stat info;

	if (fd < 0 || fstat(fd, &info) < 0) {
		nbhook_error_set_errno(error, errno, "%s", file);
		return -1;
	}
	if (S_ISDIR(info.st_mode)) {
		nbhook_error_set_errno(error, EISDIR, "%s", file);
		return -1;
	}
	return S_ISREG(info.st_mode) ? files_steal_fd(&fd) : copy_stream(fd, max, error);
}

/* "report.ipynb" becomes "report.executed.ipynb" beside it. */
static char *
default_output(const char *file)
{
	size_t length = strlen(file);

	if (strcmp(file, "-") == 0)
		return g_strdup("-");
	if (g_str_has_suffix(file, ".ipynb"))
		length -= strlen(".ipynb");
	return g_strdup_printf("%.*s.executed.ipynb", (int) length, file);
}

/* The source of the failing cell, for people; index counts the cells of the file. */
static void
print_source(Notebook *notebook, gint64 index)
{
	if (notebook == NULL || index < 0 || (size_t) index >= notebook_n_cells(notebook))
		return;
	g_autofree char *source =
		notebook_cell_source(notebook_cell(notebook, (size_t) index), NULL);
	g_autofree char *text = show_text(source);
	g_auto(GStrv) lines = g_strsplit(text, "\n", MAX_SOURCE_LINES + 1);
	for (guint i = 0; lines[i] != NULL && i < MAX_SOURCE_LINES; i++)
		fprintf(stderr, "    %s\n", lines[i]);
	if (g_strv_length(lines) > MAX_SOURCE_LINES)
		fprintf(stderr, "    ...\n");
}

static void
print_cell(const HandSpec *spec, json_object *cell)
{
	json_object *count = json_member(cell, "execution_count");
	gint64 index = json_int_member(cell, "index", -1);
	size_t size;
	g_autofree char *text = files_read_all(spec->notebook, G_MAXINT64, "", &size, NULL);
	g_autoptr(Notebook) notebook = text != NULL ? notebook_parse(text, size, NULL) : NULL;

	if (index < 0)
		return;
	fprintf(stderr, "In cell %" G_GINT64_FORMAT ", In [%s]:\n", index,
		count != NULL ? json_object_get_string(count) : " ");
	print_source(notebook, index);
}

static void
print_traceback(json_object *lines)
{
	for (size_t i = 0; lines != NULL && i < json_object_array_length(lines); i++) {
		g_autofree char *line =
			show_text(json_object_get_string(json_object_array_get_idx(lines, i)));

		fprintf(stderr, "%s\n", line);
	}
}

/* What a person wants to know of a failure: where, what, and of a kernel what it said itself. */
static void
explain(const HandSpec *spec, const HandResult *result)
{
	json_object *error = json_object_member(result->outcome, "error");
	const char *reason = json_string_member(result->outcome, "reason");

	if (g_strcmp0(reason, "kernel_failed") == 0 || g_strcmp0(reason, "kernel_died") == 0) {
		g_autofree char *log = show_text(result->log);

		fputs(log, stderr);
	}
	print_cell(spec, json_object_member(error, "cell"));
	print_traceback(json_array_member(error, "traceback"));
}

static void
set_failed(Cli *cli, const HandSpec *spec, const HandResult *result, GError **error)
{
	json_object *info = json_object_member(result->outcome, "error");
	json_object *cell = json_object_member(info, "cell");
	const char *ename = json_string_member(info, "ename");
	const char *evalue = json_string_member(info, "evalue");
	g_autofree char *name = g_path_get_basename(spec->path);
	g_autofree char *sentence = show_line(evalue != NULL ? evalue : "");
	g_autofree char *where = json_int_member(cell, "index", -1) >= 0
					 ? g_strdup_printf(" (cell %" G_GINT64_FORMAT ")",
						   json_int_member(cell, "index", -1))
					 : g_strdup("");

	if (result->signal_number != 0) {
		cli->exit_code = EXIT_SIGNAL + result->signal_number;
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_INTERNAL,
			"%s was stopped by a signal (%s)%s", name, strsignal(result->signal_number),
			where);
		return;
	}
	g_autofree char *kind = show_line(ename != NULL ? ename : "");
	g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_INTERNAL, "%s failed: %s%s%s%s", name, kind,
		*kind != '\0' && *sentence != '\0' ? ": " : "", sentence, where);
}

/* "report.executed.ipynb: succeed, 3 of 3 cells, 1.234 s", and what the reader would not expect. */
static void
say_outcome(const HandSpec *spec, const HandResult *result, const char *output)
{
	g_autofree char *cells = show_progress(result->outcome);

	if (result->kernel != NULL && spec->kernel == NULL && result->wanted != NULL &&
		g_ascii_strcasecmp(result->kernel, result->wanted) != 0)
		fprintf(stderr,
			"nbhook: there is no kernel \"%s\" here; %s, of the same language, played "
			"it\n",
			result->wanted, result->kernel);
	if (!json_bool_member(result->outcome, "outputs_complete", TRUE))
		fprintf(stderr, "nbhook: the kernel may have printed more than it delivered\n");
	fprintf(stderr, "%s: %s, %s, %.3f s\n", output,
		json_string_member(result->outcome, "status"), cells,
		json_double_member(result->outcome, "seconds", 0));
}

static gboolean
hand_over(Cli *cli, const HandSpec *spec, const Options *options, const HandResult *result,
	const Destination *destination, GError **error)
{
	gboolean succeeded =
		g_strcmp0(json_string_member(result->outcome, "status"), "succeed") == 0;

	if (!succeeded && !cli->json)
		explain(spec, result);
	if (result->executed != NULL &&
		!destination_write(destination, result->executed, result->size, error))
		return FALSE;
	if (cli->json && !cli_print_json(result->outcome, error))
		return FALSE;
	if (!options->quiet && !cli->json)
		say_outcome(spec, result, options->output);
	if (!succeeded)
		set_failed(cli, spec, result, error);
	return succeeded;
}

static gboolean
check(const Cli *cli, const Options *options, GError **error)
{
	if (geteuid() == 0) {
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_FORBIDDEN,
			"notebooks never run as root; use another account, as in: "
			"runuser -u nobody -- nbhook exec FILE -o /tmp/FILE");
		return FALSE;
	}
	if (cli->json && strcmp(options->output, "-") == 0) {
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
			"exec: --json and the executed notebook cannot both go to standard output; "
			"try --output FILE");
		return FALSE;
	}
	return TRUE;
}

static gboolean
play(Cli *cli, const Options *options, const char *file, json_object *params, GError **error)
{
	g_autoptr(Settings) settings = load_settings(cli, error);
	gboolean is_stdin = strcmp(file, "-") == 0;

	if (settings == NULL ||
		!set_timeout(&settings->run_timeout_ms, "--timeout", options->timeout, error) ||
		!set_timeout(&settings->start_timeout_ms, "--start-timeout", options->start_timeout,
			error))
		return FALSE;
	g_autofree char *path = cli_absolute_path(is_stdin ? "stdin.ipynb" : file, error);
	AUTO_FD notebook = path != NULL ? open_notebook(file, settings->max_notebook, error) : -1;
	if (notebook < 0)
		return FALSE;
	g_autoptr(Destination) destination = destination_new(options->output, error);
	if (destination == NULL)
		return FALSE;
	g_autofree char *folder = g_path_get_dirname(path);
	HandSpec spec = { .settings = settings,
		.notebook = notebook,
		.path = path,
		.folder = folder,
		.kernel = options->kernel,
		.params = params,
		.bar = isatty(STDERR_FILENO) && !cli->json && !options->quiet };
	g_autoptr(HandResult) result = hand_play(&spec, error);
	if (result == NULL) {
		g_prefix_error(error, "%s: ", file);
		return FALSE;
	}
	return hand_over(cli, &spec, options, result, destination, error);
}

static gboolean
run_exec(Cli *cli, int argc, char **argv, GError **error)
{
	g_auto(Options) options = { 0 };
	g_auto(GStrv) unused = NULL;
	const GOptionEntry entries[] = {
		{ "output", 'o', 0, G_OPTION_ARG_FILENAME, &options.output,
			"Write the executed notebook there (\"-\": standard output); else beside "
			"FILE",
			"FILE" },
		{ "param", 'p', 0, G_OPTION_ARG_FILENAME_ARRAY, &unused,
			"Set a variable; VALUE is JSON, else a string. May be repeated",
			"NAME VALUE" },
		{ "raw", 'r', 0, G_OPTION_ARG_FILENAME_ARRAY, &unused,
			"Set a variable to a string. May be repeated", "NAME VALUE" },
		{ "kernel", 'k', 0, G_OPTION_ARG_FILENAME, &options.kernel,
			"Play it with this kernel instead of the notebook's", "NAME" },
		{ "timeout", 't', 0, G_OPTION_ARG_DOUBLE, &options.timeout,
			"End the run after so many seconds (setting run_timeout)", "S" },
		{ "start-timeout", 0, 0, G_OPTION_ARG_DOUBLE, &options.start_timeout,
			"Wait so many seconds for the kernel (setting start_timeout)", "S" },
		{ "quiet", 'q', 0, G_OPTION_ARG_NONE, &options.quiet,
			"Say nothing on standard error but errors", NULL },
		{ NULL },
	};
	g_autoptr(json_object) params = json_object_new_object();

	if (!params_take(params, &argc, argv, error))
		return FALSE;
	g_auto(GStrv) files = cli_parse(cli, &command_exec, entries, argc, argv, error);
	if (files == NULL)
		return FALSE;
	if (options.output == NULL)
		options.output = default_output(files[0]);
	return check(cli, &options, error) && play(cli, &options, files[0], params, error);
}
