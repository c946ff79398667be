/* call.h: calling a webhook: GET or POST /webhook/<token>.
 *
 * Nothing is accepted before the whole request is durable in the job's folder and found good, and no
 * caller hears of a job before the daemon has committed it. The job's uuid is made here, so that whatever
 * breaks on the way can be asked again without a second run. A call that cannot be waited for (no free
 * slot) is refused before anything begins. */
#pragma once

#include "answer.h"
#include "routes.h"
#include "web_request.h"
#include "worker.h"

Answer *call_handle(WebWorker *worker, const WebRequest *request, const RouteMatch *match);
