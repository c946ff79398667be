/* exec/attachment.h: the file that a notebook responds with.
 *
 * A response may come from the notebook's own folder in production/, from its job's files/ and from the
 * folders of the setting response_folders, and from nowhere else: it is opened beneath one of them and
 * through no link. Errors name the file as its last component, and no folder of the server's. */
#pragma once

#include <glib.h>

#include "conf/settings.h"

/* Where the notebook is; all borrowed. */
typedef struct AttachmentPlace {
	const char *folder; /* its folder in production/, which is its working directory */
	const char *path;  /* as its author knows it; a file below its folder there is meant here */
	const char *files; /* of its job; may be NULL */
} AttachmentPlace;

/* Opens the file at path, absolute or relative to the notebook. A regular file; NOT_FOUND, FORBIDDEN,
 * UNPROCESSABLE. -1 on error. */
int attachment_open(
	const Settings *settings, const AttachmentPlace *place, const char *path, GError **error);
