/* keeper/process.h: what runs in the process between an executor and its kernel (exec/keeper.h).
 *
 * The one implementation of that duty, for executors that start a kernel's program and for fork servers
 * that are the kernel's program already. A fork server is an interpreter of whatever make with this in a
 * shared library, so this folder needs libc and nothing else. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef enum {
	KEEPER_REPORT_NONE,
	KEEPER_REPORT_NO_NAMESPACE, /* text: why; the keeper ends */
	KEEPER_REPORT_NO_KERNEL,    /* text: why; the keeper ends */
	KEEPER_REPORT_STARTED,      /* the kernel's program runs */
	KEEPER_REPORT_DIED,         /* value: the wait status of the kernel */
} KeeperReportKind;

/* One record from the keeper. A record to it is an int, the signal for the kernel's process group. */
typedef struct KeeperReport {
	int32_t kind;
	int32_t value;
	char text[240];
} KeeperReport;

/* What a run may take. */
typedef struct KernelLimits {
	/* Processes and threads: where they are counted for it alone, and where they are counted with those
	 * of all runs. */
	int64_t own_processes, shared_processes;
	int64_t memory; /* bytes of its own that one process may have */
	int64_t nice;   /* of all processes */
} KernelLimits;

typedef struct KeeperOrder {
	int socket;         /* the keeper's end of the pair with its executor */
	int output;         /* becomes the kernel's standard output and error */
	const char *folder; /* the working directory */
	const char
		*place;  /* the kernel's own folder; in a namespace those beside it are not there */
	bool namespaces; /* the process is the child of space_clone or of space_share */
	uid_t uid;       /* the account, as seen before that */
	gid_t gid;
	KernelLimits limits;
} KeeperOrder;

/* The whole life of a keeper whose kernel is a program. */
_Noreturn void keeper_process_run(
	const KeeperOrder *order, char *const *argv, char *const *environment);

/* A keeper whose kernel is a fork, in a process that shares the memory of the fork server, which stands still
 * meanwhile, but nothing else: makes the kernel and becomes program (nbhook-keeper). Returns in the kernel, once, which
 * has a copy of that memory, with every descriptor closed but the standard ones and those of files. */
void keeper_process_fork(const KeeperOrder *order, const char *program);

/* That program's whole life: its words are the socket, the descriptor on which the kernel says what fails, the
 * kernel's pid, and whether there are namespaces. Nothing is reported as started before this, so that no notebook
 * finds it dumpable. */
#define KEEPER_N_WORDS 4
_Noreturn void keeper_process_keep(const int words[KEEPER_N_WORDS]);
