/* runner/watch.h: tells when something has been installed, changed or removed in folders of modules.
 *
 * It tells once, when nothing more has happened for two seconds, and at the latest after thirty: packages
 * are unpacked file by file. What Python writes beside modules by itself (__pycache__) is no change. */
#pragma once

#include <glib.h>

typedef struct Watch Watch;

/* May free the watch. */
typedef void (*WatchChanged)(gpointer data);

/* Folders that are not there are passed over. NULL with the reason when the host has no more watches. The caller
 * frees the result. */
Watch *watch_new(char *const *folders, WatchChanged changed, gpointer data, GError **error);
void watch_free(Watch *watch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Watch, watch_free)
