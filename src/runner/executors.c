/* The end of an executor that was not taken is the closing of its socket. Keepers that fork servers make are
 * theirs as long as they live, and fall to this process afterwards. */
#include "runner/executors.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "exec/environment.h"
#include "exec/kernel_list.h"
#include "jupyter/connection.h"
#include "jupyter/kernelspec.h"
#include "keeper/descendants.h"
#include "runner/kept.h"
#include "runner/pressure.h"
#include "runner/starter.h"

#define PAUSE_MS 5
#define END_MS 5000

#define TUNABLES "GLIBC_TUNABLES"
/* Large outputs in huge pages where the host lets programs ask for them (glibc manual, 39.2): a page fault costs
 * more than to copy a page. */
#define HUGE_PAGES "glibc.malloc.hugetlb=1"

/* What an executor needs of the runner's environment and a kernel does not. The last three are for builds
 * with a sanitizer. */
static const char *const further[] = { "TMPDIR", "JUPYTER_PATH", "JUPYTER_DATA_DIR", TUNABLES,
	"ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS", NULL };

struct Executors {
	const Settings *settings;
	const char *proc;
	char **environment;
	Starter *starter;
	/* Sets of GINT_TO_POINTER(pid): executors, those of them that were taken, keepers of forks. */
	GHashTable *pids, *taken, *keepers;
	KeptOwner owner;
	GPtrArray *kept; /* Kept * */
	Pressure *pressure;
	gboolean pressed;
};

static int start(gpointer data, const char *kernel, int fork_server, gboolean boot, pid_t *pid,
	GError **error);

static gint64
count_playing(gpointer data)
{
	const Executors *executors = data;

	return g_hash_table_size(executors->taken);
}

/* Executors that live, of whichever runner, have claimed their folders. */
static void
sweep(const Executors *executors)
{
	connection_sweep(executors->settings);
	environment_sweep();
}

Executors *
executors_new(const ExecutorsSpec *spec)
{
	Executors *executors = g_new0(Executors, 1);

	executors->settings = spec->settings;
	executors->proc = spec->proc;
	executors->environment =
		g_environ_setenv(environment_inherit(further), TUNABLES, HUGE_PAGES, FALSE);
	StarterSpec starter = { .program = spec->program,
		.config = spec->config,
		.environment = executors->environment,
		.namespaces = spec->namespaces };
	executors->starter = starter_new(&starter);
	executors->pids = g_hash_table_new(g_direct_hash, g_direct_equal);
	executors->taken = g_hash_table_new(g_direct_hash, g_direct_equal);
	executors->keepers = g_hash_table_new(g_direct_hash, g_direct_equal);
	executors->kept = g_ptr_array_new_with_free_func((GDestroyNotify) kept_free);
	executors->owner = (KeptOwner){ .settings = spec->settings,
		.fork_program = spec->fork_program,
		.fork_library = spec->fork_library,
		.keepers = executors->keepers,
		.start = start,
		.playing = count_playing,
		.data = executors };
	sweep(executors);
	return executors;
}

static void
keep(Executors *executors, Kernelspec *kernelspec)
{
	if (!kept_is_wanted(executors->settings, kernelspec)) {
		kernelspec_free(kernelspec);
		return;
	}
	Kept *kept = kept_new(&executors->owner, kernelspec, executors->pressed);
	g_ptr_array_add(executors->kept, kept);
}

static void
on_pressure(gboolean pressed, gpointer data)
{
	Executors *executors = data;

	executors->pressed = pressed;
	g_message(
		pressed ? "memory is short: executors that wait are given up until it no longer is"
			: "memory is no longer short: executors are kept ready again");
	for (guint i = 0; i < executors->kept->len; i++)
		kept_set_pressed(executors->kept->pdata[i], pressed);
}

void
executors_keep(Executors *executors)
{
	g_autoptr(GPtrArray) specs = kernelspec_list(executors->settings);

	starter_prepare(executors->starter);
	while (specs->len > 0)
		keep(executors, g_ptr_array_steal_index(specs, 0));
	executors->pressure = pressure_new(executors->proc, on_pressure, executors);
}

static int
start(gpointer data, const char *kernel, int fork_server, gboolean boot, pid_t *pid, GError **error)
{
	Executors *executors = data;
	int socket = starter_start(executors->starter, kernel, fork_server, boot, pid, error);

	if (socket >= 0)
		g_hash_table_add(executors->pids, GINT_TO_POINTER(*pid));
	return socket;
}

static Kept *
find_kept(const Executors *executors, const char *name)
{
	for (guint i = 0; i < executors->kept->len; i++)
		if (g_ascii_strcasecmp(kept_name(executors->kept->pdata[i]), name) == 0)
			return executors->kept->pdata[i];
	return NULL;
}

/* What is kept of the kernel that a notebook gets; NULL for nothing. A kernel that was installed after this
 * program was started is kept from its first notebook on. */
static Kept *
kept_for(Executors *executors, const char *kernel, const char *language)
{
	Kept *kept = kernel != NULL ? find_kept(executors, kernel) : NULL;

	if (kept != NULL)
		return kept;
	Kernelspec *found = kernelspec_find(executors->settings, kernel, language, NULL);
	kept = found != NULL ? find_kept(executors, found->name) : NULL;
	if (found == NULL || kept != NULL) {
		kernelspec_free(found);
		return kept;
	}
	g_autofree char *name = g_strdup(found->name);
	keep(executors, found);
	return find_kept(executors, name);
}

int
executors_take(
	Executors *executors, const char *kernel, const char *language, pid_t *pid, GError **error)
{
	Kept *kept = kept_for(executors, kernel, language);
	int socket = kept != NULL ? kept_take(kept, pid, error)
				  : start(executors, NULL, -1, FALSE, pid, error);

	if (socket < 0)
		return -1;
	g_hash_table_add(executors->taken, GINT_TO_POINTER(*pid));
	g_debug("executor %d is taken for the kernel %s", (int) *pid,
		kernel != NULL ? kernel : "of the language");
	return socket;
}

gboolean
executors_end(Executors *executors, pid_t pid)
{
	return g_hash_table_contains(executors->pids, GINT_TO_POINTER(pid)) &&
	       kill(pid, SIGKILL) == 0;
}

static void
look_at_all(Executors *executors)
{
	for (guint i = 0; i < executors->kept->len; i++)
		kept_look(executors->kept->pdata[i]);
}

/* Whether it may have left something behind. */
static gboolean
note_end(Executors *executors, pid_t pid, int status)
{
	g_hash_table_remove(executors->keepers, GINT_TO_POINTER(pid));
	if (starter_note_end(executors->starter, pid))
		return FALSE;
	if (g_hash_table_remove(executors->taken, GINT_TO_POINTER(pid)))
		look_at_all(executors);
	if (!g_hash_table_remove(executors->pids, GINT_TO_POINTER(pid)))
		return TRUE;
	if (WIFSIGNALED(status))
		g_warning("executor %d was ended by signal %d", (int) pid, WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		g_info("executor %d ended with exit code %d", (int) pid, WEXITSTATUS(status));
	for (guint i = 0; i < executors->kept->len; i++)
		if (kept_note_end(executors->kept->pdata[i], pid))
			break;
	return status != 0;
}

/* Whether a child of this process is one by right. */
static gboolean
is_known(const Executors *executors, pid_t pid)
{
	if (g_hash_table_contains(executors->pids, GINT_TO_POINTER(pid)) ||
		g_hash_table_contains(executors->keepers, GINT_TO_POINTER(pid)) ||
		starter_has(executors->starter, pid))
		return TRUE;
	for (guint i = 0; i < executors->kept->len; i++)
		if (kept_has(executors->kept->pdata[i], pid))
			return TRUE;
	return FALSE;
}

/* How many there are. */
static int
kill_orphans(Executors *executors)
{
	pid_t *children;
	size_t n = descendants_children(&children);
	int count = 0;

	for (guint i = 0; i < executors->kept->len; i++)
		kept_hear(executors->kept->pdata[i]);
	for (size_t i = 0; i < n; i++) {
		if (is_known(executors, children[i]))
			continue;
		g_debug("process %d was left behind and is killed", (int) children[i]);
		kill(children[i], SIGKILL);
		count++;
	}
	free(children);
	return count;
}

/* Whether what has ended may have left something behind. */
static gboolean
reap(Executors *executors)
{
	gboolean left = FALSE;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		left = note_end(executors, pid, status) || left;
	return left;
}

/* The death of an orphan is a SIGCHLD of its own, so that its children's turn comes too. Until it is dead it
 * may write in what is being swept: the last one's sweep is the one that counts. */
void
executors_reap(Executors *executors)
{
	gboolean left = reap(executors);

	kill_orphans(executors);
	if (left)
		sweep(executors);
	for (guint i = 0; i < executors->kept->len; i++)
		kept_look(executors->kept->pdata[i]);
}

/* Fork servers that were just killed, with their rehearsals: whoever ends this process may look for what it
 * leaves as soon as it has ended. */
static void
end_orphans(Executors *executors)
{
	gint64 deadline_ms = clock_ms() + END_MS;

	do {
		reap(executors);
		if (kill_orphans(executors) == 0)
			break;
		poll(NULL, 0, PAUSE_MS);
	} while (clock_ms() < deadline_ms);
	sweep(executors);
}

void
executors_free(Executors *executors)
{
	if (executors == NULL)
		return;
	pressure_free(executors->pressure);
	g_ptr_array_set_size(executors->kept, 0);
	g_clear_pointer(&executors->starter, starter_free);
	end_orphans(executors);
	g_ptr_array_unref(executors->kept);
	g_hash_table_unref(executors->pids);
	g_hash_table_unref(executors->taken);
	g_hash_table_unref(executors->keepers);
	g_strfreev(executors->environment);
	g_free(executors);
}

static void
describe_kept(const Executors *executors, json_object *kernel)
{
	const char *name = json_string_member(kernel, "name");
	const Kept *kept = find_kept(executors, name);

	if (kept != NULL)
		kept_describe(kept, kernel);
}

json_object *
executors_kernels(const Executors *executors)
{
	json_object *kernels = kernel_list(executors->settings);

	for (size_t i = 0; i < json_object_array_length(kernels); i++)
		describe_kept(executors, json_object_array_get_idx(kernels, i));
	return kernels;
}
