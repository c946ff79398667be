/* The queue is a GAsyncQueue. The thread takes one item, then all that are there; that batch is one
 * transaction. It hands the batch back to the main context in one idle source, so that the answers of one
 * commit leave in one turn of the loop. */
#include "store/writer.h"

#include "base/error.h"
#include "base/loop.h"

#define MAX_BATCH 1000

typedef struct {
	StoreChange change; /* NULL: the thread is to end */
	StoreDone done;
	gpointer data;
	GDestroyNotify free_data;
	gboolean writes;
	GError *failure;
} Item;

struct StoreWriter {
	const StoreInterface *store;
	Store *handle;
	GMainContext *context;
	GAsyncQueue *queue;
	GThread *thread;
	guint pending; /* main thread only */
};

typedef struct {
	StoreWriter *writer;
	GPtrArray *items;
} Batch;

static void
item_free(Item *item)
{
	if (item->free_data != NULL)
		item->free_data(item->data);
	g_clear_error(&item->failure);
	g_free(item);
}

static void
batch_free(Batch *batch)
{
	g_ptr_array_unref(batch->items);
	g_free(batch);
}

static gboolean
finish_batch(gpointer data)
{
	Batch *batch = data;

	for (guint i = 0; i < batch->items->len; i++) {
		Item *item = g_ptr_array_index(batch->items, i);

		batch->writer->pending--;
		if (item->done != NULL)
			item->done(item->data, item->failure);
		else if (item->failure != NULL)
			g_critical("a change of the store failed: %s", item->failure->message);
	}
	return G_SOURCE_REMOVE;
}

static void
fail_writes(GPtrArray *batch, const GError *failure)
{
	for (guint i = 0; i < batch->len; i++) {
		Item *item = g_ptr_array_index(batch, i);

		if (item->writes && item->failure == NULL)
			item->failure = g_error_copy(failure);
	}
}

static gboolean
run_item(StoreWriter *writer, Item *item)
{
	if (item->change(writer->store, writer->handle, item->data, &item->failure))
		return TRUE;
	if (item->failure == NULL)
		g_set_error(&item->failure, NBHOOK_ERROR, NBHOOK_ERROR_INTERNAL,
			"the store failed without a reason");
	return FALSE;
}

/* False with an error when the transaction itself is lost (a full disk makes SQLite end it). */
static gboolean
make_changes(StoreWriter *writer, GPtrArray *batch, GError **error)
{
	for (guint i = 0; i < batch->len; i++) {
		Item *item = g_ptr_array_index(batch, i);

		if (!item->writes)
			continue;
		if (!writer->store->savepoint(writer->handle, error))
			return FALSE;
		if (!run_item(writer, item) && !writer->store->undo(writer->handle, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean
any_writes(GPtrArray *batch)
{
	for (guint i = 0; i < batch->len; i++)
		if (((Item *) g_ptr_array_index(batch, i))->writes)
			return TRUE;
	return FALSE;
}

static void
commit_changes(StoreWriter *writer, GPtrArray *batch)
{
	g_autoptr(GError) failure = NULL;

	if (!writer->store->begin(writer->handle, &failure)) {
		fail_writes(batch, failure);
		return;
	}
	if (!make_changes(writer, batch, &failure) ||
		!writer->store->commit(writer->handle, &failure)) {
		writer->store->rollback(writer->handle);
		fail_writes(batch, failure);
	}
}

/* Questions come after the commit: they see what is kept, and nothing else. */
static void
make_batch(StoreWriter *writer, GPtrArray *batch)
{
	if (any_writes(batch))
		commit_changes(writer, batch);
	for (guint i = 0; i < batch->len; i++) {
		Item *item = g_ptr_array_index(batch, i);

		if (!item->writes)
			run_item(writer, item);
	}
}

/* Takes what is there, at least one item; true when the end is among it. */
static gboolean
take_batch(StoreWriter *writer, GPtrArray *batch)
{
	Item *item = g_async_queue_pop(writer->queue);
	gboolean end = FALSE;

	while (item != NULL) {
		if (item->change == NULL) {
			item_free(item);
			end = TRUE;
		} else {
			g_ptr_array_add(batch, item);
		}
		item = batch->len < MAX_BATCH ? g_async_queue_try_pop(writer->queue) : NULL;
	}
	return end;
}

static gpointer
run_writer(gpointer data)
{
	StoreWriter *writer = data;
	gboolean end = FALSE;

	while (!end) {
		Batch *batch = g_new0(Batch, 1);

		batch->writer = writer;
		batch->items = g_ptr_array_new_with_free_func((GDestroyNotify) item_free);
		end = take_batch(writer, batch->items);
		if (batch->items->len == 0) {
			batch_free(batch);
			continue;
		}
		make_batch(writer, batch->items);
		loop_tell(writer->context, finish_batch, batch, (GDestroyNotify) batch_free);
	}
	return NULL;
}

StoreWriter *
store_writer_new(
	const StoreInterface *store, const char *path, GMainContext *context, GError **error)
{
	Store *handle = store->open(path, error);

	if (handle == NULL)
		return NULL;
	StoreWriter *writer = g_new0(StoreWriter, 1);
	writer->store = store;
	writer->handle = handle;
	writer->context = g_main_context_ref(context);
	writer->queue = g_async_queue_new();
	writer->thread = g_thread_new("store", run_writer, writer);
	return writer;
}

static void
push(StoreWriter *writer, Item item)
{
	writer->pending++;
	g_async_queue_push(writer->queue, g_memdup2(&item, sizeof item));
}

guint
store_writer_pending(const StoreWriter *writer)
{
	return writer->pending;
}

void
store_writer_free(StoreWriter *writer)
{
	if (writer == NULL)
		return;
	g_async_queue_push(writer->queue, g_new0(Item, 1));
	g_thread_join(writer->thread);
	writer->store->close(writer->handle);
	g_async_queue_unref(writer->queue);
	g_main_context_unref(writer->context);
	g_free(writer);
}

void
store_writer_push(StoreWriter *writer, StoreChange change, StoreDone done, gpointer data,
	GDestroyNotify free_data)
{
	push(writer, (Item){ .change = change,
			     .done = done,
			     .data = data,
			     .free_data = free_data,
			     .writes = TRUE });
}

void
store_writer_read(StoreWriter *writer, StoreChange query, StoreDone done, gpointer data,
	GDestroyNotify free_data)
{
	push(writer, (Item){ .change = query, .done = done, .data = data, .free_data = free_data });
}
