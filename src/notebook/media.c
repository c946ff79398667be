/* What libmagic says falls into one of four families; a row of the table is asked only where it says no
 * more than that. */
#include "notebook/media.h"

#include <magic.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

typedef enum {
	FAMILY_EXACT,   /* the content says it all */
	FAMILY_TEXT,    /* text; of which kind is a guess */
	FAMILY_PACKED,  /* a container that documents come in */
	FAMILY_UNKNOWN, /* bytes, or no byte */
} Family;

typedef struct {
	const char *type;
	Family family;
} FamilyRow;

typedef struct {
	const char *extension;
	Family family; /* of the contents that such a file has */
	const char *type;
} NameRow;

/* clang-format off */
static const FamilyRow vague_types[] = {
	{ "application/csv",           FAMILY_TEXT },
	{ "application/javascript",    FAMILY_TEXT },
	{ "application/json",          FAMILY_TEXT },
	{ "application/x-ndjson",      FAMILY_TEXT },
	{ "message/news",              FAMILY_TEXT },
	{ "message/rfc822",            FAMILY_TEXT },
	{ "application/zip",           FAMILY_PACKED },
	{ "application/CDFV2",         FAMILY_PACKED },
	{ "application/vnd.ms-office", FAMILY_PACKED },
	{ "application/x-ole-storage", FAMILY_PACKED },
	{ "application/octet-stream",  FAMILY_UNKNOWN },
	{ "application/x-empty",       FAMILY_UNKNOWN },
	{ "inode/x-empty",             FAMILY_UNKNOWN },
};

static const NameRow name_rows[] = {
	{ ".txt",      FAMILY_TEXT,    "text/plain" },
	{ ".log",      FAMILY_TEXT,    "text/plain" },
	{ ".csv",      FAMILY_TEXT,    "text/csv" },
	{ ".tsv",      FAMILY_TEXT,    "text/tab-separated-values" },
	{ ".md",       FAMILY_TEXT,    "text/markdown" },
	{ ".markdown", FAMILY_TEXT,    "text/markdown" },
	{ ".html",     FAMILY_TEXT,    "text/html" },
	{ ".htm",      FAMILY_TEXT,    "text/html" },
	{ ".css",      FAMILY_TEXT,    "text/css" },
	{ ".js",       FAMILY_TEXT,    "text/javascript" },
	{ ".ics",      FAMILY_TEXT,    "text/calendar" },
	{ ".vcf",      FAMILY_TEXT,    "text/vcard" },
	{ ".py",       FAMILY_TEXT,    "text/x-python" },
	{ ".svg",      FAMILY_TEXT,    "image/svg+xml" },
	{ ".xml",      FAMILY_TEXT,    "application/xml" },
	{ ".json",     FAMILY_TEXT,    "application/json" },
	{ ".ipynb",    FAMILY_TEXT,    "application/x-ipynb+json" },
	{ ".geojson",  FAMILY_TEXT,    "application/geo+json" },
	{ ".jsonl",    FAMILY_TEXT,    "application/x-ndjson" },
	{ ".ndjson",   FAMILY_TEXT,    "application/x-ndjson" },
	{ ".yaml",     FAMILY_TEXT,    "application/yaml" },
	{ ".yml",      FAMILY_TEXT,    "application/yaml" },
	{ ".sql",      FAMILY_TEXT,    "application/sql" },
	{ ".tex",      FAMILY_TEXT,    "application/x-tex" },
	{ ".eml",      FAMILY_TEXT,    "message/rfc822" },
	{ ".docx",     FAMILY_PACKED,  "application/vnd.openxmlformats-officedocument.wordprocessingml.document" },
	{ ".xlsx",     FAMILY_PACKED,  "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" },
	{ ".pptx",     FAMILY_PACKED,  "application/vnd.openxmlformats-officedocument.presentationml.presentation" },
	{ ".odt",      FAMILY_PACKED,  "application/vnd.oasis.opendocument.text" },
	{ ".ods",      FAMILY_PACKED,  "application/vnd.oasis.opendocument.spreadsheet" },
	{ ".odp",      FAMILY_PACKED,  "application/vnd.oasis.opendocument.presentation" },
	{ ".epub",     FAMILY_PACKED,  "application/epub+zip" },
	{ ".kmz",      FAMILY_PACKED,  "application/vnd.google-earth.kmz" },
	{ ".doc",      FAMILY_PACKED,  "application/msword" },
	{ ".xls",      FAMILY_PACKED,  "application/vnd.ms-excel" },
	{ ".ppt",      FAMILY_PACKED,  "application/vnd.ms-powerpoint" },
	{ ".parquet",  FAMILY_UNKNOWN, "application/vnd.apache.parquet" },
	{ ".arrow",    FAMILY_UNKNOWN, "application/vnd.apache.arrow.file" },
	{ ".feather",  FAMILY_UNKNOWN, "application/vnd.apache.arrow.file" },
	{ ".mp3",      FAMILY_UNKNOWN, "audio/mpeg" },
	{ ".wasm",     FAMILY_UNKNOWN, "application/wasm" },
};

/* The charset as libmagic says it, and as it is sent. Other guesses of it are too weak to be passed on. */
static const char *const charsets[][2] = {
	{ "us-ascii", "utf-8" },
	{ "utf-8",    "utf-8" },
	{ "utf-16le", "utf-16le" },
	{ "utf-16be", "utf-16be" },
};

static const char *const image_extensions[][2] = {
	{ "image/jpeg",               ".jpg" },
	{ "image/svg+xml",            ".svg" },
	{ "image/tiff",               ".tif" },
	{ "image/vnd.microsoft.icon", ".ico" },
	{ "image/x-icon",             ".ico" },
};
/* clang-format on */

G_DEFINE_AUTO_CLEANUP_FREE_FUNC(magic_t, magic_close, NULL)

static magic_t
open_magic(int flags, GError **error)
{
	g_auto(magic_t) magic = magic_open(flags);

	if (magic == NULL || magic_load(magic, NULL) < 0) {
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_INTERNAL,
			"libmagic cannot be used: %s",
			magic != NULL ? magic_error(magic) : g_strerror(ENOMEM));
		return NULL;
	}
	return g_steal_pointer(&magic);
}

static gboolean
check_said(magic_t magic, const char *said, GError **error)
{
	if (said == NULL)
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_INTERNAL,
			"libmagic cannot say what the response is: %s", magic_error(magic));
	return said != NULL;
}

static Family
family_of(const char *type)
{
	for (size_t i = 0; i < G_N_ELEMENTS(vague_types); i++)
		if (strcmp(vague_types[i].type, type) == 0)
			return vague_types[i].family;
	return g_str_has_prefix(type, "text/") ? FAMILY_TEXT : FAMILY_EXACT;
}

char *
media_type_of_bytes(const char *bytes, size_t size, GError **error)
{
	g_auto(magic_t) magic = open_magic(MAGIC_MIME_TYPE | MAGIC_ERROR, error);

	if (magic == NULL)
		return NULL;
	const char *said = magic_buffer(magic, bytes, size);
	if (!check_said(magic, said, error))
		return NULL;
	return g_strdup(family_of(said) == FAMILY_UNKNOWN ? "application/octet-stream" : said);
}

static const char *
settle(const char *said, const char *name)
{
	const char *extension = strrchr(name, '.');
	Family family = family_of(said);

	for (size_t i = 0; extension != NULL && i < G_N_ELEMENTS(name_rows); i++)
		if (g_ascii_strcasecmp(name_rows[i].extension, extension) == 0 &&
			(name_rows[i].family == family || family == FAMILY_UNKNOWN))
			return name_rows[i].type;
	return family == FAMILY_UNKNOWN ? "application/octet-stream" : said;
}

static const char *
charset_of(const char *type, const char *said)
{
	const char *charset = strstr(said, "charset=");

	if (charset == NULL || !g_str_has_prefix(type, "text/"))
		return NULL;
	for (size_t i = 0; i < G_N_ELEMENTS(charsets); i++)
		if (strcmp(charsets[i][0], charset + strlen("charset=")) == 0)
			return charsets[i][1];
	return NULL;
}

char *
media_type_of_file(int fd, const char *name, GError **error)
{
	g_auto(magic_t) magic = open_magic(MAGIC_MIME | MAGIC_ERROR, error);

	if (magic == NULL)
		return NULL;
	const char *said = magic_descriptor(magic, fd);
	if (!check_said(magic, said, error))
		return NULL;
	g_autofree char *plain = g_strndup(said, strcspn(said, ";"));
	const char *type = settle(plain, name);
	const char *charset = charset_of(type, said);
	return charset != NULL ? g_strdup_printf("%s; charset=%s", type, charset) : g_strdup(type);
}

char *
media_image_extension(const char *type)
{
	for (size_t i = 0; i < G_N_ELEMENTS(image_extensions); i++)
		if (strcmp(image_extensions[i][0], type) == 0)
			return g_strdup(image_extensions[i][1]);
	const char *name = strchr(type, '/');
	name = name != NULL ? name + 1 : type;
	if (g_str_has_prefix(name, "x-"))
		name += 2;
	return g_strconcat(".", name, NULL);
}
