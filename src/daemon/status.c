#include "daemon/status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"

#define STATUS_FILE "status.json"
#define EXECUTED ".executed"
#define MAX_STATUS (4 * 1024 * 1024)
#define MAX_DEPTH 20

/* What becomes the status file: while a job lives only the main thread writes it. */
#define DRAFT ".status"
#define DRAFT_OF_END ".end"
#define DRAFT_OF_REPAIR ".repair" /* which may see a job that the main thread is ending */
#define RESPONSE_HEAD "response.json"
#define DRAFT_OF_HEAD ".response"

gboolean
status_prepare(const Folders *folders, int execution, GError **error)
{
	static const char *const names[] = { DRAFT, DRAFT_OF_END, DRAFT_OF_HEAD };

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		if (!folders_prepare_file(folders, execution, names[i], FALSE, error))
			return FALSE;
	return TRUE;
}

static gboolean
write_draft(const Folders *folders, int execution, const char *draft, json_object *document,
	gboolean durable, GError **error)
{
	g_autofree char *text = json_print_sorted(document);
	AUTO_FD fd = folders_create_file(folders, execution, draft, FALSE, error);

	if (fd >= 0 && files_write_all(fd, text, strlen(text), error) &&
		(!durable || files_sync(fd, draft, error)))
		return TRUE;
	unlinkat(execution, draft, 0);
	return FALSE;
}

static gboolean
publish_draft(int execution, const char *draft, const char *name, GError **error)
{
	if (renameat(execution, draft, execution, name) == 0)
		return TRUE;
	nbhook_error_set_errno(error, errno, "renaming %s", draft);
	unlinkat(execution, draft, 0);
	return FALSE;
}

static void
replace_status(
	const Folders *folders, const Job *job, int execution, const char *draft, gboolean durable)
{
	g_autoptr(json_object) document = job_status_document(job);
	g_autoptr(GError) error = NULL;

	if (!write_draft(folders, execution, draft, document, durable, &error) ||
		!publish_draft(execution, draft, STATUS_FILE, &error))
		g_warning("job %s: " STATUS_FILE ": %s", job->id, error->message);
}

void
status_write(const Folders *folders, const Job *job, int execution)
{
	replace_status(folders, job, execution, DRAFT, FALSE);
}

gboolean
status_draft_end(const Folders *folders, const Job *job, int execution)
{
	g_autoptr(json_object) document = job_status_document(job);

	return write_draft(folders, execution, DRAFT_OF_END, document, FALSE, NULL);
}

gboolean
status_publish_end(int execution)
{
	return publish_draft(execution, DRAFT_OF_END, STATUS_FILE, NULL);
}

static json_object *
read_published(int execution)
{
	AUTO_FD fd = files_open_beneath(execution, STATUS_FILE, O_RDONLY, 0, NULL);
	size_t size;
	g_autofree char *text =
		fd >= 0 ? files_read_all(fd, MAX_STATUS, STATUS_FILE, &size, NULL) : NULL;

	return text != NULL ? json_parse_object(text, size, MAX_DEPTH, NULL) : NULL;
}

void
status_recall(Job *job, int execution)
{
	g_autoptr(json_object) published = read_published(execution);
	json_object *progress = json_object_member(published, "progress");
	Task *task = &job->task;

	if (task->status == TASK_PENDING ||
		json_int_member(published, "attempts", -1) != task->attempts)
		return;
	task->cells_done = MAX(task->cells_done, json_int_member(progress, "done", 0));
	task->cells_total = MAX(task->cells_total, json_int_member(progress, "total", 0));
}

typedef struct {
	const Folders *folders;
	Job *job;
	int execution;
	gboolean published;
} End;

static gboolean
settle_end(gpointer data, GError **error)
{
	const End *end = data;
	AUTO_FD fd = end->published
			     ? files_open_beneath(end->execution, STATUS_FILE, O_RDONLY, 0, NULL)
			     : -1;

	if (end->published)
		folders_drop_prepared(end->execution);
	if (fd >= 0 && files_sync(fd, STATUS_FILE, NULL))
		return TRUE;
	replace_status(end->folders, end->job, end->execution, DRAFT, TRUE);
	folders_drop_prepared(end->execution);
	return TRUE;
}

static void
end_free(End *end)
{
	job_free(end->job);
	files_close(&end->execution);
	g_free(end);
}

void
status_settle_end(
	Workers *workers, const Folders *folders, Job *job, int execution, gboolean published)
{
	End *end = g_new0(End, 1);

	end->folders = folders;
	end->job = job;
	end->execution = execution;
	end->published = published;
	workers_push(workers, settle_end, NULL, end, (GDestroyNotify) end_free);
}

static void
write_response_head(const Folders *folders, const Job *job, int execution)
{
	g_autoptr(GError) error = NULL;

	if (!write_draft(folders, execution, DRAFT_OF_HEAD, job->task.response, FALSE, &error) ||
		!publish_draft(execution, DRAFT_OF_HEAD, RESPONSE_HEAD, &error))
		g_warning("job %s: " RESPONSE_HEAD ": %s", job->id, error->message);
}

char *
status_executed_name(const Job *job)
{
	g_autofree char *file = g_path_get_basename(job->task.path);

	return g_strdup_printf("%s.%s", job->task.node, file);
}

/* An executor that was killed has not written its last: what it handed in before stays. */
static void
publish_executed(const Job *job, int execution)
{
	g_autofree char *name = status_executed_name(job);
	gboolean lost = job->task.status == TASK_FAILED && g_strcmp0(job->task.reason, "lost") == 0;

	if (lost && unlinkat(execution, EXECUTED, 0) == 0)
		return;
	if (renameat(execution, EXECUTED, execution, name) < 0 && errno != ENOENT)
		g_warning("job %s: the executed notebook: %s", job->id, g_strerror(errno));
}

void
status_publish_results(const Folders *folders, const Job *job, int execution)
{
	publish_executed(job, execution);
	unlinkat(execution, SNAPSHOT_FILE, 0);
	if (json_member(job->task.response, "alternative") == NULL)
		unlinkat(execution, "alternative", 0);
	if (job->task.response != NULL)
		write_response_head(folders, job, execution);
}

static gboolean
holds(int execution, const char *name, json_object *document)
{
	AUTO_FD fd = files_open_beneath(execution, name, O_RDONLY, 0, NULL);
	g_autofree char *wanted = json_print_sorted(document);
	size_t size = 0;
	g_autofree char *text = fd >= 0 ? files_read_all(fd, MAX_STATUS, name, &size, NULL) : NULL;

	return text != NULL && size == strlen(wanted) && memcmp(text, wanted, size) == 0;
}

/* Whether the folder says just what the row says. */
static gboolean
agrees(const Job *job, int execution)
{
	g_autoptr(json_object) document = job_status_document(job);

	return holds(execution, STATUS_FILE, document) &&
	       faccessat(execution, EXECUTED, F_OK, AT_SYMLINK_NOFOLLOW) < 0 &&
	       (job->task.response == NULL || holds(execution, RESPONSE_HEAD, job->task.response));
}

gboolean
status_repair(const Folders *folders, const Job *job, int execution)
{
	folders_drop_prepared(execution);
	if (agrees(job, execution))
		return FALSE;
	status_publish_results(folders, job, execution);
	replace_status(folders, job, execution, DRAFT_OF_REPAIR, TRUE);
	unlinkat(execution, DRAFT, 0);
	unlinkat(execution, DRAFT_OF_END, 0);
	return TRUE;
}
