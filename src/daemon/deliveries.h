/* daemon/deliveries.h: a retry of the same delivery joins the run.
 *
 * A delivery is what a sender calls it (the hash of its key) at one webhook. Whoever submits one claims it
 * first. While a claim is open, or its job lives, the delivery is in memory; then the store knows it. So
 * two claims at the same instant, and one after a restart, find each other. */
#pragma once

#include "daemon/daemon.h"

typedef enum {
	DELIVERY_NEW,   /* the claim is yours: submit, and the row of the delivery with the job's */
	DELIVERY_KNOWN, /* it is the job of that uuid, which may be on its way, live or ended */
	DELIVERY_OTHER, /* the key was used for something else */
	DELIVERY_ERROR, /* the store does not answer */
} DeliveryVerdict;

/* uuid (of DELIVERY_KNOWN) and failure (of DELIVERY_ERROR) are borrowed. */
typedef void (*DeliveryTold)(
	DeliveryVerdict verdict, const char *uuid, const GError *failure, gpointer data);

Deliveries *deliveries_new(Daemon *daemon);
void deliveries_free(Deliveries *deliveries);

/* Claims a delivery for the job that uuid will be. told runs once, at once or from the main loop. Where
 * the claim is told DELIVERY_NEW, the delivery is uuid's until deliveries_release. */
void deliveries_claim(Deliveries *deliveries, gint64 hook, const char *key_hash, const char *digest,
	const char *uuid, DeliveryTold told, gpointer data);

/* The job of uuid has ended (the store says so already) or was not accepted. */
void deliveries_release(Deliveries *deliveries, const char *uuid);
