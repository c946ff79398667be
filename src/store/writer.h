/* store/writer.h: the one thread that uses the store, and the group commit.
 *
 * Changes that arrive while a commit is being written to disk are made together in the next transaction:
 * many callers share one fsync. A change that fails is taken back alone; the others of its transaction
 * stand. The done function of a change runs on the main context after the commit (or its failure): what
 * it tells somebody is durable. Changes of one writer are made in the order in which they were given. */
#pragma once

#include <glib.h>

#include "store/store.h"

typedef struct StoreWriter StoreWriter;

/* Makes one change (or reads) on the writer's thread. data is the change's own; nothing else is shared. */
typedef gboolean (*StoreChange)(
	const StoreInterface *store, Store *handle, gpointer data, GError **error);

/* Runs on the main context; failure is NULL when the change is durable, and borrowed. */
typedef void (*StoreDone)(gpointer data, const GError *failure);

/* Opens the store and starts the thread. done functions run on context. */
StoreWriter *store_writer_new(
	const StoreInterface *store, const char *path, GMainContext *context, GError **error);

/* How many changes and questions have been given whose done function has not run. For the main thread. */
guint store_writer_pending(const StoreWriter *writer);

/* Ends the thread and closes the store. To be called when nothing is pending. */
void store_writer_free(StoreWriter *writer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StoreWriter, store_writer_free)

/* Gives a change. done may be NULL; free_data (may be NULL) frees data after done has run. */
void store_writer_push(StoreWriter *writer, StoreChange change, StoreDone done, gpointer data,
	GDestroyNotify free_data);

/* The same for what only reads: it is asked after the commit of the changes that were given before it, and
 * causes none. */
void store_writer_read(StoreWriter *writer, StoreChange query, StoreDone done, gpointer data,
	GDestroyNotify free_data);
