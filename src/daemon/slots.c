#include "daemon/slots.h"

struct Slots {
	const Settings *settings;
	gint64 counts[N_PLACES];
	GHashTable *waiting; /* row of a webhook, as text -> how many of its jobs wait */
	GHashTable *playing; /* name of a kernelspec -> how many jobs with it have a slot */
};

Slots *
slots_new(const Settings *settings)
{
	Slots *slots = g_new0(Slots, 1);

	slots->settings = settings;
	slots->waiting = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	slots->playing = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	return slots;
}

void
slots_free(Slots *slots)
{
	if (slots == NULL)
		return;
	g_hash_table_unref(slots->waiting);
	g_hash_table_unref(slots->playing);
	g_free(slots);
}

static gint64
count_of(GHashTable *table, const char *key)
{
	return (gint64) GPOINTER_TO_SIZE(g_hash_table_lookup(table, key));
}

/* Keys that count nothing are not kept. */
static void
add(GHashTable *table, const char *key, int more)
{
	gint64 count = count_of(table, key) + more;

	if (count > 0)
		g_hash_table_replace(table, g_strdup(key), GSIZE_TO_POINTER((gsize) count));
	else
		g_hash_table_remove(table, key);
}

static char *
webhook_key(gint64 webhook)
{
	return g_strdup_printf("%" G_GINT64_FORMAT, webhook);
}

/* A job that was accepted by a version that did not know its kernelspec has what its notebook says. */
static const char *
kernel_key(const Job *job)
{
	const char *name = job->task.kernelspec != NULL ? job->task.kernelspec : job->task.kernel;

	return name != NULL ? name : "";
}

void
slots_move(Slots *slots, const Job *job, LivePlace from, LivePlace to)
{
	int waits = (to == PLACE_WAITING) - (from == PLACE_WAITING);
	int plays = (to == PLACE_SLOT) - (from == PLACE_SLOT);
	g_autofree char *webhook = webhook_key(job->webhook);

	slots->counts[from]--;
	slots->counts[to]++;
	if (waits != 0)
		add(slots->waiting, webhook, waits);
	if (plays != 0)
		add(slots->playing, kernel_key(job), plays);
}

gboolean
slots_has_free(const Slots *slots, const Job *job)
{
	if (slots->counts[PLACE_SLOT] >= slots->settings->concurrency)
		return FALSE;
	if (job == NULL)
		return TRUE;
	gint64 max = settings_kernel(slots->settings, kernel_key(job))->max;
	return max == SETTINGS_AUTO || count_of(slots->playing, kernel_key(job)) < max;
}

gint64
slots_waiting(const Slots *slots)
{
	return slots->counts[PLACE_WAITING];
}

gint64
slots_waiting_of(const Slots *slots, gint64 webhook)
{
	g_autofree char *key = webhook_key(webhook);

	return count_of(slots->waiting, key);
}
