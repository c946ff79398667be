/* Versions: what is published is there twice, clearing spares what must stay, no link leads away. */
#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "daemon/versions.h"

#define PATH "home/a/report.ipynb"
#define FIRST "20201008101221879662"
#define SECOND "20201008101221879663"
#define THIRD "20210101000000000000"

typedef struct {
	char *path;
	Settings *settings;
	Folders *folders;
} Fixture;

static void
set_up(Fixture *fixture, gconstpointer unused)
{
	const struct group *group = getgrgid(getgid());
	g_autoptr(GError) error = NULL;

	umask(0007);
	fixture->path = g_dir_make_tmp("nbhook-versions-XXXXXX", NULL);
	fixture->settings = settings_new();
	g_free(fixture->settings->state_dir);
	fixture->settings->state_dir = g_strdup(fixture->path);
	g_free(fixture->settings->run_group);
	fixture->settings->run_group = g_strdup(group->gr_name);
	g_free(fixture->settings->web_group);
	fixture->settings->web_group = g_strdup(group->gr_name);
	fixture->folders = folders_new(fixture->settings, &error);
	g_assert_no_error(error);
}

static void
tear_down(Fixture *fixture, gconstpointer unused)
{
	g_autofree char *name = g_path_get_basename(fixture->path);
	AUTO_FD parent = open(g_get_tmp_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	folders_free(fixture->folders);
	settings_free(fixture->settings);
	g_assert_true(files_remove_tree(parent, name, NULL));
	g_free(fixture->path);
}

static void
publish(Fixture *fixture, const char *histo, const char *text)
{
	g_autoptr(GError) error = NULL;

	g_assert_true(versions_publish(fixture->folders, PATH, histo, text, strlen(text), &error));
	g_assert_no_error(error);
}

/* A path below state_dir holds text (NULL: is not there), with that mode. */
static void
assert_file(Fixture *fixture, const char *path, const char *text, mode_t mode)
{
	AUTO_FD fd = files_open_beneath(fixture->folders->state, path, O_RDONLY, 0, NULL);
	struct stat info;
	size_t size;

	g_assert_cmpint(fd >= 0, ==, text != NULL);
	if (text == NULL)
		return;
	g_autofree char *bytes = files_read_all(fd, 100, "x", &size, NULL);
	g_assert_cmpstr(bytes, ==, text);
	g_assert_cmpint(fstat(fd, &info), ==, 0);
	g_assert_cmpuint(info.st_mode & 07777, ==, mode);
}

static void
assert_mode(Fixture *fixture, const char *path, mode_t mode)
{
	struct stat info;

	g_assert_cmpint(fstatat(fixture->folders->state, path, &info, AT_SYMLINK_NOFOLLOW), ==, 0);
	g_assert_cmpuint(info.st_mode & 07777, ==, mode);
}

static void
test_modes(Fixture *fixture, gconstpointer unused)
{
	g_autoptr(GError) error = NULL;
	AUTO_FD execution = folders_make_execution(fixture->folders, "2020-x", &error);
	AUTO_FD ours = folders_create_file(fixture->folders, execution, "request", FALSE, &error);
	AUTO_FD web = folders_create_file(fixture->folders, execution, "response", TRUE, &error);

	g_assert_no_error(error);
	g_assert_cmpint(web, >=, 0);
	publish(fixture, FIRST, "one");
	assert_mode(fixture, "production", 03770);
	assert_mode(fixture, "production/home/a", 03770);
	assert_mode(fixture, "versions", 0700);
	assert_mode(fixture, "versions/home", 0700);
	assert_mode(fixture, "pipeline_executions", 0711);
	assert_mode(fixture, "pipeline_executions/2020-x", 0711);
	assert_mode(fixture, "pipeline_executions/2020-x/files", 02770);
	assert_mode(fixture, "pipeline_executions/2020-x/request", 0600);
	assert_mode(fixture, "pipeline_executions/2020-x/response", 0640);
	g_assert_true(files_write_all(ours, "x", 1, NULL));
	AUTO_FD again = folders_create_file(fixture->folders, execution, "request", FALSE, NULL);
	g_assert_cmpint(again, >=, 0);
	assert_file(fixture, "pipeline_executions/2020-x/request", "", 0600);
	char kept = 0;
	g_assert_cmpint(pread(ours, &kept, 1, 0), ==, 1);
	g_assert_cmpint(folders_open_execution(fixture->folders, "none", NULL), ==, -1);
	g_assert_cmpint(folders_open_execution(fixture->folders, "../versions", NULL), ==, -1);
}

static ino_t
inode_of(int fd)
{
	struct stat info;

	g_assert_cmpint(fstat(fd, &info), ==, 0);
	return info.st_ino;
}

/* What was prepared is had once; a run that is made again gets files of its own. */
static void
test_a_spare_folder(Fixture *fixture, gconstpointer unused)
{
	const Folders *folders = fixture->folders;
	const struct timespec long_ago[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	g_autoptr(GError) error = NULL;
	struct stat prepared, info;

	AUTO_FD spare = folders_make_spare(folders, "s", &error);
	g_assert_true(folders_prepare_file(folders, spare, "outcome", FALSE, &error));
	g_assert_true(folders_prepare_file(folders, spare, "response", TRUE, &error));
	g_assert_no_error(error);
	assert_mode(fixture, "pipeline_executions/.spare", 0700);
	assert_file(fixture, "pipeline_executions/.spare/s/outcome", NULL, 0);
	g_assert_cmpint(fstatat(spare, ".new-outcome", &prepared, 0), ==, 0);
	g_assert_cmpint(futimens(spare, long_ago), ==, 0);
	AUTO_FD execution = folders_use_spare(folders, "s", "2020-x", &error);
	g_assert_no_error(error);
	g_assert_cmpuint(inode_of(execution), ==, inode_of(spare));
	g_assert_cmpint(fstat(execution, &info), ==, 0);
	g_assert_cmpint(info.st_mtim.tv_sec, >, 1); /* or it would be swept */
	assert_mode(fixture, "pipeline_executions/2020-x", 0711);
	assert_mode(fixture, "pipeline_executions/2020-x/files", 02770);
	AUTO_FD first = folders_create_file(folders, execution, "outcome", FALSE, &error);
	g_assert_cmpuint(inode_of(first), ==, prepared.st_ino);
	g_assert_true(files_write_all(first, "x", 1, &error));
	AUTO_FD second = folders_create_file(folders, execution, "outcome", FALSE, &error);
	AUTO_FD web = folders_create_file(folders, execution, "response", TRUE, &error);
	g_assert_no_error(error);
	g_assert_cmpint(web, >=, 0);
	g_assert_cmpuint(inode_of(second), !=, prepared.st_ino);
	g_assert_cmpint(fstat(first, &info), ==, 0);
	g_assert_cmpint(info.st_size, ==, 1);
	assert_file(fixture, "pipeline_executions/2020-x/outcome", "", 0600);
	assert_file(fixture, "pipeline_executions/2020-x/response", "", 0640);
	g_assert_true(folders_prepare_file(folders, execution, "log", FALSE, &error));
	folders_drop_prepared(execution);
	assert_file(fixture, "pipeline_executions/2020-x/.new-log", NULL, 0);
	assert_file(fixture, "pipeline_executions/2020-x/outcome", "", 0600);
	g_assert_cmpint(folders_use_spare(folders, "s", "2020-y", &error), ==, -1);
	g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_INTERNAL);
	assert_file(fixture, "pipeline_executions/2020-x/outcome", "", 0600);
}

static void
test_spares_that_were_left(Fixture *fixture, gconstpointer unused)
{
	g_autoptr(GError) error = NULL;
	AUTO_FD spare = folders_make_spare(fixture->folders, "s", &error);

	g_assert_true(folders_prepare_file(fixture->folders, spare, "outcome", FALSE, &error));
	g_assert_true(folders_remove_spares(fixture->folders, &error));
	g_assert_no_error(error);
	assert_file(fixture, "pipeline_executions/.spare/s/.new-outcome", NULL, 0);
	AUTO_FD again = folders_make_spare(fixture->folders, "s", &error);
	g_assert_no_error(error);
	g_assert_cmpint(again, >=, 0);
	g_assert_true(folders_remove_spare(fixture->folders, "s", &error));
	g_assert_no_error(error);
	g_assert_cmpint(folders_use_spare(fixture->folders, "s", "2020-x", NULL), ==, -1);
}

/* A daemon died while it made the folder of a call, which then began again within the second. */
static void
test_a_folder_that_was_left_half_made(Fixture *fixture, gconstpointer unused)
{
	int executions = fixture->folders->executions;
	g_autoptr(GError) error = NULL;

	g_assert_cmpint(mkdirat(executions, "2020-x", 0700), ==, 0);
	AUTO_FD left = folders_open_execution(fixture->folders, "2020-x", &error);
	g_assert_no_error(error);
	AUTO_FD old = folders_create_file(fixture->folders, left, "status.json", FALSE, &error);
	g_assert_no_error(error);
	AUTO_FD execution = folders_make_execution(fixture->folders, "2020-x", &error);
	g_assert_no_error(error);
	g_assert_cmpint(execution, >=, 0);
	assert_mode(fixture, "pipeline_executions/2020-x", 0711);
	assert_mode(fixture, "pipeline_executions/2020-x/files", 02770);
	assert_file(fixture, "pipeline_executions/2020-x/status.json", NULL, 0);
	assert_file(fixture, "pipeline_executions/2020-x/files/x", NULL, 0);
}

static void
test_publish(Fixture *fixture, gconstpointer unused)
{
	publish(fixture, FIRST, "one");
	assert_file(fixture, "production/" PATH, "one", 0660);
	publish(fixture, SECOND, "two");
	assert_file(fixture, "production/" PATH, "two", 0660);
	assert_file(fixture, "versions/" PATH "/" FIRST "/report.ipynb", "one", 0600);
	assert_file(fixture, "versions/" PATH "/" SECOND "/report.ipynb", "two", 0600);
	g_assert_true(versions_publish(fixture->folders, "top.ipynb", FIRST, "t", 1, NULL));
	assert_file(fixture, "production/top.ipynb", "t", 0660);
}

static void
test_withdraw(Fixture *fixture, gconstpointer unused)
{
	publish(fixture, FIRST, "one");
	g_assert_true(versions_withdraw(fixture->folders, PATH, NULL));
	g_assert_true(versions_withdraw(fixture->folders, PATH, NULL));
	assert_file(fixture, "production/" PATH, NULL, 0);
	assert_mode(fixture, "production/home/a", 03770);
	assert_file(fixture, "versions/" PATH "/" FIRST "/report.ipynb", "one", 0600);
}

/* A kernel may write in production/: a link that it leaves there leads no publication astray. */
static void
test_links_in_production(Fixture *fixture, gconstpointer unused)
{
	g_autoptr(GError) error = NULL;

	g_assert_cmpint(symlinkat("../versions", fixture->folders->production, "home"), ==, 0);
	g_assert_false(versions_publish(fixture->folders, PATH, FIRST, "x", 1, &error));
	g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_FORBIDDEN);
	g_assert_false(versions_withdraw(fixture->folders, PATH, NULL));
	assert_file(fixture, "versions/" PATH "/" FIRST "/report.ipynb", NULL, 0);
	g_assert_cmpint(unlinkat(fixture->folders->production, "home", 0), ==, 0);
	publish(fixture, SECOND, "two");
	g_assert_cmpint(unlinkat(fixture->folders->production, PATH, 0), ==, 0);
	g_assert_cmpint(symlinkat("/etc/hostname", fixture->folders->production, PATH), ==, 0);
	publish(fixture, THIRD, "three"); /* the link is replaced */
	assert_file(fixture, "production/" PATH, "three", 0660);
}

static char *
joined(GPtrArray *texts)
{
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < texts->len; i++)
		g_string_append_printf(text, "%s ", (char *) g_ptr_array_index(texts, i));
	return g_string_free(text, FALSE);
}

static void
assert_cleared(Fixture *fixture, const char *histo, const char *kept_id, const char *removed_ids,
	const char *left_ids)
{
	g_autoptr(GPtrArray) kept = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GPtrArray) removed = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GPtrArray) left = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GError) error = NULL;

	if (kept_id != NULL)
		g_ptr_array_add(kept, g_strdup(kept_id));
	g_assert_true(versions_clear(fixture->folders, PATH, histo, kept, removed, left, &error));
	g_assert_no_error(error);
	g_autofree char *removed_text = joined(removed);
	g_autofree char *left_text = joined(left);
	g_assert_cmpstr(removed_text, ==, removed_ids);
	g_assert_cmpstr(left_text, ==, left_ids);
}

static void
test_clear(Fixture *fixture, gconstpointer unused)
{
	assert_cleared(fixture, NULL, NULL, "", "");
	publish(fixture, FIRST, "one");
	publish(fixture, SECOND, "two");
	publish(fixture, THIRD, "three");
	assert_cleared(fixture, "..", THIRD, "", THIRD " " SECOND " " FIRST " ");
	assert_cleared(fixture, THIRD, THIRD, "", THIRD " " SECOND " " FIRST " ");
	assert_cleared(fixture, FIRST, THIRD, FIRST " ", THIRD " " SECOND " ");
	assert_cleared(fixture, FIRST, THIRD, "", THIRD " " SECOND " ");
	assert_cleared(fixture, NULL, THIRD, SECOND " ", THIRD " ");
	assert_file(fixture, "versions/" PATH "/" THIRD "/report.ipynb", "three", 0600);
	assert_file(fixture, "versions/" PATH "/" SECOND "/report.ipynb", NULL, 0);
	assert_cleared(fixture, NULL, NULL, THIRD " ", "");
	assert_file(fixture, "production/" PATH, "three", 0660);
}

static void
test_outputs(Fixture *fixture, gconstpointer unused)
{
	AUTO_FD execution = folders_make_execution(fixture->folders, "2020-x", NULL);
	g_autoptr(GError) error = NULL;

	g_assert_false(versions_has_output(fixture->folders, "2020-x", "w.ipynb"));
	g_assert_true(files_replace(execution, "w.ipynb", "x", 1, 0600, FALSE, NULL));
	g_assert_true(versions_has_output(fixture->folders, "2020-x", "w.ipynb"));
	g_assert_true(versions_remove_output(fixture->folders, "2020-x", "w.ipynb", &error));
	g_assert_false(versions_remove_output(fixture->folders, "2020-x", "w.ipynb", &error));
	g_assert_no_error(error);
	g_assert_false(versions_remove_output(fixture->folders, "gone", "w.ipynb", &error));
	g_assert_no_error(error);
}

static void
test_no_such_group(Fixture *fixture, gconstpointer unused)
{
	g_autoptr(Settings) settings = settings_new();
	g_autoptr(GError) error = NULL;

	g_free(settings->run_group);
	settings->run_group = g_strdup("no-such-group-here");
	g_assert_null(folders_new(settings, &error));
	g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNPROCESSABLE);
	g_assert_nonnull(strstr(error->message, "run_group"));
}

static void
add(const char *name, void (*test)(Fixture *, gconstpointer))
{
	g_test_add(name, Fixture, NULL, set_up, test, tear_down);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	add("/versions/modes", test_modes);
	add("/versions/spare", test_a_spare_folder);
	add("/versions/spares-that-were-left", test_spares_that_were_left);
	add("/versions/half-made", test_a_folder_that_was_left_half_made);
	add("/versions/publish", test_publish);
	add("/versions/withdraw", test_withdraw);
	add("/versions/links-in-production", test_links_in_production);
	add("/versions/clear", test_clear);
	add("/versions/outputs", test_outputs);
	add("/versions/no-such-group", test_no_such_group);
	return g_test_run();
}
