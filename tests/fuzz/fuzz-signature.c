/* Headers, one a line as "name: value": whatever they hold, what is claimed for each scheme is digests in hex
 * for a text that says when. */
#include "fuzz.h"

#include <string.h>

#include "base/error.h"
#include "notebook/signature.h"

#define NOW_S 1700000000

static const char *const webhooks[] = {
	"{\"scheme\":\"standard\"}",
	"{\"scheme\":\"svix\"}",
	"{\"scheme\":\"github\"}",
	"{\"scheme\":\"gitlab\"}",
	"{\"scheme\":\"stripe\"}",
	"{\"scheme\":\"slack\"}",
	"{\"scheme\":\"shopify\"}",
	"{\"scheme\":\"hmac\",\"header\":\"x-sum\",\"algorithm\":\"sha256\"}",
};

static json_object *
read_headers(const char *text)
{
	json_object *headers = json_object_new_object();
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	for (char **line = lines; *line != NULL; line++) {
		g_auto(GStrv) parts = g_strsplit(*line, ": ", 2);

		if (g_strv_length(parts) == 2)
			json_put_string(headers, parts[0], parts[1]);
	}
	return headers;
}

static void
check_claim(const SignatureClaim *claim)
{
	size_t n = json_object_array_length(claim->digests);

	g_assert_cmpuint(n, >, 0);
	g_assert_cmpuint(n, <=, 20);
	for (size_t i = 0; i < n; i++) {
		const char *digest =
			json_object_get_string(json_object_array_get_idx(claim->digests, i));
		size_t size = strlen(digest);

		g_assert_true(size > 0 && size % 2 == 0 && size <= 2 * 96);
		g_assert_cmpuint(strspn(digest, "0123456789abcdef"), ==, size);
	}
	g_assert_true(g_utf8_validate(claim->before, -1, NULL));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *text = g_strndup((const char *) data, size);

	if (!g_utf8_validate(text, -1, NULL))
		return 0;
	g_autoptr(json_object) headers = read_headers(text);
	for (size_t i = 0; i < G_N_ELEMENTS(webhooks); i++) {
		json_object *words = NULL;
		g_autoptr(GError) error = NULL;

		json_parse(webhooks[i], strlen(webhooks[i]), 4, &words, NULL);
		g_autoptr(SignatureClaim) claim =
			signature_claim_new(words, headers, NOW_S, 300, &error);
		json_object_put(words);
		if (claim != NULL)
			check_claim(claim);
		else
			g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNAUTHORIZED);
	}
	return 0;
}
