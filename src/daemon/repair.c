#include "daemon/repair.h"

#include "daemon/records.h"
#include "daemon/status.h"

#define JOBS_LOOKED_AT 10000 /* the newest; older ones ended long before the crash */

typedef struct {
	Daemon *daemon;
	GPtrArray *records;
} Repair;

static void
repair_free(Repair *repair)
{
	g_clear_pointer(&repair->records, g_ptr_array_unref);
	g_free(repair);
}

static gboolean
list_jobs(const StoreInterface *store, Store *handle, gpointer data, GError **error)
{
	Repair *repair = data;

	repair->records = store->list_jobs(handle, NULL, NULL, JOBS_LOOKED_AT, error);
	return repair->records != NULL;
}

static gboolean
rewrite(gpointer data, GError **error)
{
	Repair *repair = data;

	for (guint i = 0; i < repair->records->len; i++) {
		const JobRecord *record = g_ptr_array_index(repair->records, i);
		AUTO_FD execution = -1;

		if (record->ended)
			execution = folders_open_execution(
				repair->daemon->folders, record->folder, NULL);
		g_autoptr(Job) job = execution >= 0 ? records_job(record, NULL) : NULL;
		if (job != NULL && status_repair(repair->daemon->folders, job, execution))
			g_message("job %s: what its folder lacked of its end is there again", job->id);
	}
	return TRUE;
}

static void
on_listed(gpointer data, const GError *failure)
{
	Repair *listed = data;

	if (failure != NULL) {
		g_warning("looking at status files: %s", failure->message);
		return;
	}
	Repair *repair = g_memdup2(listed, sizeof *listed);
	listed->records = NULL;
	workers_push(repair->daemon->workers, rewrite, NULL, repair, (GDestroyNotify) repair_free);
}

void
repair_status_files(Daemon *daemon)
{
	Repair *repair = g_new0(Repair, 1);

	repair->daemon = daemon;
	store_writer_read(
		daemon->writer, list_jobs, on_listed, repair, (GDestroyNotify) repair_free);
}
