/* Each cell that got a message has a state: the stream that is still open, the clear that waits, the bytes that its
 * outputs count. Display ids lead to the outputs that carry them. */
#include "notebook/outputs.h"

#include <string.h>

#include "base/error.h"
#include "notebook/lines.h"
#include "notebook/stream.h"

typedef struct CellState {
	json_object *cell; /* a reference */
	Stream *stream;    /* the open one; NULL: none */
	gboolean clear_waits;
	gint64 bytes;
	gint64 n_outputs;
	GPtrArray *display_ids; /* those that lead to outputs of the cell */
} CellState;

/* An output with a display id. */
typedef struct Display {
	CellState *state;    /* of the cell that it is in */
	json_object *output; /* a reference */
	gint64 bytes;
} Display;

/* Which ceiling was hit. */
typedef enum {
	FULL_NOT,
	FULL_BYTES,
	FULL_COUNT,
} Full;

struct Outputs {
	OutputLimits limits;
	gint64 bytes, n_outputs; /* of all cells */
	Full full;
	GHashTable *states;   /* cell -> CellState */
	GHashTable *displays; /* display id -> GPtrArray of Display */
};

/* One message on its way in. */
typedef struct Message {
	Outputs *outputs;
	CellState *state;
	const char *type;
	json_object *content;
	gint64 size;
	gboolean captured;
} Message;

static void
cell_state_free(gpointer data)
{
	CellState *state = data;

	stream_free(state->stream);
	json_object_put(state->cell);
	g_ptr_array_unref(state->display_ids);
	g_free(state);
}

static void
display_free(gpointer data)
{
	Display *display = data;

	json_object_put(display->output);
	g_free(display);
}

static void
displays_free(gpointer data)
{
	g_ptr_array_unref(data);
}

Outputs *
outputs_new(OutputLimits limits)
{
	Outputs *outputs = g_new0(Outputs, 1);

	outputs->limits = limits;
	outputs->states = g_hash_table_new_full(NULL, NULL, NULL, cell_state_free);
	outputs->displays = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, displays_free);
	return outputs;
}

void
outputs_free(Outputs *outputs)
{
	if (outputs == NULL)
		return;
	g_hash_table_unref(outputs->displays);
	g_hash_table_unref(outputs->states);
	g_free(outputs);
}

static CellState *
find_state(Outputs *outputs, json_object *cell)
{
	CellState *state = g_hash_table_lookup(outputs->states, cell);

	if (state != NULL)
		return state;
	state = g_new0(CellState, 1);
	state->cell = json_object_get(cell);
	state->display_ids = g_ptr_array_new_with_free_func(g_free);
	g_hash_table_insert(outputs->states, cell, state);
	return state;
}

static gboolean
refuse_full(Outputs *outputs, GError **error)
{
	if (outputs->full == FULL_COUNT)
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_TOO_LARGE,
			"the run has more outputs than max_outputs allows (%" G_GINT64_FORMAT ")",
			outputs->limits.max_outputs);
	else
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_TOO_LARGE,
			"the outputs of the run are larger than output_limit allows "
			"(%" G_GINT64_FORMAT " bytes)",
			outputs->limits.max_bytes);
	return FALSE;
}

/* Counts bytes (also fewer than none) for a cell; false at the ceiling. */
static gboolean
count(Outputs *outputs, CellState *state, gint64 bytes, GError **error)
{
	if (bytes > outputs->limits.max_bytes - outputs->bytes) {
		outputs->full = FULL_BYTES;
		return refuse_full(outputs, error);
	}
	outputs->bytes += bytes;
	state->bytes += bytes;
	return TRUE;
}

/* Counts one more output; false at the ceiling. */
static gboolean
count_output(Outputs *outputs, CellState *state, GError **error)
{
	if (outputs->n_outputs >= outputs->limits.max_outputs) {
		outputs->full = FULL_COUNT;
		return refuse_full(outputs, error);
	}
	outputs->n_outputs++;
	state->n_outputs++;
	return TRUE;
}

static void
close_stream(CellState *state)
{
	if (state->stream != NULL)
		stream_settle(state->stream);
	g_clear_pointer(&state->stream, stream_free);
}

/* Takes what a display id has in that cell away from it. */
static void
forget_displays(Outputs *outputs, CellState *state, const char *id)
{
	GPtrArray *list = g_hash_table_lookup(outputs->displays, id);

	for (guint i = list != NULL ? list->len : 0; i-- > 0;)
		if (((Display *) g_ptr_array_index(list, i))->state == state)
			g_ptr_array_remove_index(list, i);
	if (list != NULL && list->len == 0)
		g_hash_table_remove(outputs->displays, id);
}

static void
clear_cell(Outputs *outputs, CellState *state)
{
	close_stream(state);
	state->clear_waits = FALSE;
	outputs->bytes -= state->bytes;
	state->bytes = 0;
	outputs->n_outputs -= state->n_outputs;
	state->n_outputs = 0;
	json_object_object_add(state->cell, "outputs", json_object_new_array());
	for (guint i = 0; i < state->display_ids->len; i++)
		forget_displays(outputs, state, g_ptr_array_index(state->display_ids, i));
	g_ptr_array_set_size(state->display_ids, 0);
}

/* Appends an output (owned) to the cell; bytes are counted. */
static gboolean
append_output(Message *message, json_object *output, gint64 bytes, GError **error)
{
	CellState *state = message->state;

	if (state->clear_waits)
		clear_cell(message->outputs, state);
	close_stream(state);
	if (!count_output(message->outputs, state, error) ||
		!count(message->outputs, state, bytes, error)) {
		json_object_put(output);
		return FALSE;
	}
	json_object_array_add(json_array_member(state->cell, "outputs"), output);
	return TRUE;
}

static const char *
display_id_of(json_object *content)
{
	const char *id = json_string_member(json_member(content, "transient"), "display_id");

	return id != NULL && *id != '\0' ? id : NULL;
}

static void
note_display(Message *message, const char *id, json_object *output)
{
	GPtrArray *list = g_hash_table_lookup(message->outputs->displays, id);
	Display *display = g_new0(Display, 1);

	if (list == NULL) {
		list = g_ptr_array_new_with_free_func(display_free);
		g_hash_table_insert(message->outputs->displays, g_strdup(id), list);
	}
	display->state = message->state;
	display->output = json_object_get(output);
	display->bytes = message->size;
	g_ptr_array_add(list, display);
	g_ptr_array_add(message->state->display_ids, g_strdup(id));
}

/* Data as the schema wants it: what is of no JSON type is text, in one piece or in lines. */
static json_object *
valid_data(json_object *data)
{
	json_object *valid = json_object_new_object();

	json_object_object_foreach (data, type, value) {
		if (lines_are_json_type(type) || lines_are_text(value)) {
			json_put_shared(valid, type, value);
			continue;
		}
		g_autofree char *text = json_print(value);
		json_put_string(valid, type, text);
	}
	return valid;
}

/* Puts data and metadata of a message into an output, in nbformat's order: a kernel may print what a widget
 * captured. */
static void
put_data(json_object *output, json_object *content)
{
	json_object *metadata = json_object_member(content, "metadata");

	json_object_object_add(output, "metadata",
		metadata != NULL ? json_object_get(metadata) : json_object_new_object());
	json_object_object_add(output, "data", valid_data(json_member(content, "data")));
}

/* The new data of a display id replace the old wherever it is shown. */
static gboolean
update_displays(Message *message, const char *id, GError **error)
{
	GPtrArray *list = g_hash_table_lookup(message->outputs->displays, id);

	for (guint i = 0; list != NULL && i < list->len; i++) {
		Display *display = g_ptr_array_index(list, i);

		if (!count(message->outputs, display->state, message->size - display->bytes, error))
			return FALSE;
		display->bytes = message->size;
		put_data(display->output, message->content);
	}
	return TRUE;
}

static gboolean
take_display(Message *message, GError **error)
{
	const char *id = display_id_of(message->content);

	if (json_object_member(message->content, "data") == NULL)
		return TRUE;
	if (id != NULL && !update_displays(message, id, error))
		return FALSE;
	json_object *output = json_object_new_object();
	json_put_string(output, "output_type", message->type);
	put_data(output, message->content);
	if (strcmp(message->type, "execute_result") == 0)
		json_put_shared(output, "execution_count",
			json_member(message->content, "execution_count"));
	if (!append_output(message, output, message->size, error))
		return FALSE;
	if (id != NULL && !message->captured)
		note_display(message, id, output);
	return TRUE;
}

static gboolean
take_update(Message *message, GError **error)
{
	const char *id = display_id_of(message->content);

	if (id == NULL || json_object_member(message->content, "data") == NULL)
		return TRUE;
	return update_displays(message, id, error);
}

static gboolean
open_stream(Message *message, const char *name, json_object *text, GError **error)
{
	json_object *output = json_object_new_object();

	json_put_string(output, "output_type", "stream");
	json_put_string(output, "name", name);
	json_put_shared(output, "text", text);
	if (!append_output(message, output, message->size, error))
		return FALSE;
	message->state->stream = stream_new(output);
	return TRUE;
}

/* What an Output widget had to begin with may be a stream that goes on. */
static void
find_stream(CellState *state)
{
	json_object *outputs = json_array_member(state->cell, "outputs");
	size_t n = json_object_array_length(outputs);
	json_object *last = n > 0 ? json_object_array_get_idx(outputs, n - 1) : NULL;

	if (g_strcmp0(json_string_member(last, "output_type"), "stream") == 0 &&
		json_string_member(last, "name") != NULL &&
		json_string_member(last, "text") != NULL)
		state->stream = stream_new(last);
}

/* A message that opens a stream counts with its size on the wire, one that is joined with its
 * text. */
static gboolean
take_stream(Message *message, GError **error)
{
	const char *name = json_string_member(message->content, "name");
	json_object *given = json_member(message->content, "text");
	g_autoptr(json_object) text = json_object_is_type(given, json_type_string)
					      ? json_object_get(given)
					      : lines_join(given, "");

	if (name == NULL || text == NULL)
		return TRUE;
	CellState *state = message->state;
	int size = json_object_get_string_len(text);
	if (state->stream == NULL && message->captured)
		find_stream(state);
	if (state->stream == NULL || state->clear_waits ||
		!stream_continues(state->stream, name, size))
		return open_stream(message, name, text, error);
	if (!count(message->outputs, state, size, error))
		return FALSE;
	stream_append(state->stream, text);
	return TRUE;
}

/* A member that must be a string and need not be one. */
static void
put_text(json_object *output, const char *name, json_object *value)
{
	if (json_object_is_type(value, json_type_string)) {
		json_put_shared(output, name, value);
		return;
	}
	g_autofree char *text = json_print(value);
	json_put_string(output, name, value != NULL ? text : "");
}

static gboolean
take_error(Message *message, GError **error)
{
	json_object *content = message->content;
	json_object *traceback = json_array_member(content, "traceback");
	json_object *output;

	if (json_member(content, "ename") == NULL)
		return TRUE;
	output = json_object_new_object();
	json_put_string(output, "output_type", "error");
	put_text(output, "ename", json_member(content, "ename"));
	put_text(output, "evalue", json_member(content, "evalue"));
	json_object_object_add(output, "traceback",
		lines_are_text(traceback) ? json_object_get(traceback) : json_object_new_array());
	return append_output(message, output, message->size, error);
}

/* Any number but 0 is true, as Python has it. */
gboolean
outputs_clear_waits(json_object *content)
{
	return json_object_get_boolean(json_member(content, "wait"));
}

static gboolean
take_clear(Message *message, GError **error)
{
	(void) error;
	if (outputs_clear_waits(message->content))
		message->state->clear_waits = TRUE;
	else
		clear_cell(message->outputs, message->state);
	return TRUE;
}

static gboolean
take_nothing(Message *message, GError **error)
{
	(void) message;
	(void) error;
	return TRUE;
}

/* clang-format off */
static const struct {
	const char *type;
	gboolean (*take)(Message *message, GError **error);
} takers[] = {
	{ "stream", take_stream },
	{ "display_data", take_display },
	{ "execute_result", take_display },
	{ "update_display_data", take_update },
	{ "error", take_error },
	{ "clear_output", take_clear },
	{ "execute_input", take_nothing },
};
/* clang-format on */

static gboolean
take(Message *message, GError **error)
{
	json_object *execution_count = json_member(message->content, "execution_count");

	if (message->outputs->full != FULL_NOT)
		return refuse_full(message->outputs, error);
	for (size_t i = 0; i < G_N_ELEMENTS(takers); i++) {
		if (strcmp(takers[i].type, message->type) != 0)
			continue;
		if (execution_count != NULL)
			json_put_shared(message->state->cell, "execution_count", execution_count);
		return takers[i].take(message, error);
	}
	return TRUE;
}

gboolean
outputs_take(Outputs *outputs, json_object *cell, const char *msg_type, json_object *content,
	size_t message_size, GError **error)
{
	Message message = { outputs, find_state(outputs, cell), msg_type, content,
		(gint64) message_size, FALSE };

	return take(&message, error);
}

gboolean
outputs_capture(Outputs *outputs, json_object *cell, const char *msg_type, json_object *content,
	size_t message_size, GError **error)
{
	Message message = { outputs, find_state(outputs, cell), msg_type, content,
		(gint64) message_size, TRUE };

	return take(&message, error);
}

gboolean
outputs_count(Outputs *outputs, gint64 bytes, GError **error)
{
	if (outputs->full == FULL_NOT && bytes > outputs->limits.max_bytes - outputs->bytes)
		outputs->full = FULL_BYTES;
	if (outputs->full != FULL_NOT)
		return refuse_full(outputs, error);
	outputs->bytes += bytes;
	return TRUE;
}

void
outputs_settle(Outputs *outputs)
{
	GHashTableIter iterator;
	gpointer state;

	g_hash_table_iter_init(&iterator, outputs->states);
	while (g_hash_table_iter_next(&iterator, NULL, &state))
		if (((CellState *) state)->stream != NULL)
			stream_settle(((CellState *) state)->stream);
}
