/* exec/snapshot.h: the executed notebook of a run that goes on, so that it can be seen to grow and is there
 * when its executor dies.
 *
 * Snapshots say when the next is due: something has come since the last, that is a second ago, and twenty
 * times as long as it took to write: a large notebook does not keep its run from playing. One who is
 * asked for a descriptor has it written by play_write_snapshot. */
#pragma once

#include <glib.h>

#include "exec/finish.h"

typedef struct Snapshots {
	gboolean asked;  /* for a descriptor; no more before it came */
	guint64 written; /* play_changes() of the last one */
	gint64 next_ms;  /* not before */
} Snapshots;

/* When the run begins to play. */
void snapshots_init(Snapshots *snapshots);

/* When to look again; -1: nothing is to be written. */
gint64 snapshots_deadline(const Snapshots *snapshots, const Play *play);
gboolean snapshots_are_due(const Snapshots *snapshots, const Play *play);

/* Writes one; whether it is whole. The next is due later, in any case. fd -1: there is none. */
gboolean snapshots_write(Snapshots *snapshots, Play *play, int fd);

/* Writes the notebook as it is now. What snapshots_write has the play call. */
gboolean snapshot_print(const FinishSpec *spec, int fd, GError **error);
