/* The folders of calls that have begun. What follows call.submit is in submission.c. */
#include "daemon/intake.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "daemon/dispatch.h"
#include "daemon/records.h"
#include "daemon/spares.h"
#include "daemon/submission.h"
#include "notebook/signature.h"

#define SWEEP_AGE_US (G_GINT64_CONSTANT(3600) * G_USEC_PER_SEC)
#define SWEEP_INTERVAL_SECONDS 600

static void
pending_free(Pending *pending)
{
	g_free(pending->uuid);
	g_free(pending->folder);
	hook_unref(pending->hook);
	g_free(pending);
}

Intake *
intake_new(Daemon *daemon)
{
	Intake *intake = g_new0(Intake, 1);

	intake->daemon = daemon;
	intake->pending =
		g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify) pending_free);
	intake->by_peer = g_hash_table_new(g_int64_hash, g_int64_equal);
	return intake;
}

void
intake_free(Intake *intake)
{
	if (intake == NULL)
		return;
	if (intake->sweep_source != 0)
		g_source_remove(intake->sweep_source);
	g_hash_table_unref(intake->by_peer);
	g_hash_table_unref(intake->pending);
	g_free(intake);
}

/* Folders on their way out. */
typedef struct {
	int executions; /* borrowed */
	GPtrArray *names;
	GHashTable *known; /* what must stay, of the sweep */
} Removal;

static void
removal_free(Removal *removal)
{
	g_ptr_array_unref(removal->names);
	g_clear_pointer(&removal->known, g_hash_table_unref);
	g_free(removal);
}

static Removal *
removal_new(Intake *intake)
{
	Removal *removal = g_new0(Removal, 1);

	removal->executions = intake->daemon->folders->executions;
	removal->names = g_ptr_array_new_with_free_func(g_free);
	return removal;
}

static gboolean
remove_folders(gpointer data, GError **error)
{
	Removal *removal = data;

	for (guint i = 0; i < removal->names->len; i++) {
		const char *name = g_ptr_array_index(removal->names, i);

		if (!files_remove_tree(removal->executions, name, error)) {
			g_prefix_error(error, "sweeping %s: ", name);
			return FALSE;
		}
	}
	return TRUE;
}

void
intake_forget(Intake *intake, Pending *pending)
{
	Removal *removal = removal_new(intake);
	g_autofree char *unique = ids_uuid();
	char *name = g_strconcat(FOLDERS_GONE, unique, NULL);

	/* out of the way at once: the same call may begin again within the second */
	if (renameat(removal->executions, pending->folder, removal->executions, name) < 0)
		g_warning("removing %s: %s", pending->folder, g_strerror(errno));
	g_ptr_array_add(removal->names, name);
	g_hash_table_remove(intake->by_peer, &pending->peer);
	g_hash_table_remove(intake->pending, pending->uuid);
	workers_push(intake->daemon->workers, remove_folders, NULL, removal,
		(GDestroyNotify) removal_free);
	spares_fill(intake->daemon->spares);
}

void
intake_gone(guint64 peer, gpointer data)
{
	Intake *intake = ((Daemon *) data)->intake;
	Pending *pending = g_hash_table_lookup(intake->by_peer, &peer);

	if (pending != NULL)
		intake_forget(intake, pending);
}

void
intake_abandon(Call *call, gpointer data)
{
	intake_gone(call_peer(call), data);
	call_reply(call, NULL, NULL, NULL, 0);
}

static gboolean
is_old(int executions, const char *name)
{
	struct stat info;

	return fstatat(executions, name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
	       clock_wall_us() - (gint64) info.st_mtim.tv_sec * G_USEC_PER_SEC > SWEEP_AGE_US;
}

static gboolean
sweep_folders(gpointer data, GError **error)
{
	Removal *removal = data;
	int copy = openat(removal->executions, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = copy >= 0 ? fdopendir(copy) : NULL;
	struct dirent *entry;

	while (entries != NULL && (entry = readdir(entries)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
			!g_hash_table_contains(removal->known, entry->d_name) &&
			is_old(removal->executions, entry->d_name))
			g_ptr_array_add(removal->names, g_strdup(entry->d_name));
	if (entries != NULL)
		closedir(entries);
	return remove_folders(removal, error);
}

typedef struct {
	Intake *intake;
	GPtrArray *rows; /* folders that a row points to */
} Sweep;

static void
sweep_free(Sweep *sweep)
{
	g_clear_pointer(&sweep->rows, g_ptr_array_unref);
	g_free(sweep);
}

static gboolean
list_rows(const StoreInterface *store, Store *handle, gpointer data, GError **error)
{
	Sweep *sweep = data;

	sweep->rows = store->list_folders(handle, error);
	return sweep->rows != NULL;
}

/* Calls that are under way now have their folders in the table; one that begins later is not old. */
static void
on_rows(gpointer data, const GError *failure)
{
	Sweep *sweep = data;
	Intake *intake = sweep->intake;
	GHashTableIter iter;
	gpointer pending;

	if (failure != NULL) {
		g_warning("sweeping: %s", failure->message);
		return;
	}
	Removal *removal = removal_new(intake);
	removal->known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_hash_table_add(removal->known, g_strdup(FOLDERS_SPARE));
	for (guint i = 0; i < sweep->rows->len; i++)
		g_hash_table_add(removal->known, g_strdup(g_ptr_array_index(sweep->rows, i)));
	g_hash_table_iter_init(&iter, intake->pending);
	while (g_hash_table_iter_next(&iter, NULL, &pending))
		g_hash_table_add(removal->known, g_strdup(((Pending *) pending)->folder));
	workers_push(intake->daemon->workers, sweep_folders, NULL, removal,
		(GDestroyNotify) removal_free);
}

static gboolean
sweep_now(gpointer data)
{
	Sweep *sweep = g_new0(Sweep, 1);

	sweep->intake = data;
	store_writer_read(sweep->intake->daemon->writer, list_rows, on_rows, sweep,
		(GDestroyNotify) sweep_free);
	return G_SOURCE_CONTINUE;
}

void
intake_add_versions(const Intake *intake, const char *path, GPtrArray *versions)
{
	GHashTableIter iter;
	gpointer pending;

	g_hash_table_iter_init(&iter, intake->pending);
	while (g_hash_table_iter_next(&iter, NULL, &pending)) {
		const Hook *hook = ((Pending *) pending)->hook;

		if (strcmp(hook->path, path) == 0)
			g_ptr_array_add(versions, g_strdup(hook->histo));
	}
}

void
intake_start_sweeping(Intake *intake)
{
	intake->sweep_source = g_timeout_add_seconds(SWEEP_INTERVAL_SECONDS, sweep_now, intake);
	sweep_now(intake);
}

/* Whether the disk has more than its reserve. */
static gboolean
check_disk(Daemon *daemon, GError **error)
{
	struct statvfs info;

	if (fstatvfs(daemon->folders->state, &info) < 0)
		return nbhook_error_set_errno(error, errno, "asking for free disk space");
	gint64 free_bytes = (gint64) info.f_bavail * (gint64) info.f_frsize;
	gboolean has_bytes = free_bytes >= daemon->settings->disk_reserve;
	if (has_bytes && (info.f_files == 0 || info.f_favail > 0))
		return TRUE;
	g_set_error_literal(error, NBHOOK_ERROR, NBHOOK_ERROR_NO_SPACE,
		has_bytes ? "the server's disk is full: no more files can be made on it (it has no "
			    "inodes left)"
			  : "the server's disk is full: less is free than its reserve (setting "
			    "disk_reserve)");
	return FALSE;
}

static json_object *
begin_members(Hook *hook, const char *uuid)
{
	json_object *members = json_object_new_object();
	g_autofree char *name = hook_name(hook);
	g_autofree char *id = ids_job_id(name, uuid);

	json_object *webhook = records_webhook(hook->params, hook->path, hook->debug);

	json_put_string(members, "job", id);
	json_put_string(webhook, "language", hook->language);
	if (hook->signature != NULL)
		json_object_object_add(webhook, "signature", signature_words(hook->signature));
	json_object_object_add(members, "webhook", webhook);
	return members;
}

/* Makes a folder with its request file; gives the file, or -1. */
static int
make_pending(Intake *intake, Call *call, Hook *hook, const char *uuid, GError **error)
{
	const Folders *folders = intake->daemon->folders;
	gint64 now = clock_wall_us();
	g_autofree char *time = clock_folder(now);
	g_autofree char *folder = g_strdup_printf("%s-%s", time, uuid);
	AUTO_FD execution = spares_make_execution(intake->daemon->spares, folder, error);

	if (execution < 0)
		return -1;
	intake_gone(call_peer(call), intake->daemon);
	Pending *pending = g_new0(Pending, 1);
	pending->uuid = g_strdup(uuid);
	pending->folder = g_steal_pointer(&folder);
	pending->peer = call_peer(call);
	pending->hook = hook_ref(hook);
	pending->begun_us = now;
	g_hash_table_insert(intake->pending, pending->uuid, pending);
	g_hash_table_insert(intake->by_peer, &pending->peer, pending);
	return folders_create_file(folders, execution, "request", FALSE, error);
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
	if (pending != NULL)
		intake_forget(intake, pending);
	/* a repeated delivery takes no place in the queue: submission.c asks for room later */
	gboolean roomy = json_bool_member(call_body(call), "delivery", FALSE) ||
			 dispatcher_has_room(daemon->dispatcher, hook, &retry_after, &error);
	AUTO_FD request = -1;
	if (roomy && check_disk(daemon, &error))
		request = make_pending(intake, call, hook, uuid, &error);
	if (request < 0)
		call_fail(call, error, retry_after);
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
look_again(Call *call, Daemon *daemon, Hook *hook, const char *uuid)
{
	Again *again = g_new0(Again, 1);

	again->daemon = daemon;
	again->hook = hook != NULL ? hook_ref(hook) : NULL;
	again->uuid = g_strdup(uuid);
	call_keep_at(call, &again->call);
	store_writer_read(
		daemon->writer, look_for_job, on_again, again, (GDestroyNotify) again_free);
}

/* The webhook that is called; NULL when there is none, which the caller then knows. */
static Hook *
called_hook(Call *call, Daemon *daemon)
{
	Hook *hook =
		registry_find_token(daemon->registry, json_string_member(call_body(call), "token"));

	if (hook != NULL && strcmp(hook->type, "notebook") == 0)
		return hook;
	call_fail_with(call, NBHOOK_ERROR_NOT_FOUND,
		"there is no webhook at this URL; it may have been deleted");
	return NULL;
}

void
intake_look(Call *call, gpointer data)
{
	Hook *hook = called_hook(call, data);

	if (hook == NULL)
		return;
	json_object *members = json_object_new_object();
	json_object_object_add(
		members, "webhook", records_webhook(hook->params, hook->path, hook->debug));
	call_reply(call, members, NULL, NULL, 0);
}

void
intake_begin(Call *call, gpointer data)
{
	Daemon *daemon = data;
	const char *uuid = json_string_member(call_body(call), "uuid");
	Hook *hook = called_hook(call, daemon);

	if (hook == NULL)
		return;
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

Pending *
intake_find(Call *call, Daemon *daemon)
{
	const char *uuid = json_string_member(call_body(call), "uuid");
	Pending *pending = uuid != NULL ? g_hash_table_lookup(daemon->intake->pending, uuid) : NULL;

	return pending != NULL && pending->submission == NULL && pending->peer == call_peer(call)
		       ? pending
		       : NULL;
}

/* Whoever may do everything need not sign. */
static gboolean
lacks_signature(Call *call, const Pending *pending)
{
	return pending->hook->signature != NULL && !pending->verified && !call_is_admin(call);
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
	else if (lacks_signature(call, pending))
		call_fail_with(call, NBHOOK_ERROR_UNAUTHORIZED,
			"this webhook takes signed calls only, and no signature was verified");
	else
		submission_start(call, daemon, pending);
}
