/* exec/play.h: one run, from a notebook and a request to an outcome.
 *
 *     STARTING ──ready──> PLAYING ──last cell, failure, exit()──> ENDED
 *        │                   │                                      ^
 *        │                   └──stop, run_timeout──> STOPPING ──────┤
 *        └──kernel not ready in start_timeout, stop, bad input──────┘
 *
 * A run that is held (PlaySpec) is STARTING until play_release: its kernel is put where it is to be and plays the cells
 * that are not the author's, but the run is not marked as begun, and none of the author's cells is sent. A kernel that
 * dies or cannot be put there gives way to another when the run may begin.
 *
 * STOPPING climbs a ladder: interrupt (when the cell executes: it would be lost before) and once more after
 * a second, SIGTERM after another, SIGKILL after two; it ends with the cell or the kernel. A kernel that dies ends the run at once, whatever the state. When the state is ENDED, the
 * outcome is written (or could not be, which the log says), and the kernel may still be there:
 * play_free ends it, off the way of the answer.
 *
 * A Play knows nothing of who asked for it: it is driven by play_poll_items, play_deadline and play_step. */
#pragma once

#include <glib.h>
#include <zmq.h>

#include "conf/settings.h"
#include "exec/boot.h"
#include "exec/play_spec.h"

typedef enum {
	PLAY_STARTING,
	PLAY_PLAYING,
	PLAY_STOPPING,
	PLAY_ENDED,
} PlayState;

typedef struct Play Play;

/* Starts a run; takes spec and boot over, keeps settings. The kernel of boot is put where the run wants it, if
 * it is the one that the notebook names; else one is started. A run that cannot start is ENDED, with its
 * outcome written. The caller frees the result. */
Play *play_new(const Settings *settings, PlaySpec *spec, Boot *boot);

/* Ends the kernel with all that it started, waits until the outcome and the executed notebook are on disk. */
void play_free(Play *play);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Play, play_free)

PlayState play_state(const Play *play);
int play_done(const Play *play);  /* the author's non-empty code cells that have ended */
int play_total(const Play *play); /* and all of them */

/* Grows with everything that the kernel says of its cells. */
guint64 play_changes(const Play *play);

/* Writes the executed notebook as it is now, while the run is PLAYING. */
gboolean play_write_snapshot(Play *play, int fd, GError **error);

/* The name of the kernel that plays it; NULL when none was found. Borrowed. */
const char *play_kernel(const Play *play);

/* Fills at most KERNEL_N_ITEMS items for zmq_poll; gives how many. */
int play_poll_items(Play *play, zmq_pollitem_t *items);

/* Until when to poll at most (clock_ms()); -1 for ever. */
gint64 play_deadline(const Play *play);

/* Does what is to be done now. After every poll. */
void play_step(Play *play);

/* A held run may go on: who asked for it has it durably. Nothing happens to another. */
void play_release(Play *play);

/* Ends the run with the status "stopped" and this reason. Nothing happens when it is ending already. */
void play_stop(Play *play, const char *reason);
