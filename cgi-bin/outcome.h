/* outcome.h: what the daemon says of a job becomes the caller's answer.
 *
 * The call itself and the URL of its results give the same answer, because both come from here. Every
 * answer names the job (X-Nbhook-Job) and where it can be fetched again (Content-Location). */
#pragma once

#include <glib.h>

#include "answer.h"
#include "base/frame.h"
#include "conf/settings.h"
#include "prefer.h"

/* Which job is spoken of; everything is the caller's. */
typedef struct OutcomeJob {
	const Settings *settings;
	const char *token;
	const char *id;
	const WebRequest *request; /* who asks */
	gboolean is_again;         /* the results are asked for, not the call made */
} OutcomeJob;

/* The answer of an ended job. reply is that of job.wait, whose descriptor "response" is taken out;
 * webhook has its members inline and next_url. Of a response in two forms Accept chooses one, or neither (406).
 *
 * The body is left to the web server where that can send it. Ranges and conditions are for the results:
 * a call that is repeated because its download broke off would else get the end of another run's. */
Answer *outcome_answer(const OutcomeJob *job, Frame *reply, json_object *webhook);

/* What a caller is told at the response limit (500), after limit_ms of waiting. */
Answer *outcome_late(const OutcomeJob *job, gint64 limit_ms);

/* What a caller who did not want to wait longer is told (202): applied are the preferences that this
 * follows. */
Answer *outcome_accepted(const OutcomeJob *job, const Preferences *applied);

/* What who asks for the results is told before there are any (202); document is the status document. */
Answer *outcome_running(const OutcomeJob *job, json_object *document);

/* An error about a job that is known to exist: the problem document, with its id. */
Answer *outcome_problem(const OutcomeJob *job, const GError *error, int retry_after);
