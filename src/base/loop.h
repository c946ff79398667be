/* base/loop.h: words from other threads to a main loop. */
#pragma once

#include <glib.h>

/* Runs function once from the loop of context, in the order of the calls, then free_data on data. Unlike
 * g_main_context_invoke() it never runs it in the calling thread, not even while nobody iterates the
 * context. */
void loop_tell(
	GMainContext *context, GSourceFunc function, gpointer data, GDestroyNotify free_data);
