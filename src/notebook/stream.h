/* notebook/stream.h: the text of a stream output that may go on.
 *
 * It begins as the text of one message, which is shared; what is appended grows in a buffer and reaches the output
 * at stream_settle(), so that joining is linear. A Stream owns a reference to its output. */
#pragma once

#include <glib.h>

#include "base/json.h"

typedef struct Stream Stream;

/* output: {"output_type": "stream", "name", "text"}, both strings. */
Stream *stream_new(json_object *output);
void stream_free(Stream *stream);

/* Whether it is of that name, with room for size bytes more. */
gboolean stream_continues(const Stream *stream, const char *name, int size);

/* text is a string, which is copied; it must fit. The output's own text is empty until the stream is settled. */
void stream_append(Stream *stream, json_object *text);

/* Puts the whole text into the output. */
void stream_settle(Stream *stream);
