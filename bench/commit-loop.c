/* commit-loop FILE SECONDS: how many commits a second SQLite makes when one caller makes one after the
 * other, as durably as the store does (WAL, synchronous=FULL). Prints the number. */
#include <glib.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/ids.h"

#define DOCUMENT_SIZE 500

static void
check(sqlite3 *db, int result)
{
	if (result == SQLITE_OK || result == SQLITE_DONE)
		return;
	fprintf(stderr, "commit-loop: %s\n", sqlite3_errmsg(db));
	exit(EXIT_FAILURE);
}

static void
add_row(sqlite3 *db, sqlite3_stmt *insert, const char *document)
{
	g_autofree char *uuid = ids_uuid();

	sqlite3_bind_text(insert, 1, uuid, -1, SQLITE_TRANSIENT);
	sqlite3_bind_text(insert, 2, document, -1, SQLITE_TRANSIENT);
	check(db, sqlite3_step(insert));
	check(db, sqlite3_reset(insert));
}

int
main(int argc, char **argv)
{
	char document[DOCUMENT_SIZE + 1];
	sqlite3_stmt *insert = NULL;
	sqlite3 *db = NULL;
	gint64 commits = 0;

	if (argc != 3) {
		fputs("usage: commit-loop FILE SECONDS\n", stderr);
		return 2;
	}
	memset(document, 'x', DOCUMENT_SIZE);
	document[DOCUMENT_SIZE] = '\0';
	check(db, sqlite3_open(argv[1], &db));
	check(db, sqlite3_exec(db,
			  "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
			  "CREATE TABLE IF NOT EXISTS jobs (uuid TEXT PRIMARY KEY, document TEXT) "
			  "WITHOUT ROWID;",
			  NULL, NULL, NULL));
	check(db, sqlite3_prepare_v2(db, "INSERT INTO jobs VALUES (?, ?)", -1, &insert, NULL));
	gint64 start_ms = clock_ms();
	gint64 length_ms = (gint64) (g_ascii_strtod(argv[2], NULL) * 1000);
	while (clock_ms() - start_ms < length_ms) {
		add_row(db, insert, document);
		commits++;
	}
	printf("%.1f\n", (double) commits * 1000 / (double) (clock_ms() - start_ms));
	sqlite3_finalize(insert);
	sqlite3_close(db);
	return EXIT_SUCCESS;
}
