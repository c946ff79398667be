/* exec/player.h: a notebook being played, cell by cell. Pure: messages and times are arguments.
 *
 *            player_next               reply            idle
 *     READY ------------> WAITING ------------> … -------------> READY, FAILED or DONE
 *       |                 (reply and idle in either order; 4 s after a reply without idle it goes on
 *       | no cell left     all the same, and the outputs are not known to be complete)
 *       +-----> DONE
 *
 * One of the author's cells is in flight. Before the first of them, those that were put in front of it are sent at once,
 * so that the kernel need not wait for us between them, and that first one when all but the last of ours are replied to,
 * in any case the first of all: it imports a module, which may fail, while the last assigns values.
 * An output goes to the cell of its parent, however late. A reply whose status is
 * not ok ends the play (FAILED) unless the cell is tagged raises-exception; a reply that says ask_exit
 * ends it too, successfully. Outputs beyond the ceiling end it as well (FAILED, output_limit). */
#pragma once

#include <glib.h>

#include "exec/failure.h"
#include "jupyter/connection.h"
#include "jupyter/wire.h"
#include "notebook/notebook.h"
#include "notebook/outputs.h"

typedef enum {
	PLAYER_READY,
	PLAYER_WAITING,
	PLAYER_DONE,
	PLAYER_FAILED,
} PlayerState;

typedef struct Player Player;

/* Plays notebook, which is borrowed for the player's whole life. */
Player *player_new(Notebook *notebook, OutputLimits limits);
void player_free(Player *player);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Player, player_free)

PlayerState player_state(const Player *player);

/* In READY: the content of the next comm_msg that the kernel has to get before the next cell; NULL when there
 * is none left. The caller owns the result. */
json_object *player_next_comm(Player *player);

/* Which cell may be sent now, in READY or in WAITING. */
typedef enum {
	PLAYER_NEXT_NOTHING, /* no cell, or not before the one in flight has ended */
	PLAYER_NEXT_OURS,
	PLAYER_NEXT_AUTHORS,
} PlayerNext;

PlayerNext player_next_is(const Player *player);

/* The content of the execute_request of the next cell, if player_next_is says that there is one; the state is
 * WAITING afterwards. NULL when no cell is left; the state is DONE then. The caller owns the result. */
json_object *player_next(Player *player);

/* The id of the request that player_next made, copied. */
void player_sent(Player *player, const char *msg_id);

/* Takes a message of shell or iopub. */
void player_take(Player *player, Channel channel, const WireMessage *message, gint64 now_ms);

/* When player_tick wants to be called (clock_ms()); -1 for never. Not while something lies unread on iopub:
 * what a slow reader has not taken yet is not lost. */
gint64 player_deadline(const Player *player);
void player_tick(Player *player, gint64 now_ms);

/* Says that the kernel has gone: DONE if the notebook had asked for it or no cell is left, else FAILED with
 * the reason kernel_died and this sentence. */
void player_kernel_died(Player *player, const char *sentence);

/* The index of the cell in flight, or of the last one; -1 before the first. */
gssize player_cell(const Player *player);

/* Whether the kernel has said that it executes the cell in flight. Before that an interrupt is lost. */
gboolean player_is_executing(const Player *player);

/* Whether the kernel is idle again after the cell in flight, replied or not: ipykernel owes no reply to a
 * cell that was interrupted in its first moments. */
gboolean player_is_idle(const Player *player);

/* Why the state is FAILED. Borrowed. */
const Failure *player_failure(const Player *player);

/* The author's non-empty code cells: all of them, and how many have ended. */
int player_total(const Player *player);
int player_done(const Player *player);

/* Whether every output of every cell is known to have come. */
gboolean player_outputs_complete(const Player *player);
void player_miss_outputs(Player *player); /* says that they have not */

/* Puts what is held back into the cells, and the state of the widgets into the notebook; before that is read. */
void player_settle(Player *player);
