#include "daemon/outcome.h"

#include <fcntl.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/files.h"

#define MAX_SIZE (64 * 1024 * 1024)
#define MAX_DEPTH 200

static void
take_line(Outcome *outcome, const char *line, size_t size)
{
	g_autoptr(json_object) mark = json_parse_object(line, size, MAX_DEPTH, NULL);
	const char *word = json_string_member(mark, "mark");

	if (g_strcmp0(word, "started") == 0) {
		outcome->begun = TRUE;
		outcome->begun_us =
			clock_parse_iso(json_string_member(mark, "at"), outcome->begun_us);
	}
	if (g_strcmp0(word, "ended") == 0) {
		json_object_put(outcome->ended);
		outcome->ended = g_steal_pointer(&mark);
	}
}

Outcome *
outcome_load(int execution)
{
	Outcome *outcome = g_new0(Outcome, 1);
	gint64 now_us = outcome->begun_us = clock_wall_us();
	g_autoptr(GError) failure = NULL;
	AUTO_FD fd = files_open_beneath(execution, "outcome", O_RDONLY, 0, &failure);
	size_t size = 0;
	g_autofree char *text =
		fd >= 0 ? files_read_all(fd, MAX_SIZE, "outcome", &size, &failure) : NULL;
	const char *line = text;
	const char *end;

	if (failure != NULL && !g_error_matches(failure, NBHOOK_ERROR, NBHOOK_ERROR_NOT_FOUND)) {
		g_warning("an outcome cannot be read: %s", failure->message);
		outcome->begun = TRUE;
	}
	while (line != NULL && (end = memchr(line, '\n', size - (size_t) (line - text))) != NULL) {
		take_line(outcome, line, (size_t) (end - line));
		line = end + 1;
	}
	outcome->begun_us = MIN(outcome->begun_us, now_us);
	return outcome;
}

void
outcome_free(Outcome *outcome)
{
	if (outcome == NULL)
		return;
	json_object_put(outcome->ended);
	g_free(outcome);
}

void
outcome_recall_start(Job *job, int execution)
{
	g_autoptr(Outcome) outcome = outcome_load(execution);

	if (job->task.status == TASK_CREATING && outcome->begun)
		job_move(job, TASK_ACTIVE, NULL, outcome->begun_us);
}
