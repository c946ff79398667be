#include "daemon/status.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/files.h"

void
status_write(const Job *job, int execution, gboolean durable)
{
	g_autoptr(json_object) document = job_status_document(job);
	g_autofree char *text = json_print_sorted(document);
	g_autoptr(GError) error = NULL;

	if (!files_replace(execution, "status.json", text, strlen(text), 0600, durable, &error))
		g_warning("job %s: status.json: %s", job->id, error->message);
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

void
status_publish_results(const Job *job, int execution)
{
	g_autofree char *file = g_path_get_basename(job->task.path);
	g_autofree char *name = g_strdup_printf("%s.%s", job->task.node, file);

	if (renameat(execution, ".executed", execution, name) < 0 && errno != ENOENT)
		g_warning("job %s: the executed notebook: %s", job->id, g_strerror(errno));
	if (job->task.response != NULL)
		write_response_head(job, execution);
}
