/* exec/boot.h: a kernel on its way from nothing to ready, for a run that is known or not yet.
 *
 *     nothing ──boot_start──> started ──handshake──> ready        in the place that boot_start was given
 *                                                      │
 *                                                      └──boot_place──> ready again, in another place
 *
 * To place a kernel takes a request and its reply; one that knows how takes that along with the first cell, which then
 * is a part of its way to be ready.
 *
 * A Boot belongs to the Play that it was given to, and before that to the executor that waits for its run.
 * Whether a kernel comes from a fork server or is started as a program makes no difference here but time. */
#pragma once

#include <glib.h>
#include <zmq.h>

#include "conf/settings.h"
#include "exec/handshake.h"
#include "exec/kernel.h"
#include "exec/placement.h"

typedef struct Boot {
	const Settings *settings; /* borrowed */
	char *name;             /* of the kernel that fork_server makes and that is to be booted */
	int fork_server;        /* for one order; -1: none, or it has been used */
	Kernelspec *kernelspec; /* NULL before boot_find */
	Kernel *kernel;         /* NULL before boot_start */
	Handshake handshake;
	json_object *placement; /* what a cell takes along to place it; NULL: nothing */
	char *placing;          /* the id of the request to place it; NULL: none */
	gboolean with_cell;     /* which is a cell's, too */
	char *warming;          /* the same to warm it */
	gboolean misplaced;
} Boot;

/* fork_server is taken over. name may be NULL when there is none. */
Boot *boot_new(const Settings *settings, const char *name, int fork_server);
void boot_free(Boot *boot);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Boot, boot_free)

/* Looks up the kernelspec; errors as of kernelspec_find. */
gboolean boot_find(Boot *boot, const char *name, const char *language, GError **error);

/* Starts the kernel of the kernelspec; with the fork server if that is of this kernel. place NULL: nowhere in
 * particular. log as in KernelSpec. */
gboolean boot_start(Boot *boot, const Place *place, int log, GError **error);

/* Whether the kernel is alive, is the one that is asked for, and can be placed. */
gboolean boot_fits(const Boot *boot, const char *name);

/* Sends a ready kernel to the place. With a cell to come, it may be that this has to take it along: boot_board. */
void boot_place(Boot *boot, const Place *place, gboolean with_cell);

/* Has the content of a cell's execute_request take the placement along, where one waits for it; then TRUE, and boot_note
 * takes the id that the request got. */
gboolean boot_board(Boot *boot, json_object *request);
void boot_note(Boot *boot, const char *msg_id);

/* Sends a kernel that is ready what warms it, if anything does. */
void boot_warm(Boot *boot);

/* Whether that has been answered. */
gboolean boot_is_warm(const Boot *boot);

/* Ends the kernel; another can be started. */
void boot_reset(Boot *boot);

/* Takes any message of the kernel. */
void boot_take(Boot *boot, Channel channel, const WireMessage *message, gint64 now_ms);

/* Asks the kernel whether it is there, when that is due; false with an error when it cannot be asked. */
gboolean boot_ask(Boot *boot, gint64 now_ms, GError **error);

/* Whether it has answered. */
gboolean boot_is_up(const Boot *boot);

/* Whether it is where it is to be, too. */
gboolean boot_is_ready(const Boot *boot);

/* When to look again; -1: when something comes. */
gint64 boot_deadline(const Boot *boot);

/* While there is no run: takes all that has come and asks; false with why when the kernel has ended
 * or floods. */
gboolean boot_step(Boot *boot, GError **error);
