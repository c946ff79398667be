/* The allocator of nbhookd and nbhook.fcgi: what a thread has freed goes back to the system, also when that thread
 * does nothing any more. */
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BLOCK_SIZE 5000
#define N_BLOCKS 20000
#define KEPT_MAX (16 * 1024 * 1024)
#define LIMIT_US (20 * G_USEC_PER_SEC)
#define PAUSE_US 20000

typedef struct {
	GMutex turn;
	GCond told;
	gint64 used; /* bytes that are resident while all blocks are; 0 until they have been freed */
	gboolean over;
} Sleeper;

/* proc(5): the second number of statm. */
static gint64
resident(void)
{
	g_autofree char *text = NULL;
	char *rest;

	g_assert_true(g_file_get_contents("/proc/self/statm", &text, NULL, NULL));
	g_ascii_strtoll(text, &rest, 10);
	return g_ascii_strtoll(rest, NULL, 10) * sysconf(_SC_PAGESIZE);
}

static gpointer
use_and_sleep(gpointer data)
{
	Sleeper *sleeper = data;
	g_autofree void **blocks = g_new(void *, N_BLOCKS);

	for (int i = 0; i < N_BLOCKS; i++)
		blocks[i] = memset(g_malloc(BLOCK_SIZE), 1, BLOCK_SIZE);
	gint64 used = resident();
	for (int i = 0; i < N_BLOCKS; i++)
		g_free(blocks[i]);
	g_mutex_lock(&sleeper->turn);
	sleeper->used = used;
	g_cond_broadcast(&sleeper->told);
	while (!sleeper->over)
		g_cond_wait(&sleeper->told, &sleeper->turn);
	g_mutex_unlock(&sleeper->turn);
	return NULL;
}

static void
test_what_a_sleeper_freed_is_given_back(void)
{
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
	g_test_skip("a sanitizer has an allocator of its own");
	return;
#endif
	Sleeper sleeper = { 0 };
	gint64 before = resident();
	g_autoptr(GThread) thread = g_thread_new("sleeper", use_and_sleep, &sleeper);
	gint64 give_up_us = g_get_monotonic_time() + LIMIT_US;

	g_mutex_lock(&sleeper.turn);
	while (sleeper.used == 0)
		g_cond_wait(&sleeper.told, &sleeper.turn);
	g_mutex_unlock(&sleeper.turn);
	g_assert_cmpint(sleeper.used, >, before + (gint64) N_BLOCKS * BLOCK_SIZE / 2);
	while (resident() > before + KEPT_MAX && g_get_monotonic_time() < give_up_us)
		g_usleep(PAUSE_US);
	g_assert_cmpint(resident(), <=, before + KEPT_MAX);
	g_mutex_lock(&sleeper.turn);
	sleeper.over = TRUE;
	g_cond_broadcast(&sleeper.told);
	g_mutex_unlock(&sleeper.turn);
	g_thread_join(g_steal_pointer(&thread));
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/allocator/sleeper", test_what_a_sleeper_freed_is_given_back);
	return g_test_run();
}
