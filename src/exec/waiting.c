/* The kernel is looked after by the same loop that waits, so that one that dies is noticed, and what it
 * prints never blocks it. */
#include "exec/waiting.h"

#include <errno.h>
#include <sys/prctl.h>

#include "base/clock.h"
#include "base/error.h"

#define FRAME_MS 10000
#define NAME "nbhook-exec"
#define WAITING_NAME "nbhook-ready"

typedef struct {
	int socket;
	int signals;
	Boot *boot;
	gint64 until_ms; /* by when the kernel has to have answered */
	gboolean warmed; /* it has, and was sent what warms it */
	gboolean said;   /* that it is ready */
} Waiting;

static gboolean
say_ready(Waiting *waiting, GError **error)
{
	g_autoptr(json_object) event = json_object_new_object();

	json_put_string(event, "event", "ready");
	json_put_bool(event, "forked", kernel_is_forked(waiting->boot->kernel));
	json_put_string(event, "fork_failure", kernel_fork_failure(waiting->boot->kernel));
	waiting->said = TRUE;
	return frame_send(waiting->socket, event, NULL, 0, clock_ms() + FRAME_MS, error);
}

/* What the kernel wants; false when there is none any more. */
static gboolean
look_after(Waiting *waiting, GError **error)
{
	if (waiting->boot->kernel == NULL)
		return TRUE;
	if (!boot_step(waiting->boot, error))
		return FALSE;
	if (!waiting->warmed && boot_is_ready(waiting->boot)) {
		boot_warm(waiting->boot);
		waiting->warmed = TRUE;
	}
	if (!waiting->said && waiting->warmed && boot_is_warm(waiting->boot))
		return say_ready(waiting, error);
	if (waiting->said || clock_ms() < waiting->until_ms)
		return TRUE;
	g_set_error_literal(error, NBHOOK_ERROR, NBHOOK_ERROR_UNAVAILABLE,
		"the kernel did not answer in time (setting start_timeout)");
	return FALSE;
}

static gint64
deadline(const Waiting *waiting)
{
	gint64 ask_ms = waiting->until_ms;

	if (waiting->boot->kernel == NULL)
		return -1;
	if (waiting->said)
		return kernel_deadline(waiting->boot->kernel);
	if (!waiting->warmed)
		ask_ms = MIN(boot_deadline(waiting->boot), ask_ms);
	return kernel_deadline(waiting->boot->kernel) == 0 ? 0 : ask_ms;
}

/* Whether there is something on the socket or a signal. */
static gboolean
turn(Waiting *waiting, gboolean *signalled, GError **error)
{
	zmq_pollitem_t items[KERNEL_N_ITEMS + 2];
	int n = 0;

	items[n++] = (zmq_pollitem_t){ .fd = waiting->socket, .events = ZMQ_POLLIN };
	items[n++] = (zmq_pollitem_t){ .fd = waiting->signals, .events = ZMQ_POLLIN };
	if (waiting->boot->kernel != NULL) {
		kernel_poll_items(waiting->boot->kernel, items + n);
		n += KERNEL_N_ITEMS;
	}
	if (zmq_poll(items, n, clock_remaining_ms(deadline(waiting))) < 0)
		return errno != EINTR && nbhook_error_set_errno(error, errno, "waiting for a run");
	*signalled = items[1].revents != 0;
	return items[0].revents != 0 || *signalled;
}

Frame *
waiting_for_play(int socket, int signals, Boot *boot, GError **error)
{
	Waiting waiting = { .socket = socket,
		.signals = signals,
		.boot = boot,
		.until_ms = clock_ms() + boot->settings->start_timeout_ms };
	g_autoptr(GError) failure = NULL;
	gboolean signalled = FALSE;

	prctl(PR_SET_NAME, WAITING_NAME);
	while (failure == NULL && !turn(&waiting, &signalled, &failure))
		if (failure == NULL)
			look_after(&waiting, &failure);
	prctl(PR_SET_NAME, NAME);
	if (failure != NULL) {
		g_propagate_error(error, g_steal_pointer(&failure));
		return NULL;
	}
	return signalled ? NULL : frame_receive(socket, clock_ms() + FRAME_MS, error);
}
