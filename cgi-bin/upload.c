/* The bytes go down one way: the file, gzip undone, the multipart reader or a single part, and from there to
 * a file or into a field. */
#include "upload.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/files.h"
#include "base/gunzip.h"
#include "file_name.h"
#include "mime_value.h"
#include "multipart.h"
#include "notebook/body.h"
#include "notebook/excerpt.h"

#define UNKNOWN_TYPE "application/octet-stream"

/* A body on its way. */
typedef struct Taking {
	const Upload *upload;
	gboolean is_form;   /* multipart/form-data */
	json_object *value; /* the last of each field */
	json_object *all;   /* of each field */
	json_object *files;
	GHashTable *names; /* of files */
	gint64 size;       /* of the body so far, unpacked */
	gint64 fields_size;
	Multipart *multipart; /* NULL: the body is one part */
	Gunzip *gunzip;       /* NULL: it is not packed */
	/* the part under way */
	char *field, *name, *type;
	GByteArray *text; /* of a field; NULL: a file */
	int fd;           /* of a file, from its first byte on */
	gint64 file_size;
	char *path;
} Taking;

static void
part_clear(Taking *taking)
{
	g_clear_pointer(&taking->field, g_free);
	g_clear_pointer(&taking->name, g_free);
	g_clear_pointer(&taking->type, g_free);
	g_clear_pointer(&taking->path, g_free);
	g_clear_pointer(&taking->text, g_byte_array_unref);
	files_close(&taking->fd);
	taking->file_size = 0;
}

static void
taking_clear(Taking *taking)
{
	part_clear(taking);
	json_object_put(taking->value);
	json_object_put(taking->all);
	json_object_put(taking->files);
	g_hash_table_unref(taking->names);
	g_clear_pointer(&taking->multipart, multipart_free);
	g_clear_pointer(&taking->gunzip, gunzip_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Taking, taking_clear)

static gboolean
check_ceiling(gint64 size, gint64 max, const char *what, const char *setting, GError **error)
{
	if (size <= max)
		return TRUE;
	g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_TOO_LARGE,
		"%s than the setting %s allows (%" G_GINT64_FORMAT " bytes)", what, setting, max);
	return FALSE;
}

static gboolean
open_file(Taking *taking, GError **error)
{
	if (taking->fd >= 0)
		return TRUE;
	if (taking->name[0] == '\0') {
		g_free(taking->name);
		taking->name = file_name_safe("");
	}
	taking->path = file_name_unique(taking->names, taking->name);
	taking->fd = taking->upload->create(taking->upload->data, taking->path, error);
	return taking->fd >= 0;
}

static gboolean
take_of_file(Taking *taking, const char *bytes, size_t size, GError **error)
{
	g_autofree char *quoted = excerpt(taking->name);
	g_autofree char *what = g_strdup_printf("the file \"%s\" is larger", quoted);

	taking->file_size += (gint64) size;
	return check_ceiling(taking->file_size, taking->upload->settings->max_file, what,
		       "max_file", error) &&
	       open_file(taking, error) && files_write_all(taking->fd, bytes, size, error);
}

static gboolean
take_of_part(gpointer data, const char *bytes, size_t size, GError **error)
{
	Taking *taking = data;

	if (taking->text == NULL)
		return take_of_file(taking, bytes, size, error);
	taking->fields_size += (gint64) size;
	if (!check_ceiling(taking->fields_size, taking->upload->settings->max_parsed_body,
		    "the fields of the body are together larger", "max_parsed_body", error))
		return FALSE;
	g_byte_array_append(taking->text, (const guint8 *) bytes, (guint) size);
	return TRUE;
}

static gboolean
end_file(Taking *taking, GError **error)
{
	/* what a form sends where no file was chosen */
	if (taking->file_size == 0 && taking->is_form && taking->name[0] == '\0')
		return TRUE;
	if (!open_file(taking, error) || !files_sync(taking->fd, "a file of the request", error))
		return FALSE;
	json_object *file = json_object_new_object();
	json_put_string(file, "field", taking->field);
	json_put_string(file, "name", taking->name);
	json_put_string(file, "path", taking->path);
	json_put_string(file, "type", taking->type);
	json_put_int(file, "size", taking->file_size);
	json_object_array_add(taking->files, file);
	return TRUE;
}

static gboolean
end_field(Taking *taking, GError **error)
{
	const char *text = (const char *) taking->text->data;
	const char *end = NULL;

	if (g_utf8_validate_len(text, taking->text->len, &end)) {
		json_object *value = json_object_new_string_len(text, (int) taking->text->len);
		request_add_value(taking->all, taking->field, json_object_get(value));
		json_object_object_add(taking->value, taking->field, value);
		return TRUE;
	}
	g_autofree char *quoted = excerpt(taking->field);
	g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST,
		"the field \"%s\" of the body has %s at byte %zu", quoted,
		*end == '\0' ? "a NUL" : "invalid UTF-8", (size_t) (end - text));
	return FALSE;
}

static gboolean
end_part(gpointer data, GError **error)
{
	Taking *taking = data;
	gboolean taken = taking->text != NULL ? end_field(taking, error) : end_file(taking, error);

	part_clear(taking);
	return taken;
}

static gboolean
refuse_part(gint64 number, int code, const char *what, const char *quoted, GError **error)
{
	g_autofree char *shown = excerpt(quoted != NULL ? quoted : "");

	g_set_error(error, NBHOOK_ERROR, code, "part %" G_GINT64_FORMAT " of the body %s%s%s%s",
		number, what, quoted != NULL ? " (\"" : "", shown, quoted != NULL ? "\")" : "");
	return FALSE;
}

/* RFC 7578 section 4.7: nobody should send such an encoding; those that change nothing are harmless. */
static gboolean
check_transfer_encoding(json_object *headers, gint64 number, GError **error)
{
	static const char *const as_is[] = { "", "7bit", "8bit", "binary", NULL };
	const char *encoding = json_string_member(headers, "content-transfer-encoding");
	g_autofree char *word = mime_word(encoding);

	return g_strv_contains(as_is, word) || refuse_part(number, NBHOOK_ERROR_UNSUPPORTED_TYPE,
						       "has a Content-Transfer-Encoding that is "
						       "not offered: send its bytes as they are",
						       encoding, error);
}

/* Of a form: a field, or a file that has a name at least from its field. */
static gboolean
begin_form_part(Taking *taking, json_object *headers, gint64 number, GError **error)
{
	const char *disposition = json_string_member(headers, "content-disposition");
	const char *type = json_string_member(headers, "content-type");
	g_autofree char *word = mime_word(disposition);
	g_autofree char *filename = mime_text(disposition, "filename");

	taking->field = mime_text(disposition, "name");
	if (strcmp(word, "form-data") != 0 || taking->field == NULL)
		return refuse_part(number, NBHOOK_ERROR_BAD_REQUEST,
			"has no header \"Content-Disposition: form-data; name=…\"", NULL, error);
	if (filename == NULL && (type == NULL || body_kind(type) == BODY_TEXT)) {
		if (strcmp(taking->field, "files") == 0)
			return refuse_part(number, NBHOOK_ERROR_BAD_REQUEST,
				"is a field with the name under which the notebook gets the files",
				taking->field, error);
		taking->text = g_byte_array_new();
		return TRUE;
	}
	/* an empty name stays: it may mean that there is no file */
	const char *name = filename != NULL ? filename : taking->field;
	taking->name = name[0] != '\0' ? file_name_safe(name) : g_strdup("");
	return TRUE;
}

static gboolean
begin_part(gpointer data, json_object *headers, gint64 number, GError **error)
{
	Taking *taking = data;
	const char *type = json_string_member(headers, "content-type");

	taking->type = mime_word(type != NULL ? type : UNKNOWN_TYPE);
	if (!check_transfer_encoding(headers, number, error))
		return FALSE;
	if (taking->is_form)
		return begin_form_part(taking, headers, number, error);
	g_autofree char *filename =
		mime_text(json_string_member(headers, "content-disposition"), "filename");
	g_autofree char *numbered = g_strdup_printf("part-%" G_GINT64_FORMAT, number);
	taking->name = file_name_safe(filename != NULL ? filename : numbered);
	return TRUE;
}

static const MultipartHandler handler = { begin_part, take_of_part, end_part };

/* A ByteSink: the body without its Content-Encoding. */
static gboolean
take_unpacked(gpointer data, const char *bytes, size_t size, GError **error)
{
	Taking *taking = data;

	taking->size += (gint64) size;
	if (!check_ceiling(taking->size, taking->upload->settings->max_body,
		    "the unpacked body is larger", "max_body", error))
		return FALSE;
	return taking->multipart != NULL ? multipart_feed(taking->multipart, bytes, size, error)
					 : take_of_part(taking, bytes, size, error);
}

/* A ByteSink: the body as it was received. */
static gboolean
take(gpointer data, const char *bytes, size_t size, GError **error)
{
	Taking *taking = data;

	return taking->gunzip != NULL
		       ? gunzip_feed(taking->gunzip, bytes, size, take_unpacked, taking, error)
		       : take_unpacked(taking, bytes, size, error);
}

/* The whole body as one file, named as its sender says. */
static void
begin_single(Taking *taking)
{
	json_object *headers = taking->upload->headers;
	const char *type = json_string_member(headers, "content-type");
	g_autofree char *filename =
		mime_text(json_string_member(headers, "content-disposition"), "filename");

	taking->type = mime_word(type != NULL ? type : UNKNOWN_TYPE);
	taking->name = file_name_safe(filename != NULL ? filename : "body");
}

static gboolean
prepare(Taking *taking, GError **error)
{
	const Upload *upload = taking->upload;
	const char *type = json_string_member(upload->headers, "content-type");
	g_autofree char *word = mime_word(type);
	gboolean packed = FALSE;

	if (!body_is_packed(upload->headers, &packed, error))
		return FALSE;
	if (packed)
		taking->gunzip = gunzip_new(upload->settings->max_gzip_ratio);
	taking->is_form = strcmp(word, "multipart/form-data") == 0;
	if (body_kind(type) != BODY_MULTIPART) {
		begin_single(taking);
		return TRUE;
	}
	taking->multipart =
		multipart_new(type, upload->settings->max_parts, &handler, taking, error);
	return taking->multipart != NULL;
}

static gboolean
take_all(Taking *taking, GError **error)
{
	return prepare(taking, error) &&
	       files_read_pieces(taking->upload->body, 0, take, taking, error) &&
	       (taking->gunzip == NULL || gunzip_finish(taking->gunzip, error)) &&
	       (taking->multipart != NULL ? multipart_finish(taking->multipart, error)
					  : end_part(taking, error));
}

/* Whether the whole body is text and small enough for a variable; what cannot be unpacked is an error that
 * whoever unpacks it next will find again. */
static gboolean
is_text(const Upload *upload, gint64 size)
{
	const RequestLimits limits = request_limits(upload->settings);
	gsize length = 0;
	gboolean packed = FALSE;

	if (size == 0 || size > limits.max_parsed_body)
		return size == 0;
	g_autofree char *bytes = files_read_all(
		upload->body, limits.max_parsed_body, "max_parsed_body", &length, NULL);
	if (bytes == NULL || !body_is_packed(upload->headers, &packed, NULL))
		return FALSE;
	if (!packed)
		return g_utf8_validate_len(bytes, length, NULL);
	g_autoptr(GBytes) unpacked = body_unpack(bytes, length, &limits, NULL);
	return unpacked != NULL && g_utf8_validate_len(g_bytes_get_data(unpacked, NULL),
					   g_bytes_get_size(unpacked), NULL);
}

gboolean
upload_take(const Upload *upload, json_object **value, GError **error)
{
	const char *type = json_string_member(upload->headers, "content-type");
	struct stat info;

	if (fstat(upload->body, &info) < 0)
		return nbhook_error_set_errno(error, errno, "looking at the body");
	if (info.st_size == 0 ||
		(body_kind(type) == BODY_OTHER && is_text(upload, (gint64) info.st_size))) {
		*value = NULL;
		return TRUE;
	}
	g_auto(Taking) taking = { .upload = upload,
		.value = json_object_new_object(),
		.all = json_object_new_object(),
		.files = json_object_new_array(),
		.names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
		.fd = -1 };
	if (!take_all(&taking, error))
		return FALSE;
	json_object_object_add(taking.value, "files", g_steal_pointer(&taking.files));
	*value = json_object_new_object();
	json_object_object_add(*value, "body", g_steal_pointer(&taking.value));
	json_object_object_add(*value, "body_all", g_steal_pointer(&taking.all));
	return TRUE;
}
