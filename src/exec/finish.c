#include "exec/finish.h"

#include "base/clock.h"
#include "exec/outcome.h"
#include "exec/report.h"
#include "exec/respond.h"
#include "notebook/response.h"

/* What has become of the run so far. */
typedef struct {
	const FinishSpec *spec;
	Failure failure;
	Response *response;
	json_object *cell;
} Finish;

static void
copy_failure(Failure *copy, const Failure *failure)
{
	*copy = FAILURE_NONE;
	if (!failure_is_set(failure))
		return;
	failure_set(copy, failure->reason, failure->ename, failure->evalue, failure->cell);
	copy->traceback = json_object_get(failure->traceback);
}

static const char *
status_of(const Finish *finish)
{
	if (!failure_is_set(&finish->failure))
		return "succeed";
	return finish->spec->stopped ? "stopped" : "failed";
}

/* A response is asked for where the run has succeeded. */
static void
choose_response(Finish *finish)
{
	const FinishSpec *spec = finish->spec;
	g_autofree char *name = notebook_name(spec->play->path);
	ResponseLimits limits = { spec->settings->max_response, spec->settings->max_markdown };
	g_autoptr(GError) error = NULL;

	if (failure_is_set(&finish->failure) || spec->play->job == NULL)
		return;
	if (!response_find(spec->notebook, name, &limits, &finish->response, &error))
		failure_set_error(&finish->failure, "bad_response", error, -1);
}

/* False when a response was chosen and cannot be written: then the run has failed. */
static gboolean
write_response(Finish *finish)
{
	const FinishSpec *spec = finish->spec;
	g_autoptr(GError) error = NULL;

	if (finish->response == NULL ||
		respond_write(spec->settings, spec->play, finish->response, &error))
		return TRUE;
	failure_set_error(&finish->failure, "bad_response", error, -1);
	g_clear_pointer(&finish->response, response_free);
	return FALSE;
}

static void
write_executed(Finish *finish)
{
	const FinishSpec *spec = finish->spec;
	g_autoptr(GError) error = NULL;
	Report report = { .job = spec->play->job,
		.status = status_of(finish),
		.started_us = spec->begun_wall_us,
		.ended_us = clock_wall_us(),
		.variables = spec->variables,
		.language_info = spec->language_info,
		.failure = &finish->failure };

	report_write(&report, spec->notebook);
	if (!outcome_write_notebook(
		    spec->play->executed, spec->notebook, "the executed notebook", &error))
		failure_set_error(&finish->failure, "bad_notebook", error, -1);
}

/* The failing cell is looked up before the marker cells move it. A response that is the executed notebook
 * is made of its file. */
static void
write_files(Finish *finish)
{
	const FinishSpec *spec = finish->spec;

	player_settle(spec->player);
	choose_response(finish);
	gboolean is_last =
		finish->response != NULL && finish->response->source == RESPONSE_NOTEBOOK;
	if (!is_last)
		write_response(finish);
	finish->cell = outcome_cell(spec->notebook, finish->failure.cell);
	write_executed(finish);
	if (is_last && !failure_is_set(&finish->failure) && !write_response(finish))
		write_executed(finish);
	if (failure_is_set(&finish->failure))
		g_clear_pointer(&finish->response, response_free);
}

void
finish_write(const FinishSpec *spec, JobLog *log)
{
	Finish finish = { .spec = spec };
	g_autoptr(GError) error = NULL;

	copy_failure(&finish.failure, spec->failure);
	failure_name_setting(&finish.failure, spec->settings->max_memory);
	if (spec->player != NULL)
		write_files(&finish);
	Outcome outcome = { .status = status_of(&finish),
		.failure = &finish.failure,
		.cell = finish.cell,
		.response = finish.response,
		.done = spec->player != NULL ? player_done(spec->player) : 0,
		.total = spec->player != NULL ? player_total(spec->player) : 0,
		.seconds = (double) (clock_ms() - spec->begun_ms) / 1000,
		.outputs_complete = spec->player == NULL || player_outputs_complete(spec->player) };
	if (!outcome_write_end(spec->play->outcome, &outcome, &error))
		g_critical(
			"the outcome of %s was not written: %s", spec->play->path, error->message);
	job_log_add(log, "the run has ended: %s%s%s", outcome.status,
		failure_is_set(&finish.failure) ? ", " : "",
		failure_is_set(&finish.failure) ? finish.failure.reason : "");
	response_free(finish.response);
	json_object_put(finish.cell);
	failure_clear(&finish.failure);
}
