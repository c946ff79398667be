/* notebook/media.h: what some bytes are, as a Content-Type.
 *
 * The content decides (libmagic). Where it cannot, since it is text of some kind, an archive that may be a
 * document, or nothing that is known, the extension of a file name settles it. A type that somebody claims
 * is never taken. */
#pragma once

#include <glib.h>

/* The type of bytes, without parameters, as in "image/png"; "application/octet-stream" when nothing is
 * known. NULL when libmagic cannot be used (INTERNAL). The caller frees. */
char *media_type_of_bytes(const char *bytes, size_t size, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The Content-Type of a regular file with that name; text has a charset where it is known. The descriptor's
 * offset is not changed. The caller frees. */
char *media_type_of_file(int fd, const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The extension that files of an image type have, as in ".png". The caller frees. */
char *media_image_extension(const char *type);
