/* runner/starter.h: how an executor's process begins.
 *
 * As a fork of a zygote (exec/zygote.h), which is started beforehand and again when it is gone; where there is none,
 * as a program of its own. Either way it is a child of this process. */
#pragma once

#include <glib.h>
#include <sys/types.h>

typedef struct Starter Starter;

/* The pointers are kept. */
typedef struct StarterSpec {
	const char *program;      /* nbhook-exec */
	const char *config;       /* the configuration file */
	char *const *environment; /* of executors */
	gboolean namespaces;      /* whether the host allows them */
} StarterSpec;

Starter *starter_new(const StarterSpec *spec);

/* Waits until there is a zygote, or none is to be had, which the log says. */
void starter_prepare(Starter *starter);

/* Ends the zygote, which is reaped by who reaps all; frees. */
void starter_free(Starter *starter);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Starter, starter_free)

/* Starts an executor, of a kernel that is likely to be asked for (or NULL), which boots it at once or waits;
 * fork_server, over which it can order one (-1: none), stays the caller's. The socket over which its run comes, which
 * the caller closes, and its pid; -1 with the reason. */
int starter_start(Starter *starter, const char *kernel, int fork_server, gboolean boot, pid_t *pid,
	GError **error);

/* Whether that is the zygote. (Of these two, starter may be NULL.) */
gboolean starter_has(const Starter *starter, pid_t pid);

/* A child has ended; whether it was the zygote. */
gboolean starter_note_end(Starter *starter, pid_t pid);
