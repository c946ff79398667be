/* base/log.h: one line per event on standard error, with the priority prefix of sd-daemon(3).
 *
 * g_warning, g_message, g_info and g_debug are the calls; log_init says which of them are written and
 * under which name. Tokens and keys are never passed to them; log_redact is for text of unknown origin. */
#pragma once

#include <glib.h>

/* program is kept; level is one of the words of the setting log_level. */
void log_init(const char *program, const char *level);

/* The text with every run of 40 or more hex digits (tokens, keys) replaced by "[redacted]". The caller frees. */
char *log_redact(const char *text);
