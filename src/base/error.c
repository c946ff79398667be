#include "base/error.h"

#include <errno.h>

typedef struct {
	int http_status;
	const char *slug;
} CodeRow;

/* clang-format off */
static const CodeRow code_rows[NBHOOK_ERROR_N_CODES] = {
	[NBHOOK_ERROR_BAD_REQUEST]        = { 400, "bad_request" },
	[NBHOOK_ERROR_UNAUTHORIZED]       = { 401, "unauthorized" },
	[NBHOOK_ERROR_FORBIDDEN]          = { 403, "forbidden" },
	[NBHOOK_ERROR_NOT_FOUND]          = { 404, "not_found" },
	[NBHOOK_ERROR_METHOD_NOT_ALLOWED] = { 405, "method_not_allowed" },
	[NBHOOK_ERROR_NOT_ACCEPTABLE]     = { 406, "not_acceptable" },
	[NBHOOK_ERROR_CONFLICT]           = { 409, "conflict" },
	[NBHOOK_ERROR_GONE]               = { 410, "gone" },
	[NBHOOK_ERROR_TOO_LARGE]          = { 413, "too_large" },
	[NBHOOK_ERROR_URI_TOO_LONG]       = { 414, "uri_too_long" },
	[NBHOOK_ERROR_UNSUPPORTED_TYPE]   = { 415, "unsupported_type" },
	[NBHOOK_ERROR_UNPROCESSABLE]      = { 422, "unprocessable" },
	[NBHOOK_ERROR_QUEUE_FULL]         = { 429, "queue_full" },
	[NBHOOK_ERROR_INTERNAL]           = { 500, "internal" },
	[NBHOOK_ERROR_UNAVAILABLE]        = { 503, "unavailable" },
	[NBHOOK_ERROR_NO_SPACE]           = { 507, "no_space" },
};
/* clang-format on */

G_DEFINE_QUARK(nbhook - error - quark, nbhook_error)

static NbhookErrorCode
code_of(const GError *error)
{
	if (error->domain != NBHOOK_ERROR || error->code < 0 || error->code >= NBHOOK_ERROR_N_CODES)
		return NBHOOK_ERROR_INTERNAL;
	return (NbhookErrorCode) error->code;
}

int
nbhook_error_http_status(const GError *error)
{
	return code_rows[code_of(error)].http_status;
}

const char *
nbhook_error_slug(const GError *error)
{
	return code_rows[code_of(error)].slug;
}

NbhookErrorCode
nbhook_error_from_slug(const char *slug)
{
	for (int code = 0; code < NBHOOK_ERROR_N_CODES; code++)
		if (g_strcmp0(code_rows[code].slug, slug) == 0)
			return (NbhookErrorCode) code;
	return NBHOOK_ERROR_INTERNAL;
}

gboolean
nbhook_error_set_errno(GError **error, int errno_value, const char *format, ...)
{
	NbhookErrorCode code = NBHOOK_ERROR_INTERNAL;
	va_list arguments;

	if (errno_value == ENOSPC || errno_value == EDQUOT)
		code = NBHOOK_ERROR_NO_SPACE;
	else if (errno_value == EMFILE || errno_value == ENFILE || errno_value == ENOMEM)
		code = NBHOOK_ERROR_UNAVAILABLE;

	va_start(arguments, format);
	g_autofree char *what = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	g_set_error(error, NBHOOK_ERROR, code, "%s: %s", what, g_strerror(errno_value));
	return FALSE;
}
