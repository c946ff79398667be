/* The memory that kernels are made of, before the first is made: what is free in it is used up, so that what a kernel
 * allocates lies together, and then it becomes a file that each kernel maps. Only what belongs to allocators that do not
 * ask the system for pages of zeros in a place that they keep (madvise(2), MADV_DONTNEED) may be such a mapping, since
 * it would get the file's again: Python's arenas, which are noted as they are made, and the heap of malloc(3). */
#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "keeper/fork.h"

/* ---- gaps ---- */

/* So many blocks in a row, and the next ones are expected to lie there, too. */
#define ROW 16
#define BLOCK_HEADER 16
#define STEP 16        /* between the sizes that allocators tell apart */
#define PYTHON_MAX 512 /* SMALL_REQUEST_THRESHOLD of Objects/obmalloc.c */
#define MALLOC_MAX 16384
#define KEPT_MAX (16u << 20) /* for an allocator that gives no blocks in a row */

/* Takes blocks of that size until they come in a row; these are given back, and will come again first. The bytes that
 * it has kept. */
static size_t
fill_gaps_of(ForkAllocate *allocate, ForkRelease *release, size_t size, size_t max)
{
	char *row[ROW];
	size_t n = 0;
	size_t kept = 0;
	char *block;

	while (n < ROW && kept < max && (block = allocate(size)) != NULL) {
		bool follows = n > 0 && block > row[n - 1] &&
			       (size_t) (block - row[n - 1]) <= size + BLOCK_HEADER;

		if (!follows) {
			kept += n * size;
			n = 0;
		}
		row[n++] = block;
	}
	while (n > 0)
		release(row[--n]);
	return kept;
}

static void
fill_gaps(ForkAllocate *allocate, ForkRelease *release, size_t max_size)
{
	size_t kept = 0;

	for (size_t size = max_size; size > 0 && kept < KEPT_MAX; size -= STEP)
		kept += fill_gaps_of(allocate, release, size, KEPT_MAX - kept);
}

void
nbhook_fork_fill_gaps(ForkAllocate *allocate, ForkRelease *release)
{
	malloc_trim(0);
	fill_gaps(allocate, release, PYTHON_MAX);
	fill_gaps(malloc, free, MALLOC_MAX);
}

/* ---- arenas ---- */

#define MAX_ARENAS 4096 /* more than that are not noted */

static ForkSpan arenas[MAX_ARENAS];
static size_t n_arenas;
static bool is_noting = true;

void *
nbhook_fork_allocate_arena(void *context, size_t size)
{
	void *start = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void) context;
	if (start == MAP_FAILED)
		return NULL;
	if (is_noting && n_arenas < MAX_ARENAS)
		arenas[n_arenas++] = (ForkSpan){ start, size };
	return start;
}

void
nbhook_fork_free_arena(void *context, void *start, size_t size)
{
	(void) context;
	munmap(start, size);
	for (size_t i = 0; is_noting && i < n_arenas; i++)
		if (arenas[i].start == start)
			arenas[i--] = arenas[--n_arenas];
}

/* ---- sharing ---- */

static int
by_start(const void *one, const void *other)
{
	const char *left = ((const ForkSpan *) one)->start;
	const char *right = ((const ForkSpan *) other)->start;

	return (left > right) - (left < right);
}

static bool
is_empty(const char *page, size_t size)
{
	return page[0] == 0 && memcmp(page, page + 1, size - 1) == 0;
}

/* Writes what is not zero. */
static bool
write_span(int file, off_t offset, const ForkSpan *span, size_t page_size)
{
	const char *start = span->start;

	for (size_t at = 0; at < span->size; at += page_size)
		if (!is_empty(start + at, page_size) &&
			pwrite(file, start + at, page_size, offset + (off_t) at) !=
				(ssize_t) page_size)
			return false;
	return true;
}

/* Puts the file in the place of the memory. What can fail fails before that is touched. */
static bool
map_span(int file, off_t offset, const ForkSpan *span)
{
	size_t size = span->size;
	void *copy = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, offset);

	if (copy == MAP_FAILED)
		return false;
	if (mremap(copy, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, span->start) != MAP_FAILED)
		return true;
	munmap(copy, size);
	return false;
}

/* The file's new end. Where that fails, memory and file are what they were; -1 where the file is not. */
static off_t
share_span(int file, off_t offset, const ForkSpan *span)
{
	off_t end = offset + (off_t) span->size;

	if (ftruncate(file, end) == 0 &&
		write_span(file, offset, span, (size_t) sysconf(_SC_PAGESIZE)) &&
		map_span(file, offset, span))
		return end;
	return ftruncate(file, offset) == 0 ? offset : -1;
}

/* What there is of the heap now: free(3) gives back what lies at its end. */
static ForkSpan
heap_from(void *start)
{
	size_t mask = (size_t) sysconf(_SC_PAGESIZE) - 1;
	size_t from = (size_t) start;
	size_t to = ((size_t) sbrk(0) + mask) & ~mask;

	return (ForkSpan){ start, start != NULL && to > from ? to - from : 0 };
}

void
nbhook_fork_share(void *heap_start)
{
	int file = memfd_create("nbhook-forks", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	off_t end = 0;

	is_noting = false;
	if (file < 0)
		return;
	qsort(arenas, n_arenas, sizeof arenas[0], by_start);
	for (size_t i = 0; i < n_arenas && end >= 0; i++)
		end = share_span(file, end, &arenas[i]);
	ForkSpan heap = heap_from(heap_start); /* not before: qsort(3) may use it */
	if (heap.size > 0 && end >= 0)
		share_span(file, end, &heap);
	fcntl(file, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
	close(file);
}
