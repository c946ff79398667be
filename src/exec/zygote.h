/* exec/zygote.h: a process that has loaded nbhook-exec, and makes executors by forking.
 *
 * To load a program of forty libraries takes five times as long as to fork it. Its forks are children of its
 * own parent (CLONE_PARENT, clone(2)), as if that had started the program.
 *
 * Frames over one socket. To here: {"kernel": name or none, "boot": whether it is started at once, "fds"} with the
 * descriptors "socket" and maybe "fork_server". From here: {"pid"} or {"error"}, and before anything else {"pid": 0}. */
#pragma once

#include <glib.h>
#include <sys/types.h>

/* What an executor is told at its start. */
typedef struct ExecutorOrder {
	int socket;      /* over which its run comes */
	int fork_server; /* over which it can order a kernel; -1: none */
	char *kernel;    /* the one that is likely to be asked for; NULL: unknown */
	gboolean boot;   /* start that kernel before the run has come */
} ExecutorOrder;

/* Forks for each order. True in an executor, whose order it is then: descriptors and strings are the caller's, link
 * is closed. False at the end of link. The process must have one thread. */
gboolean zygote_serve(int link, ExecutorOrder *order);

/* The other end: waits until it can take orders. */
gboolean zygote_await(int link, gint64 deadline_ms, GError **error);

/* Sends an order, whose descriptors stay the caller's, and waits until deadline_ms (clock_ms()). The
 * executor's pid, or -1 with an error. */
pid_t zygote_order(int link, const ExecutorOrder *order, gint64 deadline_ms, GError **error);
