/* The child's standard input, output and error are the descriptors themselves, so nothing passes through
 * here. Its script uses nbconvert as a library: the command would look for configuration files. */
#include "exec/nbconvert.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/files.h"

#define EXIT_MISSING 3 /* of the script: there is no nbconvert */
#define EXIT_EXEC 127

#define SORRY "this notebook was run, and its page could not be made: "

static const char script[] =
	"import sys\n"
	"try:\n"
	"    import nbformat\n"
	"    from nbconvert import HTMLExporter\n"
	"except ImportError:\n"
	"    sys.exit(3)\n"
	"sys.stdin.reconfigure(encoding='utf-8')\n"
	"sys.stdout.reconfigure(encoding='utf-8')\n"
	"notebook = nbformat.read(sys.stdin, as_version=4)\n"
	"exporter = HTMLExporter(template_name='lab')\n"
	"page, _ = exporter.from_notebook_node(notebook, {'metadata': {'name': sys.argv[1]}})\n"
	"sys.stdout.write(page)\n";

static const char *const environment[] = { "PATH=/usr/bin:/bin", "LANG=C.UTF-8",
	"HOME=/nonexistent", "JUPYTER_CONFIG_DIR=/nonexistent", "JUPYTER_DATA_DIR=/nonexistent",
	"JUPYTER_NO_CONFIG=1", "IPYTHONDIR=/nonexistent", NULL };

static void
limit(int resource, gint64 value)
{
	struct rlimit both = { (rlim_t) value, (rlim_t) value };

	setrlimit((__rlimit_resource_t) resource, &both);
}

/* The child, between fork and exec: nothing but system calls. */
static G_GNUC_NORETURN void
become_nbconvert(const NbconvertSpec *spec, const char *const *argv, int nothing)
{
	const Settings *settings = spec->settings;
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setsid();
	if (dup2(spec->notebook, STDIN_FILENO) < 0 || dup2(spec->page, STDOUT_FILENO) < 0 ||
		dup2(spec->log >= 0 ? spec->log : nothing, STDERR_FILENO) < 0 ||
		lseek(STDIN_FILENO, 0, SEEK_SET) < 0 || lseek(STDOUT_FILENO, 0, SEEK_SET) < 0 ||
		chdir("/") < 0)
		_exit(EXIT_EXEC);
	syscall(SYS_close_range, 3, ~0U, 0);
	unshare(CLONE_NEWUSER | CLONE_NEWNET);
	limit(RLIMIT_CPU, settings->page_timeout_ms / 1000 + 1);
	limit(RLIMIT_FSIZE, settings->max_response);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_AS, settings->page_memory);
	execve(argv[0], (char *const *) argv, (char *const *) environment);
	_exit(EXIT_EXEC);
}

static gboolean fail(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static gboolean
fail(GError **error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	g_autofree char *why = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_INTERNAL, SORRY "%s", why);
	return FALSE;
}

/* Waits for the child to end; false when it has to be killed first. */
static gboolean
wait_for_end(pid_t pid, gint64 deadline_ms, int *status)
{
	AUTO_FD watched = (int) syscall(SYS_pidfd_open, pid, 0);
	struct pollfd item = { .fd = watched, .events = POLLIN };
	gboolean ended = FALSE;

	while (watched >= 0 && !ended && clock_ms() < deadline_ms)
		ended = poll(&item, 1, clock_remaining_ms(deadline_ms)) > 0;
	if (!ended && kill(-pid, SIGKILL) < 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, status, 0) < 0 && errno == EINTR)
		;
	return ended;
}

static gboolean
judge(const NbconvertSpec *spec, gboolean ended, int status, GError **error)
{
	const Settings *settings = spec->settings;
	struct stat page;

	if (!ended)
		return fail(error, "nbconvert took longer than %g s (the setting page_timeout)",
			(double) settings->page_timeout_ms / 1000);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return TRUE;
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_MISSING)
		return fail(error,
			"nbconvert is not installed on this server (Debian: python3-nbconvert)");
	if (fstat(spec->page, &page) == 0 && (gint64) page.st_size >= settings->max_response)
		return fail(error,
			"it would be larger than %" G_GINT64_FORMAT
			" bytes (the setting max_response)",
			settings->max_response);
	return fail(error, "nbconvert failed; the log of the job says more");
}

gboolean
nbconvert_run(const NbconvertSpec *spec, GError **error)
{
	const char *argv[] = { spec->settings->python, "-I", "-B", "-c", script, spec->title,
		NULL };
	gint64 deadline_ms = clock_ms() + spec->settings->page_timeout_ms;
	AUTO_FD nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
	int status = 0;

	if (ftruncate(spec->page, 0) < 0)
		return fail(error, "its file cannot be written");
	pid_t pid = fork();
	if (pid == 0)
		become_nbconvert(spec, argv, nothing);
	if (pid < 0)
		return fail(error, "there was no process for it");
	gboolean ended = wait_for_end(pid, deadline_ms, &status);
	return judge(spec, ended, status, error);
}
