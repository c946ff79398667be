#include "delivery.h"

#include <string.h>

#include "base/error.h"
#include "base/files.h"
#include "field.h"
#include "mime_value.h"

#define MAX_KEY_BYTES 255

typedef struct {
	const char *header;
	gboolean may_be_quoted;
} DeliveryRow;

/* clang-format off */
static const DeliveryRow delivery_rows[] = {
	{ "idempotency-key",      TRUE },  /* draft-ietf-httpapi-idempotency-key-header, section 2.1 */
	{ "webhook-id",           FALSE }, /* Standard Webhooks */
	{ "x-github-delivery",    FALSE },
	{ "x-gitlab-event-uuid",  FALSE },
	{ "x-shopify-webhook-id", FALSE },
};
/* clang-format on */

static gboolean
refuse(const DeliveryRow *row, const char *why, GError **error)
{
	g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST, "the request header %s %s",
		row->header, why);
	return FALSE;
}

/* The value without the quotes that it may have; NULL when they are broken. */
static char *
value_of(const DeliveryRow *row, const char *text)
{
	if (!row->may_be_quoted || text[0] != '"')
		return g_strdup(text);
	g_autofree char *value = field_quoted(&text);
	return value != NULL && text[0] == '\0' ? g_steal_pointer(&value) : NULL;
}

static gboolean
has_control(const char *value)
{
	while (*value != '\0' && !g_ascii_iscntrl(*value))
		value++;
	return *value != '\0';
}

static gboolean
read_key(const DeliveryRow *row, const char *text, char **key, GError **error)
{
	g_autofree char *trimmed = g_strstrip(g_strdup(text));
	g_autofree char *value = value_of(row, trimmed);

	if (value == NULL)
		return refuse(row,
			"is no quoted string: its second quote is missing or not at its end",
			error);
	if (value[0] == '\0')
		return refuse(row, "is empty", error);
	if (strlen(value) > MAX_KEY_BYTES)
		return refuse(row, "is longer than 255 bytes", error);
	if (has_control(value))
		return refuse(row, "holds a control character", error);
	*key = g_strconcat(row->header, ":", value, NULL);
	return TRUE;
}

gboolean
delivery_key(const WebRequest *request, char **key, GError **error)
{
	for (size_t i = 0; i < G_N_ELEMENTS(delivery_rows); i++) {
		const char *text = web_request_header(request, delivery_rows[i].header);

		if (text != NULL)
			return read_key(&delivery_rows[i], text, key, error);
	}
	*key = NULL;
	return TRUE;
}

/* What goes into a digest. A client that builds a multipart body again makes a new boundary; so that is left
 * out, wherever it stands. */
typedef struct {
	GChecksum *checksum;
	char *boundary;   /* NULL: there is none */
	GByteArray *rest; /* taken and not yet in the checksum */
} Digest;

static gboolean
digest_take(gpointer sink, const char *bytes, size_t size, GError **error)
{
	Digest *digest = sink;
	GByteArray *rest = digest->rest;
	size_t length = digest->boundary != NULL ? strlen(digest->boundary) : 1;
	const guint8 *found;

	g_byte_array_append(rest, (const guint8 *) bytes, (guint) size);
	const guint8 *from = rest->data;
	const guint8 *end = rest->data + rest->len;
	while (digest->boundary != NULL &&
		(found = memmem(from, (size_t) (end - from), digest->boundary, length)) != NULL) {
		g_checksum_update(digest->checksum, from, found - from);
		from = found + length;
	}
	if ((size_t) (end - from) >= length) { /* a boundary may begin in the last bytes */
		g_checksum_update(digest->checksum, from, end - from - (gssize) (length - 1));
		from = end - (length - 1);
	}
	g_byte_array_remove_range(rest, 0, (guint) (from - rest->data));
	return TRUE;
}

static char *
boundary_of(const WebRequest *request)
{
	const char *type = web_request_header(request, "content-type");

	if (type == NULL || g_ascii_strncasecmp(type, "multipart/", strlen("multipart/")) != 0)
		return NULL;
	g_autofree char *boundary = mime_parameter(type, "boundary");
	return boundary != NULL && *boundary != '\0' ? g_steal_pointer(&boundary) : NULL;
}

/* Neither a method nor a query can hold a line break, so no two calls look alike. */
char *
delivery_digest(const WebRequest *request, int body, gint64 offset, GError **error)
{
	g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
	g_autofree char *head = g_strconcat(request->method, "\n", request->query, "\n", NULL);
	g_autofree char *boundary = boundary_of(request);
	g_autoptr(GByteArray) rest = g_byte_array_new();
	Digest digest = { checksum, boundary, rest };

	g_checksum_update(checksum, (const guchar *) head, (gssize) strlen(head));
	if (!files_read_pieces(body, offset, digest_take, &digest, error))
		return NULL;
	g_checksum_update(checksum, rest->data, rest->len);
	return g_strdup(g_checksum_get_string(checksum));
}
