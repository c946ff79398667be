/* prefer.h: how long a caller wants to wait (RFC 7240).
 *
 * "respond-async" and "wait=N" are understood, in any case and order, among others and with parameters;
 * the first of a name counts. What is malformed or not known was not said: a preference is never an
 * error. */
#pragma once

#include <glib.h>

typedef struct Preferences {
	gboolean respond_async; /* section 4.1 */
	gint64 wait_s;          /* section 4.3; -1: not said. At most G_MAXINT32 */
} Preferences;

/* header may be NULL. */
Preferences prefer_read(const char *header);

/* The value of Preference-Applied (section 3); "" for none. The caller frees. */
char *prefer_applied(const Preferences *applied);
