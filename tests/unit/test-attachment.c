/* Which files a notebook may respond with, and what it is told of the others; and copies of them. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/copy.h"
#include "base/error.h"
#include "base/files.h"
#include "exec/attachment.h"

#define AUTHOR "/home/author/project"

/* The folders of a test, made below top:
 *   production/home/author/project   the notebook's, with sub/
 *   files                            its job's
 *   shared                           in response_folders, by way of the link "way"
 *   secret                           nobody's */
typedef struct {
	char *top;
	Settings *settings;
	char *folder, *files;
} Place;

static void
write_file(const char *top, const char *name)
{
	g_autofree char *path = g_build_filename(top, name, NULL);
	g_autofree char *folder = g_path_get_dirname(path);

	g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
	g_assert_true(g_file_set_contents(path, name, -1, NULL));
}

static void
make_link(const char *top, const char *target, const char *name)
{
	g_autofree char *path = g_build_filename(top, name, NULL);

	g_assert_cmpint(symlink(target, path), ==, 0);
}

static void
set_up(Place *place, gconstpointer data)
{
	static const char *const names[] = { "production" AUTHOR "/a.csv",
		"production" AUTHOR "/sub/b c.csv", "production/home/author/beside.csv",
		"production/home/author/project2/x.csv", "files/up.bin", "shared/deep/s.csv",
		"secret/key" };

	place->top = g_dir_make_tmp("nbhook-attachment-XXXXXX", NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		write_file(place->top, names[i]);
	make_link(place->top, "shared", "way");
	make_link(place->top, "../../../../secret/key", "production" AUTHOR "/link");
	make_link(place->top, "sub", "production" AUTHOR "/folder-link");
	make_link(place->top, "a.csv", "production" AUTHOR "/near-link");
	place->folder = g_strconcat(place->top, "/production" AUTHOR, NULL);
	place->files = g_build_filename(place->top, "files", NULL);
	g_autofree char *fifo = g_build_filename(place->folder, "fifo", NULL);
	g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
	place->settings = settings_new();
	g_free(place->settings->response_folders);
	place->settings->response_folders = g_strdup_printf("/nonexistent:%s/way", place->top);
}

static void
tear_down(Place *place, gconstpointer data)
{
	g_autofree char *name = g_path_get_basename(place->top);
	AUTO_FD parent = open(g_get_tmp_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	g_assert_true(files_remove_tree(parent, name, NULL));
	g_free(place->top);
	g_free(place->folder);
	g_free(place->files);
	settings_free(place->settings);
}

static int
open_file(Place *place, const char *path, GError **error)
{
	AttachmentPlace at = { place->folder, AUTHOR "/notebook.ipynb", place->files };
	g_autoptr(GString) whole = g_string_new(path);

	g_string_replace(whole, "TOP", place->top, 0);
	return attachment_open(place->settings, &at, whole->str, error);
}

/* clang-format off */
static const struct {
	const char *path;    /* TOP is the folder above all */
	const char *content; /* a name of set_up */
} right[] = {
	{ "a.csv",                                "production" AUTHOR "/a.csv" },
	{ "./sub/../a.csv",                       "production" AUTHOR "/a.csv" },
	{ "sub/b c.csv",                          "production" AUTHOR "/sub/b c.csv" },
	{ "TOP/production" AUTHOR "/a.csv",       "production" AUTHOR "/a.csv" },
	{ "TOP/production" AUTHOR "//sub//b c.csv", "production" AUTHOR "/sub/b c.csv" },
	{ AUTHOR "/a.csv",                        "production" AUTHOR "/a.csv" },
	{ "TOP/files/up.bin",                     "files/up.bin" },
	{ "TOP/way/deep/s.csv",                   "shared/deep/s.csv" },
	{ "TOP/shared/deep/s.csv",                "shared/deep/s.csv" },
};

static const struct {
	const char *path;
	int code;
	const char *says;
} wrong[] = {
	{ "gone.csv",                             NBHOOK_ERROR_NOT_FOUND, "\"gone.csv\", which is not there" },
	{ AUTHOR "/gone.csv",                     NBHOOK_ERROR_NOT_FOUND, "\"gone.csv\", which is not there" },
	{ "a.csv/x",                              NBHOOK_ERROR_NOT_FOUND, "\"x\"" },
	{ "",                                     NBHOOK_ERROR_UNPROCESSABLE, "no regular file" },
	{ "sub",                                  NBHOOK_ERROR_UNPROCESSABLE, "\"sub\", which is no regular file" },
	{ "fifo",                                 NBHOOK_ERROR_UNPROCESSABLE, "no regular file" },
	{ "link",                                 NBHOOK_ERROR_FORBIDDEN, "by a link" },
	{ "near-link",                            NBHOOK_ERROR_FORBIDDEN, "by a link" },
	{ "folder-link/b c.csv",                  NBHOOK_ERROR_FORBIDDEN, "by a link" },
	{ "../beside.csv",                        NBHOOK_ERROR_FORBIDDEN, "\"beside.csv\"" },
	{ "../project2/x.csv",                    NBHOOK_ERROR_FORBIDDEN, "\"x.csv\"" },
	{ "TOP/production" AUTHOR "/../beside.csv", NBHOOK_ERROR_FORBIDDEN, "\"beside.csv\"" },
	{ "TOP/production" AUTHOR "2/x.csv",      NBHOOK_ERROR_FORBIDDEN, "response_folders" },
	{ "TOP/secret/key",                       NBHOOK_ERROR_FORBIDDEN, "response_folders" },
	{ "/etc/passwd",                          NBHOOK_ERROR_FORBIDDEN, "\"passwd\"" },
	{ "/proc/self/environ",                   NBHOOK_ERROR_FORBIDDEN, "\"environ\"" },
	{ "/",                                    NBHOOK_ERROR_FORBIDDEN, "response_folders" },
};
/* clang-format on */

static void
test_right(Place *place, gconstpointer data)
{
	for (size_t i = 0; i < G_N_ELEMENTS(right); i++) {
		g_autoptr(GError) error = NULL;
		AUTO_FD fd = open_file(place, right[i].path, &error);
		size_t size;

		g_test_message("%s", right[i].path);
		g_assert_no_error(error);
		g_autofree char *content = files_read_all(fd, 1000, "", &size, NULL);
		g_assert_cmpstr(content, ==, right[i].content);
	}
}

static void
test_wrong(Place *place, gconstpointer data)
{
	for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
		g_autoptr(GError) error = NULL;
		AUTO_FD fd = open_file(place, wrong[i].path, &error);

		g_test_message("%s: %s", wrong[i].path, error != NULL ? error->message : "");
		g_assert_cmpint(fd, <, 0);
		g_assert_error(error, NBHOOK_ERROR, wrong[i].code);
		g_assert_nonnull(strstr(error->message, wrong[i].says));
		g_assert_null(strstr(error->message, place->top));
		g_assert_true(
			strcmp(wrong[i].path, "/") == 0 || strchr(error->message, '/') == NULL);
	}
}

static int
file_of(const char *bytes, size_t size)
{
	int fd = memfd_create("file", MFD_CLOEXEC);

	g_assert_true(files_write_all(fd, bytes, size, NULL));
	return fd;
}

static void
test_copy(void)
{
	g_autofree char *bytes = g_strnfill(300000, 'x');
	static const size_t sizes[] = { 0, 1, 65536, 200001, 300000 };

	for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
		AUTO_FD from = file_of(bytes, 300000);
		AUTO_FD to = file_of("what was there before", 21);
		g_autoptr(GError) error = NULL;
		gint64 copied = -1;
		size_t size;

		g_assert_true(copy_file(from, to, (gint64) sizes[i], &copied, "it", &error));
		g_assert_no_error(error);
		g_assert_cmpint(copied, ==, (gint64) sizes[i]);
		g_autofree char *content = files_read_all(to, 400000, "", &size, NULL);
		g_assert_cmpmem(content, size, bytes, sizes[i]);
	}
}

/* A file that was cut since it was looked at, and one on another file system that has no bytes to share. */
static void
test_copy_of_less(void)
{
	AUTO_FD from = file_of("abc", 3);
	AUTO_FD to = file_of("", 0);
	AUTO_FD made_up = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	g_autoptr(GError) error = NULL;
	gint64 copied = -1;

	g_assert_true(copy_file(from, to, 100, &copied, "it", &error));
	g_assert_cmpint(copied, ==, 3);
	g_assert_true(copy_file(made_up, to, 5, &copied, "it", &error));
	g_assert_cmpint(copied, ==, 5);
	AUTO_FD closed = open("/dev/null", O_RDONLY | O_CLOEXEC);
	g_assert_false(copy_file(from, closed, 3, &copied, "it", &error));
	g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_INTERNAL);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add("/attachment/right", Place, NULL, set_up, test_right, tear_down);
	g_test_add("/attachment/wrong", Place, NULL, set_up, test_wrong, tear_down);
	g_test_add_func("/copy/sizes", test_copy);
	g_test_add_func("/copy/less", test_copy_of_less);
	return g_test_run();
}
