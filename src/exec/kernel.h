/* exec/kernel.h: a started kernel with everything that belongs to it.
 *
 * Its connection, its home, its keeper, its channels and the pipe of what it prints past Jupyter. A Kernel
 * is one process that nobody used before; kernel_free ends it with all its descendants and removes its
 * folders.
 * Nothing here waits but kernel_start (for the program to run, not for it to answer) and kernel_free. */
#pragma once

#include <glib.h>
#include <zmq.h>

#include "conf/settings.h"
#include "jupyter/channels.h"
#include "jupyter/kernelspec.h"

typedef struct Kernel Kernel;

typedef struct KernelSpec {
	const Settings *settings;
	const Kernelspec *kernelspec;
	const char *folder; /* the working directory; NULL: a private one of this kernel */
	const char *url;    /* NAAS_URL or NULL */
	const char *key;    /* NAAS_TOKEN or NULL */
	int fork_server;    /* see KeeperSpec; -1: none */
	int log; /* gets what the kernel prints past Jupyter, up to output_limit; -1: kernel_set_log */
} KernelSpec;

/* How many items kernel_poll_items fills in. */
#define KERNEL_N_ITEMS (CHANNELS_N_ITEMS + 2)

/* Starts a kernel of a process with one thread. spec is not kept; settings and the log's descriptor
 * are. The caller frees the result. */
Kernel *kernel_start(const KernelSpec *spec, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void kernel_free(Kernel *kernel);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Kernel, kernel_free)

/* Who gets what it prints past Jupyter (-1: nobody), and what of that it has printed so far. */
void kernel_set_log(Kernel *kernel, int log);

void kernel_poll_items(Kernel *kernel, zmq_pollitem_t *items);

/* Takes the keeper's news and the printed bytes. Call it after every poll. */
void kernel_step(Kernel *kernel);

/* Takes what the kernel has printed and nobody has read, before the run's last line is logged. */
void kernel_take_last_words(Kernel *kernel);

/* See channels_send and channels_receive. */
char *kernel_send(Kernel *kernel, Channel channel, const char *msg_type, json_object *content,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
WireMessage *kernel_receive(
	Kernel *kernel, Channel channel, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* When it wants to be looked at again: at once where messages wait that no socket tells of; -1 for never. */
gint64 kernel_deadline(const Kernel *kernel);

/* False when the kernel hung up on us a while ago, and has not ended since: it closed a channel, or sent a
 * message larger than message_limit. */
gboolean kernel_check_channels(Kernel *kernel, gint64 now_ms, GError **error);

/* Says that the kernel has answered, so that it has read its connection file: where other runs could read
 * the key in it, the file is removed. */
void kernel_note_ready(Kernel *kernel);

/* How the kernel has ended ("The kernel was ended by signal 9 (Killed)."); NULL while it lives.
 * Borrowed. */
const char *kernel_death(const Kernel *kernel);

/* Interrupts what it executes, in the way that its kernelspec asks for. */
void kernel_interrupt(Kernel *kernel);

/* Signals its process group. */
void kernel_signal(Kernel *kernel, int signal_number);

/* See keeper_refusal. */
const char *kernel_refusal(const Kernel *kernel);

/* Whether it is a fork of a fork server, and why not although there was one; NULL if nothing is to be said.
 * Borrowed. */
gboolean kernel_is_forked(const Kernel *kernel);
const char *kernel_fork_failure(const Kernel *kernel);
