/* base/copy.h: the bytes of one file in another.
 *
 * Where the file system can share them (reflink) nothing is copied; else the kernel copies, and where it
 * cannot, we do. */
#pragma once

#include <glib.h>

/* Makes the file to, which is open for writing, the first size bytes of from. Neither offset matters. what
 * names the file in errors. A file that turns out to be shorter is copied as it is; *copied says how many
 * bytes there are. */
gboolean copy_file(int from, int to, gint64 size, gint64 *copied, const char *what, GError **error);
