/* exec/report.h: what an executed notebook tells about its run, in itself.
 *
 * metadata.nbhook has job, times, status, parameters (what looks like a secret is "[redacted]") and,
 * after a failure, the exception. A failed notebook begins with a cell that says so and links to the
 * failing cell, before which an anchor stands. */
#pragma once

#include <glib.h>

#include "exec/failure.h"
#include "notebook/notebook.h"

typedef struct Report {
	const char *job;             /* NULL: none */
	const char *status;          /* "active", "succeed", "failed", "stopped" */
	gint64 started_us, ended_us; /* wall clock; 0: it goes on */
	json_object *variables;      /* what was put in; NULL: nothing */
	json_object *language_info;  /* of the kernel; NULL: unknown */
	const Failure *failure;
} Report;

/* Writes the report into the notebook. The indices of its cells move when there was a failure. */
void report_write(const Report *report, Notebook *notebook);

/* Takes out the marker cells of an earlier run. */
void report_remove_markers(Notebook *notebook);
