/* file_name.h: the names that callers give their files, as names of ours. */
#pragma once

#include <glib.h>

/* The last component of a name in UTF-8 (Windows paths too), in which no character is special to file
 * systems and people: no control character, no slash, no dot at the beginning, no space at either end, at
 * most 200 bytes with a short extension kept. "file" where nothing is left. The caller frees. */
char *file_name_safe(const char *sent);

/* name, or with a number before its extension where taken (a set of names) has it already; it is added
 * there. The caller frees. */
char *file_name_unique(GHashTable *taken, const char *name);
