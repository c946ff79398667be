/* Wire messages: what is signed is what comes back, and nothing else does. */
#include <string.h>

#include "base/error.h"
#include "jupyter/wire.h"

#define KEY "a0436f6c-1916-498b-8eb9-e81ab9368e84"

/* Message parts as texts, made into what wire_parse takes. */
typedef struct {
	WirePart parts[16];
	size_t n;
} Parts;

static void
add(Parts *parts, const void *data, size_t size)
{
	parts->parts[parts->n++] = (WirePart){ data, size };
}

static void
add_text(Parts *parts, const char *text)
{
	add(parts, text, strlen(text));
}

static void
add_built(Parts *parts, GPtrArray *built)
{
	for (guint i = 0; i < built->len; i++) {
		size_t size;
		const void *data = g_bytes_get_data(built->pdata[i], &size);

		add(parts, data, size);
	}
}

static void
test_round_trip(void)
{
	g_autoptr(Wire) wire = wire_new(KEY);
	g_autoptr(json_object) content = json_object_new_object();
	g_autofree char *first_id = NULL;
	g_autofree char *msg_id = NULL;
	g_autoptr(GError) error = NULL;
	Parts parts = { .n = 0 };

	json_put_string(content, "code", "print('\u20ac')\n");
	g_autoptr(GPtrArray) first = wire_build(wire, "execute_request", content, &first_id);
	g_autoptr(GPtrArray) built = wire_build(wire, "execute_request", content, &msg_id);
	g_assert_cmpstr(first_id, !=, msg_id);
	add_text(&parts, "identity");
	add_built(&parts, built);
	add_text(&parts, "a buffer");
	g_autoptr(WireMessage) message = wire_parse(wire, parts.parts, parts.n, &error);
	g_assert_no_error(error);
	g_assert_cmpstr(wire_message_type(message), ==, "execute_request");
	g_assert_cmpstr(wire_message_parent_id(message), ==, "");
	g_assert_cmpstr(json_string_member(message->header, "msg_id"), ==, msg_id);
	g_assert_cmpstr(json_string_member(message->header, "session"), ==, wire_session(wire));
	g_assert_cmpstr(json_string_member(message->header, "version"), ==, "5.3");
	g_assert_nonnull(wire_message_date(message));
	g_assert_cmpstr(json_string_member(message->content, "code"), ==, "print('\u20ac')\n");
	g_assert_cmpuint(message->size, >, strlen("identity") + strlen("a buffer"));
	g_assert_cmpuint(message->buffers->len, ==, 1);
	g_autoptr(GBytes) buffer = g_bytes_new_static("a buffer", strlen("a buffer"));
	g_assert_true(g_bytes_equal(message->buffers->pdata[0], buffer));
}

/* What bytes.decode("utf-8", "replace") of Python makes of them; R stands for U+FFFD. */
static void
test_broken_text(void)
{
	static const struct {
		const char *bytes, *text;
	} cases[] = {
		{ "a\xff"
		  "b",
			"aRb" },
		{ "\xe2\x82 ", "R " },
		{ "\xe2\x28\xa1", "R(R" },
		{ "\xf0\x9f\x98", "R" },
		{ "\xf0\x9f\x98\xe2\x82\xac", "R\xe2\x82\xac" },
		{ "\xc0\x80", "RR" },
		{ "\xed\xa0\x80", "RRR" },
		{ "\xe0\x9f\x80", "RRR" },
		{ "\xf4\x90\x80\x80", "RRRR" },
		{ "\xf5\x80", "RR" },
		{ "\xc3", "R" },
		{ "\x80\xbf", "RR" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(Wire) wire = wire_new(KEY);
		g_autoptr(json_object) content = json_object_new_object();
		g_auto(GStrv) pieces = g_strsplit(cases[i].text, "R", -1);
		g_autofree char *expected = g_strjoinv("\xef\xbf\xbd", pieces);
		g_autofree char *msg_id = NULL;
		g_autoptr(GError) error = NULL;
		Parts parts = { .n = 0 };

		json_put_string(content, "text", cases[i].bytes);
		g_autoptr(GPtrArray) built = wire_build(wire, "stream", content, &msg_id);
		add_built(&parts, built);
		g_autoptr(WireMessage) message = wire_parse(wire, parts.parts, parts.n, &error);
		g_test_message("case %zu", i);
		g_assert_no_error(error);
		g_assert_cmpstr(json_string_member(message->content, "text"), ==, expected);
	}
}

/* The signature of header {"msg_type":"status"}, parent {"msg_id":"7"}, {} and {} under KEY, made with
 * Python's hmac. */
#define KNOWN_SIGNATURE "53846e1293091c2d12aa768806c5316ec3e22034645bd2e88c281e89c3a736b3"

static void
test_known_signature(void)
{
	g_autoptr(Wire) wire = wire_new(KEY);
	g_autoptr(GError) error = NULL;
	Parts parts = { .n = 0 };

	add_text(&parts, "<IDS|MSG>");
	add_text(&parts, KNOWN_SIGNATURE);
	add_text(&parts, "{\"msg_type\":\"status\"}");
	add_text(&parts, "{\"msg_id\":\"7\"}");
	add_text(&parts, "{}");
	add_text(&parts, "{}");
	g_autoptr(WireMessage) message = wire_parse(wire, parts.parts, parts.n, &error);
	g_assert_no_error(error);
	g_assert_cmpstr(wire_message_parent_id(message), ==, "7");
	g_assert_null(wire_message_date(message));
}

/* A message with one byte of one part changed is refused, whichever it is. */
static void
test_changed_byte(void)
{
	g_autoptr(Wire) wire = wire_new(KEY);
	g_autoptr(json_object) content = json_object_new_object();
	g_autofree char *msg_id = NULL;
	g_autoptr(GPtrArray) built = wire_build(wire, "status", content, &msg_id);

	for (guint changed = 1; changed < built->len; changed++) {
		g_autoptr(GError) error = NULL;
		Parts parts = { .n = 0 };

		add_built(&parts, built);
		g_autofree char *copy =
			g_memdup2(parts.parts[changed].data, parts.parts[changed].size);
		copy[0] ^= 1;
		parts.parts[changed].data = copy;
		g_assert_null(wire_parse(wire, parts.parts, parts.n, &error));
		g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_FORBIDDEN);
	}
}

static void
test_other_key(void)
{
	g_autoptr(Wire) wire = wire_new(KEY);
	g_autoptr(Wire) other = wire_new("another key");
	g_autoptr(json_object) content = json_object_new_object();
	g_autofree char *msg_id = NULL;
	g_autoptr(GPtrArray) built = wire_build(wire, "status", content, &msg_id);
	g_autoptr(GError) error = NULL;
	Parts parts = { .n = 0 };

	add_built(&parts, built);
	g_assert_null(wire_parse(other, parts.parts, parts.n, &error));
	g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_FORBIDDEN);
}

static const struct {
	const char *parts[8];
	NbhookErrorCode code;
} refused[] = {
	{ { NULL }, NBHOOK_ERROR_BAD_REQUEST },
	{ { "<IDS|MSG>", NULL }, NBHOOK_ERROR_BAD_REQUEST },
	{ { "a", "b", "c", "d", "e", "f", NULL }, NBHOOK_ERROR_BAD_REQUEST },
	{ { "<IDS|MSG>", "", "{}", "{}", "{}", NULL }, NBHOOK_ERROR_BAD_REQUEST },
	{ { "<IDS|MSG>", "", "{}", "{}", "{}", "{}", NULL }, NBHOOK_ERROR_FORBIDDEN },
	{ { "<IDS|MSG>", "0", "{}", "{}", "{}", "{}", NULL }, NBHOOK_ERROR_FORBIDDEN },
	{ { "<IDS|MSG>", "not json is signed before it is parsed", "{", "", "", "", NULL },
		NBHOOK_ERROR_FORBIDDEN },
};

static void
test_refused(void)
{
	g_autoptr(Wire) wire = wire_new(KEY);

	for (size_t i = 0; i < G_N_ELEMENTS(refused); i++) {
		g_autoptr(GError) error = NULL;
		Parts parts = { .n = 0 };

		for (const char *const *text = refused[i].parts; *text != NULL; text++)
			add_text(&parts, *text);
		g_assert_null(wire_parse(wire, parts.parts, parts.n, &error));
		g_assert_error(error, NBHOOK_ERROR, (int) refused[i].code);
	}
}

static void
test_too_many_parts(void)
{
	static WirePart parts[WIRE_MAX_PARTS + 1];
	g_autoptr(Wire) wire = wire_new(KEY);
	g_autoptr(GError) error = NULL;

	for (size_t i = 0; i < G_N_ELEMENTS(parts); i++)
		parts[i] = (WirePart){ "", 0 };
	g_assert_null(wire_parse(wire, parts, G_N_ELEMENTS(parts), &error));
	g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/wire/round-trip", test_round_trip);
	g_test_add_func("/wire/broken-text", test_broken_text);
	g_test_add_func("/wire/known-signature", test_known_signature);
	g_test_add_func("/wire/changed-byte", test_changed_byte);
	g_test_add_func("/wire/other-key", test_other_key);
	g_test_add_func("/wire/refused", test_refused);
	g_test_add_func("/wire/too-many-parts", test_too_many_parts);
	return g_test_run();
}
