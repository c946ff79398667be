/* tests/kernel/kernel.h: a Jupyter kernel that does what scripts tell it, and nothing right by itself but
 * what they leave to it.
 *
 * Each request is a turn: busy, execute_input (for a cell), the script, the reply, idle. The script of a
 * cell is its source, unless it begins with what nbhook injects ("# Parameters", "try:"): of such a cell
 * "name = value" lines are remembered, so that scripts can say $name. The script of other requests is what
 * `on` has set, else empty. The environment's SCRIPT is played before the sockets are bound.
 * What a script can say is the table in statements.c, and explained in tests/system/scripted.py. */
#pragma once

#include <glib.h>

#include "message.h"

enum { SHELL, IOPUB, STDIN, CONTROL, HEARTBEAT, N_SOCKETS };

typedef struct Kernel {
	void *context;
	void *sockets[N_SOCKETS];
	char *key;
	char *endpoint; /* without the port */
	int ports[N_SOCKETS];
	GHashTable *variables; /* char * -> char * */
	GHashTable *scripts;   /* message type -> GQueue of char *; the last one stays */
	GPtrArray *later;      /* Later *, what `after` has left */
	int execution_count;
	int high_water_mark; /* of iopub; 0: none */
	gboolean bound;
} Kernel;

/* A request and what is still owed to it. Freed by turn_unref. */
typedef struct Turn {
	Kernel *kernel;
	Request *request; /* NULL for the script of the start */
	gboolean owes_reply, owes_idle;
	gboolean interrupted;
} Turn;

Turn *turn_ref(Turn *turn);
void turn_unref(Turn *turn);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Turn, turn_unref)

/* A statement that is played some time after it was met. */
typedef struct Later {
	Turn *turn;
	char **words;
	gint64 when_us;
} Later;

void kernel_later(Turn *turn, char *const *words, double seconds);

/* Sends a message of this turn on iopub, or as the reply. */
void kernel_publish(Turn *turn, const char *type, const char *content, unsigned flaws);
void kernel_reply(Turn *turn, const char *status, json_object *content, unsigned flaws);
void kernel_status(Turn *turn, const char *state);

/* Says what is still owed: the reply, then idle. */
void kernel_end_turn(Turn *turn);

/* Until all that was sent has reached the client. There are no sockets afterwards. */
void kernel_flush(Kernel *kernel);

/* Waits, taking what comes on control and what is due; FALSE when an interrupt came. seconds < 0: for ever. */
gboolean kernel_sleep(Kernel *kernel, double seconds);

/* Whether an interrupt came that kernel_sleep has not told yet. */
gboolean kernel_is_interrupted(void);

/* Plays one statement; FALSE when the turn is over: an interrupt, or a statement that is none. */
gboolean statement_play(Turn *turn, char *const *words);

/* Plays a text; "without" is looked at first. */
void script_play(Turn *turn, const char *text);
