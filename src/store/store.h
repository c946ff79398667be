/* store/store.h: what is kept, behind one small interface.
 *
 * A Store belongs to one thread (the writer's, store/writer.h); records are plain values that cross
 * threads by being given away. Each row is a few columns to search by and one JSON document. All changes
 * happen between begin and commit; a change between savepoint and undo can be taken back alone. */
#pragma once

#include <glib.h>

typedef struct Store Store;

/* A webhook or a dependency: id, published path, type, the token in clear (it is shown to its owner) and
 * its SHA-256; document: params, histo, kernel, language, created_us, updated_us, debug. */
typedef struct HookRecord {
	gint64 id; /* never used again after a delete */
	char *path;
	char *type;
	char *token;
	char *token_hash;
	char *document;
} HookRecord;

/* An API key: its name, the SHA-256 of its text; document: created_us, used_us. */
typedef struct KeyRecord {
	char *name;
	char *hash;
	char *document;
} KeyRecord;

typedef struct JobRecord {
	char *uuid;
	char *folder;
	char *path; /* published path of its notebook, for outputs and recent runs */
	gint64 hook;
	gboolean ended;
	char *status; /* job_status_word() */
	gint64 accepted_us;
	char *document; /* job_document() */
} JobRecord;

/* What a sender calls one delivery, so that its repetition is known: the webhook, the SHA-256 of the
 * sender's key, that of what was sent, and the job that it became. */
typedef struct DeliveryRecord {
	gint64 hook;
	char *key_hash;
	char *digest;
	char *uuid;
	gint64 created_us;
} DeliveryRecord;

void hook_record_free(HookRecord *record);
void key_record_free(KeyRecord *record);
void job_record_free(JobRecord *record);
void delivery_record_free(DeliveryRecord *record);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HookRecord, hook_record_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KeyRecord, key_record_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(JobRecord, job_record_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DeliveryRecord, delivery_record_free)
HookRecord *hook_record_copy(const HookRecord *record);
KeyRecord *key_record_copy(const KeyRecord *record);
JobRecord *job_record_copy(const JobRecord *record);
DeliveryRecord *delivery_record_copy(const DeliveryRecord *record);

/* The functions of an implementation. Lists are new GPtrArrays that own their records. All return
 * false or NULL with an error; find_job gives NULL without one when there is no such job. */
typedef struct StoreInterface {
	const char *name;
	Store *(*open)(const char *path, GError **error);
	void (*close)(Store *store);

	gboolean (*begin)(Store *store, GError **error);
	gboolean (*commit)(Store *store, GError **error); /* durable when it returns true */
	void (*rollback)(Store *store);
	gboolean (*savepoint)(Store *store, GError **error);
	/* To the last savepoint; false when the transaction itself is lost: nothing of it is kept. */
	gboolean (*undo)(Store *store, GError **error);

	gint64 (*next_hook_id)(Store *store, GError **error); /* 0 on error */
	gboolean (*put_hook)(Store *store, const HookRecord *record, GError **error);
	gboolean (*delete_hook)(Store *store, gint64 id, GError **error);
	GPtrArray *(*list_hooks)(Store *store, GError **error);

	gboolean (*put_key)(Store *store, const KeyRecord *record, GError **error);
	/* Replaces the document of the key with that name and hash, if there is one. */
	gboolean (*update_key)(Store *store, const KeyRecord *record, GError **error);
	gboolean (*delete_key)(Store *store, const char *name, GError **error);
	GPtrArray *(*list_keys)(Store *store, GError **error);

	gboolean (*add_job)(Store *store, const JobRecord *record,
		GError **error); /* CONFLICT: the uuid is there */
	gboolean (*update_job)(
		Store *store, const JobRecord *record, GError **error); /* NOT_FOUND */
	JobRecord *(*find_job)(Store *store, const char *uuid, GError **error);
	GPtrArray *(*list_unended_jobs)(Store *store, GError **error); /* oldest first */
	GPtrArray *(*list_folders)(Store *store, GError **error);      /* of char * */
	/* Newest first; status and path may be NULL: any. */
	GPtrArray *(*list_jobs)(
		Store *store, const char *status, const char *path, int limit, GError **error);

	/* Takes the place of an earlier delivery of that hook and key. */
	gboolean (*put_delivery)(Store *store, const DeliveryRecord *record, GError **error);
	DeliveryRecord *(*find_delivery)(
		Store *store, gint64 hook, const char *key_hash, GError **error);
	gboolean (*forget_deliveries)(Store *store, gint64 before_us, GError **error);
} StoreInterface;

/* One SQLite file: WAL, synchronous FULL. */
extern const StoreInterface store_sqlite;

/* For tests: nothing survives. */
extern const StoreInterface store_memory;
