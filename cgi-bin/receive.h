/* receive.h: the request of a call on its way into the job's folder.
 *
 * A body that is a form, JSON or text goes into the file "request", behind the head. One that may hold
 * files goes first into a file without a name, and is then taken apart (upload.h): the files go to files/,
 * and "request" gets the value that stands for them. Both can be done again with the files of another
 * beginning of the same call, as long as the first ones are open. */
#pragma once

#include <glib.h>

#include "base/json.h"
#include "conf/settings.h"
#include "notebook/request.h"
#include "web_request.h"

typedef struct Reception {
	const Settings *settings;
	const WebRequest *request;
	const char *token;
	Redaction redaction; /* its members are borrowed */
	/* A new file in the job's files/, or with a NULL name one without a name; -1 and an error. */
	int (*create)(gpointer call, const char *name, GError **error);
	gpointer call;
	int file;         /* "request"; owned, from the call's beginning on; else -1 */
	int scratch;      /* the body alone; owned; -1: the body is in "request" */
	gint64 head_size; /* of "request", once it is written */
	Inputs *inputs;   /* what a notebook will get, from receive_finish() on; owned */
} Reception;

void reception_clear(Reception *reception);

/* Receives the body. Errors are those of web_request_save_body(), request_print_head() and create. */
gboolean receive_body(Reception *reception, GError **error);

/* Where the body stands as it was received: a descriptor (borrowed) and the offset in it. */
int receive_where(const Reception *reception, gint64 *offset);

/* Completes the files, holds them against what a notebook can take and syncs them, but for a small "request", which is
 * nbhookd's to sync. Errors are those of
 * upload_take() and inputs_new(). */
gboolean receive_finish(Reception *reception, GError **error);

/* The call has begun again, with an empty "request" (given away): what was received is put there. The
 * reception needs to be finished again. */
gboolean receive_again(Reception *reception, int file, GError **error);
