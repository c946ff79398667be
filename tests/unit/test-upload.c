/* Bodies with files: which value and which files they become, and what is refused. */
#include "upload.h"

#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "file_name.h"

#define FORM "multipart/form-data; boundary=b"
#define FIELD(name) "--b\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n"
#define FILE_PART(name, type)                                                                      \
	"--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"" name                      \
	"\"\r\nContent-Type: " type "\r\n\r\n"
#define END "--b--\r\n"

typedef struct {
	Settings *settings;
	GString *files; /* what was asked for: "name=content;" */
	GPtrArray *names;
	GArray *fds;
	const char *encoding;
} Fixture;

static void
set_up(Fixture *fixture, gconstpointer unused)
{
	fixture->settings = settings_new();
	fixture->settings->max_body = 1000;
	fixture->settings->max_parsed_body = 100;
	fixture->settings->max_file = 500;
	fixture->settings->max_parts = 4;
	fixture->names = g_ptr_array_new_with_free_func(g_free);
	fixture->fds = g_array_new(FALSE, FALSE, sizeof(int));
	fixture->files = g_string_new(NULL);
}

static void
tear_down(Fixture *fixture, gconstpointer unused)
{
	for (guint i = 0; i < fixture->fds->len; i++)
		close(g_array_index(fixture->fds, int, i));
	settings_free(fixture->settings);
	g_ptr_array_unref(fixture->names);
	g_array_unref(fixture->fds);
	g_string_free(fixture->files, TRUE);
}

static int
create(gpointer data, const char *name, GError **error)
{
	Fixture *fixture = data;
	int fd = memfd_create("upload", MFD_CLOEXEC);
	int kept = dup(fd);

	g_assert_cmpint(fd, >=, 0);
	g_ptr_array_add(fixture->names, g_strdup(name));
	g_array_append_val(fixture->fds, kept);
	return fd;
}

static void
describe_files(Fixture *fixture)
{
	for (guint i = 0; i < fixture->fds->len; i++) {
		size_t size = 0;
		g_autofree char *bytes = files_read_all(
			g_array_index(fixture->fds, int, i), 1 << 20, "x", &size, NULL);

		g_string_append_printf(fixture->files, "%s=%s;",
			(char *) g_ptr_array_index(fixture->names, i), bytes);
	}
}

static gboolean
upload(Fixture *fixture, const char *type, const char *disposition, const char *body, size_t size,
	json_object **value, GError **error)
{
	g_autoptr(json_object) headers = json_object_new_object();
	AUTO_FD fd = memfd_create("body", MFD_CLOEXEC);
	const Upload upload = { fixture->settings, headers, fd, create, fixture };

	if (type != NULL)
		json_put_string(headers, "content-type", type);
	if (disposition != NULL)
		json_put_string(headers, "content-disposition", disposition);
	if (fixture->encoding != NULL)
		json_put_string(headers, "content-encoding", fixture->encoding);
	g_assert_true(files_write_all(fd, body, size, NULL));
	gboolean taken = upload_take(&upload, value, error);
	describe_files(fixture);
	return taken;
}

/* clang-format off */
static const struct {
	const char *type, *disposition, *body, *value, *files;
} good[] = {
	{ FORM, NULL, FIELD("a") "1\r\n" FIELD("a") "\xc3\xa9\r\n" END, "{\"a\":\"\xc3\xa9\",\"files\":[]}", "" },
	{ FORM, NULL, FIELD("a") "\r\n" FILE_PART("x.CSV", "Text/CSV; charset=x") "1,2\r\n\r\n" END,
	  "{\"a\":\"\",\"files\":[{\"field\":\"f\",\"name\":\"x.CSV\",\"path\":\"x.CSV\",\"type\":\"text/csv\",\"size\":5}]}", "x.CSV=1,2\r\n;" },
	{ FORM, NULL, FILE_PART("a/../x.tar.gz", "x/y") "1\r\n" FILE_PART("C:\\\\x.tar.gz", "x/y") "2\r\n" END,
	  "{\"files\":[{\"field\":\"f\",\"name\":\"x.tar.gz\",\"path\":\"x.tar.gz\",\"type\":\"x/y\",\"size\":1},"
	  "{\"field\":\"f\",\"name\":\"x.tar.gz\",\"path\":\"x.tar-2.gz\",\"type\":\"x/y\",\"size\":1}]}", "x.tar.gz=1;x.tar-2.gz=2;" },
	/* an input without a file; an empty file; a file without a name */
	{ FORM, NULL, FILE_PART("", "application/octet-stream") "\r\n" END, "{\"files\":[]}", "" },
	{ FORM, NULL, FILE_PART("e", "x/y") "\r\n" END, "{\"files\":[{\"field\":\"f\",\"name\":\"e\",\"path\":\"e\",\"type\":\"x/y\",\"size\":0}]}", "e=;" },
	{ FORM, NULL, FILE_PART("", "x/y") "1\r\n" END, "{\"files\":[{\"field\":\"f\",\"name\":\"file\",\"path\":\"file\",\"type\":\"x/y\",\"size\":1}]}", "file=1;" },
	/* the type says what a part without a file name is */
	{ FORM, NULL, "--b\r\nContent-Disposition: form-data; name=m\r\nContent-Type: application/json\r\n\r\n{}\r\n" END, "{\"m\":\"{}\",\"files\":[]}", "" },
	{ FORM, NULL, "--b\r\nContent-Disposition: form-data; name=m\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: binary\r\n\r\n{}\r\n" END,
	  "{\"files\":[{\"field\":\"m\",\"name\":\"m\",\"path\":\"m\",\"type\":\"image/png\",\"size\":2}]}", "m={};" },
	/* other multiparts have no fields */
	{ "multipart/mixed; boundary=b", NULL, "--b\r\n\r\n1\r\n--b\r\nContent-Disposition: attachment; filename=x\r\nContent-Type: a/b\r\n\r\n2\r\n" END,
	  "{\"files\":[{\"field\":null,\"name\":\"part-1\",\"path\":\"part-1\",\"type\":\"application/octet-stream\",\"size\":1},"
	  "{\"field\":null,\"name\":\"x\",\"path\":\"x\",\"type\":\"a/b\",\"size\":1}]}", "part-1=1;x=2;" },
	/* one body: text if it is, else a file */
	{ "image/png", NULL, "text", "{\"files\":[{\"field\":null,\"name\":\"body\",\"path\":\"body\",\"type\":\"image/png\",\"size\":4}]}", "body=text;" },
	{ "image/png", NULL, "", NULL, "" },
	{ "application/xml", NULL, "text", NULL, "" },
	{ NULL, NULL, "text", NULL, "" },
	{ FORM, NULL, "", NULL, "" },
	{ "image/png", NULL, "\xff", "{\"files\":[{\"field\":null,\"name\":\"body\",\"path\":\"body\",\"type\":\"image/png\",\"size\":1}]}", "body=\xff;" },
	{ NULL, "attachment; filename=\"../\xc3\xa9.bin\"", "\xff", "{\"files\":[{\"field\":null,\"name\":\"\xc3\xa9.bin\",\"path\":\"\xc3\xa9.bin\",\"type\":\"application/octet-stream\",\"size\":1}]}", "\xc3\xa9.bin=\xff;" },
};

#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static const struct {
	const char *type, *body;
	int code;
	const char *says;
} bad[] = {
	{ FORM, FIELD("a") "1", NBHOOK_ERROR_BAD_REQUEST, "final boundary" },
	{ FORM, "--b\r\n\r\n1\r\n" END, NBHOOK_ERROR_BAD_REQUEST, "part 1 of the body has no header" },
	{ FORM, "--b\r\nContent-Disposition: form-data\r\n\r\n1\r\n" END, NBHOOK_ERROR_BAD_REQUEST, "part 1 of the body has no header" },
	{ FORM, "--b\r\nContent-Disposition: attachment; name=x\r\n\r\n1\r\n" END, NBHOOK_ERROR_BAD_REQUEST, "part 1 of the body has no header" },
	{ FORM, FIELD("a") "x\xff\r\n" END, NBHOOK_ERROR_BAD_REQUEST, "the field \"a\" of the body has invalid UTF-8 at byte 1" },
	{ FORM, FIELD("files") "x\r\n" END, NBHOOK_ERROR_BAD_REQUEST, "(\"files\")" },
	{ FORM, "--b\r\nContent-Disposition: form-data; name=x; filename=y\r\nContent-Transfer-Encoding: base64\r\n\r\nMQ==\r\n" END,
	  NBHOOK_ERROR_UNSUPPORTED_TYPE, "Content-Transfer-Encoding that is not offered: send its bytes as they are (\"base64\")" },
	{ FORM, FIELD("a") "\r\n" FIELD("a") "\r\n" FIELD("a") "\r\n" FIELD("a") "\r\n" FIELD("a") "\r\n" END, NBHOOK_ERROR_TOO_LARGE, "max_parts" },
	{ FORM, FIELD("a") HUNDRED "\r\n" FIELD("b") "1\r\n" END, NBHOOK_ERROR_TOO_LARGE, "max_parsed_body" },
	{ FORM, FILE_PART("x", "x/y") HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED "1\r\n" END, NBHOOK_ERROR_TOO_LARGE, "the file \"x\" is larger than the setting max_file allows (500 bytes)" },
	{ "image/png", HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED "1", NBHOOK_ERROR_TOO_LARGE, "max_file" },
	{ "multipart/form-data", "x", NBHOOK_ERROR_BAD_REQUEST, "boundary" },
};
/* clang-format on */

static void
test_good(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
		Fixture fixture = { NULL };
		g_autoptr(json_object) value = NULL;
		g_autoptr(GError) error = NULL;

		set_up(&fixture, NULL);
		upload(&fixture, good[i].type, good[i].disposition, good[i].body,
			strlen(good[i].body), &value, &error);
		g_assert_no_error(error);
		g_autofree char *text =
			value != NULL ? json_print(json_member(value, "body")) : NULL;
		g_assert_cmpstr(text, ==, good[i].value);
		g_assert_cmpstr(fixture.files->str, ==, good[i].files);
		tear_down(&fixture, NULL);
	}
}

static void
test_every_value(Fixture *fixture, gconstpointer unused)
{
	const char *body = FIELD("a") "1\r\n" FIELD("b") "\r\n" FIELD("a") "2\r\n" END;
	g_autoptr(json_object) value = NULL;
	g_autoptr(GError) error = NULL;

	upload(fixture, FORM, NULL, body, strlen(body), &value, &error);
	g_assert_no_error(error);
	g_autofree char *all = json_print(json_member(value, "body_all"));
	g_assert_cmpstr(all, ==, "{\"a\":[\"1\",\"2\"],\"b\":[\"\"]}");
}

static void
test_bad(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		Fixture fixture = { NULL };
		json_object *value = NULL;
		g_autoptr(GError) error = NULL;

		set_up(&fixture, NULL);
		g_assert_false(upload(&fixture, bad[i].type, NULL, bad[i].body, strlen(bad[i].body),
			&value, &error));
		g_assert_error(error, NBHOOK_ERROR, bad[i].code);
		if (strstr(error->message, bad[i].says) == NULL)
			g_error("row %zu: %s", i, error->message);
		tear_down(&fixture, NULL);
	}
}

static GBytes *
pack(const char *bytes, size_t size)
{
	g_autoptr(GConverter) zlib =
		G_CONVERTER(g_zlib_compressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP, 9));
	g_autoptr(GOutputStream) memory = g_memory_output_stream_new_resizable();
	g_autoptr(GOutputStream) stream = g_converter_output_stream_new(memory, zlib);

	g_assert_true(g_output_stream_write_all(stream, bytes, size, NULL, NULL, NULL));
	g_assert_true(g_output_stream_close(stream, NULL, NULL));
	return g_memory_output_stream_steal_as_bytes(G_MEMORY_OUTPUT_STREAM(memory));
}

static void
test_packed(Fixture *fixture, gconstpointer unused)
{
	const char *body = FILE_PART("x", "x/y") "1\r\n" END;
	g_autoptr(GBytes) packed = pack(body, strlen(body));
	g_autofree char *zeros = g_malloc0(1001);
	g_autoptr(GBytes) large = pack(zeros, 1001);
	g_autoptr(json_object) value = NULL;
	g_autoptr(GError) error = NULL;

	fixture->encoding = "gzip";
	fixture->settings->max_file = 2000;
	upload(fixture, FORM, NULL, g_bytes_get_data(packed, NULL), g_bytes_get_size(packed),
		&value, &error);
	g_assert_no_error(error);
	g_assert_cmpstr(fixture->files->str, ==, "x=1;");
	g_assert_false(upload(fixture, "x/y", NULL, g_bytes_get_data(large, NULL),
		g_bytes_get_size(large), &value, &error));
	g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_TOO_LARGE);
	g_assert_nonnull(strstr(error->message, "max_body"));
	g_clear_error(&error);
	g_assert_false(upload(fixture, "x/y", NULL, g_bytes_get_data(packed, NULL),
		g_bytes_get_size(packed) - 1, &value, &error));
	g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST);
}

/* clang-format off */
static const struct {
	const char *sent, *safe;
} names[] = {
	{ "report.pdf", "report.pdf" },
	{ "\xd0\xbe\xd1\x82\xd1\x87\xd1\x91\xd1\x82 1.pdf", "\xd0\xbe\xd1\x82\xd1\x87\xd1\x91\xd1\x82 1.pdf" },
	{ "a \"quoted\" name", "a \"quoted\" name" },
	{ "/etc/passwd", "passwd" },
	{ "..", "_." },
	{ ".", "_" },
	{ "", "file" },
	{ "a/", "file" },
	{ "  ", "file" },
	{ ".bashrc", "_bashrc" },
	{ " a ", "a" },
	{ "a\r\nb\tc\x7f", "a__b_c_" },
	{ "\xe2\x80\xae" "fdp.exe", "_fdp.exe" },
	{ HUNDRED HUNDRED "a.csv", HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN "012345.csv" },
	{ HUNDRED HUNDRED "." HUNDRED, HUNDRED HUNDRED },
};
/* clang-format on */

static void
test_names(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *safe = file_name_safe(names[i].sent);

		g_assert_cmpstr(safe, ==, names[i].safe);
	}
	g_autoptr(GHashTable) taken = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	static const char *const wanted[] = { "a.b", "a.b", "a-2.b", "a.b", "c", "c", NULL };
	static const char *const given[] = { "a.b", "a-2.b", "a-2-2.b", "a-3.b", "c", "c-2", NULL };
	for (int i = 0; wanted[i] != NULL; i++) {
		g_autofree char *unique = file_name_unique(taken, wanted[i]);

		g_assert_cmpstr(unique, ==, given[i]);
	}
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/upload/good", test_good);
	g_test_add_func("/upload/bad", test_bad);
	g_test_add("/upload/every-value", Fixture, NULL, set_up, test_every_value, tear_down);
	g_test_add("/upload/packed", Fixture, NULL, set_up, test_packed, tear_down);
	g_test_add_func("/upload/names", test_names);
	return g_test_run();
}
