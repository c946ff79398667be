/* store/sqlite_schema.h: the tables of the store, and how they became what they are; for sqlite.c.
 *
 * Migrations are numbered by PRAGMA user_version and run in one transaction each. One that was released is
 * never changed: a new one is appended. */
#pragma once

#include <glib.h>
#include <sqlite3.h>

/* Brings a store up to date. UNPROCESSABLE: it is of a newer nbhook. */
gboolean sqlite_schema_migrate(sqlite3 *db, GError **error);
