/* daemon/versions.h: the files of published notebooks: versions/<path>/<histo>/<file>, and the working
 * copy production/<path>. All functions wait for the disk: they belong on a worker. path is relative
 * (files_published_path). */
#pragma once

#include "daemon/folders.h"

/* Keeps bytes as a version, durably, and as the working copy. The copy is replaced by rename. */
gboolean versions_publish(const Folders *folders, const char *path, const char *histo,
	const char *bytes, size_t size, GError **error);

/* Opens a version for reading; -1 when it is gone. Does not wait. */
int versions_open(const Folders *folders, const char *path, const char *histo, GError **error);

/* Removes the working copy. */
gboolean versions_withdraw(const Folders *folders, const char *path, GError **error);

/* Removes versions of path: histo, or all with NULL; never one of kept (char *). What was removed is
 * added to removed, what is left to left (both of char *, the ids). */
gboolean versions_clear(const Folders *folders, const char *path, const char *histo,
	GPtrArray *kept, GPtrArray *removed, GPtrArray *left, GError **error);

/* Removes the executed notebook name of an execution's folder; false without an error: there was none. */
gboolean versions_remove_output(
	const Folders *folders, const char *execution, const char *name, GError **error);

/* Whether there is one. */
gboolean versions_has_output(const Folders *folders, const char *execution, const char *name);
