/* An Entry is a delivery in memory: being looked up (its first claim waits for the store, later ones queue
 * behind it) or held by a job. */
#include "daemon/deliveries.h"

#include <string.h>

#include "base/clock.h"
#include "daemon/records.h"

#define SWEEP_INTERVAL_SECONDS 3600

typedef struct {
	char *digest;
	char *uuid;
	DeliveryTold told;
	gpointer data;
} Claim;

typedef struct {
	Deliveries *deliveries;
	char *name; /* "<hook> <key hash>" */
	gint64 hook;
	char *key_hash;
	GQueue claims;    /* of Claim, while it is looked up */
	gboolean telling; /* these are being told, and the holder may be released meanwhile */
	char *holder;     /* the uuid whose delivery it is, or NULL */
	char *digest;
	/* what the store says: */
	DeliveryRecord *record;
	gboolean failed; /* its job has failed or was stopped, or is gone */
} Entry;

struct Deliveries {
	Daemon *daemon;
	GHashTable *by_name; /* Entry, owned */
	GHashTable *by_uuid; /* of held ones, borrowed */
	guint sweep_source;
};

static void
claim_free(Claim *claim)
{
	g_free(claim->digest);
	g_free(claim->uuid);
	g_free(claim);
}

static void
entry_free(Entry *entry)
{
	g_free(entry->name);
	g_free(entry->key_hash);
	g_queue_clear_full(&entry->claims, (GDestroyNotify) claim_free);
	g_free(entry->holder);
	g_free(entry->digest);
	delivery_record_free(entry->record);
	g_free(entry);
}

static gboolean
forget_old(const StoreInterface *store, Store *handle, gpointer data, GError **error)
{
	return store->forget_deliveries(handle, *(gint64 *) data, error);
}

/* The oldest time that is still remembered, wall clock. */
static gint64
horizon_us(const Deliveries *deliveries)
{
	return clock_wall_us() - deliveries->daemon->settings->idempotency_ttl_ms * 1000;
}

static gboolean
sweep(gpointer data)
{
	Deliveries *deliveries = data;
	gint64 before_us = horizon_us(deliveries);

	store_writer_push(deliveries->daemon->writer, forget_old, NULL,
		g_memdup2(&before_us, sizeof before_us), g_free);
	return G_SOURCE_CONTINUE;
}

Deliveries *
deliveries_new(Daemon *daemon)
{
	Deliveries *deliveries = g_new0(Deliveries, 1);

	deliveries->daemon = daemon;
	deliveries->by_name =
		g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify) entry_free);
	deliveries->by_uuid = g_hash_table_new(g_str_hash, g_str_equal);
	deliveries->sweep_source = g_timeout_add_seconds(SWEEP_INTERVAL_SECONDS, sweep, deliveries);
	return deliveries;
}

void
deliveries_free(Deliveries *deliveries)
{
	if (deliveries == NULL)
		return;
	g_source_remove(deliveries->sweep_source);
	g_hash_table_unref(deliveries->by_uuid);
	g_hash_table_unref(deliveries->by_name);
	g_free(deliveries);
}

static void
hold(Entry *entry, const Claim *claim)
{
	entry->holder = g_strdup(claim->uuid);
	entry->digest = g_strdup(claim->digest);
	g_hash_table_insert(entry->deliveries->by_uuid, entry->holder, entry);
}

/* Tells a claim what the entry, which has been looked up, means for it. */
static void
tell(Entry *entry, const Claim *claim)
{
	const DeliveryRecord *record = entry->record;
	const char *digest = entry->holder != NULL ? entry->digest
			     : record != NULL      ? record->digest
						   : NULL;

	if (digest != NULL && strcmp(digest, claim->digest) != 0) {
		claim->told(DELIVERY_OTHER, NULL, NULL, claim->data);
	} else if (entry->holder != NULL) {
		claim->told(DELIVERY_KNOWN, entry->holder, NULL, claim->data);
	} else if (record != NULL && !entry->failed) {
		claim->told(DELIVERY_KNOWN, record->uuid, NULL, claim->data);
	} else {
		hold(entry, claim);
		claim->told(DELIVERY_NEW, NULL, NULL, claim->data);
	}
}

static gboolean
look_up(const StoreInterface *store, Store *handle, gpointer data, GError **error)
{
	Entry *entry = data;

	entry->record = store->find_delivery(handle, entry->hook, entry->key_hash, error);
	if (entry->record == NULL)
		return *error == NULL;
	g_autoptr(JobRecord) job = store->find_job(handle, entry->record->uuid, error);
	JobStatus status = JOB_FAILED;
	if (job != NULL)
		job_status_from_word(job->status, &status);
	entry->failed = status == JOB_FAILED || status == JOB_STOPPED;
	return *error == NULL;
}

static void
on_looked_up(gpointer data, const GError *failure)
{
	Entry *entry = data;
	Deliveries *deliveries = entry->deliveries;
	gboolean replay = strcmp(deliveries->daemon->settings->replay_failed, "yes") == 0;
	Claim *claim;

	if (entry->record != NULL && entry->record->created_us < horizon_us(deliveries))
		g_clear_pointer(&entry->record, delivery_record_free);
	entry->failed = entry->failed && !replay;
	entry->telling = TRUE;
	while ((claim = g_queue_pop_head(&entry->claims)) != NULL) {
		if (failure != NULL)
			claim->told(DELIVERY_ERROR, NULL, failure, claim->data);
		else
			tell(entry, claim);
		claim_free(claim);
	}
	entry->telling = FALSE;
	if (entry->holder == NULL)
		g_hash_table_remove(deliveries->by_name, entry->name);
}

void
deliveries_claim(Deliveries *deliveries, gint64 hook, const char *key_hash, const char *digest,
	const char *uuid, DeliveryTold told, gpointer data)
{
	g_autofree char *name = g_strdup_printf("%" G_GINT64_FORMAT " %s", hook, key_hash);
	Entry *entry = g_hash_table_lookup(deliveries->by_name, name);
	Claim claim = { g_strdup(digest), g_strdup(uuid), told, data };
	Claim *kept = g_memdup2(&claim, sizeof claim);

	if (entry != NULL && entry->holder != NULL) {
		tell(entry, kept);
		claim_free(kept);
		return;
	}
	if (entry == NULL) {
		entry = g_new0(Entry, 1);
		entry->deliveries = deliveries;
		entry->hook = hook;
		entry->key_hash = g_strdup(key_hash);
		entry->name = g_steal_pointer(&name);
		g_queue_init(&entry->claims);
		g_hash_table_insert(deliveries->by_name, entry->name, entry);
		store_writer_read(deliveries->daemon->writer, look_up, on_looked_up, entry, NULL);
	}
	g_queue_push_tail(&entry->claims, kept);
}

void
deliveries_release(Deliveries *deliveries, const char *uuid)
{
	Entry *entry = g_hash_table_lookup(deliveries->by_uuid, uuid);

	if (entry == NULL)
		return;
	g_hash_table_remove(deliveries->by_uuid, uuid);
	if (entry->telling) {
		g_clear_pointer(&entry->holder, g_free);
		g_clear_pointer(&entry->digest, g_free);
	} else {
		g_hash_table_remove(deliveries->by_name, entry->name);
	}
}
