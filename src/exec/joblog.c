#include "exec/joblog.h"

#include <string.h>

#include "base/clock.h"
#include "base/files.h"
#include "base/log.h"

struct JobLog {
	int fd;
	int n_lines;
};

JobLog *
job_log_new(int fd)
{
	JobLog *log = g_new0(JobLog, 1);

	log->fd = fd;
	return log;
}

void
job_log_free(JobLog *log)
{
	g_free(log);
}

void
job_log_add(JobLog *log, const char *format, ...)
{
	va_list arguments;

	if (log->fd < 0 || log->n_lines++ >= JOB_LOG_MAX_LINES)
		return;
	va_start(arguments, format);
	g_autofree char *text = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	g_autofree char *safe = log_redact(text);
	g_autofree char *now = clock_iso(clock_wall_us());
	g_autofree char *line = g_strdup_printf("%s %s\n", now, g_strdelimit(safe, "\r\n", ' '));
	files_write_all(log->fd, line, strlen(line), NULL);
}
