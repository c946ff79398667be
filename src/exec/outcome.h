/* exec/outcome.h: the files of a run that its executor writes: outcome, executed notebook, response.
 *
 * The outcome file is lines of JSON (HACKING, "The conversations"). Its last line is the commit point of a run: what it
 * speaks of has been written before. */
#pragma once

#include <glib.h>

#include "exec/failure.h"
#include "notebook/notebook.h"
#include "notebook/response.h"

typedef struct Outcome {
	const char *status; /* "succeed", "failed", "stopped" */
	const Failure *failure;
	json_object *cell;        /* outcome_cell of the failing one; NULL: none of the author's */
	const Response *response; /* NULL: the notebook chose none */
	int done, total;
	double seconds;
	gboolean outputs_complete;
} Outcome;

/* {index, id, execution_count} of a cell as its author knows it, index counted in the notebook that was
 * played; NULL for none (-1) and for a cell that was put in. The caller owns it. */
json_object *outcome_cell(Notebook *notebook, gssize index);

/* Adds {"mark": "started"} and waits until it is on disk. Before the author's first cell is sent. */
gboolean outcome_write_start(int fd, GError **error);

/* Adds {"mark": "ended", …}. It need not be on disk before somebody hears of the end, who keeps it himself. */
gboolean outcome_write_end(int fd, const Outcome *outcome, GError **error);

/* Replaces a file by bytes and waits until they are on disk, or by a notebook and does not. After an error the
 * file is empty, which may give the disk the room that the outcome needs. */
gboolean outcome_write_file(
	int fd, const char *bytes, size_t size, const char *what, GError **error);
gboolean outcome_write_notebook(int fd, Notebook *notebook, const char *what, GError **error);
