/* One loop over the kernel's sockets, the signals, the listening socket and the connections. Nobody at the
 * other end of a connection can make the run wait: what a full socket does not take at once closes it, and
 * whoever connects again begins with the whole state. */
#include "exec/service.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/files.h"
#include "base/frame.h"
#include "exec/play_request.h"
#include "exec/play.h"
#include "exec/snapshot.h"
#include "exec/waiting.h"

#define MAX_CONNECTIONS 16
#define LEAVE_MS 1000

typedef struct {
	int fd;
	FrameReader *reader;
} Connected;

typedef struct {
	Play *play;
	int signals;
	Connected *asker; /* who asked for the run, until that may begin or it has gone */
	gboolean may_begin;
	gboolean called_off; /* by a signal, before it could begin */
	int listener;
	GPtrArray *connections; /* Connected * */
	Snapshots snapshots;
	const Connected *asked; /* for a descriptor */
	PlayState told_state;
	int told_done;
} Service;

static Connected *
connected_new(int fd)
{
	Connected *connected = g_new0(Connected, 1);

	connected->fd = fd;
	connected->reader = frame_reader_new(FRAME_MAX_SIZE);
	return connected;
}

static void
connected_free(gpointer data)
{
	Connected *connected = data;

	files_close(&connected->fd);
	frame_reader_free(connected->reader);
	g_free(connected);
}

static int
open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static const char *
state_word(PlayState state)
{
	static const char *const words[] = {
		[PLAY_STARTING] = "starting",
		[PLAY_PLAYING] = "playing",
		[PLAY_STOPPING] = "playing",
		[PLAY_ENDED] = "ended",
	};

	return words[state];
}

/* A connection that does not take it at once is shut down: what it still has to say is heard, then its
 * end. */
static void
tell(const Service *service, const Connected *connected)
{
	g_autoptr(json_object) event = json_object_new_object();
	json_object *progress = json_object_new_object();

	json_put_string(event, "event", "state");
	json_put_string(event, "state", state_word(play_state(service->play)));
	json_put_int(progress, "done", play_done(service->play));
	json_put_int(progress, "total", play_total(service->play));
	json_object_object_add(event, "progress", progress);
	if (!frame_send(connected->fd, event, NULL, 0, clock_ms(), NULL))
		shutdown(connected->fd, SHUT_RDWR);
}

static void
tell_all(Service *service)
{
	if (service->told_state == PLAY_STARTING)
		snapshots_init(&service->snapshots);
	service->told_state = play_state(service->play);
	service->told_done = play_done(service->play);
	for (guint i = 0; i < service->connections->len; i++)
		tell(service, service->connections->pdata[i]);
}

static void
accept_all(Service *service)
{
	int fd;

	while (service->connections->len < MAX_CONNECTIONS &&
		(fd = accept4(service->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		Connected *connected = connected_new(fd);

		g_ptr_array_add(service->connections, connected);
		tell(service, connected);
	}
}

/* Asks whoever connected last for a file to write the executed notebook to. */
static void
ask_for_snapshot(Service *service)
{
	g_autoptr(json_object) event = json_object_new_object();
	guint n = service->connections->len;

	if (n == 0 || !snapshots_are_due(&service->snapshots, service->play))
		return;
	service->asked = service->connections->pdata[n - 1];
	service->snapshots.asked = TRUE;
	json_put_string(event, "event", "snapshot");
	json_put_string(event, "state", "wanted");
	if (!frame_send(service->asked->fd, event, NULL, 0, clock_ms(), NULL))
		shutdown(service->asked->fd, SHUT_RDWR);
}

static void
take_snapshot(Service *service, const Connected *connected, Frame *frame)
{
	AUTO_FD fd = frame_steal_fd(frame, "executed");
	g_autoptr(json_object) event = json_object_new_object();

	if (service->asked != connected || play_state(service->play) != PLAY_PLAYING)
		return;
	service->asked = NULL;
	if (!snapshots_write(&service->snapshots, service->play, fd))
		return;
	json_put_string(event, "event", "snapshot");
	json_put_string(event, "state", "written");
	if (!frame_send(connected->fd, event, NULL, 0, clock_ms(), NULL))
		shutdown(connected->fd, SHUT_RDWR);
}

static void
disconnect(Service *service, guint index)
{
	if (service->asked == service->connections->pdata[index]) {
		service->asked = NULL;
		service->snapshots.asked = FALSE;
	}
	g_ptr_array_remove_index(service->connections, index);
}

static void
obey(Service *service, const Connected *connected, Frame *frame)
{
	if (g_strcmp0(json_string_member(frame->body, "op"), "run.snapshot") == 0) {
		take_snapshot(service, connected, frame);
		return;
	}
	const char *reason = json_string_member(frame->body, "reason");
	g_autoptr(json_object) reply = json_object_new_object();

	if (g_strcmp0(json_string_member(frame->body, "op"), "run.stop") != 0)
		return;
	play_stop(service->play, reason != NULL ? reason : "stopped_by_user");
	if (json_member(frame->body, "id") == NULL)
		return;
	json_put_shared(reply, "id", json_member(frame->body, "id"));
	frame_send(connected->fd, reply, NULL, 0, clock_ms(), NULL);
}

/* Whether the connection is still one. */
static gboolean
hear(Service *service, Connected *connected)
{
	gboolean open = frame_reader_fill(connected->reader, connected->fd, NULL);
	g_autoptr(GError) error = NULL;
	Frame *frame;

	while ((frame = frame_reader_next(connected->reader, &error)) != NULL) {
		obey(service, connected, frame);
		frame_free(frame);
	}
	return open && error == NULL;
}

static void
take_signals(Service *service)
{
	struct signalfd_siginfo info;

	while (read(service->signals, &info, sizeof info) == (ssize_t) sizeof info)
		if (service->asker != NULL)
			service->called_off = TRUE;
		else
			play_stop(service->play, "stopped");
}

/* Takes run.begin. Who goes without it knows of no run, and nobody else does. */
static void
hear_asker(Service *service)
{
	Connected *asker = service->asker;
	g_autoptr(GError) error = NULL;
	gboolean open = frame_reader_fill(asker->reader, asker->fd, &error);
	g_autoptr(Frame) frame = frame_reader_next(asker->reader, &error);

	if (frame == NULL && open && error == NULL)
		return;
	service->may_begin =
		frame != NULL && g_strcmp0(json_string_member(frame->body, "op"), "run.begin") == 0;
	g_clear_pointer(&service->asker, connected_free);
}

static gboolean
never_begins(const Service *service)
{
	return service->called_off || (service->asker == NULL && !service->may_begin);
}

/* Until when there is nothing to do by itself; -1: for ever. */
static gint64
deadline(const Service *service)
{
	gint64 play_ms = play_deadline(service->play);
	gint64 snapshot_ms = service->connections->len > 0
				     ? snapshots_deadline(&service->snapshots, service->play)
				     : -1;

	if (play_ms < 0 || snapshot_ms < 0)
		return MAX(play_ms, snapshot_ms);
	return MIN(play_ms, snapshot_ms);
}

/* One turn of the loop: waits, then does what there is to do. */
static void
turn(Service *service)
{
	zmq_pollitem_t items[KERNEL_N_ITEMS + 3 + MAX_CONNECTIONS];
	guint n_connections = service->connections->len;
	int n = play_poll_items(service->play, items);
	int first = n + 3;

	items[n] = (zmq_pollitem_t){ .fd = service->signals, .events = ZMQ_POLLIN };
	items[n + 1] =
		(zmq_pollitem_t){ .fd = n_connections < MAX_CONNECTIONS ? service->listener : -1,
			.events = ZMQ_POLLIN };
	items[n + 2] = (zmq_pollitem_t){ .fd = service->asker != NULL ? service->asker->fd : -1,
		.events = ZMQ_POLLIN };
	for (guint i = 0; i < n_connections; i++) {
		Connected *connected = service->connections->pdata[i];

		items[first + (int) i] =
			(zmq_pollitem_t){ .fd = connected->fd, .events = ZMQ_POLLIN };
	}
	if (zmq_poll(items, first + (int) n_connections, clock_remaining_ms(deadline(service))) < 0)
		return;
	for (guint i = n_connections; i-- > 0;)
		if (items[first + (int) i].revents != 0 &&
			!hear(service, service->connections->pdata[i]))
			disconnect(service, i);
	if (items[n + 2].revents != 0)
		hear_asker(service);
	if (service->may_begin)
		play_release(service->play);
	take_signals(service);
	accept_all(service);
	play_step(service->play);
	if (service->told_state != play_state(service->play) ||
		service->told_done != play_done(service->play))
		tell_all(service);
	ask_for_snapshot(service);
}

/* To end a kernel takes milliseconds of a processor, and who has heard that the run has ended has an answer to give:
 * waits until those who are connected have gone. */
static void
wait_until_left(Service *service)
{
	gint64 deadline_ms = clock_ms() + LEAVE_MS;

	while (service->connections->len > 0 && clock_ms() < deadline_ms) {
		struct pollfd items[MAX_CONNECTIONS];
		guint n = service->connections->len;

		for (guint i = 0; i < n; i++) {
			const Connected *connected = service->connections->pdata[i];

			items[i] = (struct pollfd){ .fd = connected->fd, .events = POLLIN };
		}
		if (poll(items, n, clock_remaining_ms(deadline_ms)) < 0)
			continue;
		for (guint i = n; i-- > 0;)
			if (items[i].revents != 0 && !hear(service, service->connections->pdata[i]))
				disconnect(service, i);
	}
}

/* Whether nothing of the author's is executed before the run may begin, whatever lies in his folder: a fork of ours that
 * is ready has all that it needs for our cells. Another kernel may find a module there, or a file that is read at its
 * start. */
static gboolean
may_go_ahead(const Boot *boot, const PlaySpec *spec)
{
	return boot_fits(boot, spec->kernel) && boot->handshake.takes_before;
}

/* Waits for that, or that it never will. */
static void
await_begin(Service *service)
{
	while (service->asker != NULL && !service->called_off) {
		struct pollfd items[] = { { .fd = service->asker->fd, .events = POLLIN },
			{ .fd = service->signals, .events = POLLIN } };

		if (poll(items, G_N_ELEMENTS(items), -1) < 0)
			continue;
		if (items[0].revents != 0)
			hear_asker(service);
		else if (items[1].revents != 0)
			take_signals(service);
	}
}

static void
play_to_its_end(Service *service, const Settings *settings, PlaySpec *spec, Boot *boot)
{
	service->connections = g_ptr_array_new_with_free_func(connected_free);
	service->play = play_new(settings, spec, boot);
	while (play_state(service->play) != PLAY_ENDED && !never_begins(service))
		turn(service);
	accept_all(service);
	tell_all(service);
	wait_until_left(service);
	g_clear_pointer(&service->play, play_free);
	g_ptr_array_unref(service->connections);
}

/* False when it never may. */
static gboolean
play_one(Service *service, const Settings *settings, PlaySpec *spec, Boot *boot)
{
	g_autoptr(PlaySpec) owned = spec;
	g_autoptr(Boot) booted = boot;

	if (!may_go_ahead(boot, spec))
		await_begin(service);
	if (never_begins(service))
		return FALSE;
	spec->held = !service->may_begin;
	play_to_its_end(service, settings, g_steal_pointer(&owned), g_steal_pointer(&booted));
	return !never_begins(service);
}

/* Takes the run and says so; NULL with an error when there is none, or nobody any more who has it. */
static PlaySpec *
take_run(int asker, Frame *frame, int *listener, GError **error)
{
	g_autoptr(PlaySpec) spec = play_request_take(frame, listener, error);

	if (play_request_answer(asker, frame, spec != NULL ? NULL : *error))
		return g_steal_pointer(&spec);
	g_clear_error(error);
	g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNAVAILABLE,
		"who asked for a run did not wait for the answer");
	return NULL;
}

gboolean
service_run(int socket, const Settings *settings, Boot *boot, GError **error)
{
	g_autoptr(Boot) owned = boot;
	AUTO_FD asker = socket;
	AUTO_FD signals = open_signals();
	g_autoptr(GError) failure = NULL;
	g_autoptr(Frame) frame = waiting_for_play(asker, signals, owned, &failure);

	if (frame == NULL && failure == NULL)
		return TRUE;
	if (frame == NULL) {
		g_propagate_error(error, g_steal_pointer(&failure));
		return FALSE;
	}
	AUTO_FD listener = -1;
	PlaySpec *spec = take_run(asker, frame, &listener, error);
	if (spec == NULL)
		return FALSE;
	Service service = { .signals = signals, .listener = listener };
	service.asker = connected_new(files_steal_fd(&asker));
	gboolean played = play_one(&service, settings, spec, g_steal_pointer(&owned));
	g_clear_pointer(&service.asker, connected_free);
	if (!played)
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNAVAILABLE,
			"the run that was asked for could not begin");
	return played;
}
