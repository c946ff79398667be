/* daemon/records.h: jobs on their way to the store, and the shapes in which callers are told of them. */
#pragma once

#include "control/server.h"
#include "job/job.h"
#include "store/writer.h"

/* Keeps a new job with the delivery that it is (given away; NULL: none), or the new state of one. The job's
 * text is taken now; done as in store/writer.h. */
void records_add_job(StoreWriter *writer, const Job *job, DeliveryRecord *delivery, StoreDone done,
	gpointer data);
void records_update_job(StoreWriter *writer, const Job *job, StoreDone done, gpointer data);

/* The job of a row. */
Job *records_job(const JobRecord *record, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What the FastCGI program needs to know of a webhook: {notebook, inline, next_url, methods?, debug}. The
 * caller owns it. */
json_object *records_webhook(json_object *params, const char *path, gboolean debug);

/* Answers job.status. */
void records_status(Call *call, const Job *job, gint64 revision);

/* Answers job.wait for an ended job: execution is its folder (-1: gone). */
void records_answer(Call *call, const Job *job, int execution);
