#include "daemon/status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/files.h"

#define MAX_STATUS (4 * 1024 * 1024)
#define MAX_DEPTH 20

void
status_write(const Job *job, int execution, gboolean durable)
{
	g_autoptr(json_object) document = job_status_document(job);
	g_autofree char *text = json_print_sorted(document);
	g_autoptr(GError) error = NULL;

	if (!files_replace(execution, "status.json", text, strlen(text), 0600, durable, &error))
		g_warning("job %s: status.json: %s", job->id, error->message);
}

static json_object *
read_published(int execution)
{
	AUTO_FD fd = files_open_beneath(execution, "status.json", O_RDONLY, 0, NULL);
	size_t size;
	g_autofree char *text =
		fd >= 0 ? files_read_all(fd, MAX_STATUS, "status.json", &size, NULL) : NULL;

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
	Job *job;
	int execution;
} End;

static gboolean
write_end(gpointer data, GError **error)
{
	const End *end = data;

	status_write(end->job, end->execution, TRUE);
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
status_write_end(Workers *workers, Job *job, int execution)
{
	End *end = g_new0(End, 1);

	end->job = job;
	end->execution = execution;
	workers_push(workers, write_end, NULL, end, (GDestroyNotify) end_free);
}

static void
write_response_head(const Job *job, int execution)
{
	g_autofree char *text = json_print_sorted(job->task.response);
	g_autoptr(GError) error = NULL;

	if (!files_replace(execution, "response.json", text, strlen(text), 0600, FALSE, &error))
		g_warning("job %s: response.json: %s", job->id, error->message);
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

	if (lost && unlinkat(execution, ".executed", 0) == 0)
		return;
	if (renameat(execution, ".executed", execution, name) < 0 && errno != ENOENT)
		g_warning("job %s: the executed notebook: %s", job->id, g_strerror(errno));
}

void
status_publish_results(const Job *job, int execution)
{
	publish_executed(job, execution);
	unlinkat(execution, SNAPSHOT_FILE, 0);
	if (json_member(job->task.response, "alternative") == NULL)
		unlinkat(execution, "alternative", 0);
	if (job->task.response != NULL)
		write_response_head(job, execution);
}
