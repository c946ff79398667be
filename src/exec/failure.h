/* exec/failure.h: why a run did not succeed, in the words of the outcome.
 *
 * A Failure without a reason is none; the first one stays. It is embedded in what it belongs to. */
#pragma once

#include <glib.h>

#include "base/json.h"

typedef struct Failure {
	char *reason;           /* "cell_error", "kernel_died", "timed_out", … */
	char *ename;            /* NULL when the reason says it all */
	char *evalue;           /* cut at FAILURE_MAX_TEXT */
	json_object *traceback; /* an array of strings or NULL */
	gssize cell;            /* index in the notebook as it was played; -1 for none */
} Failure;

#define FAILURE_MAX_TEXT (64 * 1024)

#define FAILURE_NONE ((Failure){ .cell = -1 })

void failure_clear(Failure *failure);

gboolean failure_is_set(const Failure *failure);

/* Sets reason, name (may be NULL) and value unless there is a failure already. */
void failure_set(
	Failure *failure, const char *reason, const char *ename, const char *evalue, gssize cell);

/* From an error of ours: NO_SPACE is "disk_full" without a name, any other has the given reason. */
void failure_set_error(Failure *failure, const char *reason, const GError *error, gssize cell);

/* From the content of an execute_reply whose status is not ok. */
void failure_set_reply(Failure *failure, json_object *content, gssize cell);

/* Adds the setting's name where the kernel's memory was not enough: to Python's MemoryError, and to those that
 * NumPy and others derive from it. max_memory is in bytes. */
void failure_name_setting(Failure *failure, gint64 max_memory);
