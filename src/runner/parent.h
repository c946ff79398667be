/* runner/parent.h: the fork server of a kernel, for as long as the runner lives.
 *
 * One that ends is started again, after a second, and after twice as long each time that it has not got
 * ready before. It is replaced by a new one every hour and when modules that it has loaded, or others beside
 * them, are installed, changed or removed; the old one serves until the new one is ready. */
#pragma once

#include <glib.h>
#include <sys/types.h>

#include "base/json.h"
#include "conf/settings.h"
#include "jupyter/kernelspec.h"

typedef struct Parent Parent;

/* A fork server is ready, or none is any more. replaced: kernels of the one before are outdated. */
typedef void (*ParentChanged)(gboolean replaced, gpointer data);

typedef struct ParentSpec {
	const Settings *settings;
	const Kernelspec *kernelspec;
	const char *preload;           /* the setting */
	const char *program, *library; /* see ForkServerSpec */
	GHashTable *keepers;           /* likewise */
	ParentChanged changed;
	gpointer data;
} ParentSpec;

/* Starts the first one. All that spec points to is kept. changed is never called from within. */
Parent *parent_new(const ParentSpec *spec);
void parent_free(Parent *parent);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Parent, parent_free)

/* See fork_server_order. */
int parent_order(Parent *parent);

/* Whether a fork server is likely to be ready soon, and none is. */
gboolean parent_is_loading(const Parent *parent);

/* See fork_server_hear. */
void parent_hear(Parent *parent);

/* Whether the process is a fork server of this. */
gboolean parent_has(const Parent *parent, pid_t pid);

/* Puts fork_server and preloaded into an entry of "nbhook kernels". */
void parent_describe(const Parent *parent, json_object *entry);
