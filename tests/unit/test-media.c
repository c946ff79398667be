/* What files are: by their content, and by their name where that leaves it open. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/files.h"
#include "notebook/media.h"

#define PNG "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\b\6\0\0\0"
#define JPEG "\xff\xd8\xff\xe0\0\20JFIF\0\1\1\0\0\1\0\1\0\0"
#define WEBP "RIFF\x24\0\0\0WEBPVP8 \x18\0\0\0"
#define ZIP "PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"

/* clang-format off */
static const struct {
	const char *content;
	size_t size;
	const char *name;
	const char *type;
} files[] = {
#define FILE_OF(content) content, sizeof content - 1
	{ FILE_OF(PNG),                    "a.png",     "image/png" },
	{ FILE_OF(PNG),                    "a.csv",     "image/png" },
	{ FILE_OF(JPEG),                   "a.png",     "image/jpeg" },
	{ FILE_OF(WEBP),                   "a",         "image/webp" },
	{ FILE_OF("%PDF-1.4\n"),           "a.html",    "application/pdf" },
	{ FILE_OF("a,b\n1,2\n"),           "a.csv",     "text/csv; charset=utf-8" },
	{ FILE_OF("a;b\n\xc3\xa9;2\n"),    "A.CSV",     "text/csv; charset=utf-8" },
	{ FILE_OF("a;b\n\xe9;2\n"),        "a.csv",     "text/csv" },
	{ FILE_OF("# A title\n"),          "a.md",      "text/markdown; charset=utf-8" },
	{ FILE_OF("{\"a\": 1}"),           "a.json",    "application/json" },
	{ FILE_OF("{\"nbformat\": 4}"),    "a.ipynb",   "application/x-ipynb+json" },
	{ FILE_OF("<html><b>x</b></html>"), "a",        "text/html; charset=utf-8" },
	{ FILE_OF("<html><b>x</b></html>"), "a.txt",    "text/plain; charset=utf-8" },
	{ FILE_OF("plain"),                "a",         "text/plain; charset=utf-8" },
	{ FILE_OF("plain"),                "a.xlsx",    "text/plain; charset=utf-8" },
	{ FILE_OF(ZIP),                    "a.zip",     "application/zip" },
	{ FILE_OF(ZIP),                    "a.xlsx",    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" },
	{ FILE_OF(ZIP),                    "a.html",    "application/zip" },
	{ FILE_OF("\1\2\3\xfe"),           "a",         "application/octet-stream" },
	{ FILE_OF("\1\2\3\xfe"),           "a.parquet", "application/vnd.apache.parquet" },
	{ FILE_OF(""),                     "a",         "application/octet-stream" },
	{ FILE_OF(""),                     "a.csv",     "text/csv" },
};

static const char *const extensions[][2] = {
	{ "image/png", ".png" }, { "image/jpeg", ".jpg" }, { "image/webp", ".webp" }, { "image/gif", ".gif" },
	{ "image/svg+xml", ".svg" }, { "image/tiff", ".tif" }, { "image/x-portable-pixmap", ".portable-pixmap" },
};
/* clang-format on */

static void
test_files(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
		AUTO_FD fd = memfd_create("file", MFD_CLOEXEC);
		g_autoptr(GError) error = NULL;

		g_assert_true(files_write_all(fd, files[i].content, files[i].size, NULL));
		g_assert_cmpint(lseek(fd, 0, SEEK_SET), ==, 0);
		g_autofree char *type = media_type_of_file(fd, files[i].name, &error);
		g_assert_no_error(error);
		g_assert_cmpstr(type, ==, files[i].type);
		g_assert_cmpint(lseek(fd, 0, SEEK_CUR), ==, 0);
	}
}

static void
test_bytes(void)
{
	g_autofree char *png = media_type_of_bytes(PNG, sizeof PNG - 1, NULL);
	g_autofree char *none = media_type_of_bytes("", 0, NULL);

	g_assert_cmpstr(png, ==, "image/png");
	g_assert_cmpstr(none, ==, "application/octet-stream");
}

static void
test_extensions(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(extensions); i++) {
		g_autofree char *extension = media_image_extension(extensions[i][0]);

		g_assert_cmpstr(extension, ==, extensions[i][1]);
	}
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/media/files", test_files);
	g_test_add_func("/media/bytes", test_bytes);
	g_test_add_func("/media/extensions", test_extensions);
	return g_test_run();
}
