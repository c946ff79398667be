#include "exec/ladder.h"

#include <signal.h>

#define EXECUTING_MS 500

static const struct {
	int signal_number; /* 0: interrupt */
	const char *word;
	gint64 wait_ms;
} rungs[] = {
	{ 0, "interrupted", 1000 },
	{ 0, "interrupted again", 1000 },
	{ SIGTERM, "sent SIGTERM", 2000 },
	{ SIGKILL, "killed", 2000 },
};

void
ladder_begin(Ladder *ladder, gint64 now_ms)
{
	*ladder = (Ladder){ .next_ms = now_ms + EXECUTING_MS };
}

gboolean
ladder_has_interrupted(const Ladder *ladder)
{
	return ladder->rung > 0;
}

gboolean
ladder_climb(Ladder *ladder, Kernel *kernel, gboolean is_executing, JobLog *log, gint64 now_ms)
{
	gboolean early = ladder->rung == 0 && is_executing;

	if (now_ms < ladder->next_ms && !early)
		return TRUE;
	if (ladder->rung >= G_N_ELEMENTS(rungs))
		return FALSE;
	job_log_add(log, "the kernel is %s", rungs[ladder->rung].word);
	if (rungs[ladder->rung].signal_number == 0)
		kernel_interrupt(kernel);
	else
		kernel_signal(kernel, rungs[ladder->rung].signal_number);
	ladder->next_ms = now_ms + rungs[ladder->rung].wait_ms;
	ladder->rung++;
	return TRUE;
}
