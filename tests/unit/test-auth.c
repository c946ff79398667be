/* The key in an Authorization header, in the three ways it comes. */
#include "auth.h"

#include <string.h>

typedef struct {
	const char *header;
	const char *key; /* NULL: none */
} KeyRow;

/* clang-format off */
static const KeyRow key_rows[] = {
	{ "Bearer abc123", "abc123" },
	{ "bearer abc123", "abc123" },
	{ "BEARER   abc123  ", "abc123" },
	{ "token abc123", "abc123" },
	{ "Token a.b-c_d~e+f/g==", "a.b-c_d~e+f/g==" },
	{ "Basic eDphYmMxMjM=", "abc123" },       /* x:abc123 */
	{ "Basic OmFiYzEyMw==", "abc123" },       /* :abc123 */
	{ "basic eDphYmMxMjM", NULL },            /* without its padding */
	{ NULL, NULL },
	{ "", NULL },
	{ "Bearer", NULL },
	{ "Bearer ", NULL },
	{ "abc123", NULL },
	{ "Digest abc123", NULL },
	{ "Bearerabc123", NULL },
	{ "Bearer abc 123", NULL },
	{ "Bearer abc\"123", NULL },
	{ "Bearer \xc3\xa9", NULL },
	{ "Basic eA==", NULL },                   /* x */
	{ "Basic eDo=", NULL },                   /* x: */
	{ "Basic eDphOmI=", NULL },               /* x:a:b */
	{ "Basic eDphAGI=", NULL },               /* x:a NUL b */
	{ "Basic ****", NULL },
};
/* clang-format on */

static void
test_keys(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(key_rows); i++) {
		g_autofree char *key = auth_key(key_rows[i].header);

		g_test_message("%s", key_rows[i].header);
		g_assert_cmpstr(key, ==, key_rows[i].key);
	}
}

static void
test_a_key_has_an_end(void)
{
	g_autofree char *digits = g_strnfill(257, 'a');
	g_autofree char *header = g_strconcat("Bearer ", digits, NULL);
	g_autofree char *long_key = auth_key(header);

	header[strlen(header) - 1] = '\0';
	g_autofree char *longest = auth_key(header);
	g_assert_null(long_key);
	g_assert_nonnull(longest);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/auth/keys", test_keys);
	g_test_add_func("/auth/length", test_a_key_has_an_end);
	return g_test_run();
}
