#include "exec/outcome.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/files.h"
#include "notebook/translate.h"

static gboolean
write_line(int fd, json_object *line, GError **error)
{
	g_autofree char *text = json_print(line);
	g_autofree char *whole = g_strconcat(text, "\n", NULL);

	if (lseek(fd, 0, SEEK_END) < 0)
		return nbhook_error_set_errno(error, errno, "the outcome file");
	return files_write_all(fd, whole, strlen(whole), error);
}

gboolean
outcome_write_start(int fd, GError **error)
{
	g_autoptr(json_object) line = json_object_new_object();
	g_autofree char *now = clock_iso(clock_wall_us());

	json_put_string(line, "mark", "started");
	json_put_string(line, "at", now);
	return write_line(fd, line, error) && files_sync(fd, "the outcome", error);
}

json_object *
outcome_cell(Notebook *notebook, gssize index)
{
	gssize authors = index >= 0 ? translate_author_index(notebook, (size_t) index) : -1;

	if (authors < 0)
		return NULL;
	json_object *cell = notebook_cell(notebook, (size_t) index);
	json_object *object = json_object_new_object();

	json_put_int(object, "index", authors);
	json_put_string(object, "id", notebook_cell_id(cell));
	json_put_shared(object, "execution_count", json_member(cell, "execution_count"));
	return object;
}

static json_object *
error_object(const Outcome *outcome)
{
	const Failure *failure = outcome->failure;
	json_object *object = json_object_new_object();

	json_put_string(object, "ename", failure->ename);
	json_put_string(object, "evalue", failure->evalue);
	json_put_shared(object, "traceback", failure->traceback);
	json_put_shared(object, "cell", outcome->cell);
	return object;
}

static json_object *
form_object(const ResponseForm *form)
{
	json_object *object = json_object_new_object();

	json_put_string(object, "type", form->type);
	json_put_int(object, "size", (gint64) form->size);
	json_put_string(object, "filename", form->filename);
	return object;
}

static json_object *
response_object(const Response *response)
{
	json_object *object = form_object(&response->body);

	json_put_string(object, "kind", response->kind);
	if (response->alternative.type != NULL)
		json_object_object_add(object, "alternative", form_object(&response->alternative));
	return object;
}

gboolean
outcome_write_end(int fd, const Outcome *outcome, GError **error)
{
	g_autoptr(json_object) line = json_object_new_object();
	json_object *progress = json_object_new_object();
	g_autofree char *now = clock_iso(clock_wall_us());

	json_put_string(line, "mark", "ended");
	json_put_string(line, "at", now);
	json_put_string(line, "status", outcome->status);
	if (failure_is_set(outcome->failure)) {
		json_put_string(line, "reason", outcome->failure->reason);
		json_object_object_add(line, "error", error_object(outcome));
	}
	if (outcome->response != NULL)
		json_object_object_add(line, "response", response_object(outcome->response));
	json_put_int(progress, "done", outcome->done);
	json_put_int(progress, "total", outcome->total);
	json_object_object_add(line, "progress", progress);
	json_put_double(line, "seconds", outcome->seconds);
	json_put_bool(line, "outputs_complete", outcome->outputs_complete);
	return write_line(fd, line, error);
}

static gboolean
begin_file(int fd, const char *what, GError **error)
{
	return (ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0) ||
	       nbhook_error_set_errno(error, errno, "%s", what);
}

/* Always false. */
static gboolean
empty_file(int fd, const char *what)
{
	if (ftruncate(fd, 0) < 0)
		g_debug("%s keeps what was written of it: %s", what, g_strerror(errno));
	return FALSE;
}

gboolean
outcome_write_file(int fd, const char *bytes, size_t size, const char *what, GError **error)
{
	if (!begin_file(fd, what, error))
		return FALSE;
	return (files_write_all(fd, bytes, size, error) && files_sync(fd, what, error)) ||
	       empty_file(fd, what);
}

gboolean
outcome_write_notebook(int fd, Notebook *notebook, const char *what, GError **error)
{
	if (!begin_file(fd, what, error))
		return FALSE;
	return notebook_write(notebook, files_take, &fd, error) || empty_file(fd, what);
}
