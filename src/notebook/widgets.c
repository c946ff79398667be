/* Sources: nbclient's handle_comm_msg and OutputWidget; the schema of widget state in ipywidgets
 * (packages/schema). A state is kept member by member, as later messages replace single members. */
#include "notebook/widgets.h"

#include <string.h>

#include "base/json.h"

/* What a model, or a request that is captured, costs beside its id. */
#define KEPT_COST 256

#define STATE_TYPE "application/vnd.jupyter.widget-state+json"

typedef struct Widget {
	char *id;
	json_object *state;
	json_object *buffers; /* by their paths as text */
	gint64 bytes;
	/* of an Output widget only */
	json_object *
		cell; /* stands for a cell: its "outputs" are what was captured; NULL: another widget */
	char *captures;        /* the request whose outputs it takes; NULL: none */
	gboolean has_captured; /* after the last "outputs" of its state */
	gboolean is_dirty;     /* the kernel does not know yet what was captured */
} Widget;

struct Widgets {
	Outputs *outputs;
	GHashTable *by_id;
	GPtrArray *all; /* Widget, owned, in the order of their first messages */
	GHashTable *
		capturing; /* request -> GPtrArray of Widget, the last of which takes its outputs */
	GPtrArray *dirty;
};

static void
widget_free(gpointer data)
{
	Widget *widget = data;

	g_free(widget->id);
	json_object_put(widget->state);
	json_object_put(widget->buffers);
	json_object_put(widget->cell);
	g_free(widget->captures);
	g_free(widget);
}

Widgets *
widgets_new(Outputs *outputs)
{
	Widgets *widgets = g_new0(Widgets, 1);

	widgets->outputs = outputs;
	widgets->by_id = g_hash_table_new(g_str_hash, g_str_equal);
	widgets->all = g_ptr_array_new_with_free_func(widget_free);
	widgets->capturing = g_hash_table_new_full(
		g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_ptr_array_unref);
	widgets->dirty = g_ptr_array_new();
	return widgets;
}

void
widgets_free(Widgets *widgets)
{
	if (widgets == NULL)
		return;
	g_hash_table_unref(widgets->capturing);
	g_hash_table_unref(widgets->by_id);
	g_ptr_array_unref(widgets->dirty);
	g_ptr_array_unref(widgets->all);
	g_free(widgets);
}

static gint64
kept_cost(const char *id)
{
	return KEPT_COST + (gint64) strlen(id);
}

static gboolean
count_kept(Widgets *widgets, const char *id, GError **error)
{
	return outputs_count(widgets->outputs, kept_cost(id), error);
}

/* The model of an id, made where there is none; NULL at the ceiling. */
static Widget *
find_widget(Widgets *widgets, const char *id, GError **error)
{
	Widget *widget = g_hash_table_lookup(widgets->by_id, id);

	if (widget != NULL)
		return widget;
	if (!count_kept(widgets, id, error))
		return NULL;
	widget = g_new0(Widget, 1);
	widget->id = g_strdup(id);
	widget->state = json_object_new_object();
	widget->buffers = json_object_new_object();
	g_hash_table_insert(widgets->by_id, widget->id, widget);
	g_ptr_array_add(widgets->all, widget);
	return widget;
}

static gint64
text_size(json_object *value)
{
	size_t size;

	json_object_to_json_string_length(value, JSON_C_TO_STRING_PLAIN, &size);
	return (gint64) size;
}

/* Puts a member (owned) in the place of an earlier one; the difference is counted. */
static gboolean
replace(Widgets *widgets, json_object *object, const char *name, json_object *value, GError **error)
{
	json_object *before = NULL;
	gint64 bytes = (gint64) strlen(name) + text_size(value);

	if (json_object_object_get_ex(object, name, &before))
		bytes -= (gint64) strlen(name) + text_size(before);
	json_object_object_add(object, name, value);
	return outputs_count(widgets->outputs, bytes, error);
}

static gboolean
take_state(Widgets *widgets, Widget *widget, json_object *state, GError **error)
{
	if (json_object_object_get_ex(state, "outputs", NULL))
		widget->has_captured = FALSE;
	json_object_object_foreach (state, name, value) {
		if (!replace(widgets, widget->state, name, json_object_get(value), error))
			return FALSE;
	}
	return TRUE;
}

/* Buffers and paths come in the same order; an earlier buffer of a path is replaced. */
static gboolean
take_buffers(
	Widgets *widgets, Widget *widget, json_object *paths, GPtrArray *buffers, GError **error)
{
	size_t n = paths != NULL && buffers != NULL ? json_object_array_length(paths) : 0;

	for (size_t i = 0; i < n && i < buffers->len; i++) {
		json_object *path = json_object_array_get_idx(paths, i);
		json_object *buffer = json_object_new_object();
		gsize size;
		const guchar *bytes = g_bytes_get_data(buffers->pdata[i], &size);
		g_autofree char *text = g_base64_encode(bytes, size);
		g_autofree char *name = json_print(path);

		json_put_string(buffer, "data", text);
		json_put_string(buffer, "encoding", "base64");
		json_put_shared(buffer, "path", path);
		if (!replace(widgets, widget->buffers, name, buffer, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean
is_output_widget(json_object *content, json_object *state)
{
	return g_strcmp0(json_string_member(content, "target_name"), "jupyter.widget") == 0 &&
	       g_strcmp0(json_string_member(state, "_model_module"), "@jupyter-widgets/output") ==
		       0 &&
	       g_strcmp0(json_string_member(state, "_model_name"), "OutputModel") == 0;
}

static void
open_output_widget(Widget *widget, json_object *state)
{
	json_object *outputs = json_array_member(state, "outputs");

	json_object_put(widget->cell);
	widget->cell = json_object_new_object();
	json_object_object_add(widget->cell, "outputs",
		outputs != NULL ? json_copy(outputs) : json_object_new_array());
}

static void
release(Widgets *widgets, Widget *widget)
{
	GPtrArray *stack = widget->captures != NULL
				   ? g_hash_table_lookup(widgets->capturing, widget->captures)
				   : NULL;

	if (stack != NULL) { /* an empty one is not kept */
		g_ptr_array_remove_index(stack, stack->len - 1);
		outputs_count(widgets->outputs, -kept_cost(widget->captures), NULL);
		if (stack->len == 0)
			g_hash_table_remove(widgets->capturing, widget->captures);
	}
	g_clear_pointer(&widget->captures, g_free);
}

/* Its state names the request that it captures from now on, or with "" none any more. */
static gboolean
set_captures(Widgets *widgets, Widget *widget, const char *request, GError **error)
{
	if (*request == '\0') {
		release(widgets, widget);
		return TRUE;
	}
	if (!count_kept(widgets, request, error))
		return FALSE;
	GPtrArray *stack = g_hash_table_lookup(widgets->capturing, request);
	if (stack == NULL) {
		stack = g_ptr_array_new();
		g_hash_table_insert(widgets->capturing, g_strdup(request), stack);
	}
	g_ptr_array_add(stack, widget);
	g_free(widget->captures);
	widget->captures = g_strdup(request);
	return TRUE;
}

gboolean
widgets_take(Widgets *widgets, const char *msg_type, json_object *content, GPtrArray *buffers,
	GError **error)
{
	const char *id = json_string_member(content, "comm_id");
	json_object *data = json_object_member(content, "data");
	json_object *state = json_object_member(data, "state");

	if (id == NULL || state == NULL)
		return TRUE;
	Widget *widget = find_widget(widgets, id, error);
	if (widget == NULL || !take_state(widgets, widget, state, error) ||
		!take_buffers(
			widgets, widget, json_array_member(data, "buffer_paths"), buffers, error))
		return FALSE;
	if (strcmp(msg_type, "comm_open") == 0 && is_output_widget(content, state))
		open_output_widget(widget, state);
	else if (strcmp(msg_type, "comm_msg") == 0 && widget->cell != NULL &&
		 json_string_member(state, "msg_id") != NULL)
		return set_captures(widgets, widget, json_string_member(state, "msg_id"), error);
	return TRUE;
}

/* Whether a message changes what is shown at once: a clear that waits does not. */
static gboolean
shows(const char *msg_type, json_object *content)
{
	static const char *const types[] = { "stream", "display_data", "execute_result", "error",
		NULL };

	return g_strv_contains(types, msg_type) ||
	       (strcmp(msg_type, "clear_output") == 0 && !outputs_clear_waits(content));
}

json_object *
widgets_capture(Widgets *widgets, const char *parent_id, const char *msg_type, json_object *content)
{
	GPtrArray *stack = g_hash_table_lookup(widgets->capturing, parent_id);

	if (stack == NULL)
		return NULL;
	Widget *widget = stack->pdata[stack->len - 1];
	if (!shows(msg_type, content))
		return widget->cell;
	if (!widget->is_dirty)
		g_ptr_array_add(widgets->dirty, widget);
	widget->is_dirty = widget->has_captured = TRUE;
	return widget->cell;
}

json_object *
widgets_next_message(Widgets *widgets)
{
	if (widgets->dirty->len == 0)
		return NULL;
	Widget *widget = g_ptr_array_remove_index(widgets->dirty, 0);
	json_object *content = json_object_new_object();
	json_object *data = json_object_new_object();
	json_object *state = json_object_new_object();

	widget->is_dirty = FALSE;
	json_put_shared(state, "outputs", json_member(widget->cell, "outputs"));
	json_put_string(data, "method", "update");
	json_object_object_add(data, "state", state);
	json_object_object_add(data, "buffer_paths", json_object_new_array());
	json_put_string(content, "comm_id", widget->id);
	json_object_object_add(content, "data", data);
	return content;
}

/* The state with what was captured. It is counted with the outputs, not with the state. */
static json_object *
state_of(const Widget *widget)
{
	json_object *state;

	if (!widget->has_captured)
		return json_object_get(widget->state);
	state = json_object_new_object();
	json_object_object_foreach (widget->state, name, value) {
		json_put_shared(state, name, value);
	}
	json_put_shared(state, "outputs", json_member(widget->cell, "outputs"));
	return state;
}

static json_object *
widget_object(const Widget *widget)
{
	static const char *const members[][2] = { { "model_name", "_model_name" },
		{ "model_module", "_model_module" },
		{ "model_module_version", "_model_module_version" } };
	json_object *object = json_object_new_object();
	json_object *buffers = json_object_new_array();

	for (size_t i = 0; i < G_N_ELEMENTS(members); i++)
		json_put_shared(object, members[i][0], json_member(widget->state, members[i][1]));
	json_object_object_add(object, "state", state_of(widget));
	json_object_object_foreach (widget->buffers, path, buffer) {
		(void) path;
		json_object_array_add(buffers, json_object_get(buffer));
	}
	if (json_object_array_length(buffers) > 0)
		json_object_object_add(object, "buffers", buffers);
	else
		json_object_put(buffers);
	return object;
}

json_object *
widgets_state(Widgets *widgets)
{
	json_object *models = json_object_new_object();
	json_object *document = json_object_new_object();
	json_object *bundle = json_object_new_object();

	for (guint i = 0; i < widgets->all->len; i++) {
		const Widget *widget = widgets->all->pdata[i];

		if (json_object_object_get_ex(widget->state, "_model_name", NULL))
			json_object_object_add(models, widget->id, widget_object(widget));
	}
	json_object_object_add(document, "state", models);
	json_put_int(document, "version_major", 2);
	json_put_int(document, "version_minor", 0);
	json_object_object_add(bundle, STATE_TYPE, document);
	if (widgets->all->len > 0)
		return bundle;
	json_object_put(bundle);
	return NULL;
}
