/* Which header names a delivery, and what makes two calls the same. */
#include <sys/mman.h>

#include "base/error.h"
#include "base/files.h"
#include "delivery.h"
#include "web-fake.h"

#define LONG_50 "12345678901234567890123456789012345678901234567890"
#define LONG_250 LONG_50 LONG_50 LONG_50 LONG_50 LONG_50

typedef struct {
	char *environment[6];
	const char *key;  /* NULL: none */
	const char *says; /* NULL: no error */
} KeyRow;

/* clang-format off */
static const KeyRow key_rows[] = {
	{ { NULL }, NULL, NULL },
	{ { "HTTP_X_REQUEST_ID=1" }, NULL, NULL },
	{ { "HTTP_IDEMPOTENCY_KEY=a b" }, "idempotency-key:a b", NULL },
	{ { "HTTP_IDEMPOTENCY_KEY=\"a\\\"b\"" }, "idempotency-key:a\"b", NULL },
	{ { "HTTP_WEBHOOK_ID=msg_1" }, "webhook-id:msg_1", NULL },
	{ { "HTTP_WEBHOOK_ID=\"msg_1\"" }, "webhook-id:\"msg_1\"", NULL },
	{ { "HTTP_X_GITHUB_DELIVERY=72d3162e" }, "x-github-delivery:72d3162e", NULL },
	{ { "HTTP_X_GITLAB_EVENT_UUID=13792a34" }, "x-gitlab-event-uuid:13792a34", NULL },
	{ { "HTTP_X_SHOPIFY_WEBHOOK_ID=b54557e4" }, "x-shopify-webhook-id:b54557e4", NULL },
	{ { "HTTP_X_SHOPIFY_WEBHOOK_ID=1", "HTTP_X_GITLAB_EVENT_UUID=2", "HTTP_X_GITHUB_DELIVERY=3",
	    "HTTP_WEBHOOK_ID=4", "HTTP_IDEMPOTENCY_KEY=5" }, "idempotency-key:5", NULL },
	{ { "HTTP_X_SHOPIFY_WEBHOOK_ID=1", "HTTP_X_GITHUB_DELIVERY=3" }, "x-github-delivery:3", NULL },
	{ { "HTTP_IDEMPOTENCY_KEY=" LONG_250 "12345" }, "idempotency-key:" LONG_250 "12345", NULL },
	{ { "HTTP_IDEMPOTENCY_KEY=" LONG_250 "123456" }, NULL, "longer than 255" },
	{ { "HTTP_IDEMPOTENCY_KEY=" }, NULL, "empty" },
	{ { "HTTP_IDEMPOTENCY_KEY=  " }, NULL, "empty" },
	{ { "HTTP_IDEMPOTENCY_KEY=\"\"" }, NULL, "empty" },
	{ { "HTTP_WEBHOOK_ID=", "HTTP_X_GITHUB_DELIVERY=3" }, NULL, "webhook-id is empty" },
	{ { "HTTP_IDEMPOTENCY_KEY=\"a" }, NULL, "quoted" },
	{ { "HTTP_IDEMPOTENCY_KEY=\"a\"b" }, NULL, "quoted" },
	{ { "HTTP_IDEMPOTENCY_KEY=a\tb" }, NULL, "control" },
	{ { "HTTP_X_GITHUB_DELIVERY=a\x7f" }, NULL, "control" },
};
/* clang-format on */

static void
test_keys(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(key_rows); i++) {
		g_autoptr(WebRequest) request =
			web_request_new((char **) key_rows[i].environment, &fake_io, NULL);
		g_autofree char *key = NULL;
		g_autoptr(GError) error = NULL;

		g_test_message("%s", key_rows[i].environment[0]);
		g_assert_true(delivery_key(request, &key, &error) == (key_rows[i].says == NULL));
		g_assert_cmpstr(key, ==, key_rows[i].key);
		if (key_rows[i].says == NULL)
			continue;
		g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST);
		g_assert_nonnull(strstr(error->message, key_rows[i].says));
	}
}

static char *
digest_of(char **environment, const char *body)
{
	g_autoptr(WebRequest) request = web_request_new(environment, &fake_io, NULL);

	AUTO_FD fd = memfd_create("body", MFD_CLOEXEC);
	g_autoptr(GError) error = NULL;
	g_assert_true(files_write_all(fd, "head", 4, &error) &&
		      files_write_all(fd, body, strlen(body), &error));
	char *digest = delivery_digest(request, fd, 4, &error);
	g_assert_no_error(error);
	return digest;
}

static const struct {
	char *method, *uri;
	const char *body;
	gboolean same;
} digest_rows[] = {
	{ "REQUEST_METHOD=POST", "REQUEST_URI=/webhook/t?a=1", "x", TRUE },
	{ "REQUEST_METHOD=POST", "REQUEST_URI=/notebook/t?a=1", "x", TRUE },
	{ "REQUEST_METHOD=GET", "REQUEST_URI=/webhook/t?a=1", "x", FALSE },
	{ "REQUEST_METHOD=POST", "REQUEST_URI=/webhook/t?a=2", "x", FALSE },
	{ "REQUEST_METHOD=POST", "REQUEST_URI=/webhook/t", "a=1\nx", FALSE },
	{ "REQUEST_METHOD=POST", "REQUEST_URI=/webhook/t?a=1", "", FALSE },
	{ "REQUEST_METHOD=POST", "REQUEST_URI=/webhook/t?a=1", "xx", FALSE },
};

static void
test_digests(void)
{
	g_autofree char *first = digest_of(
		(char *[]){ "REQUEST_METHOD=POST", "REQUEST_URI=/webhook/t?a=1", NULL }, "x");

	g_assert_cmpuint(strlen(first), ==, 64);
	for (size_t i = 0; i < G_N_ELEMENTS(digest_rows); i++) {
		g_autofree char *digest =
			digest_of((char *[]){ digest_rows[i].method, digest_rows[i].uri, NULL },
				digest_rows[i].body);

		g_assert_true((strcmp(first, digest) == 0) == digest_rows[i].same);
	}
}

static char *
digest_of_form(const char *boundary, const char *text)
{
	g_autofree char *type =
		g_strdup_printf("CONTENT_TYPE=multipart/form-data; boundary=\"%s\"", boundary);
	g_autofree char *body = g_strdup_printf(
		"--%s\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n%s\r\n--%s--\r\n",
		boundary, text, boundary);

	return digest_of(
		(char *[]){ "REQUEST_METHOD=POST", "REQUEST_URI=/webhook/t", type, NULL }, body);
}

/* A client that builds a multipart body again makes a new boundary; pieces of a file end anywhere. */
static void
test_digests_of_forms(void)
{
	for (gsize n = 65400; n < 65560; n++) {
		g_autofree char *long_text = g_strnfill(n, '-');
		g_autofree char *other_text = g_strconcat(long_text, "-", NULL);
		g_autofree char *one = digest_of_form("----one", long_text);
		g_autofree char *again = digest_of_form("------another/1", long_text);
		g_autofree char *other = digest_of_form("----one", other_text);

		g_assert_cmpstr(one, ==, again);
		g_assert_cmpstr(one, !=, other);
	}
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/delivery/keys", test_keys);
	g_test_add_func("/delivery/digests", test_digests);
	g_test_add_func("/delivery/digests-of-forms", test_digests_of_forms);
	return g_test_run();
}
