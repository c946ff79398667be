/* published_file.h: the file in a POST /job, as a descriptor for the daemon.
 *
 * A PublishedFile is a sealed memory file whose bytes are a valid notebook, with what that notebook says
 * about its kernel. */
#pragma once

#include <glib.h>

#include "base/json.h"
#include "conf/settings.h"

typedef struct PublishedFile {
	int fd;
	json_object *kernel; /* {"name", "language"}, null where the notebook does not say */
} PublishedFile;

/* file is {"filename", "data": base64}. BAD_REQUEST for broken base64, TOO_LARGE above max_notebook,
 * UNPROCESSABLE for what is no notebook. The caller frees. */
PublishedFile *published_file_new(
	json_object *file, const Settings *settings, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void published_file_free(PublishedFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PublishedFile, published_file_free)
