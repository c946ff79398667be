/* runner/executors.h: the executors that a runner has started, and what they leave behind.
 *
 * Of some kernels, executors are kept ready (runner/kept.h). An executor that has been taken belongs to the
 * run that it plays and is never ended from here. The
 * runner is the child subreaper of last resort: a process that falls to it and is no executor is what a
 * dead executor's kernel has left, and is killed; folders of executors that no longer live are removed. */
#pragma once

#include <glib.h>
#include <sys/types.h>

#include "base/json.h"
#include "conf/settings.h"

typedef struct Executors Executors;

typedef struct ExecutorsSpec {
	const Settings *settings;
	const char *program; /* nbhook-exec */
	const char *config;  /* the configuration file */
	const char *proc;    /* where it is seen whether memory is short (runner/pressure.h) */
	const char *fork_program, *fork_library; /* see ForkServerSpec */
	gboolean namespaces;                     /* whether the host allows them */
} ExecutorsSpec;

/* What an earlier runner has left is swept. spec's pointers are kept. */
Executors *executors_new(const ExecutorsSpec *spec);

/* Begins to keep executors ready. */
void executors_keep(Executors *executors);

/* Ends executors that were not taken, which tidy up by themselves, and fork servers, for whose end and that of
 * what they leave it waits; frees. */
void executors_free(Executors *executors);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Executors, executors_free)

/* Hands out an executor that nobody else has: its socket, which the caller closes, and its pid. -1 with
 * the reason. kernel and language are what the notebook says of its kernel (either may be NULL). One that is
 * not ready yet says so later, over its socket. */
int executors_take(
	Executors *executors, const char *kernel, const char *language, pid_t *pid, GError **error);

/* Kills an executor that does not do what it was taken for; false when it is none of ours. */
gboolean executors_end(Executors *executors, pid_t pid);

/* Reaps all that has ended, kills what has fallen to this process, removes what a killed executor has left on
 * disk. After every SIGCHLD. */
void executors_reap(Executors *executors);

/* The kernels that executors can have, as kernel_list() says it. The caller owns the array. */
json_object *executors_kernels(const Executors *executors);
