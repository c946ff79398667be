/* routes.h: which request is whose, in one table.
 *
 * A naas URL may have one leading segment, the base64 of a user's name, before /webhook/ or /notebook/;
 * it is ignored. HEAD is GET without a body and OPTIONS is answered from the table alone, except for a webhook
 * itself, which GET and POST alone can run (methods.h). */
#pragma once

#include <glib.h>

#include "answer.h"
#include "problem.h"
#include "web_request.h"

struct WebWorker;
typedef struct RouteMatch RouteMatch;

typedef struct Route {
	const char *method;
	const char *
		pattern; /* "/webhook/:token": a segment with a colon matches any that is not empty */
	WebFamily family;
	Answer *(*handle)(
		struct WebWorker *worker, const WebRequest *request, const RouteMatch *match);
} Route;

struct RouteMatch {
	const Route *route; /* NULL: the path is known, the method is not; or OPTIONS */
	const char *token;  /* the segments of that name, borrowed from the request; or NULL */
	const char *job;
};

/* The family that a path belongs to, also where nothing is found. */
WebFamily routes_family(const char *path);

/* Looks up a checked request. False when no route has that path. */
gboolean routes_find(const WebRequest *request, RouteMatch *match);

/* Whether a request that was found is to a webhook and calls it not: its method is HEAD, OPTIONS or one that no
 * webhook takes. */
gboolean routes_is_look(const WebRequest *request, const RouteMatch *match);

/* The methods that the path of a request takes, as in an Allow header. The caller frees. */
char *routes_allow(const WebRequest *request);
