/* cli/ask.h: questions about one job, which is named by its id or its uuid. */
#pragma once

#include <glib.h>

#include "base/frame.h"
#include "cli/cli.h"

/* The members that name the job; a G_OPTION_ERROR for a text that names none. The caller owns them. */
json_object *ask_members(const char *job, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The job's status document. The caller owns it. */
json_object *ask_status(Cli *cli, const char *job, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Whether a status document, or the reply to job.wait, says that the job has ended. */
gboolean ask_is_ended(json_object *document);

/* What somebody who waits sees: the status document now and then, unchanged when nothing has happened for
 * half a second. Ends the waiting when it gives FALSE. */
typedef gboolean (*AskWatcher)(json_object *status, gpointer data);

/* Waits until the job has ended, through restarts of the daemon, without a limit; gives the reply to
 * job.wait. NULL without an error when the watcher ended it. */
Frame *ask_wait(Cli *cli, const char *job, AskWatcher watcher, gpointer data,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
