/* daemon/registry.h: webhooks and keys in memory, as the store has them.
 *
 * The registry is loaded at start and changed only after the store has committed the same change, so a
 * lookup never waits. Hooks and keys are reference-counted: a job keeps the hook that it was accepted
 * for, also when that is published again or deleted meanwhile. A Hook is not changed once it is in the
 * registry: a new version of it takes its place. Only the time of a key's last use is ahead of the store. */
#pragma once

#include <glib.h>

#include "base/json.h"
#include "store/store.h"

typedef struct Hook {
	gint64 id;
	char *path; /* the author's absolute path */
	char *type; /* "notebook" or "dependency" */
	char *token;
	char *token_hash;
	char *histo;         /* its current version */
	char *kernel;        /* as the notebook says it; may be NULL */
	char *kernelspec;    /* the name of the one that was found for it; may be NULL */
	char *language;      /* may be NULL */
	json_object *params; /* without the signature */
	json_object
		*signature; /* with its secrets (notebook/signature.h); NULL: none is required */
	gboolean debug;
	gboolean edited; /* published more than once */
	gint64 created_us, updated_us;
} Hook;

Hook *hook_new(void); /* all members empty; to be filled before it is shared */
Hook *hook_ref(Hook *hook);
void hook_unref(Hook *hook);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Hook, hook_unref)

/* Both ways between a hook and its row. The caller owns the result. */
HookRecord *hook_record(const Hook *hook);
Hook *hook_from_record(const HookRecord *record, GError **error);

/* See notebook_name. The caller frees. */
char *hook_name(const Hook *hook);

typedef struct Key {
	char *name;
	char *hash;
	gint64 created_us;
	gint64 used_us;  /* last; 0: never. Whoever has let a call in by it sets this */
	gint64 noted_us; /* used_us as the store has it */
} Key;

/* The row of a key as it is now. The caller frees. */
KeyRecord *key_record(const Key *key);

typedef struct Registry Registry;

Registry *registry_new(void);
void registry_free(Registry *registry);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Registry, registry_free)

/* Lookups are borrowed; NULL when unknown. */
Hook *registry_find_token(Registry *registry, const char *token);
Hook *registry_find_path(Registry *registry, const char *path, const char *type);
GPtrArray *registry_hooks(
	Registry *registry); /* of borrowed Hook *, by path; the caller unrefs the array */

/* Puts a hook in the place of the one with its id, or anew. Takes a reference of its own. */
void registry_put_hook(Registry *registry, Hook *hook);
void registry_remove_hook(Registry *registry, gint64 id);

/* User keys, by name and by the hash of their text. */
void registry_put_key(Registry *registry, const KeyRecord *record);
gboolean registry_remove_key(Registry *registry, const char *name); /* false: there was none */
Key *registry_find_key(Registry *registry, const char *key_text);
gboolean registry_has_key_name(Registry *registry, const char *name);
GPtrArray *registry_keys(Registry *registry); /* of borrowed Key *, by name */

/* The key of a run, by the SHA-256 of its text: good while it runs, for its own webhook only. */
void registry_put_run_key(Registry *registry, const char *key_hash, const char *path);
void registry_remove_run_key(Registry *registry, const char *key_hash);
const char *registry_find_run_key(
	Registry *registry, const char *key_text); /* the path, borrowed */
