/* daemon/runner_link.h: the connection to nbhook-runner.
 *
 * A request is kept until the runner has answered it: when the runner restarts, the
 * connection is made again and the request sent again. While nobody holds the runner's socket, it is
 * tried once a second, and said once. */
#pragma once

#include <glib.h>
#include <sys/types.h>

#include "base/json.h"

typedef struct RunnerLink RunnerLink;
typedef struct RunnerRequest RunnerRequest;

/* executor is the socket of an executor (given away) and pid its process; or -1 with the reason. */
typedef void (*RunnerGave)(int executor, pid_t pid, const GError *failure, gpointer data);

/* reply is the runner's (borrowed), or NULL with the reason. */
typedef void (*RunnerTold)(json_object *reply, const GError *failure, gpointer data);

RunnerLink *runner_link_new(const char *socket_path);
void runner_link_free(RunnerLink *link);

/* Asks for an executor with that kernel, or for that language (NULL: not known). gave runs once, from the main
 * loop. */
RunnerRequest *runner_link_take(
	RunnerLink *link, const char *kernel, const char *language, RunnerGave gave, gpointer data);

/* Asks a question. told runs once, from the main loop. */
RunnerRequest *runner_link_ask(RunnerLink *link, const char *op, RunnerTold told, gpointer data);

/* The answer is no longer wanted; an executor that comes all the same is let go (it ends by itself). */
void runner_link_cancel(RunnerRequest *request);

/* An executor that was given does nothing: the runner is to kill it, if it is there to do so. */
void runner_link_end(RunnerLink *link, pid_t pid);
