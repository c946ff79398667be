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

/* Which kernel's ceiling a job counts against: the kernelspec that was found when its notebook was published, or
 * where an earlier version did not keep that, what the notebook says. Never NULL; borrowed. */
const char *slots_kernel(const char *kernelspec, const char *kernel);

/* A job goes from place to place; one that is new comes from PLACE_NONE. */
void slots_move(Slots *slots, const Job *job, LivePlace from, LivePlace to);

/* Whether a job with that kernel may be given a slot now. With NULL: with any kernel. */
gboolean slots_has_free(const Slots *slots, const char *kernel);

/* How many wait: all, those of one webhook (its row), those with one kernel. */
gint64 slots_waiting(const Slots *slots);
gint64 slots_waiting_of(const Slots *slots, gint64 webhook);
gint64 slots_waiting_with(const Slots *slots, const char *kernel);

/* How many jobs with that kernel have a slot, and how many may. */
gint64 slots_playing(const Slots *slots, const char *kernel);
gint64 slots_max(const Slots *slots, const char *kernel);

/* How many runs stand before one more job with that kernel, for each run that goes on beside it: times the mean
 * duration of a run, that is how long it would wait. */
double slots_ahead(const Slots *slots, const char *kernel);
