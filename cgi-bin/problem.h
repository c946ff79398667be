/* problem.h: errors, in the shape that the callers of each family know.
 *
 *   webhook   application/problem+json (RFC 9457) with "id" and "error" beside its own members
 *   api       {"error": {"code", "message", "details"}}
 *   job       {"id", "status": "error", "error"}
 *
 * An error of NBHOOK_ERROR is told in its own words, less what looks like a secret; any other is an
 * accident of this host, told only to the log. What asks for patience carries Retry-After, a 401 says how
 * to authenticate. */
#pragma once

#include <glib.h>

#include "answer.h"
#include "base/json.h"

typedef enum {
	FAMILY_WEBHOOK,
	FAMILY_API,
	FAMILY_JOB,
} WebFamily;

/* retry_after in seconds; 0 for the default of that kind of error, if it has one. more is an object whose
 * members are added (for api: below "details"); it is given away and may be NULL. */
Answer *problem_answer(WebFamily family, const GError *error, int retry_after, json_object *more);

/* A 500 of the family webhook that is no accident of this host and not logged: a notebook that failed, or
 * is not done yet. more as above. */
Answer *problem_of_run(const char *sentence, int retry_after, json_object *more);

/* problem_answer() for an error that is raised and told in one place. */
Answer *problem_new(WebFamily family, int code, const char *format, ...) G_GNUC_PRINTF(3, 4);
