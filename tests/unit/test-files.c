/* Files: nothing leaves its root, a replacement is whole or not there, a removal follows no link. */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"

typedef struct {
	char *path;
	int fd;
} Folder;

static void
folder_set_up(Folder *folder, gconstpointer unused)
{
	folder->path = g_dir_make_tmp("nbhook-files-XXXXXX", NULL);
	folder->fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	g_assert_cmpint(folder->fd, >=, 0);
}

static void
folder_tear_down(Folder *folder, gconstpointer unused)
{
	g_autofree char *name = g_path_get_basename(folder->path);
	g_autofree char *parent = g_path_get_dirname(folder->path);
	AUTO_FD at = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	g_assert_true(files_remove_tree(at, name, NULL));
	g_assert_cmpint(access(folder->path, F_OK), ==, -1);
	files_close(&folder->fd);
	g_free(folder->path);
}

static void
put(int folder, const char *name, const char *text)
{
	AUTO_FD fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	g_assert_cmpint(fd, >=, 0);
	g_assert_true(files_write_all(fd, text, strlen(text), NULL));
}

static void
assert_holds(int folder, const char *name, const char *text)
{
	AUTO_FD fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	size_t size = 0;
	g_autofree char *bytes = files_read_all(fd, 1000, "x", &size, NULL);

	g_assert_cmpstr(bytes, ==, text);
	g_assert_cmpuint(size, ==, strlen(text));
}

static guint
count_entries(Folder *folder)
{
	DIR *entries = opendir(folder->path);
	guint count = 0;

	while (readdir(entries) != NULL)
		count++;
	closedir(entries);
	return count - 2;
}

static void
assert_refused(int fd, GError **error, int code)
{
	g_assert_cmpint(fd, ==, -1);
	g_assert_error(*error, NBHOOK_ERROR, code);
}

static const struct {
	const char *path;
	int code; /* -1: it opens */
} beneath[] = {
	{ "a/b/file", -1 },
	{ "a/./b/file", -1 },
	{ "..", NBHOOK_ERROR_FORBIDDEN },
	{ "../x", NBHOOK_ERROR_FORBIDDEN },
	{ "a/../../x", NBHOOK_ERROR_FORBIDDEN },
	{ "/etc/passwd", NBHOOK_ERROR_FORBIDDEN },
	{ "/", NBHOOK_ERROR_FORBIDDEN },
	{ "out/passwd", NBHOOK_ERROR_FORBIDDEN },
	{ "file-link", NBHOOK_ERROR_FORBIDDEN },
	{ "inner/b/file", NBHOOK_ERROR_FORBIDDEN },
	{ "a/missing", NBHOOK_ERROR_NOT_FOUND },
	{ "missing/file", NBHOOK_ERROR_NOT_FOUND },
	{ "a/b/file/more", NBHOOK_ERROR_NOT_FOUND },
	{ "", NBHOOK_ERROR_NOT_FOUND },
};

static void
test_open_beneath(Folder *folder, gconstpointer unused)
{
	AUTO_FD deep = files_make_folders(folder->fd, "a/b", 0700, (gid_t) -1, NULL);

	put(deep, "file", "here");
	g_assert_cmpint(symlinkat("/etc", folder->fd, "out"), ==, 0);
	g_assert_cmpint(symlinkat("/etc/passwd", folder->fd, "file-link"), ==, 0);
	g_assert_cmpint(symlinkat("a", folder->fd, "inner"), ==, 0);
	for (size_t i = 0; i < G_N_ELEMENTS(beneath); i++) {
		g_autoptr(GError) error = NULL;
		AUTO_FD fd = files_open_beneath(folder->fd, beneath[i].path, O_RDONLY, 0, &error);

		if (beneath[i].code >= 0) {
			assert_refused(fd, &error, beneath[i].code);
			continue;
		}
		g_assert_no_error(error);
		g_assert_cmpint(fcntl(fd, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
	}
}

static void
test_make_folders(Folder *folder, gconstpointer unused)
{
	g_autoptr(GError) error = NULL;
	struct stat info;
	AUTO_FD first = files_make_folders(folder->fd, "a//b/c/", 02770, getgid(), &error);
	AUTO_FD again = files_make_folders(folder->fd, "a/b/c", 0700, (gid_t) -1, &error);

	g_assert_no_error(error);
	g_assert_cmpint(first, >=, 0);
	g_assert_cmpint(again, >=, 0);
	g_assert_cmpint(fstat(again, &info), ==, 0);
	g_assert_cmpuint(info.st_mode & 07777, ==, 02770); /* one that is there stays as it is */
	g_assert_cmpint(fstatat(folder->fd, "a/b", &info, 0), ==, 0);
	g_assert_cmpuint(info.st_mode & 07777, ==, 02770);
}

static void
test_make_folders_stays_inside(Folder *folder, gconstpointer unused)
{
	static const char *const paths[] = { "..", "../x", "a/../../x", "link/x" };

	g_assert_cmpint(symlinkat("/tmp", folder->fd, "link"), ==, 0);
	for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
		g_autoptr(GError) error = NULL;

		assert_refused(files_make_folders(folder->fd, paths[i], 0700, (gid_t) -1, &error),
			&error, NBHOOK_ERROR_FORBIDDEN);
	}
	g_assert_cmpint(access("/tmp/x", F_OK), ==, -1);
	put(folder->fd, "file", "x");
	g_autoptr(GError) error = NULL;
	assert_refused(files_make_folders(folder->fd, "file/x", 0700, (gid_t) -1, &error), &error,
		NBHOOK_ERROR_NOT_FOUND);
}

/* Every -1 comes with an error, also when there is no descriptor left. */
static void
test_no_descriptors(Folder *folder, gconstpointer unused)
{
	struct rlimit old, none;
	g_autoptr(GError) error = NULL;

	g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &old), ==, 0);
	none = old;
	none.rlim_cur = 0;
	g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &none), ==, 0);
	int fd = files_make_folders(folder->fd, "a", 0700, (gid_t) -1, &error);
	g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &old), ==, 0);
	assert_refused(fd, &error, NBHOOK_ERROR_INTERNAL);
}

static void
test_replace(Folder *folder, gconstpointer unused)
{
	g_autoptr(GError) error = NULL;
	struct stat info;

	umask(0077);
	g_assert_true(files_replace(folder->fd, "f", "one", 3, 0640, TRUE, &error));
	assert_holds(folder->fd, "f", "one");
	AUTO_FD old = openat(folder->fd, "f", O_RDONLY | O_CLOEXEC);
	g_assert_true(files_replace(folder->fd, "f", "other", 5, 0640, FALSE, &error));
	assert_holds(folder->fd, "f", "other");
	g_autofree char *before = files_read_all(old, 100, "x", &(size_t){ 0 }, NULL);
	g_assert_cmpstr(before, ==, "one"); /* who has it open keeps reading the old one */
	g_assert_cmpint(fstatat(folder->fd, "f", &info, 0), ==, 0);
	g_assert_cmpuint(info.st_mode & 07777, ==, 0640);
	g_assert_true(files_replace(folder->fd, "f", "", 0, 0600, FALSE, &error));
	assert_holds(folder->fd, "f", "");
	g_assert_cmpuint(count_entries(folder), ==, 1);
}

/* A link is replaced, not followed. */
static void
test_replace_link(Folder *folder, gconstpointer unused)
{
	put(folder->fd, "target", "kept");
	g_assert_cmpint(symlinkat("target", folder->fd, "f"), ==, 0);
	g_assert_true(files_replace(folder->fd, "f", "new", 3, 0600, FALSE, NULL));
	assert_holds(folder->fd, "target", "kept");
	assert_holds(folder->fd, "f", "new");
}

static void
test_replace_fails_whole(Folder *folder, gconstpointer unused)
{
	struct rlimit old, small;
	g_autoptr(GError) taken = NULL;
	g_autoptr(GError) full = NULL;
	g_autofree char *bytes = g_strnfill(100000, 'x');

	g_assert_cmpint(mkdirat(folder->fd, "folder", 0700), ==, 0);
	g_assert_false(files_replace(folder->fd, "folder", "x", 1, 0600, FALSE, &taken));
	g_assert_error(taken, NBHOOK_ERROR, NBHOOK_ERROR_INTERNAL);
	put(folder->fd, "f", "old");
	signal(SIGXFSZ, SIG_IGN);
	g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &old), ==, 0);
	small = old;
	small.rlim_cur = 4096;
	g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &small), ==, 0);
	gboolean replaced = files_replace(folder->fd, "f", bytes, 100000, 0600, FALSE, &full);
	g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &old), ==, 0);
	g_assert_false(replaced);
	g_assert_nonnull(full);
	assert_holds(folder->fd, "f", "old");
	g_assert_cmpuint(count_entries(folder), ==, 2);
}

static void
test_read_all(Folder *folder, gconstpointer unused)
{
	g_autoptr(GError) large = NULL;
	g_autoptr(GError) irregular = NULL;
	size_t size = 77;

	put(folder->fd, "f", "0123456789");
	AUTO_FD fd = openat(folder->fd, "f", O_RDONLY | O_CLOEXEC);
	g_assert_cmpint(lseek(fd, 5, SEEK_SET), ==, 5);
	g_autofree char *whole = files_read_all(fd, 10, "max_thing", &size, NULL);
	g_assert_cmpstr(whole, ==, "0123456789");
	g_assert_cmpuint(size, ==, 10);
	g_assert_cmpint(lseek(fd, 0, SEEK_CUR), ==, 5);
	size = 77;
	g_assert_null(files_read_all(fd, 9, "max_thing", &size, &large));
	g_assert_error(large, NBHOOK_ERROR, NBHOOK_ERROR_TOO_LARGE);
	g_assert_nonnull(strstr(large->message, "max_thing"));
	g_assert_cmpuint(size, ==, 77);
	g_assert_null(files_read_all(folder->fd, 9, "max_thing", &size, &irregular));
	g_assert_error(irregular, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST);
	g_assert_null(files_read_all(-1, 9, "max_thing", &size, NULL));
}

static void
test_remove_tree(Folder *folder, gconstpointer unused)
{
	AUTO_FD deep = files_make_folders(folder->fd, "a/b/c", 0700, (gid_t) -1, NULL);
	AUTO_FD kept = files_make_folders(folder->fd, "kept", 0700, (gid_t) -1, NULL);

	put(deep, "file", "x");
	put(kept, "file", "kept");
	g_assert_cmpint(symlinkat("../../../kept", deep, "link"), ==, 0);
	g_assert_cmpint(symlinkat("../kept", folder->fd, "a/outward"), ==, 0);
	g_assert_true(files_remove_tree(folder->fd, "a", NULL));
	g_assert_true(files_remove_tree(folder->fd, "a", NULL)); /* a missing one is success */
	g_assert_true(files_remove_tree(folder->fd, "a/b/c", NULL));
	g_assert_cmpint(faccessat(folder->fd, "a", F_OK, 0), ==, -1);
	assert_holds(kept, "file", "kept");
	g_assert_cmpint(symlinkat("kept", folder->fd, "link"), ==, 0);
	g_autoptr(GError) error = NULL;
	g_assert_false(files_remove_tree(folder->fd, "link/file", &error));
	g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_FORBIDDEN);
	g_assert_true(files_remove_tree(folder->fd, "link", NULL)); /* the link itself */
	assert_holds(kept, "file", "kept");
}

/* A tree may be deeper than there are descriptors, and not even writable. */
static void
test_remove_deep_tree(Folder *folder, gconstpointer unused)
{
	AUTO_FD at = files_make_folders(folder->fd, "deep", 0700, (gid_t) -1, NULL);
	struct rlimit limit;

	for (int i = 0; i < 500; i++) {
		int next = files_make_folders(at, "d", 0700, (gid_t) -1, NULL);

		g_assert_cmpint(next, >=, 0);
		g_assert_cmpint(fchmod(at, 0500), ==, 0);
		files_close(&at);
		at = next;
	}
	put(at, "file", "x");
	g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &limit), ==, 0);
	struct rlimit few = { 160, limit.rlim_max };
	g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &few), ==, 0);
	g_autoptr(GError) error = NULL;
	gboolean removed = files_remove_tree(folder->fd, "deep", &error);
	g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &limit), ==, 0);
	g_assert_no_error(error);
	g_assert_true(removed);
	g_assert_cmpint(faccessat(folder->fd, "deep", F_OK, 0), ==, -1);
}

static void
test_remove_tree_stays_inside(Folder *folder, gconstpointer unused)
{
	static const char *const paths[] = { "..", ".", "inner/..", "inner/../..", "inner/.",
		"../x", "/tmp/x" };
	AUTO_FD inner = files_make_folders(folder->fd, "root/inner", 0700, (gid_t) -1, NULL);
	AUTO_FD root = openat(folder->fd, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	g_assert_cmpint(inner, >=, 0);
	put(folder->fd, "kept", "outside");
	put(root, "kept", "inside");
	for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_false(files_remove_tree(root, paths[i], &error));
		g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_FORBIDDEN);
	}
	assert_holds(folder->fd, "kept", "outside");
	assert_holds(root, "kept", "inside");
	g_assert_cmpint(faccessat(root, "inner", F_OK, 0), ==, 0);
}

static const struct {
	const char *path;
	const char *published; /* NULL: refused with code */
	int code;
} published[] = {
	{ "/home/a/b.ipynb", "home/a/b.ipynb", 0 },
	{ "/a", "a", 0 },
	{ "/\u00e9t\u00e9/my notebook (1).ipynb", "\u00e9t\u00e9/my notebook (1).ipynb", 0 },
	{ "/...", "...", 0 },
	{ "/a/.hidden", "a/.hidden", 0 },
	{ "", NULL, NBHOOK_ERROR_BAD_REQUEST },
	{ "a/b", NULL, NBHOOK_ERROR_BAD_REQUEST },
	{ "/", NULL, NBHOOK_ERROR_BAD_REQUEST },
	{ "//a", NULL, NBHOOK_ERROR_BAD_REQUEST },
	{ "/a/", NULL, NBHOOK_ERROR_BAD_REQUEST },
	{ "/a//b", NULL, NBHOOK_ERROR_BAD_REQUEST },
	{ "/a/./b", NULL, NBHOOK_ERROR_BAD_REQUEST },
	{ "/..", NULL, NBHOOK_ERROR_FORBIDDEN },
	{ "/a/../b", NULL, NBHOOK_ERROR_FORBIDDEN },
	{ "/a/b/..", NULL, NBHOOK_ERROR_FORBIDDEN },
	{ "/a\nb", NULL, NBHOOK_ERROR_BAD_REQUEST },
	{ "/a\x7f", NULL, NBHOOK_ERROR_BAD_REQUEST },
	{ "/a\xff", NULL, NBHOOK_ERROR_BAD_REQUEST },
};

static void
test_published_path(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(published); i++) {
		g_autoptr(GError) error = NULL;
		g_autofree char *path = files_published_path(published[i].path, &error);

		g_assert_cmpstr(path, ==, published[i].published);
		if (path == NULL)
			g_assert_error(error, NBHOOK_ERROR, published[i].code);
	}
}

static void
test_published_path_length(void)
{
	g_autofree char *part = g_strnfill(240, 'x');
	g_autofree char *most = g_strdup_printf("/%s/%s/%s/%s", part, part, part, part);
	g_autofree char *long_part = g_strdup_printf("/%sx", part);
	g_autofree char *long_path = g_strdup_printf("%s/%s", most, part);
	g_autofree char *path = files_published_path(most, NULL);
	g_autoptr(GError) error = NULL;

	g_assert_cmpstr(path, ==, most + 1);
	g_assert_null(files_published_path(long_part, &error));
	g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST);
	g_assert_null(files_published_path(long_path, NULL));
}

static void
add(const char *name, void (*test)(Folder *, gconstpointer))
{
	g_test_add(name, Folder, NULL, folder_set_up, test, folder_tear_down);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	add("/files/open-beneath", test_open_beneath);
	add("/files/make-folders", test_make_folders);
	add("/files/make-folders-stays-inside", test_make_folders_stays_inside);
	add("/files/no-descriptors", test_no_descriptors);
	add("/files/replace", test_replace);
	add("/files/replace-link", test_replace_link);
	add("/files/replace-fails-whole", test_replace_fails_whole);
	add("/files/read-all", test_read_all);
	add("/files/remove-tree", test_remove_tree);
	add("/files/remove-deep-tree", test_remove_deep_tree);
	add("/files/remove-tree-stays-inside", test_remove_tree_stays_inside);
	g_test_add_func("/files/published-path", test_published_path);
	g_test_add_func("/files/published-path-length", test_published_path_length);
	return g_test_run();
}
