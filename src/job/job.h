/* job/job.h: a job and its tasks as values.
 *
 * A Job is what its row says and what its status document shows. It does no I/O and reads no clock:
 * times are arguments, microseconds since 1970. One thread owns it; what crosses threads is the text of
 * job_document(). */
#pragma once

#include <glib.h>

#include "base/json.h"
#include "job/state.h"

/* One notebook run of a node. Strings are owned; NULL where not known yet. */
typedef struct Task {
	char *node;       /* the node's name; in a webhook's job the notebook's */
	char *path;       /* published path of the notebook, absolute */
	char *histo;      /* the version that it plays */
	char *kernel;     /* as the notebook says it, or NULL */
	char *kernelspec; /* the name of the one that was found for it, or NULL */
	char *language;
	TaskStatus status;
	char *reason; /* why it ended so, when it did not succeed */
	gint64 started_us, ended_us;
	gint64 cells_done, cells_total;
	int attempts;          /* executors that were asked for */
	char *key_hash;        /* SHA-256 of the key of the present run, or NULL */
	json_object *error;    /* {ename, evalue, traceback, cell}, or NULL */
	json_object *response; /* {kind, type, size, filename}, or NULL */
} Task;

typedef struct Job {
	char *uuid;
	char *id; /* <name>:<uuid> */
	char *name;
	char *folder;   /* its folder's name in pipeline_executions/ */
	gint64 webhook; /* row of the webhook that was called; 0: none */
	JobStatus status;
	gint64 accepted_us, ended_us;
	json_object *params; /* the webhook's registered params when it was accepted; an object */
	gboolean debug;      /* whether an error's answer may carry the traceback */
	Task task;           /* a webhook's job has one */
} Job;

/* A pending job. The strings and params are copied or referenced. */
Job *job_new(const char *name, const char *uuid, const char *folder, gint64 accepted_us);
void job_free(Job *job);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Job, job_free)

/* Everything of a job as one JSON object, for the store, and back. job_from_document gives NULL for a
 * document that is none (UNPROCESSABLE). The caller owns the result. */
json_object *job_document(const Job *job);
Job *job_from_document(json_object *document, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Moves the task, and the job with it, to a status; reason may be NULL. A move that the table of
 * states does not allow is a programming error (critical) and changes nothing. */
void job_move(Job *job, TaskStatus status, const char *reason, gint64 now_us);

/* What the outcome of a run (HACKING, "The conversations") says becomes the task's end. */
void job_take_outcome(Job *job, json_object *ended, gint64 now_us);

/* Seconds from the start of the run (or the acceptance) to the end, to the millisecond. */
double job_seconds(const Job *job);

/* "ValueError: …" of a failed job, else a sentence of its reason. The caller frees. */
char *job_error_text(const Job *job);

/* The status document: status.json and GET …/status/<jobId>. Each member, also what a program may rely on
 * from one document to the next, is in nbhook-status(7) and conf/status.schema.json. The caller owns it. */
json_object *job_status_document(const Job *job);
