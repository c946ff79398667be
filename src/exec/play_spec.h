/* exec/play_spec.h: what is to be played, and where everything of it is. */
#pragma once

#include <glib.h>

#include "base/json.h"

/* What to play. Strings and descriptors belong to the spec, which play_spec_free frees. By hand there is no
 * job: then only params are put in, and no response is looked for. */
typedef struct PlaySpec {
	char *job;    /* NULL: by hand */
	char *path;   /* published path of the notebook */
	char *folder; /* the working directory */
	char *files;  /* the job's files/; NULL: unknown */
	char *kernel, *language;
	char *key, *url, *runtime;
	json_object *params; /* registered; NULL: none */
	int notebook, outcome, executed, response;
	int request, log, alternative; /* -1: none */
	gboolean held;                 /* the author's cells wait for play_release */
} PlaySpec;

void play_spec_free(PlaySpec *spec);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PlaySpec, play_spec_free)
