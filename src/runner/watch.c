/* inotify(7) of the folders themselves; what lies deeper has been named by who knows the modules. (GFileMonitor
 * would be less code, but needs a thread, and never says that the host has no watches left.) */
#include "runner/watch.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/files.h"

#define QUIET_MS 2000
#define LONGEST_MS 30000
#define EVENTS                                                                                     \
	(IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE_SELF |   \
		IN_MOVE_SELF | IN_ONLYDIR)
#define BUFFER_SIZE 16384

struct Watch {
	WatchChanged changed;
	gpointer data;
	int fd;
	guint source;
	guint timer;
	gint64 until_ms; /* by when a change is told */
};

static gboolean
on_quiet(gpointer data)
{
	Watch *watch = data;

	watch->timer = 0;
	watch->changed(watch->data);
	return G_SOURCE_REMOVE;
}

static void
note_change(Watch *watch)
{
	gint64 now_ms = clock_ms();

	if (watch->timer == 0)
		watch->until_ms = now_ms + LONGEST_MS;
	else
		g_source_remove(watch->timer);
	gint64 wait_ms = MIN(QUIET_MS, MAX(watch->until_ms - now_ms, 0));
	watch->timer = g_timeout_add((guint) wait_ms, on_quiet, watch);
}

static gboolean
is_change(const struct inotify_event *event)
{
	return (event->mask & (EVENTS | IN_Q_OVERFLOW)) != 0 &&
	       (event->len == 0 || strcmp(event->name, "__pycache__") != 0);
}

static gboolean
on_event(int fd, GIOCondition condition, gpointer data)
{
	char bytes[BUFFER_SIZE] __attribute__((aligned(__alignof__(struct inotify_event))));
	Watch *watch = data;
	gboolean any = FALSE;
	ssize_t size;

	while ((size = read(fd, bytes, sizeof bytes)) > 0)
		for (const char *at = bytes; at < bytes + size;) {
			const struct inotify_event *event = (const void *) at;

			any = is_change(event) || any;
			at += sizeof *event + event->len;
		}
	if (any)
		note_change(watch);
	return G_SOURCE_CONTINUE;
}

Watch *
watch_new(char *const *folders, WatchChanged changed, gpointer data, GError **error)
{
	g_autoptr(Watch) watch = g_new0(Watch, 1);

	watch->changed = changed;
	watch->data = data;
	watch->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (watch->fd < 0) {
		nbhook_error_set_errno(error, errno, "watching folders of modules");
		return NULL;
	}
	for (; *folders != NULL; folders++)
		if (inotify_add_watch(watch->fd, *folders, EVENTS) < 0 && errno == ENOSPC) {
			nbhook_error_set_errno(error, errno,
				"watching %s (fs.inotify.max_user_watches)", *folders);
			return NULL;
		}
	watch->source = g_unix_fd_add(watch->fd, G_IO_IN, on_event, watch);
	return g_steal_pointer(&watch);
}

void
watch_free(Watch *watch)
{
	if (watch == NULL)
		return;
	if (watch->source != 0)
		g_source_remove(watch->source);
	if (watch->timer != 0)
		g_source_remove(watch->timer);
	files_close(&watch->fd);
	g_free(watch);
}
