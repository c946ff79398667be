/* Headers are kept as name and value side by side until they are sent; what is wrong with one of them is
 * remembered in .broken and decided there. */
#include "answer.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"

#define PIECE_SIZE (64 * 1024)
/* Of most answers. */
#define HEADERS 8
#define HEAD_SIZE 512

/* attr-char of RFC 5987, beside letters and digits. */
#define ATTRIBUTE_CHARACTERS "!#$&+-.^_`|~"

struct Answer {
	int status;
	GPtrArray *headers; /* name, value, name, value … */
	gboolean broken;    /* a header value had a control character */
	char *bytes;        /* the body, or NULL */
	gint64 size;
	int fd;                /* the body when bytes is NULL; -1 for none */
	gint64 from;           /* where it begins in fd */
	gboolean elsewhere;    /* the web server sends the body */
	json_object *document; /* the value that bytes was printed from, or NULL */
	char *type;            /* Content-Type */
};

typedef struct {
	int status;
	const char *phrase;
} PhraseRow;

/* clang-format off */
static const PhraseRow phrase_rows[] = {
	{ 200, "OK" },
	{ 202, "Accepted" },
	{ 204, "No Content" },
	{ 206, "Partial Content" },
	{ 302, "Found" },
	{ 304, "Not Modified" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 406, "Not Acceptable" },
	{ 409, "Conflict" },
	{ 410, "Gone" },
	{ 412, "Precondition Failed" },
	{ 413, "Content Too Large" },
	{ 414, "URI Too Long" },
	{ 415, "Unsupported Media Type" },
	{ 416, "Range Not Satisfiable" },
	{ 422, "Unprocessable Content" },
	{ 429, "Too Many Requests" },
	{ 500, "Internal Server Error" },
	{ 503, "Service Unavailable" },
	{ 507, "Insufficient Storage" },
};

/* Types that a browser runs scripts of: a notebook's page must not act as the site that serves it. */
static const char *const active_types[] = {
	"text/html", "text/xml", "text/xsl", "application/xml", NULL,
};
/* clang-format on */

const char *
answer_phrase(int status)
{
	for (size_t i = 0; i < G_N_ELEMENTS(phrase_rows); i++)
		if (phrase_rows[i].status == status)
			return phrase_rows[i].phrase;
	return "Answer";
}

Answer *
answer_new(int status)
{
	Answer *answer = g_new0(Answer, 1);

	answer->status = status;
	answer->headers = g_ptr_array_new_full(2 * HEADERS, g_free);
	answer->fd = -1;
	answer_header(answer, "Cache-Control", "no-store");
	answer_header(answer, "Referrer-Policy", "no-referrer");
	answer_header(answer, "X-Content-Type-Options", "nosniff");
	return answer;
}

void
answer_free(Answer *answer)
{
	if (answer == NULL)
		return;
	g_ptr_array_unref(answer->headers);
	g_free(answer->bytes);
	files_close(&answer->fd);
	json_object_put(answer->document);
	g_free(answer->type);
	g_free(answer);
}

int
answer_status(const Answer *answer)
{
	return answer->status;
}

static gboolean
is_clean(const char *value)
{
	for (const char *at = value; *at != '\0'; at++)
		if (g_ascii_iscntrl(*at) && *at != '\t')
			return FALSE;
	return TRUE;
}

void
answer_header(Answer *answer, const char *name, const char *value)
{
	if (!is_clean(name) || !is_clean(value)) {
		g_warning("an answer was given a value for %s that is no header value", name);
		answer->broken = TRUE;
		return;
	}
	for (guint i = 0; i < answer->headers->len; i += 2)
		if (g_ascii_strcasecmp(g_ptr_array_index(answer->headers, i), name) == 0) {
			g_free(answer->headers->pdata[i + 1]);
			answer->headers->pdata[i + 1] = g_strdup(value);
			return;
		}
	g_ptr_array_add(answer->headers, g_strdup(name));
	g_ptr_array_add(answer->headers, g_strdup(value));
}

const char *
answer_get_header(const Answer *answer, const char *name)
{
	for (guint i = 0; i < answer->headers->len; i += 2)
		if (g_ascii_strcasecmp(g_ptr_array_index(answer->headers, i), name) == 0)
			return g_ptr_array_index(answer->headers, i + 1);
	return NULL;
}

void
answer_header_seconds(Answer *answer, const char *name, gint64 seconds)
{
	g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT, seconds);

	answer_header(answer, name, text);
}

/* The name in ASCII for those who know only that: one "_" for each other character. */
static char *
plain_name(const char *filename)
{
	GString *plain = g_string_new(NULL);

	for (const char *at = filename; *at != '\0'; at = g_utf8_next_char(at)) {
		gunichar character = g_utf8_get_char(at);
		gboolean kept =
			character >= 0x20 && character < 0x7f && strchr("\"\\%", *at) == NULL;

		g_string_append_c(plain, kept ? *at : '_');
	}
	return g_string_free(plain, FALSE);
}

void
answer_disposition(Answer *answer, gboolean is_inline, const char *filename)
{
	g_autofree char *valid = g_utf8_make_valid(filename, -1);
	g_autofree char *plain = plain_name(valid);
	GString *encoded = g_string_new(NULL);

	for (const char *at = valid; *at != '\0'; at++)
		if (g_ascii_isalnum(*at) || strchr(ATTRIBUTE_CHARACTERS, *at) != NULL)
			g_string_append_c(encoded, *at);
		else
			g_string_append_printf(encoded, "%%%02X", (guchar) *at);
	g_autofree char *name = g_string_free(encoded, FALSE);
	g_autofree char *value = g_strdup_printf("%s; filename=\"%s\"; filename*=UTF-8''%s",
		is_inline ? "inline" : "attachment", plain, name);
	answer_header(answer, "Content-Disposition", value);
}

static void
set_type(Answer *answer, const char *type)
{
	g_autofree char *plain = g_ascii_strdown(type, (gssize) strcspn(type, "; \t"));

	answer_header(answer, "Content-Type", type);
	g_free(answer->type);
	answer->type = g_strdup(type);
	if (g_strv_contains(active_types, plain) || g_str_has_suffix(plain, "+xml"))
		answer_header(answer, "Content-Security-Policy",
			"sandbox allow-scripts allow-popups allow-downloads");
}

static void
set_bytes(Answer *answer, char *bytes)
{
	g_free(answer->bytes);
	g_clear_pointer(&answer->document, json_object_put);
	answer->bytes = bytes;
	answer->size = (gint64) strlen(bytes);
}

void
answer_text(Answer *answer, const char *type, const char *text)
{
	set_type(answer, type);
	set_bytes(answer, g_strdup(text));
}

void
answer_json(Answer *answer, const char *type, json_object *value)
{
	set_type(answer, type);
	set_bytes(answer, json_print(value));
	answer->document = value;
}

json_object *
answer_document(const Answer *answer, const char *type)
{
	return g_strcmp0(answer->type, type) == 0 ? answer->document : NULL;
}

/* In the form of nginx, so that a download that one of us began can be resumed with the other. */
static void
put_validators(Answer *answer, const struct stat *status)
{
	g_autoptr(GDateTime) modified = g_date_time_new_from_unix_utc(status->st_mtime);
	g_autofree char *date = g_date_time_format(modified, "%a, %d %b %Y %H:%M:%S GMT");
	g_autofree char *tag =
		g_strdup_printf("\"%" G_GINT64_MODIFIER "x-%" G_GINT64_MODIFIER "x\"",
			(gint64) status->st_mtime, (gint64) status->st_size);

	answer_header(answer, "ETag", tag);
	answer_header(answer, "Last-Modified", date);
}

gboolean
answer_file(Answer *answer, const char *type, int fd, GError **error)
{
	AUTO_FD file = fd;
	struct stat status;

	if (fstat(file, &status) < 0)
		return nbhook_error_set_errno(error, errno, "looking at the response");
	set_type(answer, type);
	answer->fd = files_steal_fd(&file);
	answer->size = (gint64) status.st_size;
	put_validators(answer, &status);
	return TRUE;
}

void
answer_elsewhere(Answer *answer, const char *location)
{
	answer_header(answer, "X-Accel-Redirect", location);
	answer->elsewhere = TRUE;
}

void
answer_slice(Answer *answer, gint64 from, gint64 size)
{
	answer->status = 206;
	answer->from = from;
	answer->size = size;
}

void
answer_nothing(Answer *answer, int status)
{
	answer->status = status;
	files_close(&answer->fd);
}

gint64
answer_size(const Answer *answer)
{
	return answer->size;
}

static char *
print_head(const Answer *answer)
{
	GString *head = g_string_sized_new(HEAD_SIZE);

	g_string_append_printf(
		head, "Status: %d %s\r\n", answer->status, answer_phrase(answer->status));
	for (guint i = 0; i < answer->headers->len; i += 2) {
		g_string_append(head, g_ptr_array_index(answer->headers, i));
		g_string_append(head, ": ");
		g_string_append(head, g_ptr_array_index(answer->headers, i + 1));
		g_string_append(head, "\r\n");
	}
	if (!answer->elsewhere && (answer->bytes != NULL || answer->fd >= 0))
		g_string_append_printf(
			head, "Content-Length: %" G_GINT64_FORMAT "\r\n", answer->size);
	g_string_append(head, "\r\n");
	return g_string_free(head, FALSE);
}

static gboolean
send_file(const Answer *answer, const WebIo *io, gpointer peer)
{
	g_autofree char *piece = g_malloc(PIECE_SIZE);
	gint64 sent = 0;

	while (sent < answer->size) {
		size_t wanted = (size_t) MIN(answer->size - sent, PIECE_SIZE);
		ssize_t got = pread(answer->fd, piece, wanted, (off_t) (answer->from + sent));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0 || !io->write(peer, piece, (size_t) got))
			return FALSE;
		sent += got;
	}
	return TRUE;
}

static Answer *
replacement(void)
{
	Answer *answer = answer_new(500);

	answer_text(answer, "text/plain; charset=utf-8",
		"The answer had a header that cannot be sent; the server's log says which.\n");
	return answer;
}

gboolean
answer_send(Answer *answer, const WebIo *io, gpointer peer, gboolean without_body)
{
	g_autoptr(Answer) instead = answer->broken ? replacement() : NULL;
	const Answer *sent = instead != NULL ? instead : answer;
	g_autofree char *head = print_head(sent);

	if (!io->write(peer, head, strlen(head)))
		return FALSE;
	if (without_body || sent->elsewhere)
		return TRUE;
	if (sent->bytes != NULL)
		return io->write(peer, sent->bytes, (size_t) sent->size);
	return sent->fd < 0 || send_file(sent, io, peer);
}
