/* Sources: Jupyter messaging 5.3 ("Execute", "Kernel status"), nbclient's async_execute_cell. */
#include "exec/player.h"

#include <string.h>

#include "notebook/translate.h"
#include "notebook/widgets.h"

#define IDLE_WAIT_MS 4000

/* A cell that has been sent and has not ended. */
typedef struct {
	gssize cell;
	char *msg_id; /* NULL: not known yet */
	int count;    /* of cells that have been replied to, with this one */
	gboolean executing, replied, idle, exiting;
	gint64 idle_deadline_ms; /* -1: none */
} Flight;

struct Player {
	Notebook *notebook; /* borrowed */
	Outputs *outputs;
	Widgets *widgets;
	GHashTable *cells; /* message id -> index + 1 of its cell */
	PlayerState state;
	Failure failure;
	GQueue *flights;    /* of Flight, in their order; the kernel plays the first */
	gssize cell;        /* the first one's, or the last that has ended */
	gssize sent;        /* the last one that was sent */
	gboolean has_begun; /* one of the author's has been sent */
	gboolean outputs_complete;
	int total, done;
	int executed; /* cells, ours too */
};

static void
flight_free(gpointer data)
{
	Flight *flight = data;

	g_free(flight->msg_id);
	g_free(flight);
}

/* The cell that the kernel plays; NULL: none. */
static Flight *
current(const Player *player)
{
	return g_queue_peek_head(player->flights);
}

static Flight *
flight_of_cell(const Player *player, gssize cell)
{
	for (GList *each = player->flights->head; each != NULL; each = each->next)
		if (((Flight *) each->data)->cell == cell)
			return each->data;
	return NULL;
}

static gboolean
is_authors(Notebook *notebook, size_t index)
{
	return notebook_cell_is_run(notebook_cell(notebook, index)) &&
	       translate_author_index(notebook, index) >= 0;
}

Player *
player_new(Notebook *notebook, OutputLimits limits)
{
	Player *player = g_new0(Player, 1);

	player->notebook = notebook;
	player->outputs = outputs_new(limits);
	player->widgets = widgets_new(player->outputs);
	player->cells = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	player->state = PLAYER_READY;
	player->failure = FAILURE_NONE;
	player->flights = g_queue_new();
	player->cell = player->sent = -1;
	player->outputs_complete = TRUE;
	for (size_t i = 0; i < notebook_n_cells(notebook); i++)
		player->total += is_authors(notebook, i) ? 1 : 0;
	return player;
}

void
player_free(Player *player)
{
	if (player == NULL)
		return;
	widgets_free(player->widgets);
	outputs_free(player->outputs);
	g_hash_table_unref(player->cells);
	failure_clear(&player->failure);
	g_queue_free_full(player->flights, flight_free);
	g_free(player);
}

PlayerState
player_state(const Player *player)
{
	return player->state;
}

/* metadata.execution of a cell, made where it is missing. Borrowed. */
static json_object *
execution_of(json_object *cell)
{
	json_object *metadata = json_object_member(cell, "metadata");
	json_object *execution = json_object_member(metadata, "execution");

	if (execution == NULL) {
		execution = json_object_new_object();
		json_object_object_add(metadata, "execution", execution);
	}
	return execution;
}

static json_object *
request_of(json_object *cell)
{
	size_t size;
	g_autofree char *source = notebook_cell_source(cell, &size);
	json_object *request = json_object_new_object();

	json_object_object_add(request, "code", json_object_new_string_len(source, (int) size));
	json_put_bool(request, "silent", FALSE);
	json_put_bool(request, "store_history", TRUE);
	json_object_object_add(request, "user_expressions", json_object_new_object());
	json_put_bool(request, "allow_stdin", FALSE);
	json_put_bool(request, "stop_on_error", !notebook_cell_has_tag(cell, "raises-exception"));
	return request;
}

/* The index of the next cell that is run; behind the last one where none is left. */
static size_t
next_cell(const Player *player)
{
	size_t n_cells = notebook_n_cells(player->notebook);
	size_t next = (size_t) (player->sent + 1);

	while (next < n_cells && !notebook_cell_is_run(notebook_cell(player->notebook, next)))
		next++;
	return next;
}

json_object *
player_next_comm(Player *player)
{
	size_t next = (size_t) (player->sent + 1);

	if (next >= notebook_n_cells(player->notebook))
		return NULL;
	json_object *content = widgets_next_message(player->widgets);
	if (content != NULL)
		outputs_settle(player->outputs);
	return content;
}

/* Whether all that is in flight but the last has been replied to, and well. The first of ours is never the last. */
static gboolean
is_at_last(const Player *player)
{
	for (GList *each = player->flights->head; each != NULL && each->next != NULL;
		each = each->next)
		if (!((const Flight *) each->data)->replied)
			return FALSE;
	return player->executed > 0 && !failure_is_set(&player->failure);
}

PlayerNext
player_next_is(const Player *player)
{
	size_t next = next_cell(player);
	gboolean waits = player->state == PLAYER_WAITING;

	if ((player->state != PLAYER_READY && !waits) || (waits && player->has_begun) ||
		next >= notebook_n_cells(player->notebook))
		return PLAYER_NEXT_NOTHING;
	if (!is_authors(player->notebook, next))
		return PLAYER_NEXT_OURS;
	return !waits || is_at_last(player) ? PLAYER_NEXT_AUTHORS : PLAYER_NEXT_NOTHING;
}

json_object *
player_next(Player *player)
{
	size_t next = next_cell(player);

	if (next >= notebook_n_cells(player->notebook)) {
		player->state = PLAYER_DONE;
		return NULL;
	}
	json_object *cell = notebook_cell(player->notebook, next);
	json_object *metadata = json_object_member(cell, "metadata");

	json_object_object_add(metadata, "execution", json_object_new_object());
	Flight *flight = g_new0(Flight, 1);
	flight->cell = player->sent = (gssize) next;
	flight->idle_deadline_ms = -1;
	player->has_begun = player->has_begun || is_authors(player->notebook, next);
	if (current(player) == NULL)
		player->cell = flight->cell;
	g_queue_push_tail(player->flights, flight);
	player->state = PLAYER_WAITING;
	return request_of(cell);
}

void
player_sent(Player *player, const char *msg_id)
{
	Flight *flight = g_queue_peek_tail(player->flights);

	g_hash_table_insert(
		player->cells, g_strdup(msg_id), GSIZE_TO_POINTER((gsize) flight->cell + 1));
	flight->msg_id = g_strdup(msg_id);
}

static void
fail(Player *player)
{
	player->state = PLAYER_FAILED;
	g_queue_clear_full(player->flights, flight_free);
}

/* The first cell in flight has ended. Its count is our own, as with nbclient, whatever its messages say. */
static void
end_cell(Player *player)
{
	Flight *flight = g_queue_pop_head(player->flights);
	gboolean exiting = flight->exiting;

	if (flight->replied)
		json_put_int(notebook_cell(player->notebook, (size_t) flight->cell),
			"execution_count", flight->count);
	flight_free(flight);
	if (failure_is_set(&player->failure)) {
		fail(player);
		return;
	}
	if (is_authors(player->notebook, (size_t) player->cell))
		player->done++;
	player->state = exiting                   ? PLAYER_DONE
			: current(player) != NULL ? PLAYER_WAITING
						  : PLAYER_READY;
	if (current(player) != NULL)
		player->cell = current(player)->cell;
}

/* Ends the cells that have ended, in their order. */
static void
end_cells(Player *player)
{
	const Flight *flight;

	while (player->state == PLAYER_WAITING && (flight = current(player)) != NULL &&
		flight->replied && flight->idle)
		end_cell(player);
}

/* Not exit(keep_kernel=True), which ends consoles and leaves the kernel as it is. */
static gboolean
asks_exit(json_object *content)
{
	json_object *payload = json_array_member(content, "payload");
	size_t n = payload != NULL ? json_object_array_length(payload) : 0;

	for (size_t i = 0; i < n; i++) {
		json_object *item = json_object_array_get_idx(payload, i);

		if (g_strcmp0(json_string_member(item, "source"), "ask_exit") == 0 &&
			!json_bool_member(item, "keepkernel", FALSE))
			return TRUE;
	}
	return FALSE;
}

/* As nbclient writes times. What is written so already stays: a double has not all its microseconds. */
static char *
time_text(const char *date)
{
	static const char shape[] = "0000-00-00T00:00:00.000000Z";
	g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
	size_t i = 0;

	while (date != NULL && date[i] != '\0' && shape[i] != '\0' &&
		(shape[i] == '0' ? g_ascii_isdigit(date[i]) : date[i] == shape[i]))
		i++;
	if (date != NULL && i == sizeof shape - 1 && date[i] == '\0')
		return g_strdup(date);
	g_autoptr(GDateTime) given = date != NULL ? g_date_time_new_from_iso8601(date, utc) : NULL;
	g_autoptr(GDateTime) time =
		given != NULL ? g_date_time_to_utc(given) : g_date_time_new_now_utc();
	g_autofree char *seconds = g_date_time_format(time, "%Y-%m-%dT%H:%M:%S");
	return g_strdup_printf("%s.%06dZ", seconds, g_date_time_get_microsecond(time));
}

static void
put_time(json_object *cell, const char *name, const WireMessage *message)
{
	g_autofree char *text = time_text(wire_message_date(message));

	json_put_string(execution_of(cell), name, text);
}

static void
take_reply(Player *player, Flight *flight, const WireMessage *message, gint64 now_ms)
{
	json_object *cell = notebook_cell(player->notebook, (size_t) flight->cell);
	gboolean ok = g_strcmp0(json_string_member(message->content, "status"), "ok") == 0;

	put_time(cell, "shell.execute_reply", message);
	flight->count = ++player->executed;
	json_put_int(cell, "execution_count", flight->count);
	flight->replied = TRUE;
	flight->exiting = ok && asks_exit(message->content);
	flight->idle_deadline_ms = now_ms + IDLE_WAIT_MS;
	if (!ok && !notebook_cell_has_tag(cell, "raises-exception") &&
		!failure_is_set(&player->failure))
		failure_set_reply(&player->failure, message->content, flight->cell);
	end_cells(player);
}

/* flight NULL: the cell has ended. */
static void
take_status(Player *player, json_object *cell, const WireMessage *message, Flight *flight)
{
	const char *state = json_string_member(message->content, "execution_state");

	if (g_strcmp0(state, "busy") == 0)
		put_time(cell, "iopub.status.busy", message);
	if (g_strcmp0(state, "idle") != 0)
		return;
	put_time(cell, "iopub.status.idle", message);
	if (flight == NULL)
		return;
	flight->idle = TRUE;
	end_cells(player);
}

/* Hands a message on to widgets or outputs. */
static gboolean
keep(Player *player, json_object *cell, const WireMessage *message, GError **error)
{
	const char *type = wire_message_type(message);

	if (g_str_has_prefix(type, "comm_"))
		return widgets_take(
			player->widgets, type, message->content, message->buffers, error);
	json_object *captured =
		strcmp(type, "execute_input") != 0 && strcmp(type, "update_display_data") != 0
			? widgets_capture(player->widgets, wire_message_parent_id(message), type,
				  message->content)
			: NULL;
	if (captured != NULL)
		return outputs_capture(
			player->outputs, captured, type, message->content, message->size, error);
	return outputs_take(player->outputs, cell, type, message->content, message->size, error);
}

/* flight NULL: the cell has ended, and its count stays. */
static void
take_output(Player *player, gsize index, const WireMessage *message, Flight *flight)
{
	json_object *cell = notebook_cell(player->notebook, index);
	const char *type = wire_message_type(message);
	json_object *count = json_object_get(json_member(cell, "execution_count"));
	g_autoptr(GError) error = NULL;

	if (strcmp(type, "execute_input") == 0) {
		put_time(cell, "iopub.execute_input", message);
		if (flight != NULL)
			flight->executing = TRUE;
	}
	gboolean kept = keep(player, cell, message, &error);
	if (flight == NULL)
		json_object_object_add(cell, "execution_count", count);
	else
		json_object_put(count);
	if (kept)
		return;
	failure_set(
		&player->failure, "output_limit", "OutputLimit", error->message, (gssize) index);
	fail(player);
}

void
player_take(Player *player, Channel channel, const WireMessage *message, gint64 now_ms)
{
	const char *parent = wire_message_parent_id(message);
	gsize index = GPOINTER_TO_SIZE(g_hash_table_lookup(player->cells, parent));

	if (index == 0)
		return;
	index--;
	Flight *flight = flight_of_cell(player, (gssize) index);
	if (channel == CHANNEL_IOPUB && strcmp(wire_message_type(message), "status") == 0)
		take_status(player, notebook_cell(player->notebook, index), message, flight);
	else if (channel == CHANNEL_IOPUB)
		take_output(player, index, message, flight);
	else if (channel == CHANNEL_SHELL && flight != NULL && !flight->replied &&
		 strcmp(wire_message_type(message), "execute_reply") == 0)
		take_reply(player, flight, message, now_ms);
}

gint64
player_deadline(const Player *player)
{
	return current(player) != NULL ? current(player)->idle_deadline_ms : -1;
}

void
player_tick(Player *player, gint64 now_ms)
{
	gint64 deadline_ms = player_deadline(player);

	if (deadline_ms < 0 || now_ms < deadline_ms)
		return;
	player->outputs_complete = FALSE;
	end_cell(player);
	end_cells(player);
}

void
player_kernel_died(Player *player, const char *sentence)
{
	if (player->state == PLAYER_DONE || player->state == PLAYER_FAILED)
		return;
	if (player->state == PLAYER_READY &&
		next_cell(player) >= notebook_n_cells(player->notebook)) {
		player->state = PLAYER_DONE;
		return;
	}
	if (current(player) != NULL && current(player)->exiting) {
		end_cell(player);
		return;
	}
	if (player->state == PLAYER_WAITING)
		player->outputs_complete = FALSE;
	failure_set(&player->failure, "kernel_died", "KernelDied", sentence, player->cell);
	fail(player);
}

gssize
player_cell(const Player *player)
{
	return player->cell;
}

gboolean
player_is_executing(const Player *player)
{
	return current(player) != NULL && current(player)->executing;
}

gboolean
player_is_idle(const Player *player)
{
	return current(player) != NULL && current(player)->idle;
}

const Failure *
player_failure(const Player *player)
{
	return &player->failure;
}

int
player_total(const Player *player)
{
	return player->total;
}

int
player_done(const Player *player)
{
	return player->done;
}

gboolean
player_outputs_complete(const Player *player)
{
	return player->outputs_complete;
}

void
player_miss_outputs(Player *player)
{
	player->outputs_complete = FALSE;
}

void
player_settle(Player *player)
{
	outputs_settle(player->outputs);
	json_object *widgets = widgets_state(player->widgets);
	if (widgets != NULL)
		json_object_object_add(notebook_metadata(player->notebook), "widgets", widgets);
}
