/* notebook/widgets.h: the widgets of a run, as far as a notebook keeps them.
 *
 * What kernels say over comms is collected as nbclient collects it: the state of every widget, with its
 * buffers, for metadata.widgets; and Output widgets, which take over what a cell shows while they capture.
 * What one has captured is told to the kernel before the next cell, where its code can look at it. */
#pragma once

#include "notebook/outputs.h"

typedef struct Widgets Widgets;

/* The captured outputs go into outputs, which is borrowed and counts them. */
Widgets *widgets_new(Outputs *outputs);
void widgets_free(Widgets *widgets);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Widgets, widgets_free)

/* Takes a comm message; buffers (GBytes) may be NULL. TOO_LARGE at the ceiling of the outputs. */
gboolean widgets_take(Widgets *widgets, const char *msg_type, json_object *content,
	GPtrArray *buffers, GError **error);

/* Where a message of the request parent_id that shows or clears something goes: to what stands for the cell, an
 * object with a member "outputs" that is borrowed; NULL when no Output widget captures it. */
json_object *widgets_capture(
	Widgets *widgets, const char *parent_id, const char *msg_type, json_object *content);

/* The content of the next comm_msg that the kernel has to be sent before it is given a cell; NULL when there
 * is none left. outputs_settle must have been called. The caller owns it. */
json_object *widgets_next_message(Widgets *widgets);

/* metadata.widgets; NULL when there were no widgets. outputs_settle must have been called. The caller owns
 * it. */
json_object *widgets_state(Widgets *widgets);
