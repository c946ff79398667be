/* The pool decides (runner/pool.h), this does. */
#include "runner/kept.h"

#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/files.h"
#include "base/frame.h"
#include "exec/placement.h"
#include "runner/forkserver.h"
#include "runner/parent.h"
#include "runner/pool.h"

#define DEFAULT_KERNEL "python3"

typedef struct {
	Kept *kept;
	pid_t pid;
	int socket;
	guint watch;
	gboolean ready;
} Waiter;

struct Kept {
	const KeptOwner *owner; /* borrowed */
	Kernelspec *kernelspec;
	const KernelSettings *settings; /* borrowed */
	gint64 wanted;
	Parent *parent; /* NULL: its kernels are no forks */
	GQueue waiters; /* Waiter *, the oldest first */
	int failures;
	gint64 failed_ms, taken_ms;
	gboolean pressed;
	guint again;
};

static gboolean
is_default(const Kernelspec *kernelspec)
{
	return strcmp(kernelspec->name, DEFAULT_KERNEL) == 0;
}

static gint64
memory_bytes(void)
{
	return (gint64) sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
}

static gint64
wanted_of(const Settings *settings, const Kernelspec *kernelspec)
{
	const KernelSettings *own = settings_kernel(settings, kernelspec->name);

	if (kernelspec->broken != NULL || !placement_is_known(kernelspec->language))
		return 0;
	if (own->ready != SETTINGS_AUTO)
		return own->ready;
	if (!is_default(kernelspec))
		return 0;
	gint64 runs = own->max == SETTINGS_AUTO ? settings->concurrency
						: MIN(own->max, settings->concurrency);
	return pool_auto_size(g_get_num_processors(), runs, memory_bytes());
}

static gboolean
wants_server(const Settings *settings, const Kernelspec *kernelspec)
{
	const KernelSettings *own = settings_kernel(settings, kernelspec->name);

	return strcmp(own->preload, "off") != 0 && (own->name != NULL || is_default(kernelspec)) &&
	       fork_server_can_have(kernelspec, settings);
}

gboolean
kept_is_wanted(const Settings *settings, const Kernelspec *kernelspec)
{
	return wanted_of(settings, kernelspec) > 0 || wants_server(settings, kernelspec);
}

/* Closing its socket ends it, when it has not been taken. */
static void
waiter_free(Waiter *waiter)
{
	if (waiter->watch != 0)
		g_source_remove(waiter->watch);
	files_close(&waiter->socket);
	g_free(waiter);
}

static gint64
count(const Kept *kept, gboolean ready)
{
	gint64 n = 0;

	for (const GList *each = kept->waiters.head; each != NULL; each = each->next)
		n += ((const Waiter *) each->data)->ready == ready;
	return n;
}

static void
note_failure(Kept *kept, const char *why)
{
	if (kept->failures++ == 0)
		g_warning("kernel %s: an executor did not get ready: %s", kept->kernelspec->name,
			why);
	kept->failed_ms = clock_ms();
}

static void
lose(Waiter *waiter, const char *why)
{
	Kept *kept = waiter->kept;

	if (!waiter->ready)
		note_failure(kept, why);
	else
		g_info("kernel %s: executor %d, which was ready, has ended", kept->kernelspec->name,
			(int) waiter->pid);
	g_queue_remove(&kept->waiters, waiter);
	waiter_free(waiter);
	kept_look(kept);
}

static gboolean
on_waiter(int fd, GIOCondition condition, gpointer data)
{
	Waiter *waiter = data;
	Kept *kept = waiter->kept;
	g_autoptr(GError) error = NULL;
	g_autoptr(Frame) frame = frame_receive(fd, clock_ms(), &error);

	if (frame == NULL || g_strcmp0(json_string_member(frame->body, "event"), "ready") != 0) {
		lose(waiter, error != NULL ? error->message : "it does not speak as it should");
		return G_SOURCE_CONTINUE;
	}
	if (json_string_member(frame->body, "fork_failure") != NULL)
		g_warning("kernel %s: an executor has a kernel that is no fork: %s",
			kept->kernelspec->name, json_string_member(frame->body, "fork_failure"));
	waiter->ready = TRUE;
	kept->failures = 0;
	kept_look(kept);
	return G_SOURCE_CONTINUE;
}

/* A socket for its order; -1 when there is no fork server that could take it. */
static int
order(Kept *kept)
{
	return kept->parent != NULL ? parent_order(kept->parent) : -1;
}

static gboolean
begin_waiter(Kept *kept)
{
	g_autoptr(GError) error = NULL;
	AUTO_FD fork_server = order(kept);
	pid_t pid = 0;
	int socket = kept->owner->start(
		kept->owner->data, kept->kernelspec->name, fork_server, TRUE, &pid, &error);

	if (socket < 0) {
		note_failure(kept, error->message);
		return FALSE;
	}
	Waiter *waiter = g_new0(Waiter, 1);
	waiter->kept = kept;
	waiter->pid = pid;
	waiter->socket = socket;
	waiter->watch = g_unix_fd_add(socket, G_IO_IN, on_waiter, waiter);
	g_queue_push_tail(&kept->waiters, waiter);
	return TRUE;
}

/* The oldest one that is ready, else the oldest; NULL if there is none. */
static Waiter *
best_waiter(const Kept *kept)
{
	for (const GList *each = kept->waiters.head; each != NULL; each = each->next)
		if (((Waiter *) each->data)->ready)
			return each->data;
	return kept->waiters.head != NULL ? kept->waiters.head->data : NULL;
}

static void
drop_waiter(Kept *kept)
{
	Waiter *waiter = g_queue_pop_tail(&kept->waiters);

	g_debug("executor %d is not needed any more", (int) waiter->pid);
	waiter_free(waiter);
}

static gboolean
on_again(gpointer data)
{
	Kept *kept = data;

	kept->again = 0;
	kept_look(kept);
	return G_SOURCE_REMOVE;
}

static PoolStep
next_step(const Kept *kept, gint64 *again_ms)
{
	PoolView view = { .wanted = kept->wanted,
		.ready = count(kept, TRUE),
		.booting = count(kept, FALSE),
		.playing = kept->owner->playing(kept->owner->data),
		.cores = g_get_num_processors(),
		.failures = kept->failures,
		.failed_ms = kept->failed_ms,
		.taken_ms = kept->taken_ms,
		.unprepared = kept->parent != NULL && parent_is_loading(kept->parent),
		.pressed = kept->pressed };

	return pool_next(&view, clock_ms(), again_ms);
}

void
kept_look(Kept *kept)
{
	gint64 again_ms = -1;
	PoolStep step;

	if (kept->again != 0)
		g_source_remove(kept->again);
	kept->again = 0;
	while ((step = next_step(kept, &again_ms)) != POOL_REST) {
		if (step == POOL_DROP)
			drop_waiter(kept);
		else if (!begin_waiter(kept))
			continue;
	}
	if (again_ms >= 0)
		kept->again = g_timeout_add((guint) clock_remaining_ms(again_ms), on_again, kept);
}

void
kept_set_pressed(Kept *kept, gboolean pressed)
{
	kept->pressed = pressed;
	kept_look(kept);
}

int
kept_take(Kept *kept, pid_t *pid, GError **error)
{
	Waiter *waiter = best_waiter(kept);

	kept->taken_ms = clock_ms();
	if (waiter == NULL) {
		AUTO_FD fork_server = order(kept);

		return kept->owner->start(
			kept->owner->data, kept->kernelspec->name, fork_server, FALSE, pid, error);
	}
	int socket = files_steal_fd(&waiter->socket);
	*pid = waiter->pid;
	g_queue_remove(&kept->waiters, waiter);
	waiter_free(waiter);
	if (kept->again == 0)
		kept->again = g_idle_add(on_again, kept); /* the run first */
	return socket;
}

/* Those that wait have kernels of the old one. */
static void
on_parent(gboolean replaced, gpointer data)
{
	Kept *kept = data;

	while (replaced && !g_queue_is_empty(&kept->waiters))
		drop_waiter(kept);
	kept_look(kept);
}

Kept *
kept_new(const KeptOwner *owner, Kernelspec *kernelspec, gboolean pressed)
{
	Kept *kept = g_new0(Kept, 1);

	kept->owner = owner;
	kept->kernelspec = kernelspec;
	kept->pressed = pressed;
	kept->settings = settings_kernel(owner->settings, kernelspec->name);
	kept->wanted = wanted_of(owner->settings, kernelspec);
	g_queue_init(&kept->waiters);
	if (wants_server(owner->settings, kernelspec)) {
		ParentSpec parent = { .settings = owner->settings,
			.kernelspec = kernelspec,
			.preload = kept->settings->preload,
			.program = owner->fork_program,
			.library = owner->fork_library,
			.keepers = owner->keepers,
			.changed = on_parent,
			.data = kept };
		kept->parent = parent_new(&parent);
	}
	kept_look(kept);
	return kept;
}

void
kept_free(Kept *kept)
{
	if (kept->again != 0)
		g_source_remove(kept->again);
	while (!g_queue_is_empty(&kept->waiters))
		drop_waiter(kept);
	parent_free(kept->parent);
	kernelspec_free(kept->kernelspec);
	g_free(kept);
}

const char *
kept_name(const Kept *kept)
{
	return kept->kernelspec->name;
}

gboolean
kept_note_end(Kept *kept, pid_t pid)
{
	for (GList *each = kept->waiters.head; each != NULL; each = each->next)
		if (((Waiter *) each->data)->pid == pid) {
			lose(each->data, "it ended");
			return TRUE;
		}
	return FALSE;
}

void
kept_hear(Kept *kept)
{
	if (kept->parent != NULL)
		parent_hear(kept->parent);
}

gboolean
kept_has(const Kept *kept, pid_t pid)
{
	return kept->parent != NULL && parent_has(kept->parent, pid);
}

void
kept_describe(const Kept *kept, json_object *entry)
{
	json_put_int(entry, "ready", count(kept, TRUE));
	json_put_int(entry, "wanted", kept->wanted);
	if (kept->parent != NULL)
		parent_describe(kept->parent, entry);
	else
		json_put_string(entry, "fork_server", NULL);
}
