#include "store/sqlite_schema.h"

#include "base/error.h"

/* clang-format off */
static const char *const migrations[] = {
	"CREATE TABLE hook_ids (id INTEGER PRIMARY KEY AUTOINCREMENT);"
	"CREATE TABLE hooks (id INTEGER PRIMARY KEY, path TEXT NOT NULL, type TEXT NOT NULL, token TEXT NOT NULL UNIQUE, "
	"  token_hash TEXT NOT NULL UNIQUE, document TEXT NOT NULL, UNIQUE (path, type));"
	"CREATE TABLE keys (name TEXT PRIMARY KEY, hash TEXT NOT NULL UNIQUE, document TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE jobs (uuid TEXT PRIMARY KEY, folder TEXT NOT NULL, path TEXT NOT NULL, hook INTEGER NOT NULL, "
	"  ended INTEGER NOT NULL, accepted_us INTEGER NOT NULL, document TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE INDEX jobs_unended ON jobs (accepted_us) WHERE ended = 0;"
	"CREATE INDEX jobs_of_path ON jobs (path, accepted_us);",

	"ALTER TABLE jobs ADD COLUMN status TEXT NOT NULL DEFAULT '';"
	"UPDATE jobs SET status = json_extract(document, '$.status');"
	"CREATE INDEX jobs_accepted ON jobs (accepted_us);"
	"CREATE TABLE deliveries (hook INTEGER NOT NULL, key_hash TEXT NOT NULL, digest TEXT NOT NULL, "
	"  uuid TEXT NOT NULL, created_us INTEGER NOT NULL, PRIMARY KEY (hook, key_hash)) WITHOUT ROWID;"
	"CREATE INDEX deliveries_created ON deliveries (created_us);",
};
/* clang-format on */

static gboolean
fail(sqlite3 *db, const char *what, GError **error)
{
	g_set_error(error, NBHOOK_ERROR,
		sqlite3_errcode(db) == SQLITE_FULL ? NBHOOK_ERROR_NO_SPACE : NBHOOK_ERROR_INTERNAL,
		"%s: the store says: %s", what, sqlite3_errmsg(db));
	return FALSE;
}

static gboolean
read_version(sqlite3 *db, int *version, GError **error)
{
	sqlite3_stmt *statement = NULL;

	if (sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &statement, NULL) != SQLITE_OK ||
		sqlite3_step(statement) != SQLITE_ROW) {
		sqlite3_finalize(statement);
		return fail(db, "reading the store's version", error);
	}
	*version = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return TRUE;
}

gboolean
sqlite_schema_migrate(sqlite3 *db, GError **error)
{
	int version = 0;

	if (!read_version(db, &version, error))
		return FALSE;
	if (version > (int) G_N_ELEMENTS(migrations)) {
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNPROCESSABLE,
			"the store is of a newer nbhook (version %d, this program knows %d): "
			"install that one",
			version, (int) G_N_ELEMENTS(migrations));
		return FALSE;
	}
	for (; version < (int) G_N_ELEMENTS(migrations); version++) {
		g_autofree char *sql =
			g_strdup_printf("BEGIN IMMEDIATE; %s PRAGMA user_version = %d; COMMIT",
				migrations[version], version + 1);

		if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
			return fail(db, "bringing the store up to date", error);
	}
	return TRUE;
}
