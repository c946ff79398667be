/* notebook/outputs.h: what a kernel says about a cell becomes the cell's outputs, as nbclient does
 * it.
 *
 * Consecutive streams of one name are joined, clear_output(wait) waits for the next output of its
 * cell, a display id's new data replace the old in all cells, transient is never stored. A message
 * without the shape of its type is mended where that can be, else ignored. What the cells hold is counted against a ceiling; what
 * was cleared or replaced no longer counts. */
#pragma once

#include <glib.h>

#include "base/json.h"

typedef struct Outputs Outputs;

/* For all cells together. */
typedef struct OutputLimits {
	gint64 max_bytes;   /* the setting output_limit */
	gint64 max_outputs; /* the setting of that name */
} OutputLimits;

Outputs *outputs_new(OutputLimits limits);
void outputs_free(Outputs *outputs);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Outputs, outputs_free)

/* Takes one iopub message (msg_type: stream, display_data, update_display_data, execute_result,
 * error, clear_output, execute_input; others are ignored) for a cell. Parts of content are shared,
 * so the caller must not change it afterwards; message_size is its size on the wire. False when
 * a ceiling is hit: TOO_LARGE naming its setting; the message is dropped then, and every later
 * one. */
gboolean outputs_take(Outputs *outputs, json_object *cell, const char *msg_type,
	json_object *content, size_t message_size, GError **error);

/* The same for what a widget captures: cell stands for it, and no display id leads to it. */
gboolean outputs_capture(Outputs *outputs, json_object *cell, const char *msg_type,
	json_object *content, size_t message_size, GError **error);

/* Whether a clear_output message of that content waits for the next output. */
gboolean outputs_clear_waits(json_object *content);

/* Counts bytes (also fewer than none) that are kept elsewhere. Errors as above. */
gboolean outputs_count(Outputs *outputs, gint64 bytes, GError **error);

/* Writes the joined stream text that is still held back into the cells. Call it before a cell is
 * read or printed. A waiting clear goes on waiting: without a next output there is none. */
void outputs_settle(Outputs *outputs);
