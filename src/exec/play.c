/* The parts: Boot (the kernel, until it is ready), Player (which cell, which output),
 * Finish (what is written in the end). One file because it is who calls whom
 * when. */
#include "exec/play.h"

#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/files.h"
#include "exec/finish.h"
#include "exec/ladder.h"
#include "exec/outcome.h"
#include "exec/player.h"
#include "exec/prepare.h"
#include "exec/joblog.h"
#include "exec/time_limits.h"
#include "exec/snapshot.h"

/* After the kernel's death what it has sent is still read, until nothing has come for this long. */
#define QUIET_MS 50
#define QUIET_MAX_MS 1000
/* Messages of one channel that are taken before the other descriptors are looked at again. */
#define BATCH 500

struct Play {
	const Settings *settings; /* borrowed */
	PlaySpec *spec;
	PlayState state;
	JobLog *log;
	Boot *boot; /* its kernel */
	Notebook *notebook;
	json_object *variables;
	Player *player;
	Failure failure;  /* of the run itself; the player has its own */
	gboolean stopped; /* the failure is a stop that somebody asked for */
	Ladder ladder;    /* of the state STOPPING */
	gint64 begun_ms, begun_wall_us;
	gboolean is_elsewhere; /* its kernel was ready, and has not been told where it is wanted */
	gboolean is_marked;    /* as begun: nothing of the author's was sent before */
	TimeLimits limits;
	gssize timed_cell;             /* whose time counts; -1: none's */
	gint64 quiet_ms, quiet_max_ms; /* after the kernel's death; 0: it lives */
	gboolean iopub_is_read;        /* nothing that came on iopub waits */
	guint64 changes;
};

/* What is known of the run so far. */
static FinishSpec
finish_spec(const Play *play)
{
	const Failure *played =
		play->player != NULL ? player_failure(play->player) : &play->failure;

	return (FinishSpec){
		.settings = play->settings,
		.play = play->spec,
		.notebook = play->notebook,
		.player = play->player,
		.variables = play->variables,
		.language_info = play->boot->handshake.language_info,
		.failure = failure_is_set(&play->failure) ? &play->failure : played,
		.stopped = play->stopped,
		.begun_ms = play->begun_ms,
		.begun_wall_us = play->begun_wall_us,
	};
}

static void
end(Play *play)
{
	FinishSpec finish = finish_spec(play);

	if (play->state == PLAY_ENDED)
		return;
	play->state = PLAY_ENDED;
	if (play->boot->kernel != NULL)
		kernel_take_last_words(play->boot->kernel);
	finish_write(&finish, play->log);
}

/* Ends the run for a reason of its own. */
static void
end_with(Play *play, const char *reason, const GError *error)
{
	failure_set_error(&play->failure, reason, error,
		play->player != NULL ? player_cell(play->player) : -1);
	end(play);
}

static Place
place_of(const Play *play)
{
	return (Place){
		.folder = play->spec->folder, .url = play->spec->url, .key = play->spec->key
	};
}

static void
log_kernel(Play *play, const char *how)
{
	Kernel *kernel = play->boot->kernel;
	const char *refusal = kernel_refusal(kernel);

	job_log_add(play->log, "the kernel %s %s%s", play->boot->kernelspec->name, how,
		kernel_is_forked(kernel) ? " as a fork" : "");
	if (kernel_fork_failure(kernel) != NULL)
		job_log_add(play->log, "it is no fork: %s", kernel_fork_failure(kernel));
	if (refusal == NULL)
		return;
	job_log_add(play->log, "it has no PID namespace of its own: %s", refusal);
	g_info("a run has no PID namespace of its own: %s", refusal);
}

static gboolean
start_kernel(Play *play, GError **error)
{
	Place place = place_of(play);

	if (!boot_start(play->boot, &place, play->spec->log, error))
		return FALSE;
	log_kernel(play, "was started");
	return TRUE;
}

/* Uses the kernel that there is, if it is the right one. */
static gboolean
get_kernel(Play *play, GError **error)
{
	const PlaySpec *spec = play->spec;

	if (boot_fits(play->boot, spec->kernel)) {
		kernel_set_log(play->boot->kernel, spec->log);
		play->is_elsewhere = TRUE;
		log_kernel(play, "was ready");
		return TRUE;
	}
	return boot_find(play->boot, spec->kernel, spec->language, error) &&
	       start_kernel(play, error);
}

static gboolean
prepare(Play *play, GError **error)
{
	const PlaySpec *spec = play->spec;
	gboolean said = spec->language != NULL && *spec->language != '\0';
	PrepareSpec prepare = { .settings = play->settings,
		.notebook = spec->notebook,
		.request = spec->request,
		.files = spec->files,
		.language = said ? spec->language : play->boot->kernelspec->language,
		.job = spec->job,
		.path = spec->path,
		.runtime = spec->runtime,
		.registered = spec->params };

	play->notebook = prepare_notebook(&prepare, &play->variables, error);
	if (play->notebook == NULL)
		return FALSE;
	OutputLimits limits = { .max_bytes = play->settings->output_limit,
		.max_outputs = play->settings->max_outputs };
	play->player = player_new(play->notebook, limits);
	return TRUE;
}

/* The kernel is started first: the notebook is read while it imports. */
Play *
play_new(const Settings *settings, PlaySpec *spec, Boot *boot)
{
	Play *play = g_new0(Play, 1);
	g_autoptr(GError) error = NULL;

	play->settings = settings;
	play->spec = spec;
	play->boot = boot;
	play->failure = FAILURE_NONE;
	play->timed_cell = -1;
	play->begun_ms = clock_ms();
	play->begun_wall_us = clock_wall_us();
	time_limits_init(&play->limits, settings);
	time_limits_begin(&play->limits, TIME_LIMIT_START, play->begun_ms);
	play->log = job_log_new(spec->log);
	if (!get_kernel(play, &error))
		end_with(play, "kernel_failed", error);
	else if (!prepare(play, &error))
		end_with(play, "bad_notebook", error);
	return play;
}

/* What nobody waits for. */
static void
sync_result(int fd, const char *what)
{
	g_autoptr(GError) error = NULL;

	if (!files_sync(fd, what, &error))
		g_warning("%s", error->message);
}

void
play_free(Play *play)
{
	if (play == NULL)
		return;
	sync_result(play->spec->outcome, "the outcome");
	boot_reset(play->boot);
	sync_result(play->spec->executed, "the executed notebook");
	player_free(play->player);
	notebook_free(play->notebook);
	json_object_put(play->variables);
	boot_free(play->boot);
	failure_clear(&play->failure);
	job_log_free(play->log);
	play_spec_free(play->spec);
	g_free(play);
}

PlayState
play_state(const Play *play)
{
	return play->state == PLAY_PLAYING && play->spec->held ? PLAY_STARTING : play->state;
}

int
play_done(const Play *play)
{
	return play->player != NULL ? player_done(play->player) : 0;
}

int
play_total(const Play *play)
{
	return play->player != NULL ? player_total(play->player) : 0;
}

guint64
play_changes(const Play *play)
{
	return play->changes;
}

gboolean
play_write_snapshot(Play *play, int fd, GError **error)
{
	FinishSpec spec = finish_spec(play);

	return snapshot_print(&spec, fd, error);
}

const char *
play_kernel(const Play *play)
{
	return play->boot->kernelspec != NULL ? play->boot->kernelspec->name : NULL;
}

/* Whether its kernel has to give way to another, which would be started where the run wants it, and so not before the
 * run may begin. */
static gboolean
gives_way_later(const Play *play)
{
	return play->boot->misplaced && play->spec->held;
}

int
play_poll_items(Play *play, zmq_pollitem_t *items)
{
	if (play->state == PLAY_ENDED || gives_way_later(play))
		return 0;
	kernel_poll_items(play->boot->kernel, items);
	return KERNEL_N_ITEMS;
}

static gint64
earlier(gint64 one, gint64 other)
{
	if (one < 0 || other < 0)
		return MAX(one, other);
	return MIN(one, other);
}

gint64
play_deadline(const Play *play)
{
	if (play->state == PLAY_ENDED || gives_way_later(play))
		return -1;
	if (play->boot->misplaced)
		return 0;
	gint64 kernel_ms = kernel_deadline(play->boot->kernel);
	if (play->quiet_ms > 0 && kernel_ms != 0)
		return play->quiet_ms;
	gint64 own_ms = play->state == PLAY_STARTING ? boot_deadline(play->boot)
						     : player_deadline(play->player);
	gint64 limit_ms = play->state == PLAY_STOPPING ? play->ladder.next_ms
						       : time_limits_deadline(&play->limits);
	return earlier(kernel_ms, earlier(limit_ms, own_ms));
}

static gboolean
send_request(Play *play, const char *msg_type, json_object *content, char **msg_id)
{
	g_autoptr(GError) error = NULL;

	*msg_id = kernel_send(play->boot->kernel, CHANNEL_SHELL, msg_type, content, &error);
	if (*msg_id == NULL)
		end_with(play, "kernel_failed", error);
	return *msg_id != NULL;
}

/* Tells the kernel what its Output widgets have captured. */
static void
send_comms(Play *play)
{
	json_object *content;

	while (play->state == PLAY_PLAYING && (content = player_next_comm(play->player)) != NULL) {
		g_autofree char *msg_id = NULL;

		send_request(play, "comm_msg", content, &msg_id);
		json_object_put(content);
	}
}

/* Before the first cell that a second run would repeat. */
static gboolean
write_start(Play *play)
{
	g_autoptr(GError) error = NULL;

	if (!play->is_marked && !outcome_write_start(play->spec->outcome, &error)) {
		end_with(play, "disk_full", error);
		return FALSE;
	}
	play->is_marked = TRUE;
	return TRUE;
}

/* Whether the author's first cell may be sent before the last of ours has been answered: if that fails, the kernel must
 * not play what it has got already. ipykernel does not; others do (IJulia). */
static gboolean
may_send_ahead(const Play *play)
{
	return g_ascii_strcasecmp(play->boot->kernelspec->language, "python") == 0;
}

/* Whether player_next is to be called. The author's cells wait until the kernel is where they belong; ours have nothing
 * to do with a place. */
static gboolean
has_next(const Play *play)
{
	PlayerState state = player_state(play->player);

	if (play->state != PLAY_PLAYING)
		return FALSE;
	switch (player_next_is(play->player)) {
	case PLAYER_NEXT_OURS:
		return TRUE;
	case PLAYER_NEXT_AUTHORS:
		return play->is_marked && boot_is_ready(play->boot) &&
		       (state == PLAYER_READY || may_send_ahead(play));
	case PLAYER_NEXT_NOTHING:
		break;
	}
	return play->is_marked && state == PLAYER_READY;
}

static void
send_cells(Play *play)
{
	while (has_next(play)) {
		g_autoptr(json_object) request = player_next(play->player);
		gboolean boards = request != NULL && boot_board(play->boot, request);
		g_autofree char *msg_id = NULL;

		if (request == NULL || !send_request(play, "execute_request", request, &msg_id))
			continue;
		player_sent(play->player, msg_id);
		if (boards)
			boot_note(play->boot, msg_id);
	}
}

static void
count_time(Play *play)
{
	if (!boot_is_ready(play->boot))
		return;
	time_limits_end(&play->limits, TIME_LIMIT_START);
	if (!play->is_marked || play->timed_cell == player_cell(play->player))
		return;
	play->timed_cell = player_cell(play->player);
	time_limits_begin(&play->limits, TIME_LIMIT_CELL, clock_ms());
}

/* Sends what can be sent, or ends. While it is stopping, the end of a cell is the end, and so is a kernel that
 * is idle after its interrupt. */
static void
play_on(Play *play)
{
	if (player_state(play->player) == PLAYER_READY)
		send_comms(play);
	send_cells(play);
	count_time(play);
	switch (player_state(play->player)) {
	case PLAYER_READY:
		if (play->state == PLAY_STOPPING)
			end(play);
		break;
	case PLAYER_WAITING:
		if (ladder_has_interrupted(&play->ladder) && player_is_idle(play->player))
			end(play);
		break;
	case PLAYER_DONE:
	case PLAYER_FAILED:
		end(play);
		break;
	}
}

static void
begin_authors(Play *play)
{
	if (play->state != PLAY_PLAYING || play->spec->held || !write_start(play))
		return;
	time_limits_begin(&play->limits, TIME_LIMIT_RUN, clock_ms());
	play_on(play);
}

/* Ours are on their way, and the kernel is on its own, while the mark goes to the disk. */
static void
begin_playing(Play *play)
{
	Place place = place_of(play);

	play->state = PLAY_PLAYING;
	if (play->is_elsewhere)
		boot_place(play->boot, &place, player_next_is(play->player) == PLAYER_NEXT_OURS);
	play->is_elsewhere = FALSE;
	if (play->boot->misplaced)
		return;
	send_cells(play);
	begin_authors(play);
}

void
play_release(Play *play)
{
	if (!play->spec->held)
		return;
	play->spec->held = FALSE;
	if (!play->boot->misplaced)
		begin_authors(play);
}

static void
shake_hands(Play *play, gint64 now_ms)
{
	g_autoptr(GError) error = NULL;

	if (boot_is_up(play->boot))
		begin_playing(play);
	else if (!boot_ask(play->boot, now_ms, &error))
		end_with(play, "kernel_failed", error);
}

/* A kernel that cannot be put where it is wanted gives way to one that is started there. It got nothing of the
 * author's. */
static void
start_over(Play *play)
{
	g_autoptr(GError) error = NULL;

	g_clear_pointer(&play->player, player_free);
	g_clear_pointer(&play->notebook, notebook_free);
	g_clear_pointer(&play->variables, json_object_put);
	play->state = PLAY_STARTING;
	play->timed_cell = -1;
	time_limits_init(&play->limits, play->settings);
	time_limits_begin(&play->limits, TIME_LIMIT_START, clock_ms());
	if (!start_kernel(play, &error))
		end_with(play, "kernel_failed", error);
	else if (!prepare(play, &error))
		end_with(play, "bad_notebook", error);
}

/* A message that no parser takes. Who could sign it is the kernel, so a reply of that kind is its end. */
static void
refuse(Play *play, Channel channel, const GError *error)
{
	job_log_add(play->log, "a message was left out: %s", error->message);
	if (g_error_matches(error, NBHOOK_ERROR, NBHOOK_ERROR_FORBIDDEN))
		return;
	if (g_error_matches(error, NBHOOK_ERROR, NBHOOK_ERROR_TOO_LARGE))
		end_with(play, "output_limit", error);
	else if (channel == CHANNEL_SHELL)
		end_with(play, "kernel_failed", error);
	else
		player_miss_outputs(play->player);
}

static void
take(Play *play, Channel channel, const WireMessage *message, gint64 now_ms)
{
	if (play->state == PLAY_STARTING || !boot_is_ready(play->boot))
		boot_take(play->boot, channel, message, now_ms);
	if (play->state != PLAY_STARTING)
		player_take(play->player, channel, message, now_ms);
}

/* Takes what has come on a channel; whether anything has. */
static gboolean
drain(Play *play, Channel channel, gint64 now_ms)
{
	int taken = 0;

	while (taken < BATCH && play->state != PLAY_ENDED) {
		g_autoptr(GError) error = NULL;
		g_autoptr(WireMessage) message =
			kernel_receive(play->boot->kernel, channel, &error);

		if (message == NULL && error == NULL)
			break;
		taken++;
		if (message == NULL)
			refuse(play, channel, error);
		else
			take(play, channel, message, now_ms);
	}
	play->changes += (guint64) taken;
	if (channel == CHANNEL_IOPUB)
		play->iopub_is_read = taken < BATCH;
	return taken > 0;
}

static gboolean
drain_all(Play *play, gint64 now_ms)
{
	static const Channel channels[] = { CHANNEL_IOPUB, CHANNEL_SHELL, CHANNEL_CONTROL,
		CHANNEL_STDIN };
	gboolean any = FALSE;

	for (size_t i = 0; i < G_N_ELEMENTS(channels); i++)
		any = drain(play, channels[i], now_ms) || any;
	return any;
}

/* The kernel has gone: waits for the last of its messages, then ends. */
static void
mourn(Play *play, gboolean heard, gint64 now_ms)
{
	if (play->quiet_max_ms == 0) {
		job_log_add(play->log, "%s", kernel_death(play->boot->kernel));
		play->quiet_max_ms = now_ms + QUIET_MAX_MS;
		heard = TRUE;
	}
	if (heard)
		play->quiet_ms = MIN(now_ms + QUIET_MS, play->quiet_max_ms);
	if (now_ms < play->quiet_ms)
		return;
	if (play->state == PLAY_STARTING)
		failure_set(&play->failure, "kernel_died", "KernelDied",
			kernel_death(play->boot->kernel), -1);
	else
		player_kernel_died(play->player, kernel_death(play->boot->kernel));
	end(play);
}

/* One rung of the ladder up. */
static void
climb(Play *play, gint64 now_ms)
{
	if (!ladder_climb(&play->ladder, play->boot->kernel, player_is_executing(play->player),
		    play->log, now_ms))
		end(play);
}

/* Begins to end the run for a reason that is already in its failure. */
static void
begin_stopping(Play *play)
{
	if (play->state == PLAY_ENDED)
		return;
	if (play->state == PLAY_STARTING || !boot_is_ready(play->boot)) {
		end(play);
		return;
	}
	play->state = PLAY_STOPPING;
	ladder_begin(&play->ladder, clock_ms());
	climb(play, clock_ms());
}

/* Begins to end the run when it has taken too long. */
static void
look_at_limits(Play *play, gint64 now_ms)
{
	g_autofree char *sentence = NULL;
	const char *reason;

	if (!time_limits_reached(&play->limits, now_ms, &reason, &sentence))
		return;
	failure_set(&play->failure, reason, "TimedOut", sentence,
		play->state == PLAY_STARTING ? -1 : player_cell(play->player));
	begin_stopping(play);
}

/* A kernel that has hung up cannot say any more how it goes on. */
static void
look_at_channels(Play *play, gint64 now_ms)
{
	g_autoptr(GError) error = NULL;

	if (kernel_check_channels(play->boot->kernel, now_ms, &error))
		return;
	if (play->state == PLAY_PLAYING)
		player_miss_outputs(play->player);
	end_with(play, "kernel_failed", error);
}

/* What the state wants to do now. */
static void
advance(Play *play, gint64 now_ms)
{
	if (gives_way_later(play))
		return;
	if (play->boot->misplaced)
		start_over(play);
	else if (play->state == PLAY_STARTING)
		shake_hands(play, now_ms);
	else
		play_on(play);
	if (play->state == PLAY_STARTING || play->state == PLAY_PLAYING) {
		look_at_channels(play, now_ms);
		look_at_limits(play, now_ms);
	}
	if (play->state == PLAY_STOPPING)
		climb(play, now_ms);
}

void
play_step(Play *play)
{
	gint64 now_ms = clock_ms();

	if (play->state == PLAY_ENDED || gives_way_later(play))
		return;
	kernel_step(play->boot->kernel);
	gboolean heard = drain_all(play, now_ms);
	if (play->state != PLAY_STARTING && play->state != PLAY_ENDED && play->iopub_is_read)
		player_tick(play->player, now_ms);
	if (play->state == PLAY_ENDED)
		return;
	if (kernel_death(play->boot->kernel) != NULL && play->spec->held)
		play->boot->misplaced = TRUE;
	else if (kernel_death(play->boot->kernel) != NULL && !play->boot->misplaced)
		mourn(play, heard, now_ms);
	else
		advance(play, now_ms);
}

void
play_stop(Play *play, const char *reason)
{
	gssize cell = play->player != NULL ? player_cell(play->player) : -1;

	if (play->state != PLAY_STARTING && play->state != PLAY_PLAYING)
		return;
	play->stopped = TRUE;
	failure_set(&play->failure, reason, "Stopped", "The run was stopped.", cell);
	job_log_add(play->log, "the run is stopped: %s", reason);
	begin_stopping(play);
}
