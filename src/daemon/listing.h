/* daemon/listing.h: webhooks in the shape of GET /job, with their last runs. */
#pragma once

#include "daemon/daemon.h"

/* Answers a call with members (given away) and "jobs", all webhooks; or, with a hook, "job" and "url",
 * that one, and "jobs" only when all is set too. content (given away; -1: none) goes along as the
 * descriptor of that name. Runs that are not in
 * memory yet (daemon/recent.h) are read from the store first. */
void listing_reply(
	Daemon *daemon, Call *call, json_object *members, Hook *hook, gboolean all, int content);
