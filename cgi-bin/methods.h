/* methods.h: which methods a webhook takes, and those that ask about it without running anything. */
#pragma once

#include "answer.h"
#include "base/json.h"
#include "web_request.h"
#include "worker.h"

/* A 405 where the webhook (as the daemon describes it) does not take the method, else NULL. HEAD is asked
 * where GET would be. */
Answer *methods_refusal(json_object *webhook, const char *method);

/* HEAD and OPTIONS of a webhook's URL: whether there is one, and what it takes. */
Answer *methods_look(WebWorker *worker, const WebRequest *request, const char *token);

/* The answer where there is no webhook. */
Answer *methods_no_webhook(void);
