/* Outcomes: what a file of lines says, whole, cut off, full of garbage, or not there. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "daemon/outcome.h"

#define STARTED "{\"mark\":\"started\",\"pid\":7}\n"
#define ENDED "{\"mark\":\"ended\",\"status\":\"succeed\"}"

static const struct {
	const char *text;
	gboolean begun;
	const char *status; /* of the end; NULL: it has not ended */
} outcomes[] = {
	{ "", FALSE, NULL },
	{ "\n", FALSE, NULL },
	{ STARTED, TRUE, NULL },
	{ "{\"mark\":\"started\"}", FALSE, NULL }, /* not written whole */
	{ STARTED ENDED "\n", TRUE, "succeed" },
	{ STARTED ENDED, TRUE, NULL },
	{ ENDED "\n", FALSE, "succeed" },
	{ STARTED "garbage\n" ENDED "\n", TRUE, "succeed" },
	{ "garbage\n\n[]\nnull\n{}\n{\"mark\":7}\n{\"mark\":\"other\"}\n\xff\xfe\n" STARTED, TRUE,
		NULL },
	{ STARTED "{\"mark\":\"ended\"\n", TRUE, NULL },
	{ STARTED ENDED "\n{\"mark\":\"ended\",\"status\":\"failed\"}\n", TRUE, "failed" },
	{ STARTED ENDED "\n{\"mark\":\"ended\",\"status\":\"fail", TRUE, "succeed" },
	{ STARTED ENDED "\r\n", TRUE, "succeed" },
};

static int
new_folder(char **path)
{
	*path = g_dir_make_tmp("nbhook-outcome-XXXXXX", NULL);
	return open(*path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void
test_texts(void)
{
	g_autofree char *path = NULL;
	AUTO_FD folder = new_folder(&path);

	for (size_t i = 0; i < G_N_ELEMENTS(outcomes); i++) {
		g_assert_true(files_replace(folder, "outcome", outcomes[i].text,
			strlen(outcomes[i].text), 0600, FALSE, NULL));
		g_autoptr(Outcome) outcome = outcome_load(folder);
		g_assert_cmpint(outcome->begun, ==, outcomes[i].begun);
		g_assert_cmpint(outcome->ended != NULL, ==, outcomes[i].status != NULL);
		g_assert_cmpstr(
			json_string_member(outcome->ended, "status"), ==, outcomes[i].status);
	}
	unlinkat(folder, "outcome", 0);
	rmdir(path);
}

static void
test_nul_bytes(void)
{
	static const char text[] = "\0\0\n" STARTED "\0" ENDED "\n" ENDED "\n";
	g_autofree char *path = NULL;
	AUTO_FD folder = new_folder(&path);

	g_assert_true(files_replace(folder, "outcome", text, sizeof text - 1, 0600, FALSE, NULL));
	g_autoptr(Outcome) outcome = outcome_load(folder);
	g_assert_true(outcome->begun);
	g_assert_nonnull(outcome->ended);
	unlinkat(folder, "outcome", 0);
	rmdir(path);
}

/* Nothing was run where there is no file; where there is one that cannot be read, something may have. */
static void
test_missing_and_unreadable(void)
{
	g_autofree char *path = NULL;
	AUTO_FD folder = new_folder(&path);
	g_autoptr(Outcome) missing = outcome_load(folder);

	g_assert_false(missing->begun);
	g_assert_null(missing->ended);
	g_assert_cmpint(mkdirat(folder, "outcome", 0700), ==, 0);
	g_test_expect_message(NULL, G_LOG_LEVEL_WARNING, "*cannot be read*");
	g_autoptr(Outcome) unreadable = outcome_load(folder);
	g_test_assert_expected_messages();
	g_assert_true(unreadable->begun);
	g_assert_null(unreadable->ended);
	unlinkat(folder, "outcome", AT_REMOVEDIR);
	rmdir(path);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/outcome/texts", test_texts);
	g_test_add_func("/outcome/nul-bytes", test_nul_bytes);
	g_test_add_func("/outcome/missing-and-unreadable", test_missing_and_unreadable);
	return g_test_run();
}
