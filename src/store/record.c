#include "store/store.h"

void
hook_record_free(HookRecord *record)
{
	if (record == NULL)
		return;
	g_free(record->path);
	g_free(record->type);
	g_free(record->token);
	g_free(record->token_hash);
	g_free(record->document);
	g_free(record);
}

void
key_record_free(KeyRecord *record)
{
	if (record == NULL)
		return;
	g_free(record->name);
	g_free(record->hash);
	g_free(record->document);
	g_free(record);
}

void
job_record_free(JobRecord *record)
{
	if (record == NULL)
		return;
	g_free(record->uuid);
	g_free(record->folder);
	g_free(record->path);
	g_free(record->status);
	g_free(record->document);
	g_free(record);
}

void
delivery_record_free(DeliveryRecord *record)
{
	if (record == NULL)
		return;
	g_free(record->key_hash);
	g_free(record->digest);
	g_free(record->uuid);
	g_free(record);
}

HookRecord *
hook_record_copy(const HookRecord *record)
{
	HookRecord *copy = g_memdup2(record, sizeof *record);

	copy->path = g_strdup(record->path);
	copy->type = g_strdup(record->type);
	copy->token = g_strdup(record->token);
	copy->token_hash = g_strdup(record->token_hash);
	copy->document = g_strdup(record->document);
	return copy;
}

KeyRecord *
key_record_copy(const KeyRecord *record)
{
	KeyRecord *copy = g_memdup2(record, sizeof *record);

	copy->name = g_strdup(record->name);
	copy->hash = g_strdup(record->hash);
	copy->document = g_strdup(record->document);
	return copy;
}

JobRecord *
job_record_copy(const JobRecord *record)
{
	JobRecord *copy = g_memdup2(record, sizeof *record);

	copy->uuid = g_strdup(record->uuid);
	copy->folder = g_strdup(record->folder);
	copy->path = g_strdup(record->path);
	copy->status = g_strdup(record->status);
	copy->document = g_strdup(record->document);
	return copy;
}

DeliveryRecord *
delivery_record_copy(const DeliveryRecord *record)
{
	DeliveryRecord *copy = g_memdup2(record, sizeof *record);

	copy->key_hash = g_strdup(record->key_hash);
	copy->digest = g_strdup(record->digest);
	copy->uuid = g_strdup(record->uuid);
	return copy;
}
