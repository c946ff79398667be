/* methods.h: which methods a webhook takes, and those that ask about it without running anything. */
#pragma once

#include "answer.h"
#include "base/json.h"
#include "web_request.h"
#include "worker.h"

/* A 405 where the webhook (as the daemon describes it) does not take the method, else NULL. */
Answer *methods_refusal(json_object *webhook, const char *method);

/* Any method of a webhook's URL that runs nothing: HEAD and OPTIONS say whether there is a webhook and what it
 * takes, others are refused. A preflight is granted even where that cannot be found out, so that the page gets to
 * read the answer of its call. */
Answer *methods_look(WebWorker *worker, const WebRequest *request, const char *token);

/* The answer where there is no webhook. */
Answer *methods_no_webhook(void);

/* The answer where no more callers can wait. */
Answer *methods_no_place(void);
