#include "daemon/workers.h"

#include "base/error.h"
#include "base/loop.h"

typedef struct {
	WorkerWork work;
	WorkerDone done;
	gpointer data;
	GDestroyNotify free_data;
	GError *failure;
	Workers *workers;
} Item;

struct Workers {
	GThreadPool *pool;
	GMainContext *context;
	guint pending; /* main thread only */
};

static void
item_free(Item *item)
{
	if (item->free_data != NULL)
		item->free_data(item->data);
	g_clear_error(&item->failure);
	g_free(item);
}

static gboolean
finish(gpointer data)
{
	Item *item = data;

	item->workers->pending--;
	if (item->done != NULL)
		item->done(item->data, item->failure);
	else if (item->failure != NULL)
		g_critical("%s", item->failure->message);
	return G_SOURCE_REMOVE;
}

static void
run(gpointer data, gpointer unused)
{
	Item *item = data;

	if (!item->work(item->data, &item->failure) && item->failure == NULL)
		item->failure = g_error_new(NBHOOK_ERROR, NBHOOK_ERROR_INTERNAL,
			"a piece of work failed without a reason");
	loop_tell(item->workers->context, finish, item, (GDestroyNotify) item_free);
}

Workers *
workers_new(GMainContext *context)
{
	Workers *workers = g_new0(Workers, 1);

	workers->pool = g_thread_pool_new(run, NULL, WORKERS_THREADS, FALSE, NULL);
	workers->context = g_main_context_ref(context);
	return workers;
}

guint
workers_pending(const Workers *workers)
{
	return workers->pending;
}

void
workers_free(Workers *workers)
{
	if (workers == NULL)
		return;
	g_thread_pool_free(workers->pool, FALSE, TRUE);
	g_main_context_unref(workers->context);
	g_free(workers);
}

void
workers_push(
	Workers *workers, WorkerWork work, WorkerDone done, gpointer data, GDestroyNotify free_data)
{
	Item item = { work, done, data, free_data, NULL, workers };

	workers->pending++;
	g_thread_pool_push(workers->pool, g_memdup2(&item, sizeof item), NULL);
}
