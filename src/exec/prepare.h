/* exec/prepare.h: a notebook file and a request file become the notebook that is played. */
#pragma once

#include <glib.h>

#include "conf/settings.h"
#include "notebook/notebook.h"

typedef struct PrepareSpec {
	const Settings *settings;
	int notebook;         /* descriptors of the files */
	int request;          /* -1: there is none */
	const char *files;    /* the job's folder of files, absolute; NULL: none */
	const char *language; /* of the kernel */
	const char *job, *path,
		*runtime;        /* what the identity cell says; no job: by hand, no such cell */
	json_object *registered; /* params of the webhook; NULL: none */
} PrepareSpec;

/* Reads, clears outputs and what an earlier run has left (its markers), puts in the identity and the
 * parameters. Errors are those of notebook_parse, inputs_new and translate_inject, each of which was
 * checked before the job was accepted. *variables gets what was put in, an object that the caller owns.
 * The caller frees the result. */
Notebook *prepare_notebook(
	const PrepareSpec *spec, json_object **variables, GError **error) G_GNUC_WARN_UNUSED_RESULT;
