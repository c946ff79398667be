/* Of most streams there is one message, so a buffer is made with the second. */
#include "notebook/stream.h"

#include <string.h>

struct Stream {
	json_object *output;
	GString *text; /* NULL while all of it is in the output's own */
	gboolean settled;
};

Stream *
stream_new(json_object *output)
{
	Stream *stream = g_new0(Stream, 1);

	stream->output = json_object_get(output);
	return stream;
}

void
stream_free(Stream *stream)
{
	if (stream == NULL)
		return;
	if (stream->text != NULL)
		g_string_free(stream->text, TRUE);
	json_object_put(stream->output);
	g_free(stream);
}

static json_object *
own_text(const Stream *stream)
{
	return json_member(stream->output, "text");
}

gboolean
stream_continues(const Stream *stream, const char *name, int size)
{
	gsize length = stream->text != NULL ? stream->text->len
					    : (gsize) json_object_get_string_len(own_text(stream));

	return length <= (gsize) (G_MAXINT - size) &&
	       strcmp(json_string_member(stream->output, "name"), name) == 0;
}

static void
append(GString *to, json_object *text)
{
	g_string_append_len(to, json_object_get_string(text), json_object_get_string_len(text));
}

void
stream_append(Stream *stream, json_object *text)
{
	if (stream->text == NULL) {
		stream->text = g_string_new(NULL);
		append(stream->text, own_text(stream));
		json_put_string(stream->output, "text", "");
	}
	append(stream->text, text);
	stream->settled = FALSE;
}

void
stream_settle(Stream *stream)
{
	if (stream->text == NULL || stream->settled)
		return;
	json_object_object_add(stream->output, "text",
		json_object_new_string_len(stream->text->str, (int) stream->text->len));
	stream->settled = TRUE;
}
