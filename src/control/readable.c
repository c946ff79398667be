/* One that is freed while events are given out may be the next of them: it is kept, dead, until they are all given. */
#include "control/readable.h"

#include <errno.h>
#include <glib-unix.h>
#include <sys/epoll.h>

#define EVENTS 64 /* at a turn; of more epoll tells at the next */

struct Readable {
	int fd;
	ReadableFunc func; /* NULL: freed */
	gpointer data;
};

typedef struct {
	int events; /* epoll */
	int depth;  /* how often events are being given out: a callback may run a loop of its own */
	GPtrArray *dead;
} Set;

/* Of this thread, once it has been needed. */
static _Thread_local Set *set;

static gboolean
on_events(gint fd, GIOCondition condition, gpointer data)
{
	struct epoll_event events[EVENTS];
	Set *own = data;
	int n = epoll_wait(fd, events, EVENTS, 0);

	own->depth++;
	for (int i = 0; i < n; i++) {
		Readable *readable = events[i].data.ptr;

		if (readable->func != NULL)
			readable->func(readable->fd, readable->data);
	}
	if (--own->depth == 0)
		g_ptr_array_set_size(own->dead, 0);
	return G_SOURCE_CONTINUE;
}

static Set *
set_new(void)
{
	int events = epoll_create1(EPOLL_CLOEXEC);

	if (events < 0)
		return NULL;
	Set *made = g_new0(Set, 1);
	made->events = events;
	made->dead = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GSource) source = g_unix_fd_source_new(events, G_IO_IN);
	/* GLib leaves such a source in place while it is dispatched, which saves two wake-ups a turn. */
	g_source_set_can_recurse(source, TRUE);
	g_source_set_callback(source, G_SOURCE_FUNC(on_events), made, NULL);
	g_source_attach(source, g_main_context_get_thread_default());
	return made;
}

Readable *
readable_new(int fd, ReadableFunc func, gpointer data)
{
	if (set == NULL)
		set = set_new();
	if (set == NULL)
		return NULL;
	Readable *readable = g_new(Readable, 1);
	*readable = (Readable){ .fd = fd, .func = func, .data = data };
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = readable };
	if (epoll_ctl(set->events, EPOLL_CTL_ADD, fd, &event) == 0)
		return readable;
	int cause = errno;
	g_free(readable);
	errno = cause;
	return NULL;
}

void
readable_free(Readable *readable)
{
	if (readable == NULL)
		return;
	epoll_ctl(set->events, EPOLL_CTL_DEL, readable->fd, NULL);
	readable->func = NULL;
	if (set->depth > 0)
		g_ptr_array_add(set->dead, readable);
	else
		g_free(readable);
}
