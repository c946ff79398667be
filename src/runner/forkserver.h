/* runner/forkserver.h: the fork server of one Python kernelspec (forkserver.py), as the runner sees it.
 *
 *     LOADING ──"ready"──> READY
 *        └────────┬──────────┘
 *                 └──its end, or a broken connection──> ENDED
 *
 * It is started with the kernelspec's own interpreter and makes kernels of itself as executors order them.
 * Its end disturbs no kernel that it has made. What it has left out of the modules that it was to preload
 * is said in the log. */
#pragma once

#include <glib.h>
#include <sys/types.h>

#include "conf/settings.h"
#include "jupyter/kernelspec.h"

typedef enum {
	FORK_SERVER_LOADING,
	FORK_SERVER_READY,
	FORK_SERVER_ENDED,
} ForkServerState;

typedef struct ForkServer ForkServer;

/* The state is another one. The server may be freed in it. */
typedef void (*ForkServerChanged)(ForkServer *server, gpointer data);

typedef struct ForkServerSpec {
	const Settings *settings;
	const Kernelspec *kernelspec;
	const char *program;   /* forkserver.py */
	const char *library;   /* nbhook-fork.so */
	char *const *preload;  /* empty words are passed over */
	gboolean optional;     /* what is not installed of them needs no word */
	char *const *left_out; /* modules that have ended one before */
	/* A set of pids (GINT_TO_POINTER) which gets the keepers that it makes, so that they are known when
	 * they fall to this process. */
	GHashTable *keepers;
	ForkServerChanged changed;
	gpointer data;
} ForkServerSpec;

/* Whether kernels of this kernelspec can be forks: its command is ipykernel's launcher. */
gboolean fork_server_can_have(const Kernelspec *kernelspec, const Settings *settings);

/* Starts one. Of spec, keepers and data are kept. The caller frees the result. */
ForkServer *fork_server_new(const ForkServerSpec *spec, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Ends it; its kernels go on. Its folder is left to environment_sweep(), for when it and its rehearsal are dead. */
void fork_server_free(ForkServer *server);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ForkServer, fork_server_free)

ForkServerState fork_server_state(const ForkServer *server);
pid_t fork_server_pid(const ForkServer *server);

/* The module that it was importing when it ended; NULL if none. Borrowed. */
const char *fork_server_loading(const ForkServer *server);

/* When READY: what it has loaded of what it was asked for, and the folders that this came from. Borrowed,
 * NULL-terminated. */
char *const *fork_server_modules(const ForkServer *server);
char *const *fork_server_folders(const ForkServer *server);

/* A socket on which it waits for the order of one kernel (exec/keeper.h); the caller closes it. -1 when it
 * is not READY. */
int fork_server_order(ForkServer *server);

/* Takes what it has said so far, without waiting: before orphans are judged. */
void fork_server_hear(ForkServer *server);
