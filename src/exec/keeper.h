/* exec/keeper.h: the process between an executor and its kernel.
 *
 * A keeper starts the kernel and holds one end of a socketpair with its executor. When the other end
 * closes, for whatever reason, it kills the kernel and every descendant, then itself. Where the host
 * allows it, the keeper is process 1 of a PID namespace with a /proc of its own: then the kernel cannot
 * see or signal anything else of its account, nor see the connections of other kernels, and the end of the
 * keeper is the end of all of them.
 * Elsewhere it is a child subreaper and ends what it finds.
 *
 * The kernel's pid means nothing outside of the namespace: it is signalled, and its end is heard of,
 * through the keeper alone. */
#pragma once

#include <glib.h>

#include "keeper/process.h"

typedef struct Keeper Keeper;

typedef struct KeeperSpec {
	char *const *argv;
	char *const *env;
	const char *folder; /* the working directory */
	const char
		*place; /* the kernel's own folder; in a namespace those beside it are not there */
	int output;     /* becomes the kernel's standard output and error */
	gboolean namespaces;
	int fork_server; /* a socket on which a fork server waits for one order; -1: none */
	KernelLimits limits;
} KeeperSpec;

typedef enum {
	KEEPER_NOTHING, /* no news */
	KEEPER_DIED,    /* the kernel has ended; see the wait status */
	KEEPER_GONE,    /* the keeper itself has ended, and the kernel with it */
} KeeperNews;

/* Starts a keeper and, under it, the kernel, and waits until its program runs. Where there is a fork server,
 * the kernel is a fork of that, and where it gives none, the program is started (keeper_fork_failure says
 * why). The process must have one thread and be a child subreaper. Errors say what failed: the folder, the
 * program. The caller ends it with keeper_free. */
Keeper *keeper_start(const KeeperSpec *spec, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Ends the kernel and all its descendants, waits for it, frees. */
void keeper_free(Keeper *keeper);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Keeper, keeper_free)

/* Becomes readable when there is news. */
int keeper_fd(const Keeper *keeper);

/* Takes one piece of news, without waiting. *wait_status (waitpid(2)) is set with KEEPER_DIED. */
KeeperNews keeper_take_news(Keeper *keeper, int *wait_status);

/* Signals the kernel's process group. Nothing happens when it has ended. */
void keeper_signal(Keeper *keeper, int signal_number);

/* Whether the kernel has a namespace of its own. */
gboolean keeper_is_apart(const Keeper *keeper);

/* Whether the kernel is a fork of a fork server. */
gboolean keeper_is_forked(const Keeper *keeper);

/* Why it is none although there was a fork server; NULL if it is. Borrowed. */
const char *keeper_fork_failure(const Keeper *keeper);

/* Why there is no namespace although one was wanted; NULL if there is one. Borrowed. */
const char *keeper_refusal(const Keeper *keeper);
