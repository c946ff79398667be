/* exec/respond.h: the files of a response: its body and its alternative.
 *
 * They are on disk when respond_write() has succeeded, and empty when it has not. */
#pragma once

#include <glib.h>

#include "conf/settings.h"
#include "exec/play.h"
#include "notebook/response.h"

/* Writes what response says into play's descriptors and fills in what was not known before: type, size and
 * name of a file, the sizes of a notebook and its page. play->executed has to be written before if the
 * response is the notebook. NOT_FOUND, FORBIDDEN, UNPROCESSABLE, TOO_LARGE, NO_SPACE. */
gboolean respond_write(
	const Settings *settings, const PlaySpec *play, Response *response, GError **error);
