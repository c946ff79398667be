/* daemon/slots.h: how many jobs are where, and whether one more may play. Pure: no I/O, no clock.
 *
 * The setting concurrency is the ceiling for all, max of a [kernel NAME] the one for those with that kernel. */
#pragma once

#include "conf/settings.h"
#include "job/job.h"

/* Where a live job is: each is in one of these. */
typedef enum {
	PLACE_NONE,
	PLACE_WAITING, /* for a slot */
	PLACE_SLOT,    /* it plays, or is about to */
	PLACE_ENDING,  /* its end is on the way to the store */
	N_PLACES
} LivePlace;

typedef struct Slots Slots;

/* settings are borrowed. */
Slots *slots_new(const Settings *settings);
void slots_free(Slots *slots);

/* A job goes from place to place; one that is new comes from PLACE_NONE. */
void slots_move(Slots *slots, const Job *job, LivePlace from, LivePlace to);

/* Whether a job may be given a slot now. With NULL: any job. */
gboolean slots_has_free(const Slots *slots, const Job *job);

/* How many wait, and how many of one webhook (its row). */
gint64 slots_waiting(const Slots *slots);
gint64 slots_waiting_of(const Slots *slots, gint64 webhook);
