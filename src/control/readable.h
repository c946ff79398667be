/* control/readable.h: many descriptors that are read from, as one source of a GLib context.
 *
 * GLib polls each of its sources' descriptors at every turn, so that hundreds of connections that wait cost more than
 * the one that has something to say. epoll(7) tells of that one only. All functions and callbacks belong to one thread,
 * and to the context that was its default when it made the first. */
#pragma once

#include <glib.h>

typedef struct Readable Readable;

/* There is something to read, or an end. Comes again at every turn as long as it is so. */
typedef void (*ReadableFunc)(int fd, gpointer data);

/* fd stays the caller's, and open until readable_free. NULL with errno. */
Readable *readable_new(int fd, ReadableFunc func, gpointer data);

/* May be called within any callback; func is not called any more. */
void readable_free(Readable *readable);
