/* Preloaded by make threads: tells the thread sanitizer of the order that GLib keeps, whose locks it cannot see.
 *
 * What one thread did before it gave something to another comes before what that one does with it: under a lock,
 * over a queue, to a pool, to a main loop. Only what the project uses is here. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <sanitizer/tsan_interface.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name)) dlsym(RTLD_NEXT, #name))

/* Not for the programs that a test runs. */
static void __attribute__((constructor)) forget(void)
{
	g_unsetenv("LD_PRELOAD");
}

/* Or a number that is used again would seem to be what it was before. */
gboolean
g_close(gint fd, GError **error)
{
	if (close(fd) == 0 || errno == EINTR)
		return TRUE;
	int cause = errno;
	g_set_error_literal(error, G_FILE_ERROR, g_file_error_from_errno(cause), g_strerror(cause));
	errno = cause;
	return FALSE;
}

void
g_mutex_lock(GMutex *mutex)
{
	REAL(g_mutex_lock)(mutex);
	__tsan_acquire(mutex);
}

void
g_mutex_unlock(GMutex *mutex)
{
	__tsan_release(mutex);
	REAL(g_mutex_unlock)(mutex);
}

void
g_cond_wait(GCond *condition, GMutex *mutex)
{
	__tsan_release(mutex);
	REAL(g_cond_wait)(condition, mutex);
	__tsan_acquire(mutex);
}

gboolean
g_cond_wait_until(GCond *condition, GMutex *mutex, gint64 end)
{
	__tsan_release(mutex);
	gboolean told = REAL(g_cond_wait_until)(condition, mutex, end);
	__tsan_acquire(mutex);
	return told;
}

void
g_async_queue_push(GAsyncQueue *queue, gpointer data)
{
	__tsan_release(data);
	REAL(g_async_queue_push)(queue, data);
}

static gpointer
taken(gpointer data)
{
	if (data != NULL)
		__tsan_acquire(data);
	return data;
}

gpointer
g_async_queue_pop(GAsyncQueue *queue)
{
	return taken(REAL(g_async_queue_pop)(queue));
}

gpointer
g_async_queue_try_pop(GAsyncQueue *queue)
{
	return taken(REAL(g_async_queue_try_pop)(queue));
}

typedef struct {
	GFunc work;
	gpointer user_data;
} PoolWork;

static void
work_in_pool(gpointer data, gpointer user_data)
{
	PoolWork *pool = taken(user_data);

	pool->work(taken(data), pool->user_data);
	__tsan_release(pool);
}

/* The closure stays as long as the process. */
GThreadPool *
g_thread_pool_new(GFunc work, gpointer user_data, gint threads, gboolean exclusive, GError **error)
{
	PoolWork *pool = g_new0(PoolWork, 1);

	pool->work = work;
	pool->user_data = user_data;
	__tsan_release(pool);
	return REAL(g_thread_pool_new)(work_in_pool, pool, threads, exclusive, error);
}

gboolean
g_thread_pool_push(GThreadPool *pool, gpointer data, GError **error)
{
	__tsan_release(data);
	return REAL(g_thread_pool_push)(pool, data, error);
}

void
g_thread_pool_free(GThreadPool *pool, gboolean immediate, gboolean wait)
{
	gpointer work = pool->user_data;

	REAL(g_thread_pool_free)(pool, immediate, wait);
	if (wait)
		__tsan_acquire(work);
}

typedef struct {
	GSourceFunc function;
	gpointer data;
	GDestroyNotify notify;
} Told;

static gboolean
dispatch_told(gpointer data)
{
	const Told *told = taken(data);

	return told->function(told->data);
}

static void
free_told(gpointer data)
{
	Told *told = taken(data);

	if (told->notify != NULL)
		told->notify(told->data);
	g_free(told);
}

/* Idle sources are what threads give to a main loop. */
void
g_source_set_callback(GSource *source, GSourceFunc function, gpointer data, GDestroyNotify notify)
{
	if (source->source_funcs != &g_idle_funcs) {
		REAL(g_source_set_callback)(source, function, data, notify);
		return;
	}
	Told *told = g_new0(Told, 1);
	told->function = function;
	told->data = data;
	told->notify = notify;
	__tsan_release(told);
	REAL(g_source_set_callback)(source, dispatch_told, told, free_told);
}
