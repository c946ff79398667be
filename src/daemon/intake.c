/* The folders of calls that have begun. What follows call.submit is in submission.c. */
#include "daemon/intake.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "daemon/dispatch.h"
#include "daemon/records.h"
#include "daemon/submission.h"

#define SWEEP_AGE_MS (G_GINT64_CONSTANT(3600) * 1000)
#define SWEEP_INTERVAL_SECONDS 600

static void
pending_free(Pending *pending)
{
	g_free(pending->uuid);
	g_free(pending->folder);
	files_close(&pending->execution);
	hook_unref(pending->hook);
	g_free(pending);
}

void
intake_remove_folder(Intake *intake, const char *folder)
{
	g_autoptr(GError) error = NULL;

	if (!files_remove_tree(intake->daemon->folders->executions, folder, &error))
		g_warning("sweeping %s: %s", folder, error->message);
}

static gboolean
sweep_pending(gpointer data)
{
	Intake *intake = data;
	gint64 now = clock_ms();
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, intake->pending);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		Pending *pending = value;

		if (pending->submission != NULL || now - pending->begun_ms < SWEEP_AGE_MS)
			continue;
		intake_remove_folder(intake, pending->folder);
		g_hash_table_iter_remove(&iter);
	}
	return G_SOURCE_CONTINUE;
}

Intake *
intake_new(Daemon *daemon)
{
	Intake *intake = g_new0(Intake, 1);

	intake->daemon = daemon;
	intake->pending =
		g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify) pending_free);
	intake->sweep_source = g_timeout_add_seconds(SWEEP_INTERVAL_SECONDS, sweep_pending, intake);
	return intake;
}

void
intake_free(Intake *intake)
{
	if (intake == NULL)
		return;
	g_source_remove(intake->sweep_source);
	g_hash_table_unref(intake->pending);
	g_free(intake);
}

static gboolean
is_old(int executions, const char *name)
{
	struct stat info;

	return fstatat(executions, name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
	       clock_wall_us() - (gint64) info.st_mtim.tv_sec * G_USEC_PER_SEC >
		       SWEEP_AGE_MS * 1000;
}

void
intake_sweep(Intake *intake, GPtrArray *known)
{
	g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
	int executions = intake->daemon->folders->executions;
	int copy = openat(executions, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = copy >= 0 ? fdopendir(copy) : NULL;
	struct dirent *entry;

	for (guint i = 0; i < known->len; i++)
		g_hash_table_add(names, g_ptr_array_index(known, i));
	while (entries != NULL && (entry = readdir(entries)) != NULL)
		if (entry->d_name[0] != '.' && !g_hash_table_contains(names, entry->d_name) &&
			is_old(executions, entry->d_name))
			intake_remove_folder(intake, entry->d_name);
	if (entries != NULL)
		closedir(entries);
}

/* Whether the disk has more than its reserve. */
static gboolean
check_disk(Daemon *daemon, GError **error)
{
	struct statvfs info;

	if (fstatvfs(daemon->folders->state, &info) < 0)
		return nbhook_error_set_errno(error, errno, "asking for free disk space");
	gint64 free_bytes = (gint64) info.f_bavail * (gint64) info.f_frsize;
	if (free_bytes >= daemon->settings->disk_reserve &&
		(info.f_files == 0 || info.f_favail > 0))
		return TRUE;
	g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_NO_SPACE,
		"the server's disk is full: less is free than its reserve (setting disk_reserve)");
	return FALSE;
}

static json_object *
begin_members(Hook *hook, const char *uuid)
{
	json_object *members = json_object_new_object();
	g_autofree char *name = hook_name(hook);
	g_autofree char *id = ids_job_id(name, uuid);

	json_put_string(members, "job", id);
	json_object_object_add(
		members, "webhook", records_webhook(hook->params, hook->path, hook->debug));
	return members;
}

static Pending *
make_pending(Intake *intake, Hook *hook, const char *uuid, GError **error)
{
	gint64 now = clock_wall_us();
	g_autofree char *time = clock_folder(now);
	g_autofree char *folder = g_strdup_printf("%s-%s", time, uuid);
	int execution = folders_make_execution(intake->daemon->folders, folder, error);

	if (execution < 0)
		return NULL;
	Pending *pending = g_new0(Pending, 1);
	pending->uuid = g_strdup(uuid);
	pending->folder = g_steal_pointer(&folder);
	pending->execution = execution;
	pending->hook = hook_ref(hook);
	pending->begun_us = now;
	pending->begun_ms = clock_ms();
	g_hash_table_insert(intake->pending, pending->uuid, pending);
	return pending;
}

static void
begin_new(Call *call, Intake *intake, Hook *hook, const char *uuid)
{
	static const char *const names[] = { "request" };
	g_autoptr(GError) error = NULL;
	int retry_after = 0;
	Daemon *daemon = intake->daemon;
	Pending *pending = g_hash_table_lookup(intake->pending, uuid);
	LiveJob *live = dispatcher_find(daemon->dispatcher, uuid);

	if (pending == NULL && live != NULL) {
		submission_reply(call, live_job(live), FALSE);
		return;
	}
	if (pending != NULL && pending->submission != NULL) {
		submission_join(pending->submission, call, FALSE);
		return;
	}
	/* a repeated delivery takes no place in the queue: submission.c asks for room later */
	gboolean roomy = json_bool_member(call_body(call), "delivery", FALSE) ||
			 dispatcher_has_room(daemon->dispatcher, hook->id, &retry_after, &error);
	if (pending == NULL && (!roomy || !check_disk(daemon, &error))) {
		call_fail(call, error, retry_after);
		return;
	}
	if (pending == NULL)
		pending = make_pending(intake, hook, uuid, &error);
	AUTO_FD request = -1;
	if (pending != NULL)
		request = folders_create_file(
			daemon->folders, pending->execution, "request", FALSE, &error);
	if (request < 0)
		call_fail(call, error, 0);
	else
		call_reply(call, begin_members(hook, uuid), names, &request, 1);
}

/* A begin or submit whose uuid may be in the store already. */
typedef struct {
	Daemon *daemon;
	Call *call; /* NULL when the asker has gone */
	Hook *hook; /* to begin anew for; NULL: a submit */
	char *uuid;
	JobRecord *record;
} Again;

static void
again_free(Again *again)
{
	hook_unref(again->hook);
	g_free(again->uuid);
	job_record_free(again->record);
	g_free(again);
}

static gboolean
look_for_job(const StoreInterface *store, Store *handle, gpointer data, GError **error)
{
	Again *again = data;

	again->record = store->find_job(handle, again->uuid, error);
	return *error == NULL;
}

static void
reply_known(Again *again)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Job) job = records_job(again->record, &error);

	if (job != NULL)
		submission_reply(again->call, job, FALSE);
	else
		call_fail(again->call, error, 0);
}

static void
on_again(gpointer data, const GError *failure)
{
	Again *again = data;

	if (again->call == NULL)
		return;
	if (failure != NULL)
		call_fail(again->call, failure, 0);
	else if (again->record != NULL)
		reply_known(again);
	else if (again->hook != NULL)
		begin_new(again->call, again->daemon->intake, again->hook, again->uuid);
	else
		call_fail_with(again->call, NBHOOK_ERROR_NOT_FOUND,
			"this call has not begun here: begin it again");
}

static void
again_withdrawn(Call *call, gpointer data)
{
	((Again *) data)->call = NULL;
	call_drop(call);
}

static void
look_again(Call *call, Daemon *daemon, Hook *hook, const char *uuid)
{
	Again *again = g_new0(Again, 1);

	again->daemon = daemon;
	again->call = call;
	again->hook = hook != NULL ? hook_ref(hook) : NULL;
	again->uuid = g_strdup(uuid);
	call_set_withdrawn(call, again_withdrawn, again);
	store_writer_read(
		daemon->writer, look_for_job, on_again, again, (GDestroyNotify) again_free);
}

void
intake_begin(Call *call, gpointer data)
{
	Daemon *daemon = data;
	const char *uuid = json_string_member(call_body(call), "uuid");
	Hook *hook =
		registry_find_token(daemon->registry, json_string_member(call_body(call), "token"));

	if (hook == NULL || strcmp(hook->type, "notebook") != 0) {
		call_fail_with(call, NBHOOK_ERROR_NOT_FOUND,
			"there is no webhook at this URL; it may have been deleted");
		return;
	}
	if (!ids_is_uuid(uuid)) {
		call_fail_with(call, NBHOOK_ERROR_BAD_REQUEST, "call.begin needs a uuid");
		return;
	}
	if (!json_bool_member(call_body(call), "again", FALSE)) {
		begin_new(call, daemon->intake, hook, uuid);
		return;
	}
	look_again(call, daemon, hook, uuid);
}

void
intake_submit(Call *call, gpointer data)
{
	Daemon *daemon = data;
	const char *uuid = json_string_member(call_body(call), "uuid");
	Pending *pending = uuid != NULL ? g_hash_table_lookup(daemon->intake->pending, uuid) : NULL;
	LiveJob *live = uuid != NULL ? dispatcher_find(daemon->dispatcher, uuid) : NULL;

	if (pending == NULL && live != NULL)
		submission_reply(call, live_job(live), FALSE);
	else if (pending == NULL && ids_is_uuid(uuid))
		look_again(call, daemon, NULL, uuid);
	else if (pending == NULL)
		call_fail_with(call, NBHOOK_ERROR_BAD_REQUEST, "call.submit needs a uuid");
	else if (pending->submission != NULL)
		submission_join(pending->submission, call, FALSE);
	else
		submission_start(call, daemon, pending);
}
