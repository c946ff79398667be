/* keeper/fork.h: what a fork server calls (src/runner/forkserver.py, by ctypes). */
#pragma once

#include "keeper/process.h"

#define FORK_EXPORT __attribute__((visibility("default")))

/* What goes with every fork server: it is called nbhook-forks, and not dumpable from here on, so that no
 * notebook, which has the same account, can take it over (ptrace(2)). False with errno. */
FORK_EXPORT bool nbhook_fork_settle(void);

/* Forks a keeper, which forks the kernel: 0 in the kernel; in the fork server the keeper's pid and in *gate
 * a descriptor, into which a byte lets the keeper go on (its end ends the keeper): nothing is started
 * before those who must know have been told. -1 with errno. The process must have one thread. */
FORK_EXPORT pid_t nbhook_fork(const KeeperOrder *order, int *gate);

/* Becomes readable when that child has ended. -1 with errno. */
FORK_EXPORT int nbhook_fork_watch(pid_t pid);

/* What ps(1) shows of this process: argv is n strings of size bytes together, each with its NUL. Its name is that
 * of the program; of argv there is as much as there is room for from its start on. */
FORK_EXPORT void nbhook_fork_title(const char *argv, size_t size);
