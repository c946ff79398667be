/* notebook/excerpt.h: text of callers and notebooks as error messages may quote it. */
#pragma once

#include <glib.h>

/* At most 60 characters of text, valid UTF-8, on one line, "…" behind it when it was cut. The
 * caller frees. */
char *excerpt(const char *text);
