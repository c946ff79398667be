#include "daemon/spares.h"

#include "base/ids.h"
#include "daemon/run_files.h"
#include "daemon/status.h"

#define MAX_SPARES 4 /* of calls that come at once the others make their own */

struct Spares {
	Daemon *daemon;
	GQueue *names;       /* owned */
	gboolean is_started; /* and not stopped */
	gboolean is_making;  /* or removing what was left */
};

Spares *
spares_new(Daemon *daemon)
{
	Spares *spares = g_new0(Spares, 1);

	spares->daemon = daemon;
	spares->names = g_queue_new();
	return spares;
}

void
spares_free(Spares *spares)
{
	char *name;

	if (spares == NULL)
		return;
	while ((name = g_queue_pop_head(spares->names)) != NULL) {
		folders_remove_spare(spares->daemon->folders, name, NULL);
		g_free(name);
	}
	g_queue_free(spares->names);
	g_free(spares);
}

/* Work on one of them, or on all. */
typedef struct {
	Spares *spares;
	const Folders *folders;
	char *name;
} Piece;

static Piece *
piece_new(Spares *spares, char *name)
{
	Piece *piece = g_new0(Piece, 1);

	piece->spares = spares;
	piece->folders = spares->daemon->folders;
	piece->name = name;
	return piece;
}

static void
piece_free(Piece *piece)
{
	g_free(piece->name);
	g_free(piece);
}

static gboolean
make(gpointer data, GError **error)
{
	const Piece *piece = data;
	AUTO_FD execution = folders_make_spare(piece->folders, piece->name, error);

	if (execution >= 0 &&
		folders_prepare_file(piece->folders, execution, "request", FALSE, error) &&
		run_files_prepare(piece->folders, execution, error) &&
		status_prepare(piece->folders, execution, error))
		return TRUE;
	folders_remove_spare(piece->folders, piece->name, NULL);
	return FALSE;
}

/* A call that finds none says what is wrong with the disk. */
static void
on_made(gpointer data, const GError *failure)
{
	Piece *piece = data;
	Spares *spares = piece->spares;

	spares->is_making = FALSE;
	if (failure != NULL) {
		g_info("no spare folder is made: %s", failure->message);
		return;
	}
	g_queue_push_tail(spares->names, g_steal_pointer(&piece->name));
	spares_fill(spares);
}

void
spares_fill(Spares *spares)
{
	if (!spares->is_started || spares->is_making ||
		g_queue_get_length(spares->names) >= MAX_SPARES)
		return;
	spares->is_making = TRUE;
	workers_push(spares->daemon->workers, make, on_made, piece_new(spares, ids_uuid()),
		(GDestroyNotify) piece_free);
}

void
spares_stop(Spares *spares)
{
	spares->is_started = FALSE;
}

static gboolean
remove_all(gpointer data, GError **error)
{
	return folders_remove_spares(((Piece *) data)->folders, error);
}

static void
on_all_removed(gpointer data, const GError *failure)
{
	Spares *spares = ((Piece *) data)->spares;

	spares->is_making = FALSE;
	if (failure != NULL)
		g_warning("spare folders that an earlier daemon has left: %s", failure->message);
	spares_fill(spares);
}

void
spares_start(Spares *spares)
{
	spares->is_started = spares->is_making = TRUE;
	workers_push(spares->daemon->workers, remove_all, on_all_removed, piece_new(spares, NULL),
		(GDestroyNotify) piece_free);
}

static void
on_one_removed(gpointer data, const GError *failure)
{
	if (failure != NULL)
		g_info("a spare folder stays: %s", failure->message);
}

static gboolean
remove_one(gpointer data, GError **error)
{
	const Piece *piece = data;

	return folders_remove_spare(piece->folders, piece->name, error);
}

int
spares_make_execution(Spares *spares, const char *name, GError **error)
{
	const Folders *folders = spares->daemon->folders;
	g_autofree char *spare = g_queue_pop_head(spares->names);
	g_autoptr(GError) unusable = NULL;

	if (spare != NULL) {
		int execution = folders_use_spare(folders, spare, name, &unusable);

		if (execution >= 0)
			return execution;
		g_info("%s", unusable->message);
		workers_push(spares->daemon->workers, remove_one, on_one_removed,
			piece_new(spares, g_steal_pointer(&spare)), (GDestroyNotify) piece_free);
	}
	return folders_make_execution(folders, name, error);
}
