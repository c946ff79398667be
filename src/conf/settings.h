/* conf/settings.h: every setting, from one table.
 *
 * The table in settings.c holds name, type, unit, range, default and sentence of each setting. The
 * sample file (conf/nbhook.conf), the manual page nbhook.conf(5) and the checks come from it or are
 * tested against it. A Settings is complete and within its ranges from settings_load() on and is not
 * changed afterwards, so any thread may read it. */
#pragma once

#include <glib.h>

/* What is said of one kernel, in [kernel NAME]. */
typedef struct KernelSettings {
	char *name; /* of the kernelspec, in lower case; NULL: of those of which nothing is said */
	gint64 ready;  /* SETTINGS_AUTO: as many as fit the host */
	gint64 max;    /* SETTINGS_AUTO: no other ceiling than concurrency */
	char *preload; /* "auto", "off", or names of modules, separated by spaces */
} KernelSettings;

#define SETTINGS_AUTO (-1)

/* Seconds are kept in milliseconds, sizes in bytes; a URL has no final slash; strings belong to the
 * Settings. */
typedef struct Settings {
	/* [paths] */
	char *state_dir;
	char *run_dir;
	/* [accounts] */
	char *web_group;
	char *run_group;
	/* [http] */
	char *public_url;
	gint64 response_limit_ms;
	gint64 daemon_wait_ms;
	gint64 max_body;
	gint64 max_parsed_body;
	gint64 max_file;
	gint64 max_parts;
	gint64 max_gzip_ratio;
	gint64 max_json_depth;
	gint64 max_values;
	gint64 max_uri;
	gint64 max_headers;
	gint64 wait_slots;
	gint64 max_response;
	gint64 max_response_file;
	gint64 max_markdown;
	char *response_folders;
	gint64 page_timeout_ms;
	gint64 page_memory;
	gint64 max_params;
	char *cors_origins;
	gint64 signature_tolerance_ms;
	/* [jobs] */
	gint64 concurrency;
	gint64 queue_limit;
	gint64 webhook_queue_limit;
	gint64 disk_reserve;
	gint64 run_timeout_ms;
	gint64 idempotency_ttl_ms;
	char *replay_failed;
	/* [kernels] */
	char *python;
	char *kernel_path;
	char *namespaces;
	gint64 max_processes;
	gint64 max_memory;
	gint64 nice;
	gint64 start_timeout_ms;
	gint64 cell_timeout_ms;
	gint64 max_notebook;
	gint64 output_limit;
	gint64 max_outputs;
	gint64 message_limit;
	/* [kernel NAME], KernelSettings */
	GPtrArray *kernels;
	KernelSettings *other_kernels; /* all that have no such group */
	/* [log] */
	char *log_level;
} Settings;

/* Reads a configuration file; a setting that it does not name has its default. Errors
 * (NBHOOK_ERROR_UNPROCESSABLE) name the file, the setting, what is wrong and what it may be; a name or
 * group that does not exist is an error too. The caller frees the result. */
Settings *settings_load(const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The defaults alone. */
Settings *settings_new(void);
void settings_free(Settings *settings);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Settings, settings_free)

/* A size as a setting has it: "8G"; the caller frees. */
char *settings_size_text(gint64 size);

/* What holds for the kernelspec of that name (case does not matter). Borrowed. */
const KernelSettings *settings_kernel(const Settings *settings, const char *name);

/* The commented sample file, every setting with its default, unit and range. */
char *settings_sample(void);

/* The file a program reads: its argument if given, else $NBHOOK_CONF, else /etc/nbhook/nbhook.conf. */
const char *settings_path(const char *argument);
