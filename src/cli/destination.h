/* cli/destination.h: where a command writes a file: atomically where that can be, checked before the work.
 *
 * A regular file is replaced as a whole, also where the name is a link to it, and keeps its mode; anything
 * else (a device, a pipe, standard output) is written into. */
#pragma once

#include <glib.h>

typedef struct Destination Destination;

/* "-" is standard output. Errors say why nothing could be written there. The caller frees the result. */
Destination *destination_new(const char *file, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void destination_free(Destination *destination);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Destination, destination_free)

gboolean destination_write(
	const Destination *destination, const char *bytes, size_t size, GError **error);
