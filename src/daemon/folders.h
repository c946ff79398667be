/* daemon/folders.h: the folders below state_dir and the files of an execution.
 *
 * Only the daemon creates, names and removes there; the others get descriptors. Modes and groups are
 * those of the table in nbhookd(8). */
#pragma once

#include <glib.h>

#include "base/files.h"
#include "conf/settings.h"

/* Kernels may make files beside the published ones; the sticky bit keeps them from removing or renaming
 * what is ours. */
#define FOLDERS_PRODUCTION_MODE 03770

typedef struct Folders {
	int state;      /* state_dir */
	int production; /* published notebooks and dependencies */
	int versions;
	int executions; /* pipeline_executions */
	gid_t run_group;
	gid_t web_group;
} Folders;

/* Whether the folders and groups that the settings name are there, and a socket fits below run_dir. */
gboolean folders_check(const Settings *settings, GError **error);

/* Opens the folders, made where missing. Errors name the folder, or the group that does not exist. */
Folders *folders_new(const Settings *settings, GError **error);
void folders_free(Folders *folders);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Folders, folders_free)

/* Makes the folder of a published path (relative) in production/ where it is missing; gives it opened, or
 * -1. */
int folders_make_production(const Folders *folders, const char *path, GError **error);

/* What the names of folders in pipeline_executions/ begin with that are on their way out. */
#define FOLDERS_GONE ".gone-"

/* Makes an execution's folder with its files/, a new one whatever there was; gives it opened, or -1. */
int folders_make_execution(const Folders *folders, const char *name, GError **error);

/* The folder in pipeline_executions/ of those that are made before anybody needs them. */
#define FOLDERS_SPARE ".spare"

/* A folder as folders_make_execution makes it, of nobody's yet; gives it opened, or -1. */
int folders_make_spare(const Folders *folders, const char *spare, GError **error);

/* Makes a spare folder that of an execution, whatever there was; gives it opened, or -1. */
int folders_use_spare(const Folders *folders, const char *spare, const char *name, GError **error);

/* Removes one of them, or all. Those that are not there are success. */
gboolean folders_remove_spare(const Folders *folders, const char *spare, GError **error);
gboolean folders_remove_spares(const Folders *folders, GError **error);

/* Opens an execution's folder; -1 when it is gone. */
int folders_open_execution(const Folders *folders, const char *name, GError **error);

/* Makes a file in the files/ of an execution, for its kernel to read and change; CONFLICT when there is one
 * of that name. The caller closes it. -1 on error. */
int folders_create_upload(const Folders *folders, int execution, const char *name, GError **error);

/* A file in an execution's folder that has no name and goes when its last descriptor is closed. */
int folders_create_scratch(const Folders *folders, int execution, GError **error);

/* Makes a file beforehand, empty, that folders_create_file will only have to give its name. */
gboolean folders_prepare_file(
	const Folders *folders, int execution, const char *name, gboolean for_web, GError **error);

/* Removes what was prepared in an execution's folder and not asked for. */
void folders_drop_prepared(int execution);

/* Makes a new file in an execution's folder for reading and writing, for us alone; with for_web, nginx may
 * read it too. One of that name that was there is no longer in the folder, and stays as it is for those who
 * have it open. */
int folders_create_file(
	const Folders *folders, int execution, const char *name, gboolean for_web, GError **error);
