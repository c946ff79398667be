/* base/gunzip.h: what gzip packed, unpacked piece by piece (RFC 1952), in flat memory.
 *
 * A small body can become a very large one, so the ratio of the two has a ceiling. It counts beyond the
 * first MiB that comes out: what is smaller harms nobody. */
#pragma once

#include <glib.h>

#include "base/files.h"

typedef struct Gunzip Gunzip;

/* max_ratio is the setting max_gzip_ratio. The caller frees. */
Gunzip *gunzip_new(gint64 max_ratio);
void gunzip_free(Gunzip *gunzip);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Gunzip, gunzip_free)

/* Unpacks the next bytes into sink, at most 64 KiB a call of it. BAD_REQUEST for what is no gzip, TOO_LARGE
 * above the ratio; not to be fed again after an error. */
gboolean gunzip_feed(Gunzip *gunzip, const char *bytes, size_t size, ByteSink take, gpointer sink,
	GError **error);

/* Whether the last bytes were the end of a gzip member; BAD_REQUEST if something is missing. */
gboolean gunzip_finish(Gunzip *gunzip, GError **error);
