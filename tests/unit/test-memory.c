/* The memory of a fork server: what is allocated later lies together; what is there is the same when it has been shared,
 * and belongs to each process alone. */
#include <fcntl.h>
#include <glib.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keeper/fork.h"

#define ARENA (256 << 10)
#define LARGE (64 << 20)
#define SHARED "/memfd:nbhook-forks"

/* What fills gaps is never freed. */
const char *__lsan_default_suppressions(void);

const char *
__lsan_default_suppressions(void)
{
	return "leak:fill_gaps";
}

/* An allocator of one pool: a size's block that was given back last comes first, then what was never given. */
#define POOL (1 << 20)
#define MAX_SIZE 512

static char pool[POOL];
static size_t pool_used;
static size_t sizes[POOL / 16]; /* of the blocks that begin there */
static GPtrArray *free_blocks[MAX_SIZE / 16 + 1];

static void *
pool_allocate(size_t size)
{
	GPtrArray *given_back = free_blocks[size / 16];

	if (given_back->len > 0)
		return g_ptr_array_steal_index(given_back, given_back->len - 1);
	g_assert_cmpuint(pool_used + size, <=, POOL);
	sizes[pool_used / 16] = size;
	pool_used += size;
	return pool + pool_used - size;
}

static void
pool_release(void *block)
{
	g_ptr_array_add(free_blocks[sizes[((char *) block - pool) / 16] / 16], block);
}

static void
test_gaps(void)
{
	void *blocks[100];

	for (size_t i = 0; i < G_N_ELEMENTS(free_blocks); i++)
		free_blocks[i] = g_ptr_array_new();
	for (size_t i = 0; i < G_N_ELEMENTS(blocks); i++)
		blocks[i] = pool_allocate(64);
	for (size_t i = 0; i < G_N_ELEMENTS(blocks); i += 2)
		pool_release(blocks[i]);
	char *end = pool + pool_used;

	nbhook_fork_fill_gaps(pool_allocate, pool_release);
	char *first = pool_allocate(64);
	char *second = pool_allocate(64);
	g_assert_true(first >= end);
	g_assert_true(second == first + 64);
	for (size_t i = 0; i < G_N_ELEMENTS(free_blocks); i++)
		g_ptr_array_unref(free_blocks[i]);
}

static size_t taken;

/* Never two in a row. */
static void *
scatter(size_t size)
{
	taken += size;
	return pool + (taken / 16 * 7919 * 64) % (POOL / 2);
}

static void
forget(void *block)
{
	(void) block;
}

static void
test_no_rows(void)
{
	taken = 0;
	nbhook_fork_fill_gaps(scatter, forget);
	g_assert_cmpuint(taken, >, 1 << 20);
	g_assert_cmpuint(taken, <, 64 << 20);
}

/* The name of the mapping that an address is in. */
static char *
mapping_of(const void *address)
{
	g_autofree char *text = NULL;

	g_assert_true(g_file_get_contents("/proc/self/maps", &text, NULL, NULL));
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line != NULL && **line != '\0'; line++) {
		char *rest;
		guint64 start = g_ascii_strtoull(*line, &rest, 16);
		guint64 end = g_ascii_strtoull(rest + 1, &rest, 16);
		guint64 at = (guint64) (gsize) address;

		if (at < start || at >= end)
			continue;
		g_auto(GStrv) words = g_strsplit(g_strstrip(rest), " ", 5);
		return g_strdup(g_strv_length(words) == 5 ? g_strstrip(words[4]) : "");
	}
	return g_strdup("none");
}

/* NULL where malloc(3) is another's. */
static void *
heap_start(void)
{
	g_autofree char *text = NULL;

	g_assert_true(g_file_get_contents("/proc/self/maps", &text, NULL, NULL));
	char *name = strstr(text, "[heap]");
	if (name == NULL)
		return NULL;
	while (name > text && name[-1] != '\n')
		name--;
	return (void *) (gsize) g_ascii_strtoull(name, NULL, 16);
}

static void
assert_pattern(const char *arena, char mark)
{
	g_assert_cmpint(arena[0], ==, mark);
	for (size_t i = 1; i < ARENA; i++)
		if (arena[i] != (i / 4096 % 2 == 0 ? mark : 0))
			g_error("byte %" G_GSIZE_FORMAT " is %d", i, arena[i]);
}

/* Every other page stays as it came. */
static char *
new_arena(char mark)
{
	char *arena = nbhook_fork_allocate_arena(NULL, ARENA);

	g_assert_nonnull(arena);
	for (size_t i = 0; i < ARENA; i += 2 * 4096)
		memset(arena + i, mark, 4096);
	return arena;
}

/* Of the file nobody has a descriptor; root may open it by its mapping. */
static void
assert_sealed(void)
{
	g_autofree char *text = NULL;

	g_assert_true(g_file_get_contents("/proc/self/maps", &text, NULL, NULL));
	char *row = strstr(text, SHARED);
	g_assert_nonnull(row);
	while (row > text && row[-1] != '\n')
		row--;
	*strchr(row, ' ') = '\0';
	g_autofree char *path = g_build_filename("/proc/self/map_files", row, NULL);
	int file = open(path, O_RDWR | O_CLOEXEC);
	if (file < 0)
		return;
	g_assert_cmpint(write(file, "x", 1), ==, -1);
	close(file);
}

/* A span that finds no room stays where it is, and leaves nothing in the file to the next one. */
static void
test_failing(void)
{
	if (!g_test_subprocess()) {
		g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
		g_test_trap_assert_passed();
		return;
	}
	char *one = new_arena('1');
	char *large = nbhook_fork_allocate_arena(NULL, LARGE);
	g_assert_true(large < one); /* that is the order in which they are shared */
	memset(large, 'A', LARGE);
	g_autofree char *pages = NULL;
	g_assert_true(g_file_get_contents("/proc/self/statm", &pages, NULL, NULL));
	rlim_t used = (rlim_t) g_ascii_strtoull(pages, NULL, 10) * 4096;
	struct rlimit limit = { used + LARGE / 2, RLIM_INFINITY };
	g_assert_cmpint(setrlimit(RLIMIT_AS, &limit), ==, 0);

	nbhook_fork_share(NULL);
	assert_pattern(one, '1');
	g_autofree char *mapped = mapping_of(one);
	g_assert_true(g_str_has_prefix(mapped, SHARED));
	g_autofree char *left = mapping_of(large);
	g_assert_false(g_str_has_prefix(left, SHARED));
	g_assert_cmpint(large[LARGE - 1], ==, 'A');
}

/* In a process of its own, since it is done once in its life. */
static void
test_sharing(void)
{
	if (!g_test_subprocess()) {
		g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
		g_test_trap_assert_passed();
		return;
	}
	char *one = new_arena('1');
	char *gone = new_arena('2');
	char *other = new_arena('3');
	nbhook_fork_free_arena(NULL, gone, ARENA);
	char *foreign =
		mmap(gone, ARENA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	foreign[0] = 'f';

	/* what lies at the heap's end goes in time to be missed */
	char *text = g_strdup("kept");
	void *last = malloc(100 << 10);
	void *heap = heap_start();
	free(last);
	malloc_trim(0);
	nbhook_fork_share(heap);
	g_assert_cmpstr(text, ==, "kept");
	g_autofree char *kept = mapping_of(text);
	g_assert_true(heap == NULL || g_str_has_prefix(kept, SHARED));
	assert_sealed();
	g_free(text);
	g_free(g_malloc0(1 << 20));
	assert_pattern(one, '1');
	assert_pattern(other, '3');
	g_autofree char *mapped = mapping_of(one);
	g_assert_true(g_str_has_prefix(mapped, SHARED));
	g_autofree char *left = mapping_of(foreign);
	g_assert_false(g_str_has_prefix(left, SHARED));

	pid_t child = fork();
	if (child == 0) {
		one[0] = 'x';
		one[4096] = 'x';
		_exit(0);
	}
	int status;
	g_assert_cmpint(waitpid(child, &status, 0), ==, child);
	assert_pattern(one, '1');
	one[0] = 'y';
	char *late = new_arena('4');
	g_autofree char *own = mapping_of(late);
	g_assert_false(g_str_has_prefix(own, SHARED));
	nbhook_fork_free_arena(NULL, other, ARENA);
	nbhook_fork_free_arena(NULL, late, ARENA);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/memory/gaps", test_gaps);
	g_test_add_func("/memory/no-rows", test_no_rows);
	g_test_add_func("/memory/sharing", test_sharing);
	g_test_add_func("/memory/failing", test_failing);
	return g_test_run();
}
