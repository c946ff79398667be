/* exec/nbconvert.h: an executed notebook as a page, made by nbconvert.
 *
 * What a notebook shows may be anything, so nbconvert runs as a child of its own: without the network where
 * the host allows, with ceilings on time, memory and what it writes, in an environment that no notebook has
 * a hand in. It reads no configuration. */
#pragma once

#include <glib.h>

#include "conf/settings.h"

/* Descriptors are the caller's. */
typedef struct NbconvertSpec {
	const Settings *settings; /* python, page_timeout, page_memory, max_response */
	const char *title;
	int notebook; /* the executed notebook, read from its beginning */
	int page;     /* gets the page; its content is replaced */
	int log;      /* gets what nbconvert complains of; -1: nobody */
} NbconvertSpec;

/* Makes the page. On failure it says why in a sentence for the caller of the webhook, and what has been
 * written is to be thrown away. */
gboolean nbconvert_run(const NbconvertSpec *spec, GError **error);
