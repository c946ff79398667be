#include "base/log.h"

#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define SECRET_LENGTH 40

typedef struct {
	GLogLevelFlags level;
	const char *word;   /* in the setting log_level; NULL: not of its own */
	const char *prefix; /* sd-daemon(3) */
} LevelRow;

/* clang-format off */
static const LevelRow level_rows[] = {
	{ G_LOG_LEVEL_ERROR,    NULL,      SD_CRIT },
	{ G_LOG_LEVEL_CRITICAL, "error",   SD_ERR },
	{ G_LOG_LEVEL_WARNING,  "warning", SD_WARNING },
	{ G_LOG_LEVEL_MESSAGE,  NULL,      SD_NOTICE },
	{ G_LOG_LEVEL_INFO,     "info",    SD_INFO },
	{ G_LOG_LEVEL_DEBUG,    "debug",   SD_DEBUG },
};
/* clang-format on */

static const char *log_program = "nbhook";
static GLogLevelFlags log_threshold = G_LOG_LEVEL_INFO;

static void
write_line(const char *domain, GLogLevelFlags level, const char *message, gpointer unused)
{
	const char *prefix = SD_ERR;

	level &= G_LOG_LEVEL_MASK;
	if (level > log_threshold)
		return;
	for (size_t i = 0; i < G_N_ELEMENTS(level_rows); i++)
		if (level_rows[i].level == level)
			prefix = level_rows[i].prefix;
	g_autofree char *safe = log_redact(message);
	g_autofree char *line = g_strdup_printf("%s%s[%d]: %s\n", prefix, log_program,
		(int) getpid(), g_strdelimit(safe, "\r\n", ' '));
	if (write(STDERR_FILENO, line, strlen(line)) < 0)
		return; /* nowhere is left to say so */
}

void
log_init(const char *program, const char *level)
{
	log_program = program;
	for (size_t i = 0; i < G_N_ELEMENTS(level_rows); i++)
		if (g_strcmp0(level_rows[i].word, level) == 0)
			log_threshold = level_rows[i].level;
	g_log_set_default_handler(write_line, NULL);
}

char *
log_redact(const char *text)
{
	GString *safe = g_string_new(NULL);
	const char *kept = text; /* from here on nothing has been copied */

	while (*text != '\0') {
		const char *digits = text;

		while (g_ascii_isxdigit(*text))
			text++;
		if (text - digits >= SECRET_LENGTH) {
			g_string_append_len(safe, kept, digits - kept);
			g_string_append(safe, "[redacted]");
			kept = text;
		}
		text += text == digits ? 1 : 0;
	}
	g_string_append_len(safe, kept, text - kept);
	return g_string_free(safe, FALSE);
}
