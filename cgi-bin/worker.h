/* worker.h: what one thread answers requests with.
 *
 * A WebWorker has a connection of its own to the daemon and shares nothing with other threads but the
 * settings and the count of waiting callers. */
#pragma once

#include <glib.h>

#include "answer.h"
#include "base/frame.h"
#include "conf/settings.h"
#include "control/client.h"
#include "web_request.h"

/* Callers who wait for a notebook; at most limit of them, so that some threads are always free. */
typedef struct WaitSlots {
	int taken; /* atomic */
	int limit;
} WaitSlots;

typedef struct WebWorker {
	const Settings *settings; /* the caller's */
	WaitSlots *slots;         /* the caller's */
	ControlClient *daemon;
} WebWorker;

void worker_init(WebWorker *worker, const Settings *settings, WaitSlots *slots);
void worker_clear(WebWorker *worker);

/* Answers one request, whatever it is. False when the caller did not get all of it. */
gboolean worker_answer(WebWorker *worker, WebRequest *request);

/* False when all slots are taken. */
gboolean worker_take_slot(WebWorker *worker);
void worker_release_slot(WebWorker *worker);

/* control_call() to the daemon, whose deadline gives UNAVAILABLE, with *retry_after above 0, and not
 * G_IO_ERROR_TIMED_OUT. An UNAVAILABLE with *retry_after 0 is a connection that could not be made or broke. */
Frame *worker_ask(WebWorker *worker, const char *op, json_object *members, gint64 deadline_ms,
	int *retry_after, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same with a descriptor beside it, which stays the caller's. */
Frame *worker_ask_with(WebWorker *worker, const char *op, json_object *members, const char *name,
	int fd, gint64 deadline_ms, int *retry_after, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The deadline of a question that the daemon answers at once: the setting daemon_wait. */
gint64 worker_deadline_ms(const WebWorker *worker);
