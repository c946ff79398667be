/* Errors: the table of codes, slugs and HTTP statuses goes both ways. */
#include <errno.h>
#include <gio/gio.h>
#include <string.h>

#include "base/error.h"

static void
test_every_slug_comes_back(void)
{
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

	for (int code = 0; code < NBHOOK_ERROR_N_CODES; code++) {
		g_autoptr(GError) error = g_error_new_literal(NBHOOK_ERROR, code, "x");
		const char *slug = nbhook_error_slug(error);

		g_assert_nonnull(slug);
		g_assert_cmpint(nbhook_error_from_slug(slug), ==, code);
		g_assert_true(g_hash_table_add(seen, (gpointer) slug));
		g_assert_cmpint(nbhook_error_http_status(error), >=, 400);
		g_assert_cmpint(nbhook_error_http_status(error), <, 600);
	}
}

static const struct {
	NbhookErrorCode code;
	int http_status;
} statuses[] = {
	{ NBHOOK_ERROR_BAD_REQUEST, 400 },
	{ NBHOOK_ERROR_UNAUTHORIZED, 401 },
	{ NBHOOK_ERROR_FORBIDDEN, 403 },
	{ NBHOOK_ERROR_NOT_FOUND, 404 },
	{ NBHOOK_ERROR_CONFLICT, 409 },
	{ NBHOOK_ERROR_GONE, 410 },
	{ NBHOOK_ERROR_TOO_LARGE, 413 },
	{ NBHOOK_ERROR_UNPROCESSABLE, 422 },
	{ NBHOOK_ERROR_QUEUE_FULL, 429 },
	{ NBHOOK_ERROR_INTERNAL, 500 },
	{ NBHOOK_ERROR_UNAVAILABLE, 503 },
	{ NBHOOK_ERROR_NO_SPACE, 507 },
};

static void
test_http_statuses(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(statuses); i++) {
		g_autoptr(GError) error = g_error_new_literal(NBHOOK_ERROR, statuses[i].code, "x");

		g_assert_cmpint(nbhook_error_http_status(error), ==, statuses[i].http_status);
	}
}

static void
test_strangers_are_internal(void)
{
	g_autoptr(GError) other = g_error_new_literal(G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "x");
	g_autoptr(GError) wild = g_error_new_literal(NBHOOK_ERROR, NBHOOK_ERROR_N_CODES, "x");

	g_assert_cmpint(nbhook_error_http_status(other), ==, 500);
	g_assert_cmpstr(nbhook_error_slug(other), ==, "internal");
	g_assert_cmpint(nbhook_error_http_status(wild), ==, 500);
	g_assert_cmpint(nbhook_error_from_slug("no such word"), ==, NBHOOK_ERROR_INTERNAL);
	g_assert_cmpint(nbhook_error_from_slug(NULL), ==, NBHOOK_ERROR_INTERNAL);
}

static void
test_errno(void)
{
	g_autoptr(GError) full = NULL;
	g_autoptr(GError) broken = NULL;

	g_assert_false(nbhook_error_set_errno(&full, ENOSPC, "writing %s", "a"));
	g_assert_error(full, NBHOOK_ERROR, NBHOOK_ERROR_NO_SPACE);
	g_assert_true(g_str_has_prefix(full->message, "writing a: "));
	g_assert_false(nbhook_error_set_errno(&broken, EIO, "writing"));
	g_assert_error(broken, NBHOOK_ERROR, NBHOOK_ERROR_INTERNAL);
	g_assert_false(nbhook_error_set_errno(NULL, EIO, "nobody asks"));
}

/* What lacks now may be there in a moment: 503, and the caller tries again. */
static void
test_scarce(void)
{
	static const int scarce[] = { EMFILE, ENFILE, ENOMEM };

	for (size_t i = 0; i < G_N_ELEMENTS(scarce); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_false(nbhook_error_set_errno(&error, scarce[i], "opening"));
		g_assert_cmpint(nbhook_error_http_status(error), ==, 503);
	}
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/error/every-slug-comes-back", test_every_slug_comes_back);
	g_test_add_func("/error/http-statuses", test_http_statuses);
	g_test_add_func("/error/strangers-are-internal", test_strangers_are_internal);
	g_test_add_func("/error/errno", test_errno);
	g_test_add_func("/error/scarce", test_scarce);
	return g_test_run();
}
