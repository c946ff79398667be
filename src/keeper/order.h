/* keeper/order.h: what an executor orders from a fork server, one record over a SOCK_SEQPACKET pair. */
#pragma once

#include "keeper/process.h"

/* The record begins with this. Behind it stand three strings, each with its NUL: KeeperOrder's folder and place,
 * and the words of the kernel's own program, which the keeper does not read. The descriptor of the kernel's output
 * goes with it. */
typedef struct ForkOrder {
	KernelLimits limits;
	int64_t namespaces; /* 0 or 1 */
} ForkOrder;

#define FORK_ORDER_MAX (1u << 20)
