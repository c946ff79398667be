/* watch.h: looking after a job that a call started, without running anything.
 *
 *   GET /webhook/<token>/status/<job>    its status document
 *   GET /webhook/<token>/results/<job>   the answer the call would have had; 202 while the job runs
 *
 * A job is found only with the token of its own webhook. */
#pragma once

#include "answer.h"
#include "routes.h"
#include "web_request.h"
#include "worker.h"

Answer *watch_status(WebWorker *worker, const WebRequest *request, const RouteMatch *match);
Answer *watch_results(WebWorker *worker, const WebRequest *request, const RouteMatch *match);
