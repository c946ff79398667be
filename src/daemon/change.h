/* daemon/change.h: one publish, delete or clear on its way; for hooks.c and clear.c.
 *
 * All changes of a daemon stand in one queue and the first is being made: publishing is rare, and two
 * changes must never meet in the same folder. make() starts the first step; whoever takes the last step
 * calls change_finish or change_finish_failed, which frees the change and starts the next. */
#pragma once

#include "daemon/daemon.h"

typedef struct Change Change;

struct Change {
	Daemon *daemon;
	Call *call; /* NULL when the asker has gone */
	void (*make)(Change *change);
	char *path; /* published path, relative */
	Hook *hook; /* the new one, or the one to delete */
	gboolean is_new;
	int content;             /* the notebook to publish, or -1 */
	char *kernel, *language; /* of that notebook: as it says, then the kernelspec's language */
	char *kernelspec;        /* the name of the one that was found for it */
	char *histo;             /* what to clear; NULL: all */
	gboolean outputs;
	GPtrArray *kept;    /* versions that must stay */
	GPtrArray *records; /* executions of the path */
	GPtrArray *removed, *left;
};

/* Reads path and type of a call that wants to change something and may; NULL when the call has been
 * answered with an error. make is as above. */
Change *change_new(Daemon *daemon, Call *call, void (*make)(Change *change));

/* Answers the call with an error in place of taking a turn. */
void change_refuse(Change *change, int code, const char *sentence);

/* Takes its turn. */
void change_enqueue(Change *change);

void change_finish(Change *change);

/* The same after answering the call with failure (borrowed). */
void change_finish_failed(Change *change, const GError *failure);

/* Checks path and type of a call; gives the relative path (the caller frees it), or NULL when the call
 * has been answered with an error. */
char *change_read_path(Call *call);
