/* page.h: what a browser gets where others get JSON.
 *
 * These pages are ours, not a notebook's: whatever stands in them is escaped, and their
 * Content-Security-Policy allows their own script and style, by hash, and questions to their own server,
 * and nothing else. URLs in them are relative, so they work below any mount point. What depends on Accept
 * says so (Vary). */
#pragma once

#include <glib.h>

#include "answer.h"
#include "base/json.h"
#include "web_request.h"

/* Whether the caller prefers a page; the answer then depends on Accept, which it is told. */
gboolean page_is_wanted(Answer *answer, const WebRequest *request);

/* A problem document becomes a page for those who prefer one. Other answers stay as they are. */
void page_of_problem(Answer *answer, const WebRequest *request);

/* The page that follows a run and turns into its answer. It replaces the answer's body; status and
 * headers stay. below is the relative URL that ends before "/status/" and "/results/"; document is the
 * job's status document, or NULL when it could not be had. */
void page_of_run(Answer *answer, const char *below, const char *job, json_object *document);
