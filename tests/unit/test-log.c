/* The log: no token is written, one event is one line, the level decides. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "base/ids.h"
#include "base/log.h"

#define FORTY "0123456789abcdefABCDEF0123456789abcdefAB"

static const struct {
	const char *text, *safe;
} texts[] = {
	{ "", "" },
	{ "nothing here", "nothing here" },
	{ FORTY, "[redacted]" },
	{ "0" FORTY "9", "[redacted]" },
	{ "GET /webhook/" FORTY "?a=1", "GET /webhook/[redacted]?a=1" },
	{ FORTY " " FORTY, "[redacted] [redacted]" },
	{ FORTY "/" FORTY "\n", "[redacted]/[redacted]\n" },
	{ "0123456789abcdefABCDEF0123456789abcdefA", "0123456789abcdefABCDEF0123456789abcdefA" },
	{ "job a:672a8b0e-c0b0-486e-bb2b-4571b0805f29",
		"job a:672a8b0e-c0b0-486e-bb2b-4571b0805f29" },
	{ "caf\u00e9 " FORTY "\u00e9", "caf\u00e9 [redacted]\u00e9" },
};

static void
test_redact(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autofree char *safe = log_redact(texts[i].text);

		g_assert_cmpstr(safe, ==, texts[i].safe);
	}
}

static void
test_redact_tokens(void)
{
	g_autofree char *token = ids_token();
	g_autofree char *hash = ids_sha256(token);
	g_autofree char *text = g_strdup_printf("%s and %s", token, hash);
	g_autofree char *safe = log_redact(text);

	g_assert_cmpstr(safe, ==, "[redacted] and [redacted]");
}

static void
log_everything(void)
{
	g_warning("a warning with " FORTY);
	g_message("two\nlines\r");
	g_info("an info");
	g_debug("a debug word");
}

/* What log_everything writes at a level. */
static char *
written(const char *level)
{
	g_autofree char *path = NULL;
	char *text = NULL;
	int fd = g_file_open_tmp("nbhook-log-XXXXXX", &path, NULL);
	int standard_error = dup(STDERR_FILENO);

	g_assert_cmpint(fd, >=, 0);
	log_init("tester", level);
	dup2(fd, STDERR_FILENO);
	log_everything();
	dup2(standard_error, STDERR_FILENO);
	close(standard_error);
	close(fd);
	g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
	g_unlink(path);
	return text;
}

static void
run_lines(void)
{
	g_autofree char *own = g_strdup_printf("tester[%d]: ", (int) getpid());
	g_autofree char *text = written("info");
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	g_assert_cmpuint(g_strv_length(lines), ==, 4);
	g_assert_true(g_str_has_prefix(lines[0], "<4>tester["));
	g_assert_nonnull(strstr(lines[0], own));
	g_assert_true(g_str_has_suffix(lines[0], ": a warning with [redacted]"));
	g_assert_true(g_str_has_prefix(lines[1], "<5>"));
	g_assert_true(g_str_has_suffix(lines[1], ": two lines "));
	g_assert_true(g_str_has_prefix(lines[2], "<6>"));
	g_assert_cmpstr(lines[3], ==, "");
}

static void
run_levels(void)
{
	g_autofree char *error = written("error");
	g_autofree char *warning = written("warning");
	g_autofree char *debug = written("debug");

	g_assert_cmpstr(error, ==, "");
	g_assert_nonnull(strstr(warning, "a warning"));
	g_assert_null(strstr(warning, "two"));
	g_assert_nonnull(strstr(debug, "a debug word"));
}

/* In a process of its own: the harness has made warnings fatal in this one. */
static void
test_in_child(gconstpointer run)
{
	if (g_test_subprocess()) {
		g_log_set_always_fatal(G_LOG_FATAL_MASK);
		((void (*)(void)) run)();
		return;
	}
	g_test_trap_subprocess(NULL, 0, 0);
	g_test_trap_assert_passed();
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/log/redact", test_redact);
	g_test_add_func("/log/redact-tokens", test_redact_tokens);
	g_test_add_data_func("/log/lines", run_lines, test_in_child);
	g_test_add_data_func("/log/levels", run_levels, test_in_child);
	return g_test_run();
}
