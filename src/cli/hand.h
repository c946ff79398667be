/* cli/hand.h: a notebook file played by hand, without a service and without its configuration.
 *
 * The engine is that of a service run (exec/play.h) with its ceilings; what the daemon would provide is made
 * here: a private folder for the kernel's sockets, unnamed files for what the run writes, the signals. A
 * process plays one notebook by hand in its life. */
#pragma once

#include <glib.h>

#include "base/json.h"
#include "conf/settings.h"

typedef struct HandSpec {
	Settings *settings; /* run_dir is replaced */
	int notebook;       /* a regular file; borrowed */
	const char *path;   /* what it is called; absolute */
	const char *folder; /* the working directory */
	const char *kernel; /* NULL: the notebook's own */
	json_object *params;
	gboolean bar; /* shows how far it is on standard error */
} HandSpec;

typedef struct HandResult {
	json_object *outcome; /* the last line of an outcome file; see HACKING */
	char *executed;       /* the executed notebook; NULL when none was played */
	size_t size;
	char *kernel; /* the one that was started; NULL: none */
	char *wanted; /* the one that the notebook names; NULL: none */
	char *log; /* the end of what the kernel printed past Jupyter and of what happened to it */
	int signal_number; /* that stopped the run; 0: none */
} HandResult;

/* Plays it to its end; SIGINT, SIGTERM and SIGHUP stop it, and leave no process. How it ended is in the
 * result, which the caller frees; an error is what kept it from beginning. */
HandResult *hand_play(const HandSpec *spec, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void hand_result_free(HandResult *result);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HandResult, hand_result_free)
