/* base/base64.h: base64 as RFC 4648 section 4 has it and nothing else: padded, without line breaks. (GLib's
 * decoder skips what it does not know.) */
#pragma once

#include <glib.h>

/* The bytes of text, of which there are length characters, followed by a NUL that does not count in
 * *size; NULL for what is no base64. The caller frees. */
guchar *base64_decode(const char *text, size_t length, size_t *size);
