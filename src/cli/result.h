/* cli/result.h: what a job that has ended gave, as a command hands it on.
 *
 * A result is the reply to job.wait. */
#pragma once

#include <glib.h>

#include "base/frame.h"
#include "cli/cli.h"

/* True for a job that is completed. Otherwise an error that says how it ended, and where; the exit code
 * of the program is then 1 for a failed job, 3 for one that was stopped. A traceback, which a debugged
 * webhook's job has, is written to standard error before. */
gboolean result_check(Cli *cli, Frame *result, GError **error);

/* Writes the response's body to a file, or to standard output when that is NULL; where the notebook gave
 * none, the JSON that a caller gets. No picture is written to a terminal. */
gboolean result_write(Frame *result, const char *file, GError **error);

/* All that is known of the result but the body, for --json. The caller owns it. */
json_object *result_document(Frame *result);
