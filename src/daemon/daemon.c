#include "daemon/daemon.h"

#include "base/error.h"
#include "daemon/deliveries.h"
#include "daemon/dispatch.h"
#include "daemon/hooks.h"
#include "daemon/intake.h"
#include "daemon/intake_file.h"
#include "daemon/intake_verify.h"
#include "daemon/job_list.h"
#include "daemon/kernels.h"
#include "daemon/keys.h"
#include "daemon/questions.h"
#include "daemon/recent.h"
#include "daemon/records.h"
#include "daemon/repair.h"
#include "daemon/runner_link.h"
#include "daemon/spares.h"

/* clang-format off */
static const OpRow ops[] = {
	{ "server.info",     questions_info,   FALSE },
	{ "call.look",       intake_look,      FALSE },
	{ "call.begin",      intake_begin,     FALSE },
	{ "call.file",       intake_file,      FALSE },
	{ "call.verify",     intake_verify,    FALSE },
	{ "call.submit",     intake_submit,    FALSE },
	{ "call.abandon",    intake_abandon,   FALSE },
	{ "job.wait",        questions_wait,   FALSE },
	{ "job.status",      questions_status, FALSE },
	{ "webhook.list",    hooks_list,       FALSE },
	{ "webhook.get",     hooks_get,        FALSE },
	{ "webhook.publish", hooks_publish,    FALSE },
	{ "webhook.delete",  hooks_delete,     FALSE },
	{ "webhook.clear",   hooks_clear,      FALSE },
	{ "key.check",       keys_check,       FALSE },
	{ "job.list",        job_list,         TRUE },
	{ "job.log",         questions_log,    TRUE },
	{ "job.stop",        questions_stop,   TRUE },
	{ "kernel.list",     kernels_list,     TRUE },
	{ "key.add",         keys_add,         TRUE },
	{ "key.list",        keys_list,        TRUE },
	{ "key.revoke",      keys_revoke,      TRUE },
	{ NULL },
};
/* clang-format on */

/* What the store holds when the daemon starts. */
typedef struct {
	GPtrArray *hooks, *keys, *jobs;
	GError *failure;
	gboolean done;
} Snapshot;

static void
snapshot_clear(Snapshot *snapshot)
{
	g_clear_pointer(&snapshot->hooks, g_ptr_array_unref);
	g_clear_pointer(&snapshot->keys, g_ptr_array_unref);
	g_clear_pointer(&snapshot->jobs, g_ptr_array_unref);
	g_clear_error(&snapshot->failure);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Snapshot, snapshot_clear)

static gboolean
read_snapshot(const StoreInterface *store, Store *handle, gpointer data, GError **error)
{
	Snapshot *snapshot = data;

	return (snapshot->hooks = store->list_hooks(handle, error)) != NULL &&
	       (snapshot->keys = store->list_keys(handle, error)) != NULL &&
	       (snapshot->jobs = store->list_unended_jobs(handle, error)) != NULL;
}

static void
on_snapshot(gpointer data, const GError *failure)
{
	Snapshot *snapshot = data;

	snapshot->failure = failure != NULL ? g_error_copy(failure) : NULL;
	snapshot->done = TRUE;
}

static gboolean
load_registry(Daemon *daemon, const Snapshot *snapshot, GError **error)
{
	for (guint i = 0; i < snapshot->hooks->len; i++) {
		g_autoptr(Hook) hook =
			hook_from_record(g_ptr_array_index(snapshot->hooks, i), error);

		if (hook == NULL)
			return FALSE;
		registry_put_hook(daemon->registry, hook);
	}
	for (guint i = 0; i < snapshot->keys->len; i++)
		registry_put_key(daemon->registry, g_ptr_array_index(snapshot->keys, i));
	return TRUE;
}

/* Those that play or those that wait. */
static gboolean
adopt_jobs(Daemon *daemon, const Snapshot *snapshot, gboolean waiting, GError **error)
{
	for (guint i = 0; i < snapshot->jobs->len; i++) {
		g_autoptr(Job) job = records_job(g_ptr_array_index(snapshot->jobs, i), error);

		if (job == NULL)
			return FALSE;
		if ((job->task.status == TASK_PENDING) != waiting)
			continue;
		g_info("job %s is taken up again, %s", job->id, task_status_word(job->task.status));
		dispatcher_adopt(daemon->dispatcher, g_steal_pointer(&job));
	}
	return TRUE;
}

static gboolean
load(Daemon *daemon, GError **error)
{
	g_auto(Snapshot) snapshot = { NULL };

	store_writer_read(daemon->writer, read_snapshot, on_snapshot, &snapshot, NULL);
	while (!snapshot.done)
		g_main_context_iteration(NULL, TRUE);
	if (snapshot.failure != NULL) {
		g_propagate_error(error, g_steal_pointer(&snapshot.failure));
		return FALSE;
	}
	if (!load_registry(daemon, &snapshot, error) ||
		!adopt_jobs(daemon, &snapshot, FALSE, error) ||
		!adopt_jobs(daemon, &snapshot, TRUE, error))
		return FALSE;
	intake_start_sweeping(daemon->intake);
	daemon->noting = keys_keep_noting(daemon);
	repair_status_files(daemon);
	spares_start(daemon->spares);
	return TRUE;
}

Daemon *
daemon_new(const Settings *settings, GError **error)
{
	g_autoptr(Daemon) daemon = g_new0(Daemon, 1);
	g_autofree char *store_path = g_build_filename(settings->state_dir, "nbhook.db", NULL);
	g_autofree char *runner_path = g_build_filename(settings->run_dir, "runner.sock", NULL);

	daemon->settings = settings;
	g_queue_init(&daemon->changes);
	daemon->registry = registry_new();
	daemon->recent = recent_new();
	daemon->workers = workers_new(g_main_context_default());
	daemon->server = server_new(ops, intake_gone, daemon);
	daemon->runner = runner_link_new(runner_path);
	daemon->deliveries = deliveries_new(daemon);
	daemon->intake = intake_new(daemon);
	daemon->spares = spares_new(daemon);
	daemon->dispatcher = dispatcher_new(daemon);
	daemon->folders = folders_new(settings, error);
	if (daemon->folders == NULL)
		return NULL;
	daemon->writer =
		store_writer_new(&store_sqlite, store_path, g_main_context_default(), error);
	if (daemon->writer == NULL || !load(daemon, error))
		return NULL;
	return g_steal_pointer(&daemon);
}

/* What waits for the disk is waited for, so that no answer is owed for something that is kept. */
void
daemon_drain(Daemon *daemon)
{
	server_close(daemon->server);
	spares_stop(daemon->spares);
	keys_note_uses(daemon);
	while (workers_pending(daemon->workers) > 0 || store_writer_pending(daemon->writer) > 0)
		g_main_context_iteration(NULL, TRUE);
}

void
daemon_free(Daemon *daemon)
{
	if (daemon == NULL)
		return;
	if (daemon->noting != 0)
		g_source_remove(daemon->noting);
	dispatcher_free(daemon->dispatcher);
	workers_free(daemon->workers);
	store_writer_free(daemon->writer);
	server_free(daemon->server);
	intake_free(daemon->intake);
	spares_free(daemon->spares);
	deliveries_free(daemon->deliveries);
	runner_link_free(daemon->runner);
	recent_free(daemon->recent);
	registry_free(daemon->registry);
	folders_free(daemon->folders);
	g_free(daemon);
}
