/* keeper/space.h: a user, PID and mount namespace of one's own, without any privilege.
 *
 * Linux gives them to everybody where the host's settings allow it (user_namespaces(7)); where they do
 * not, the reason names the setting that refuses. Where something fails, why (of size bytes) gets a
 * sentence. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Like fork(2) into new namespaces; the child is process 1 of its PID namespace and must call
 * space_enter. -1 with errno where the host refuses. Only while the process has one thread. */
pid_t space_clone(void);

/* The same for a child that runs function(data), on a stack of its own, in the memory of the parent, which stands
 * still until the child executes a program or ends (vfork(2)); namespaces false: in those of the parent. *pid gets the
 * child's pid, as the parent sees it, before the child runs, and is returned. */
pid_t space_share(bool namespaces, int (*function)(void *data), void *data, pid_t *pid);

/* In the child, or a fork of it: maps the account onto itself, so that it stays what it was, and mounts a /proc of the
 * new PID namespace. uid and gid are the account's as seen before the clone. The process, and whoever shares its
 * memory, is dumpable for the moment of mapping: it must hold no descriptor worth stealing. */
bool space_enter(uid_t uid, gid_t gid, char *why, size_t size);

/* In the child, after that: of all that lies in the parent of folder (absolute), only folder is there any
 * more, and nothing else can be put there. A process in the namespace cannot undo it. */
bool space_hide_siblings(const char *folder, char *why, size_t size);

/* Whether RLIMIT_NPROC counts the processes of a user namespace for themselves: since Linux 5.14. */
bool space_counts_processes(void);

/* The sentence for people: what failed (NULL if it was the clone), and the sysctl that refuses, if one
 * does. text gets it. */
void space_refusal(const char *what, int errno_value, char *text, size_t size);
