/* The file is made for us alone before SQLite opens it: its tokens are in clear, and the -wal beside it
 * takes over its mode. The statements are one table, prepared at open. */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"
#include "store/sqlite_schema.h"
#include "store/store.h"

typedef enum {
	SQL_BEGIN,
	SQL_COMMIT,
	SQL_ROLLBACK,
	SQL_SAVEPOINT,
	SQL_UNDO,
	SQL_NEXT_HOOK_ID,
	SQL_PUT_HOOK,
	SQL_DELETE_HOOK,
	SQL_LIST_HOOKS,
	SQL_PUT_KEY,
	SQL_UPDATE_KEY,
	SQL_DELETE_KEY,
	SQL_LIST_KEYS,
	SQL_ADD_JOB,
	SQL_UPDATE_JOB,
	SQL_FIND_JOB,
	SQL_LIST_UNENDED,
	SQL_LIST_JOBS,
	SQL_LIST_OF_PATH,
	SQL_LIST_FOLDERS,
	SQL_PUT_DELIVERY,
	SQL_FIND_DELIVERY,
	SQL_FORGET_DELIVERIES,
	SQL_N
} Statement;

#define JOB_COLUMNS "uuid, folder, path, hook, ended, status, accepted_us, document"
#define DELIVERY_COLUMNS "hook, key_hash, digest, uuid, created_us"

/* clang-format off */
static const char *const statement_texts[SQL_N] = {
	[SQL_BEGIN]        = "BEGIN IMMEDIATE",
	[SQL_COMMIT]       = "COMMIT",
	[SQL_ROLLBACK]     = "ROLLBACK",
	[SQL_SAVEPOINT]    = "SAVEPOINT change",
	[SQL_UNDO]         = "ROLLBACK TO change",
	[SQL_NEXT_HOOK_ID] = "INSERT INTO hook_ids DEFAULT VALUES RETURNING id",
	[SQL_PUT_HOOK]     = "INSERT INTO hooks (id, path, type, token, token_hash, document) VALUES (?, ?, ?, ?, ?, ?) "
	                     "ON CONFLICT (id) DO UPDATE SET path = excluded.path, type = excluded.type, token = excluded.token, "
	                     "token_hash = excluded.token_hash, document = excluded.document",
	[SQL_DELETE_HOOK]  = "DELETE FROM hooks WHERE id = ?",
	[SQL_LIST_HOOKS]   = "SELECT id, path, type, token, token_hash, document FROM hooks ORDER BY id",
	[SQL_PUT_KEY]      = "INSERT INTO keys (name, hash, document) VALUES (?, ?, ?)",
	[SQL_UPDATE_KEY]   = "UPDATE keys SET document = ? WHERE name = ? AND hash = ?",
	[SQL_DELETE_KEY]   = "DELETE FROM keys WHERE name = ?",
	[SQL_LIST_KEYS]    = "SELECT name, hash, document FROM keys ORDER BY name",
	[SQL_ADD_JOB]      = "INSERT INTO jobs (" JOB_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
	[SQL_UPDATE_JOB]   = "UPDATE jobs SET ended = ?, status = ?, document = ? WHERE uuid = ?",
	[SQL_FIND_JOB]     = "SELECT " JOB_COLUMNS " FROM jobs WHERE uuid = ?",
	[SQL_LIST_UNENDED] = "SELECT " JOB_COLUMNS " FROM jobs WHERE ended = 0 ORDER BY accepted_us",
	[SQL_LIST_JOBS]    = "SELECT " JOB_COLUMNS " FROM jobs WHERE (?1 IS NULL OR status = ?1) "
	                     "ORDER BY accepted_us DESC LIMIT ?2",
	[SQL_LIST_OF_PATH] = "SELECT " JOB_COLUMNS " FROM jobs WHERE (?1 IS NULL OR status = ?1) AND path = ?3 "
	                     "ORDER BY accepted_us DESC LIMIT ?2",
	[SQL_LIST_FOLDERS] = "SELECT folder FROM jobs",
	[SQL_PUT_DELIVERY]  = "INSERT OR REPLACE INTO deliveries (" DELIVERY_COLUMNS ") VALUES (?, ?, ?, ?, ?)",
	[SQL_FIND_DELIVERY] = "SELECT " DELIVERY_COLUMNS " FROM deliveries WHERE hook = ? AND key_hash = ?",
	[SQL_FORGET_DELIVERIES] = "DELETE FROM deliveries WHERE created_us < ?",
};

/* clang-format on */

struct Store {
	sqlite3 *db;
	sqlite3_stmt *statements[SQL_N];
};

static gboolean
fail(Store *store, const char *what, GError **error)
{
	int code = sqlite3_errcode(store->db);
	NbhookErrorCode kind = code == SQLITE_FULL ? NBHOOK_ERROR_NO_SPACE : NBHOOK_ERROR_INTERNAL;

	if (sqlite3_extended_errcode(store->db) == SQLITE_CONSTRAINT_PRIMARYKEY ||
		sqlite3_extended_errcode(store->db) == SQLITE_CONSTRAINT_UNIQUE)
		kind = NBHOOK_ERROR_CONFLICT;
	g_set_error(error, NBHOOK_ERROR, kind, "%s: the store says: %s", what,
		sqlite3_errmsg(store->db));
	return FALSE;
}

/* Binds by the letters of types ("s" const char *, "i" gint64) and gives the statement. */
static sqlite3_stmt *
bind(Store *store, Statement which, const char *types, ...)
{
	sqlite3_stmt *statement = store->statements[which];
	va_list values;

	va_start(values, types);
	for (int i = 0; types[i] != '\0'; i++) {
		if (types[i] == 's')
			sqlite3_bind_text(statement, i + 1, va_arg(values, const char *), -1,
				SQLITE_TRANSIENT);
		else
			sqlite3_bind_int64(statement, i + 1, va_arg(values, gint64));
	}
	va_end(values);
	return statement;
}

/* Runs a statement that gives no rows; the row count that it changed in *changed (may be NULL). */
static gboolean
run(Store *store, sqlite3_stmt *statement, const char *what, int *changed, GError **error)
{
	int result = sqlite3_step(statement);
	gboolean done = result == SQLITE_DONE || fail(store, what, error);

	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	if (changed != NULL)
		*changed = sqlite3_changes(store->db);
	return done;
}

static char *
column_text(sqlite3_stmt *row, int column)
{
	return g_strdup((const char *) sqlite3_column_text(row, column));
}

static gpointer
read_hook(sqlite3_stmt *row)
{
	HookRecord *record = g_new0(HookRecord, 1);

	record->id = sqlite3_column_int64(row, 0);
	record->path = column_text(row, 1);
	record->type = column_text(row, 2);
	record->token = column_text(row, 3);
	record->token_hash = column_text(row, 4);
	record->document = column_text(row, 5);
	return record;
}

static gpointer
read_key(sqlite3_stmt *row)
{
	KeyRecord *record = g_new0(KeyRecord, 1);

	record->name = column_text(row, 0);
	record->hash = column_text(row, 1);
	record->document = column_text(row, 2);
	return record;
}

static gpointer
read_job(sqlite3_stmt *row)
{
	JobRecord *record = g_new0(JobRecord, 1);

	record->uuid = column_text(row, 0);
	record->folder = column_text(row, 1);
	record->path = column_text(row, 2);
	record->hook = sqlite3_column_int64(row, 3);
	record->ended = sqlite3_column_int(row, 4) != 0;
	record->status = column_text(row, 5);
	record->accepted_us = sqlite3_column_int64(row, 6);
	record->document = column_text(row, 7);
	return record;
}

static gpointer
read_delivery(sqlite3_stmt *row)
{
	DeliveryRecord *record = g_new0(DeliveryRecord, 1);

	record->hook = sqlite3_column_int64(row, 0);
	record->key_hash = column_text(row, 1);
	record->digest = column_text(row, 2);
	record->uuid = column_text(row, 3);
	record->created_us = sqlite3_column_int64(row, 4);
	return record;
}

static gpointer
read_folder(sqlite3_stmt *row)
{
	return column_text(row, 0);
}

/* All rows of a statement, read by read_row; the array frees them with free_row. */
static GPtrArray *
collect(Store *store, sqlite3_stmt *statement, gpointer (*read_row)(sqlite3_stmt *),
	GDestroyNotify free_row, const char *what, GError **error)
{
	g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func(free_row);
	int result;

	while ((result = sqlite3_step(statement)) == SQLITE_ROW)
		g_ptr_array_add(rows, read_row(statement));
	gboolean whole = result == SQLITE_DONE || fail(store, what, error);
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	return whole ? g_steal_pointer(&rows) : NULL;
}

static gboolean
execute(Store *store, const char *sql, const char *what, GError **error)
{
	if (sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK)
		return TRUE;
	return fail(store, what, error);
}

static void
sqlite_close(Store *store)
{
	for (int i = 0; i < SQL_N; i++)
		sqlite3_finalize(store->statements[i]);
	sqlite3_close(store->db);
	g_free(store);
}

static gboolean
prepare(Store *store, GError **error)
{
	for (int i = 0; i < SQL_N; i++)
		if (sqlite3_prepare_v3(store->db, statement_texts[i], -1, SQLITE_PREPARE_PERSISTENT,
			    &store->statements[i], NULL) != SQLITE_OK)
			return fail(store, statement_texts[i], error);
	return TRUE;
}

static gboolean
make_file(const char *path, GError **error)
{
	AUTO_FD fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	return fd >= 0 ||
	       nbhook_error_set_errno(error, errno, "opening the store (setting state_dir)");
}

static Store *
sqlite_open(const char *path, GError **error)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;

	if (!make_file(path, error))
		return NULL;
	Store *store = g_new0(Store, 1);

	if ((sqlite3_open_v2(path, &store->db, flags, NULL) != SQLITE_OK &&
		    !fail(store, "opening the store", error)) ||
		!execute(store,
			"PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; "
			"PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY",
			"opening the store", error) ||
		!sqlite_schema_migrate(store->db, error) || !prepare(store, error)) {
		sqlite_close(store);
		return NULL;
	}
	return store;
}

static gboolean
sqlite_begin(Store *store, GError **error)
{
	return run(store, store->statements[SQL_BEGIN], "beginning a transaction", NULL, error);
}

static gboolean
sqlite_commit(Store *store, GError **error)
{
	return run(store, store->statements[SQL_COMMIT], "committing", NULL, error);
}

static void
sqlite_rollback(Store *store)
{
	run(store, store->statements[SQL_ROLLBACK], "rolling back", NULL, NULL);
}

static gboolean
sqlite_savepoint(Store *store, GError **error)
{
	if (sqlite3_get_autocommit(store->db) != 0) { /* SQLite would begin another one */
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_INTERNAL,
			"the store has ended the transaction");
		return FALSE;
	}
	return run(store, store->statements[SQL_SAVEPOINT], "setting a savepoint", NULL, error);
}

static gboolean
sqlite_undo(Store *store, GError **error)
{
	return run(store, store->statements[SQL_UNDO], "taking a change back", NULL, error);
}

static gint64
sqlite_next_hook_id(Store *store, GError **error)
{
	sqlite3_stmt *statement = store->statements[SQL_NEXT_HOOK_ID];
	gint64 id = 0;

	if (sqlite3_step(statement) == SQLITE_ROW)
		id = sqlite3_column_int64(statement, 0);
	else
		fail(store, "numbering a webhook", error);
	while (id != 0 && sqlite3_step(statement) == SQLITE_ROW)
		continue;
	sqlite3_reset(statement);
	return id;
}

static gboolean
sqlite_put_hook(Store *store, const HookRecord *record, GError **error)
{
	return run(store,
		bind(store, SQL_PUT_HOOK, "isssss", record->id, record->path, record->type,
			record->token, record->token_hash, record->document),
		"keeping a webhook", NULL, error);
}

static gboolean
sqlite_delete_hook(Store *store, gint64 id, GError **error)
{
	return run(store, bind(store, SQL_DELETE_HOOK, "i", id), "deleting a webhook", NULL, error);
}

static GPtrArray *
sqlite_list_hooks(Store *store, GError **error)
{
	return collect(store, store->statements[SQL_LIST_HOOKS], read_hook,
		(GDestroyNotify) hook_record_free, "listing webhooks", error);
}

static gboolean
sqlite_put_key(Store *store, const KeyRecord *record, GError **error)
{
	return run(store,
		bind(store, SQL_PUT_KEY, "sss", record->name, record->hash, record->document),
		"keeping a key", NULL, error);
}

static gboolean
sqlite_update_key(Store *store, const KeyRecord *record, GError **error)
{
	return run(store,
		bind(store, SQL_UPDATE_KEY, "sss", record->document, record->name, record->hash),
		"noting the use of a key", NULL, error);
}

static gboolean
sqlite_delete_key(Store *store, const char *name, GError **error)
{
	return run(store, bind(store, SQL_DELETE_KEY, "s", name), "revoking a key", NULL, error);
}

static GPtrArray *
sqlite_list_keys(Store *store, GError **error)
{
	return collect(store, store->statements[SQL_LIST_KEYS], read_key,
		(GDestroyNotify) key_record_free, "listing keys", error);
}

static gboolean
sqlite_add_job(Store *store, const JobRecord *record, GError **error)
{
	return run(store,
		bind(store, SQL_ADD_JOB, "sssiisis", record->uuid, record->folder, record->path,
			record->hook, (gint64) record->ended, record->status, record->accepted_us,
			record->document),
		"keeping a job", NULL, error);
}

static gboolean
sqlite_update_job(Store *store, const JobRecord *record, GError **error)
{
	int changed = 0;

	if (!run(store,
		    bind(store, SQL_UPDATE_JOB, "isss", (gint64) record->ended, record->status,
			    record->document, record->uuid),
		    "keeping a job's state", &changed, error))
		return FALSE;
	if (changed == 1)
		return TRUE;
	g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_NOT_FOUND, "there is no such job");
	return FALSE;
}

static JobRecord *
sqlite_find_job(Store *store, const char *uuid, GError **error)
{
	g_autoptr(GPtrArray) rows = collect(store, bind(store, SQL_FIND_JOB, "s", uuid), read_job,
		(GDestroyNotify) job_record_free, "looking for a job", error);

	return rows != NULL && rows->len > 0 ? g_ptr_array_steal_index(rows, 0) : NULL;
}

static GPtrArray *
sqlite_list_unended_jobs(Store *store, GError **error)
{
	return collect(store, store->statements[SQL_LIST_UNENDED], read_job,
		(GDestroyNotify) job_record_free, "listing jobs", error);
}

static GPtrArray *
sqlite_list_jobs(Store *store, const char *status, const char *path, int limit, GError **error)
{
	sqlite3_stmt *statement =
		path != NULL ? bind(store, SQL_LIST_OF_PATH, "sis", status, (gint64) limit, path)
			     : bind(store, SQL_LIST_JOBS, "si", status, (gint64) limit);

	return collect(store, statement, read_job, (GDestroyNotify) job_record_free, "listing jobs",
		error);
}

static GPtrArray *
sqlite_list_folders(Store *store, GError **error)
{
	return collect(store, store->statements[SQL_LIST_FOLDERS], read_folder, g_free,
		"listing executions", error);
}

static gboolean
sqlite_put_delivery(Store *store, const DeliveryRecord *record, GError **error)
{
	return run(store,
		bind(store, SQL_PUT_DELIVERY, "isssi", record->hook, record->key_hash,
			record->digest, record->uuid, record->created_us),
		"keeping a delivery", NULL, error);
}

static DeliveryRecord *
sqlite_find_delivery(Store *store, gint64 hook, const char *key_hash, GError **error)
{
	g_autoptr(GPtrArray) rows =
		collect(store, bind(store, SQL_FIND_DELIVERY, "is", hook, key_hash), read_delivery,
			(GDestroyNotify) delivery_record_free, "looking for a delivery", error);

	return rows != NULL && rows->len > 0 ? g_ptr_array_steal_index(rows, 0) : NULL;
}

static gboolean
sqlite_forget_deliveries(Store *store, gint64 before_us, GError **error)
{
	return run(store, bind(store, SQL_FORGET_DELIVERIES, "i", before_us),
		"forgetting deliveries", NULL, error);
}

const StoreInterface store_sqlite = {
	.name = "sqlite",
	.open = sqlite_open,
	.close = sqlite_close,
	.begin = sqlite_begin,
	.commit = sqlite_commit,
	.rollback = sqlite_rollback,
	.savepoint = sqlite_savepoint,
	.undo = sqlite_undo,
	.next_hook_id = sqlite_next_hook_id,
	.put_hook = sqlite_put_hook,
	.delete_hook = sqlite_delete_hook,
	.list_hooks = sqlite_list_hooks,
	.put_key = sqlite_put_key,
	.update_key = sqlite_update_key,
	.delete_key = sqlite_delete_key,
	.list_keys = sqlite_list_keys,
	.add_job = sqlite_add_job,
	.update_job = sqlite_update_job,
	.find_job = sqlite_find_job,
	.list_unended_jobs = sqlite_list_unended_jobs,
	.list_jobs = sqlite_list_jobs,
	.list_folders = sqlite_list_folders,
	.put_delivery = sqlite_put_delivery,
	.find_delivery = sqlite_find_delivery,
	.forget_deliveries = sqlite_forget_deliveries,
};
