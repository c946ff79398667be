/* Claims: a folder is its process's while that lives, and everybody's to remove afterwards. */
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/claim.h"
#include "base/error.h"
#include "base/files.h"

static void
put_in(const char *folder)
{
	g_autofree char *deep = g_build_filename(folder, "deep", "deeper", NULL);
	g_autofree char *file = g_build_filename(deep, "file", NULL);

	g_assert_cmpint(g_mkdir_with_parents(deep, 0700), ==, 0);
	g_assert_true(g_file_set_contents(file, "x", 1, NULL));
}

static char *
make_folder(const char *parent, const char *name)
{
	char *path = g_build_filename(parent, name, NULL);

	g_assert_cmpint(mkdir(path, 0700), ==, 0);
	put_in(path);
	return path;
}

static gboolean
is_there(const char *path)
{
	return g_file_test(path, G_FILE_TEST_IS_DIR);
}

static void
test_life(void)
{
	g_autofree char *parent = g_dir_make_tmp("nbhook-claim-XXXXXX", NULL);
	g_autoptr(GError) error = NULL;
	Claim *claim = claim_new(parent, "a-", &error);
	struct stat info;

	g_assert_no_error(error);
	g_autofree char *path = g_strdup(claim->path);
	g_autofree char *start = g_build_filename(parent, "a-", NULL);
	g_assert_true(g_str_has_prefix(path, start));
	g_assert_cmpint(stat(path, &info), ==, 0);
	g_assert_cmpint(info.st_mode & 07777, ==, 0700);
	put_in(path);
	claim_free(claim);
	g_assert_false(is_there(path));
	g_assert_cmpint(rmdir(parent), ==, 0);
	g_assert_null(claim_new(parent, "", &error));
	g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_INTERNAL);
}

static void
test_sweep_takes_what_nobody_claims(void)
{
	g_autofree char *parent = g_dir_make_tmp("nbhook-claim-XXXXXX", NULL);
	g_autofree char *left = make_folder(parent, "a-123456");
	g_autofree char *other = make_folder(parent, "b-123456");
	g_autofree char *longer = make_folder(parent, "a-1234567");
	Claim *claim = claim_new(parent, "a-", NULL);
	g_autofree char *link = g_build_filename(parent, "a-linked", NULL);

	g_assert_cmpint(symlink(other, link), ==, 0);
	claim_sweep(parent, "a-");
	g_assert_false(is_there(left));
	g_assert_true(is_there(other));
	g_assert_true(is_there(longer));
	g_assert_true(is_there(claim->path));
	claim_free(claim);
	claim_sweep("/nonexistent", "");
	AUTO_FD above = open(g_get_tmp_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	g_autofree char *name = g_path_get_basename(parent);
	g_assert_true(files_remove_tree(above, name, NULL));
}

G_GNUC_NORETURN static void
claim_for_ever(const char *parent, int ready)
{
	if (claim_new(parent, "", NULL) == NULL || write(ready, "x", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static void
test_death_ends_a_claim(void)
{
	g_autofree char *parent = g_dir_make_tmp("nbhook-claim-XXXXXX", NULL);
	char byte;
	int ends[2];

	g_assert_cmpint(pipe(ends), ==, 0);
	pid_t pid = fork();
	if (pid == 0)
		claim_for_ever(parent, ends[1]);
	g_assert_cmpint(read(ends[0], &byte, 1), ==, 1);
	claim_sweep(parent, "");
	g_assert_cmpint(rmdir(parent), ==, -1); /* it holds something */
	kill(pid, SIGKILL);
	g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
	claim_sweep(parent, "");
	g_assert_cmpint(rmdir(parent), ==, 0);
	close(ends[0]);
	close(ends[1]);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/claim/life", test_life);
	g_test_add_func(
		"/claim/sweep-takes-what-nobody-claims", test_sweep_takes_what_nobody_claims);
	g_test_add_func("/claim/death-ends-a-claim", test_death_ends_a_claim);
	return g_test_run();
}
