/* daemon/workers.h: a few threads that wait for the disk, so that the loop does not.
 *
 * work runs on one of the threads and may use only its data; done runs on the main context with what
 * work said. data is freed by free_data after done. */
#pragma once

#include <glib.h>

#define WORKERS_THREADS 32

typedef struct Workers Workers;
typedef gboolean (*WorkerWork)(gpointer data, GError **error);
typedef void (*WorkerDone)(gpointer data, const GError *failure); /* failure is borrowed */

Workers *workers_new(GMainContext *context);

/* How many pieces of work have not been done and told yet. */
guint workers_pending(const Workers *workers);

/* To be called when none is pending. */
void workers_free(Workers *workers);

void workers_push(Workers *workers, WorkerWork work, WorkerDone done, gpointer data,
	GDestroyNotify free_data);
