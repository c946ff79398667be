#include "daemon/slots.h"

struct Slots {
	const Settings *settings;
	gint64 counts[N_PLACES];
	GHashTable *waiting_of;   /* row of a webhook, as text -> how many of its jobs wait */
	GHashTable *waiting_with; /* kernel -> how many jobs with it wait */
	GHashTable *playing;      /* kernel -> how many jobs with it have a slot */
};

Slots *
slots_new(const Settings *settings)
{
	Slots *slots = g_new0(Slots, 1);

	slots->settings = settings;
	slots->waiting_of = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	slots->waiting_with = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	slots->playing = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	return slots;
}

void
slots_free(Slots *slots)
{
	if (slots == NULL)
		return;
	g_hash_table_unref(slots->waiting_of);
	g_hash_table_unref(slots->waiting_with);
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

const char *
slots_kernel(const char *kernelspec, const char *kernel)
{
	const char *name = kernelspec != NULL ? kernelspec : kernel;

	return name != NULL ? name : "";
}

void
slots_move(Slots *slots, const Job *job, LivePlace from, LivePlace to)
{
	const char *kernel = slots_kernel(job->task.kernelspec, job->task.kernel);
	int waits = (to == PLACE_WAITING) - (from == PLACE_WAITING);
	int plays = (to == PLACE_SLOT) - (from == PLACE_SLOT);
	g_autofree char *webhook = webhook_key(job->webhook);

	slots->counts[from]--;
	slots->counts[to]++;
	if (waits != 0) {
		add(slots->waiting_of, webhook, waits);
		add(slots->waiting_with, kernel, waits);
	}
	if (plays != 0)
		add(slots->playing, kernel, plays);
}

gboolean
slots_has_free(const Slots *slots, const char *kernel)
{
	if (slots->counts[PLACE_SLOT] >= slots->settings->concurrency)
		return FALSE;
	return kernel == NULL || slots_playing(slots, kernel) < slots_max(slots, kernel);
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

	return count_of(slots->waiting_of, key);
}

gint64
slots_waiting_with(const Slots *slots, const char *kernel)
{
	return count_of(slots->waiting_with, kernel);
}

gint64
slots_playing(const Slots *slots, const char *kernel)
{
	return count_of(slots->playing, kernel);
}

gint64
slots_max(const Slots *slots, const char *kernel)
{
	gint64 max = settings_kernel(slots->settings, kernel)->max;

	return max == SETTINGS_AUTO ? slots->settings->concurrency
				    : MIN(max, slots->settings->concurrency);
}

double
slots_ahead(const Slots *slots, const char *kernel)
{
	double of_all = (double) (slots_waiting(slots) + 1) / (double) slots->settings->concurrency;
	double of_kernel = (double) (slots_waiting_with(slots, kernel) + 1) /
			   (double) slots_max(slots, kernel);

	return MAX(of_all, of_kernel);
}
