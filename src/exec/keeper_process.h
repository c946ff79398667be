/* exec/keeper_process.h: what runs in the keeper, and what it says to its executor. */
#pragma once

#include <glib.h>
#include <sys/types.h>

#include "exec/keeper.h"

typedef enum {
	KEEPER_REPORT_NONE,
	KEEPER_REPORT_NO_NAMESPACE, /* text: why; the keeper ends */
	KEEPER_REPORT_NO_KERNEL,    /* text: why; the keeper ends */
	KEEPER_REPORT_STARTED,      /* the kernel's program runs */
	KEEPER_REPORT_DIED,         /* value: the wait status of the kernel */
} KeeperReportKind;

/* One record from the keeper. A record to it is an int, the signal for the kernel's process group. */
typedef struct KeeperReport {
	KeeperReportKind kind;
	int value;
	char text[240];
} KeeperReport;

/* The whole life of a keeper; socket is its end of the pair, uid and gid the account as the executor
 * sees it. */
G_GNUC_NORETURN void keeper_process(
	int socket, const KeeperSpec *spec, gboolean namespaces, uid_t uid, gid_t gid);
