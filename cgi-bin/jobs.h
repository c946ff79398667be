/* jobs.h: /job and /env, as the original naas client speaks them.
 *
 * A caller needs an API key; whether it is good, the daemon says. Paths, tokens and rights are the
 * daemon's to judge; here a request only gets its shape checked, and a published notebook is read as one
 * before anything is sent on. */
#pragma once

#include "answer.h"
#include "routes.h"
#include "web_request.h"
#include "worker.h"

/* GET /job: all jobs; with path and type one of them, with the current file unless light is true. */
Answer *jobs_get(WebWorker *worker, const WebRequest *request, const RouteMatch *match);

/* POST /job: publishes (status installed, edited) or takes down (delete). */
Answer *jobs_post(WebWorker *worker, const WebRequest *request, const RouteMatch *match);

/* DELETE /job: removes earlier versions or outputs. */
Answer *jobs_delete(WebWorker *worker, const WebRequest *request, const RouteMatch *match);

/* GET /env: whether the service is there; needs no key. */
Answer *jobs_environment(WebWorker *worker, const WebRequest *request, const RouteMatch *match);
