/* keeper/fork.h: what a fork server calls (src/runner/forkserver.py, by ctypes). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define FORK_EXPORT __attribute__((visibility("default")))

/* What goes with every fork server: it is called nbhook-forks, and not dumpable from here on, so that no
 * notebook, which has the same account, can take it over (ptrace(2)). False with errno. */
FORK_EXPORT bool nbhook_fork_settle(void);

typedef struct ForkSpan {
	void *start;
	size_t size; /* bytes */
} ForkSpan;

/* An allocator of small blocks, for Python objects. */
typedef void *ForkAllocate(size_t size);
typedef void ForkRelease(void *block);

/* Fills the gaps that free blocks are in what has been allocated so far, of this allocator and of malloc(3): what a
 * kernel allocates lies together then, and its start writes to a seventh fewer pages. They are never freed. */
FORK_EXPORT void nbhook_fork_fill_gaps(ForkAllocate *allocate, ForkRelease *release);

/* A PyObjectArenaAllocator, as Python's own (mmap(2), munmap(2)), which notes the arenas for nbhook_fork_share. */
FORK_EXPORT void *nbhook_fork_allocate_arena(void *context, size_t size);
FORK_EXPORT void nbhook_fork_free_arena(void *context, void *start, size_t size);

/* Moves the arenas and the heap (what brk(2) has extended, from its start on; NULL: not that) into a file in memory, of
 * which every process has a private mapping. A fork has to copy what it knows of each page of memory; of a file's pages
 * it knows nothing, and learns of those that it looks at. Where that fails, all stays as it is. The process must have
 * one thread. */
FORK_EXPORT void nbhook_fork_share(void *heap_start);

/* The life of a fork server: takes the orders (keeper/order.h) that come over the sockets that the runner passes over
 * link, and makes for each a keeper (the path of that program), which forks the kernel. Returns in each kernel its
 * words, with those spans of memory copied already and every descriptor closed but the standard ones and those of files;
 * NULL at the runner's end. The process must have one thread. */
FORK_EXPORT const char *nbhook_fork_serve(
	int link, const char *keeper, const ForkSpan *spans, size_t n);

/* What would be copied when it is written to is copied at once, which costs a third of that; as much of it as the
 * host allows. */
FORK_EXPORT void nbhook_fork_copy(const ForkSpan *spans, size_t n);

/* What ps(1) shows of this process: argv is n strings of size bytes together, each with its NUL. Its name is that
 * of the program; of argv there is as much as there is room for from its start on. */
FORK_EXPORT void nbhook_fork_title(const char *argv, size_t size);

/* A ZeroMQ socket and libzmq's zmq_send(3). busy: somebody is sending who may be interrupted. */
typedef struct ForkSender {
	int (*send)(void *socket, const void *data, size_t size, int flags);
	void *socket;
	int busy;
} ForkSender;

/* Sends a message of n parts as a whole, false when it cannot be sent now. Whoever calls it holds the interpreter's
 * lock, so that no thread and no signal's handler comes in between. */
FORK_EXPORT bool nbhook_fork_send(
	const ForkSender *sender, const char *const *parts, const size_t *sizes, size_t n);
