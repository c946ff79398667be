/* exec/placement.h: a kernel that was started before its run was known is put where the run wants it.
 *
 * Working directory, the path of modules that begins with it, and the variables of the environment that
 * name the run: what a kernel that is started for the run has from its first instruction on. One table has
 * the languages in which this can be said; a kernel of another one is not started beforehand. */
#pragma once

#include <glib.h>

#include "base/json.h"

typedef struct Place {
	const char *folder; /* the working directory */
	const char *url;    /* NAAS_URL or NULL */
	const char *key;    /* NAAS_TOKEN or NULL */
} Place;

gboolean placement_is_known(const char *language);

/* The content of an execute_request that leaves no trace in history, counts and variables; its reply is
 * "ok" when the kernel is there. NULL where the language is not known. The caller owns it. */
json_object *placement_request(const char *language, const Place *place);

/* The same for a kernel that waits: it does once what each cell makes it do, so that the memory that this
 * writes to is its own before there is a run. NULL where there is nothing to do. */
json_object *placement_warm_request(const char *language);

/* Our forks (src/runner/forkserver.py, take_placement) say "before": true of themselves when they have all that our cells
 * need, whatever lies in the place: the content of an execute_request may then have these values as its member "before".
 * They execute this Python with the values as its globals first, without their shell; when that fails, the reply is that
 * with "placed": false, and nothing else is executed. The caller owns the values; the source is static. */
json_object *placement_values(const Place *place);
const char *placement_python(void);
