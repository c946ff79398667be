/* daemon/outcome.h: what an outcome file says (HACKING, "The conversations"). */
#pragma once

#include "base/json.h"

typedef struct Outcome {
	gboolean begun;     /* the start mark is there */
	json_object *ended; /* the last line, or NULL */
} Outcome;

/* Reads the outcome of an execution's folder. A missing file is an outcome that has not begun; a last line
 * without its newline does not count. One that cannot be read counts as begun: nothing is run twice. */
Outcome *outcome_load(int execution);
void outcome_free(Outcome *outcome);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Outcome, outcome_free)
