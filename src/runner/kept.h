/* runner/kept.h: a kernel that is kept ready: its fork server and the executors that wait with it.
 *
 * An executor is begun when the pool wants one (runner/pool.h), boots its kernel, says that it is ready and
 * waits. One that is taken belongs to its run. One that ends while it waits is replaced. */
#pragma once

#include <glib.h>
#include <sys/types.h>

#include "base/json.h"
#include "conf/settings.h"
#include "jupyter/kernelspec.h"

typedef struct Kept Kept;

/* What a Kept needs of who has it. */
typedef struct KeptOwner {
	const Settings *settings;
	const char *fork_program; /* forkserver.py */
	const char *fork_library; /* nbhook-fork.so */
	GHashTable *keepers;      /* see ForkServerSpec */
	/* Starts an executor with this kernel, which boots at once or waits; fork_server (-1: none) stays the
	 * caller's. Its socket, or -1 with the error. */
	int (*start)(gpointer data, const char *kernel, int fork_server, gboolean boot, pid_t *pid,
		GError **error);
	gint64 (*playing)(gpointer data); /* how many executors play */
	gpointer data;
} KeptOwner;

/* Whether anything is to be kept of this kernel. */
gboolean kept_is_wanted(const Settings *settings, const Kernelspec *kernelspec);

/* Begins. owner is kept; kernelspec is taken over. pressed: whether memory is short. */
Kept *kept_new(const KeptOwner *owner, Kernelspec *kernelspec, gboolean pressed);

/* Ends the fork server and the executors that wait. */
void kept_free(Kept *kept);

const char *kept_name(const Kept *kept);

/* An executor for a run: one that is ready, else one that boots, else a new one, with a fork of the fork
 * server where there is one. Its socket, or -1 with the error. */
int kept_take(Kept *kept, pid_t *pid, GError **error);

/* A process has ended; whether it was one that waited, or the fork server. */
gboolean kept_note_end(Kept *kept, pid_t pid);

/* Takes what its fork server has said: before orphans are judged. */
void kept_hear(Kept *kept);

/* Whether the process is the fork server. */
gboolean kept_has(const Kept *kept, pid_t pid);

/* Looks whether there is something to do: when runs have ended, and when memory has become short or no
 * longer is. */
void kept_look(Kept *kept);
void kept_set_pressed(Kept *kept, gboolean pressed);

/* Puts into entry what "nbhook kernels" shows. */
void kept_describe(const Kept *kept, json_object *entry);
