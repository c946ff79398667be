#include "exec/snapshot.h"

#include "base/clock.h"
#include "exec/outcome.h"
#include "exec/report.h"

#define SHORTEST_MS 1000
#define TIMES_AS_LONG 20

void
snapshots_init(Snapshots *snapshots)
{
	*snapshots = (Snapshots){ .next_ms = clock_ms() + SHORTEST_MS };
}

gint64
snapshots_deadline(const Snapshots *snapshots, const Play *play)
{
	if (snapshots->asked || play_state(play) != PLAY_PLAYING ||
		play_changes(play) == snapshots->written)
		return -1;
	return snapshots->next_ms;
}

gboolean
snapshots_are_due(const Snapshots *snapshots, const Play *play)
{
	gint64 deadline_ms = snapshots_deadline(snapshots, play);

	return deadline_ms >= 0 && clock_ms() >= deadline_ms;
}

gboolean
snapshots_write(Snapshots *snapshots, Play *play, int fd)
{
	gint64 begun_ms = clock_ms();
	g_autoptr(GError) error = NULL;
	gboolean whole = fd >= 0 && play_write_snapshot(play, fd, &error);
	gint64 now_ms = clock_ms();

	if (error != NULL)
		g_info("no snapshot of the executed notebook: %s", error->message);
	snapshots->asked = FALSE;
	snapshots->written = play_changes(play);
	snapshots->next_ms = now_ms + MAX(SHORTEST_MS, TIMES_AS_LONG * (now_ms - begun_ms));
	return whole;
}

gboolean
snapshot_print(const FinishSpec *spec, int fd, GError **error)
{
	const Failure none = FAILURE_NONE;
	Report report = { .job = spec->play->job,
		.status = "active",
		.started_us = spec->begun_wall_us,
		.variables = spec->variables,
		.language_info = spec->language_info,
		.failure = &none };

	player_settle(spec->player);
	report_write(&report, spec->notebook);
	return outcome_write_notebook(fd, spec->notebook, "a snapshot", error);
}
