/* Ids: what is unique is, what is checked is checked strictly. */
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/ids.h"

#define UUID "672a8b0e-c0b0-486e-bb2b-4571b0805f29"

static void
test_new_ones_differ(void)
{
	g_autofree char *one = ids_uuid();
	g_autofree char *other = ids_uuid();
	g_autofree char *token = ids_token();
	g_autofree char *another = ids_token();

	g_assert_cmpstr(one, !=, other);
	g_assert_true(ids_is_uuid(one));
	g_assert_cmpint(one[14], ==, '4');
	g_assert_cmpstr(token, !=, another);
	g_assert_true(ids_is_token(token));
	g_assert_cmpuint(strlen(token), ==, TOKEN_LENGTH);
	g_assert_cmpuint(strspn(token, "0123456789abcdef"), ==, TOKEN_LENGTH);
}

/* What a fork would call its next one, read from it. */
static char *
uuid_of_fork(void)
{
	int ends[2];
	char text[64] = "";

	g_assert_cmpint(pipe(ends), ==, 0);
	pid_t child = fork();
	g_assert_cmpint(child, >=, 0);
	if (child == 0) {
		g_autofree char *uuid = ids_uuid();

		_exit(write(ends[1], uuid, strlen(uuid)) < 0 ? 1 : 0);
	}
	close(ends[1]);
	g_assert_cmpint(read(ends[0], text, sizeof text - 1), >, 0);
	close(ends[0]);
	g_assert_cmpint(waitpid(child, NULL, 0), ==, child);
	return g_strdup(text);
}

static void
test_forks_differ(void)
{
	g_autofree char *before = ids_uuid(); /* whatever is prepared once has been */
	g_autofree char *one = uuid_of_fork();
	g_autofree char *other = uuid_of_fork();
	g_autofree char *own = ids_uuid();

	g_assert_true(ids_is_uuid(one));
	g_assert_cmpstr(one, !=, other);
	g_assert_cmpstr(one, !=, own);
	g_assert_cmpstr(before, !=, own);
}

static const char *const no_uuids[] = {
	"",
	"x",
	"672a8b0e-c0b0-486e-bb2b-4571b0805f2",
	"672a8b0e-c0b0-486e-bb2b-4571b0805f290",
	"672a8b0ec0b0486ebb2b4571b0805f29",
	"672a8b0e-c0b0-486e-bb2b-4571b0805f2g",
	"{672a8b0e-c0b0-486e-bb2b-4571b0805f29}",
	"672a8b0e-c0b0-486e-bb2b/4571b0805f29",
	" 672a8b0e-c0b0-486e-bb2b-4571b0805f2",
};

static void
test_uuids(void)
{
	g_assert_true(ids_is_uuid(UUID));
	g_assert_false(ids_is_uuid(NULL));
	for (size_t i = 0; i < G_N_ELEMENTS(no_uuids); i++)
		g_assert_false(ids_is_uuid(no_uuids[i]));
}

static void
test_tokens(void)
{
	g_autofree char *token = g_strnfill(TOKEN_LENGTH, 'a');
	g_autofree char *longer = g_strnfill(TOKEN_LENGTH + 1, 'a');

	g_assert_true(ids_is_token(token));
	g_assert_false(ids_is_token(token + 1));
	g_assert_false(ids_is_token(longer));
	g_assert_false(ids_is_token(NULL));
	g_assert_false(ids_is_token(""));
	for (const char *bad = "g/.%\n \x80"; *bad != '\0'; bad++) {
		token[TOKEN_LENGTH - 1] = *bad;
		g_assert_false(ids_is_token(token));
	}
}

static void
test_sha256(void)
{
	g_autofree char *empty = ids_sha256("");
	g_autofree char *abc = ids_sha256("abc"); /* FIPS 180-4's example */

	g_assert_cmpuint(strlen(empty), ==, SHA256_HEX_LENGTH);
	g_assert_cmpstr(
		abc, ==, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void
test_secrets(void)
{
	g_assert_true(ids_secret_equal("abc", "abc"));
	g_assert_true(ids_secret_equal("", ""));
	g_assert_false(ids_secret_equal("abc", "abd"));
	g_assert_false(ids_secret_equal("abc", "ab"));
	g_assert_false(ids_secret_equal("ab", "abc"));
	g_assert_false(ids_secret_equal("", "a"));
}

static const struct {
	const char *name, *id;
} names[] = {
	{ "batch", "batch:" UUID },
	{ "My report (2).v1_x", "My-report--2-.v1_x:" UUID },
	{ "", "job:" UUID },
	{ "\u00e9t\u00e9 \U0001F600", "-t---:" UUID },
	{ "a:b", "a-b:" UUID },
	{ "../x\n", "..-x-:" UUID },
	{ "cut\xc3",
		"cut-:" UUID }, /* the end of the text ends the name, whatever stands before it */
	{ "0123456789012345678901234567890123456789012345678901234567890123456789",
		"0123456789012345678901234567890123456789012345678901234567890123:" UUID },
};

static void
test_job_ids(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *id = ids_job_id(names[i].name, UUID);

		g_assert_cmpstr(id, ==, names[i].id);
		g_assert_cmpstr(ids_job_uuid(id), ==, UUID);
	}
	g_assert_null(ids_job_uuid(NULL));
	g_assert_null(ids_job_uuid(""));
	g_assert_null(ids_job_uuid(UUID));
	g_assert_null(ids_job_uuid("batch:" UUID "x"));
	g_assert_null(ids_job_uuid("batch:"));
	g_assert_null(ids_job_uuid(":" UUID));
	g_assert_null(ids_job_uuid("../batch:" UUID));
	g_assert_null(ids_job_uuid("batch:batch:" UUID));
	g_assert_null(ids_job_uuid("é:" UUID));
	g_autofree char *longest = g_strnfill(64, 'a');
	g_autofree char *good = g_strconcat(longest, ":", UUID, NULL);
	g_autofree char *too_long = g_strconcat("a", good, NULL);
	g_assert_cmpstr(ids_job_uuid(good), ==, UUID);
	g_assert_null(ids_job_uuid(too_long));
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ids/new-ones-differ", test_new_ones_differ);
	g_test_add_func("/ids/forks", test_forks_differ);
	g_test_add_func("/ids/uuids", test_uuids);
	g_test_add_func("/ids/tokens", test_tokens);
	g_test_add_func("/ids/sha256", test_sha256);
	g_test_add_func("/ids/secrets", test_secrets);
	g_test_add_func("/ids/job-ids", test_job_ids);
	return g_test_run();
}
