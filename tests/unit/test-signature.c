/* The vectors that senders publish verify; each that is wrong in one byte, late or without a secret does not. */
#include "notebook/signature.h"

#include <string.h>
#include <sys/mman.h>

#include "base/error.h"
#include "base/files.h"

#define TOLERANCE_S 300

typedef struct {
	const char *name;
	const char *param; /* the webhook's */
	const char *headers;
	const char *body;
	gint64 time_s;         /* of the signature; 0: it has none */
	const char *signature; /* a part of headers in which no byte may change */
} Vector;

/* clang-format off */
static const Vector vectors[] = {
	/* standardwebhooks.com, the example of its reference implementations */
	{ "standard", "{\"scheme\":\"standard\",\"secret\":\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"}",
	  "{\"webhook-id\":\"msg_p5jXN8AQM9LWM0D4loKWxJek\",\"webhook-timestamp\":\"1614265330\","
	  "\"webhook-signature\":\"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=\"}",
	  "{\"test\": 2432232314}", 1614265330, "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1O" },
	{ "several signatures", "{\"scheme\":\"standard\",\"secrets\":[\"AAAA\",\"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"]}",
	  "{\"webhook-id\":\"msg_p5jXN8AQM9LWM0D4loKWxJek\",\"webhook-timestamp\":\"1614265330\","
	  "\"webhook-signature\":\"v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= v2,x v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg== v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=\"}",
	  "{\"test\": 2432232314}", 1614265330, "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1O" },
	{ "svix", "{\"scheme\":\"svix\",\"secret\":\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"}",
	  "{\"svix-id\":\"msg_p5jXN8AQM9LWM0D4loKWxJek\",\"svix-timestamp\":\"1614265330\","
	  "\"svix-signature\":\"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=\"}",
	  "{\"test\": 2432232314}", 1614265330, "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1O" },
	/* GitHub, "Validating webhook deliveries", Testing the webhook payload validation */
	{ "github", "{\"scheme\":\"github\",\"secret\":\"It's a Secret to Everybody\"}",
	  "{\"x-hub-signature-256\":\"sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17\"}",
	  "Hello, World!", 0, "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17" },
	{ "rotation", "{\"scheme\":\"github\",\"secrets\":[\"new\",\"It's a Secret to Everybody\"]}",
	  "{\"x-hub-signature-256\":\"sha256=757107EA0EB2509FC211221CCE984B8A37570B6D7586C22C46F4379C8B043E17\"}",
	  "Hello, World!", 0, "757107EA0EB2509FC211221CCE984B8A37570B6D7586C22C46F4379C8B043E17" },
	{ "gitlab", "{\"scheme\":\"gitlab\",\"secret\":\"a token\"}", "{\"x-gitlab-token\":\"a token\"}", "{}", 0, "a token" },
	/* Slack, "Verifying requests from Slack" */
	{ "slack", "{\"scheme\":\"slack\",\"secret\":\"8f742231b10e8888abcd99yyyzzz85a5\"}",
	  "{\"x-slack-request-timestamp\":\"1531420618\","
	  "\"x-slack-signature\":\"v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503\"}",
	  "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
	  1531420618, "a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503" },
	/* Stripe publishes the form and no secret: this is the form of its documentation, computed with openssl */
	{ "stripe", "{\"scheme\":\"stripe\",\"secret\":\"whsec_test_secret\"}",
	  "{\"stripe-signature\":\"t=1492774577,v1=88a022085c6bdb887b02cb26ff76dd681234d9675c0f22844059f55552a8883a, v1=0000,v0=6ffbb59b2300aae63f272406069a9788598b792a944a07aba816edb039989a39\"}",
	  "{\"id\":\"evt_test_webhook\",\"object\":\"event\"}", 1492774577, "88a022085c6bdb887b02cb26ff76dd681234d9675c0f22844059f55552a8883a" },
	{ "shopify", "{\"scheme\":\"shopify\",\"secret\":\"hush\"}", "{\"x-shopify-hmac-sha256\":\"UFwgrGBPZilFtmKh8TqcovA78LGYb1BdWu9I4Q2oyRg=\"}", "{}", 0, "UFwgrGBPZilFtmKh8TqcovA78LGYb1BdWu9I4Q2oyR" },
	/* RFC 4231 section 4.3, test case 2 */
	{ "hmac", "{\"scheme\":\"hmac\",\"secret\":\"Jefe\",\"header\":\"X-Sum\"}",
	  "{\"x-sum\":\"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843\"}",
	  "what do ya want for nothing?", 0, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
	{ "hmac in base64", "{\"scheme\":\"hmac\",\"secret\":\"Jefe\",\"header\":\"X-Sum\",\"algorithm\":\"sha256\"}",
	  "{\"x-sum\":\"sha256=W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=\"}",
	  "what do ya want for nothing?", 0, "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOE" },
	{ "hmac with SHA-512", "{\"scheme\":\"hmac\",\"secret\":\"Jefe\",\"header\":\"X-Sum\",\"algorithm\":\"sha512\"}",
	  "{\"x-sum\":\"164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737\"}",
	  "what do ya want for nothing?", 0, "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737" },
	/* RFC 2202 section 3, test case 2 */
	{ "hmac with SHA-1", "{\"scheme\":\"hmac\",\"secret\":\"Jefe\",\"header\":\"X-Sum\",\"algorithm\":\"sha1\"}",
	  "{\"x-sum\":\"sha1=effcdf6ae5eb2fa2d27416d5f184df9c259a7c79\"}",
	  "what do ya want for nothing?", 0, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79" },
};
/* clang-format on */

static json_object *
json(const char *text)
{
	json_object *value = NULL;
	g_autoptr(GError) error = NULL;

	json_parse(text, strlen(text), 10, &value, &error);
	g_assert_no_error(error);
	return value;
}

/* Both programs' work. */
static gboolean
verify(const char *param, json_object *headers, const char *body, gint64 now_s, GError **error)
{
	g_autoptr(json_object) given = json(param);
	g_autoptr(json_object) settings = signature_settings(given, error);
	AUTO_FD fd = memfd_create("body", MFD_CLOEXEC);

	g_assert_nonnull(settings);
	g_assert_true(files_write_all(fd, "head", 4, NULL) &&
		      files_write_all(fd, body, strlen(body), NULL));
	g_autoptr(json_object) words = signature_words(settings);
	g_autoptr(SignatureClaim) claim =
		signature_claim_new(words, headers, now_s, TOLERANCE_S, error);
	return claim != NULL &&
	       signature_verify(settings, claim->before, claim->digests, fd, 4, error);
}

static void
refused(const Vector *vector, const char *param, json_object *headers, const char *body,
	gint64 now_s, const char *says)
{
	g_autoptr(GError) error = NULL;

	if (verify(param, headers, body, now_s, &error))
		g_error("%s, %s: it verifies", vector->name, json_object_get_string(headers));
	g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNAUTHORIZED);
	if (says != NULL && strstr(error->message, says) == NULL)
		g_error("%s: %s", vector->name, error->message);
}

/* The same text with another byte at that place. */
static char *
changed(const char *text, size_t at)
{
	char *copy = g_strdup(text);

	copy[at] = copy[at] == '0' ? '1' : '0';
	return copy;
}

static void
refuses_changes(const Vector *vector)
{
	g_autoptr(json_object) headers = json(vector->headers);
	const char *header = strstr(vector->headers, vector->signature);
	size_t begin = (size_t) (header - vector->headers);

	for (size_t i = 0; i < strlen(vector->signature); i++) {
		g_autofree char *text = changed(vector->headers, begin + i);
		g_autoptr(json_object) wrong = json(text);

		refused(vector, vector->param, wrong, vector->body, vector->time_s, NULL);
	}
	for (size_t i = 0; strcmp(vector->name, "gitlab") != 0 && i < strlen(vector->body); i++) {
		g_autofree char *body = changed(vector->body, i);

		refused(vector, vector->param, headers, body, vector->time_s, "does not match");
	}
	g_autofree char *longer = g_strconcat(vector->body, " ", NULL);
	if (strcmp(vector->name, "gitlab") != 0)
		refused(vector, vector->param, headers, longer, vector->time_s, "does not match");
}

static void
refuses_other_times(const Vector *vector)
{
	g_autoptr(json_object) headers = json(vector->headers);
	g_autoptr(GError) error = NULL;

	g_assert_true(verify(vector->param, headers, vector->body, vector->time_s + 300, &error));
	g_assert_true(verify(vector->param, headers, vector->body, vector->time_s - 300, &error));
	refused(vector, vector->param, headers, vector->body, vector->time_s + 301, "301 s ago");
	refused(vector, vector->param, headers, vector->body, vector->time_s - 301,
		"in the future");
	g_autofree char *time = g_strdup_printf("%" G_GINT64_FORMAT, vector->time_s);
	g_autofree char *another = g_strdup_printf("%" G_GINT64_FORMAT, vector->time_s + 1);
	for (int i = 0; i < 3; i++) {
		static const char *const says[] = { "does not match", "no time", "no time" };
		const char *const words[] = { another, "-1", "1e9" };
		g_autoptr(GString) text = g_string_new(vector->headers);

		g_string_replace(text, time, words[i], 0);
		g_autoptr(json_object) wrong = json(text->str);
		refused(vector, vector->param, wrong, vector->body, vector->time_s, says[i]);
	}
}

static void
refuses_missing_headers(const Vector *vector)
{
	g_autoptr(json_object) all = json(vector->headers);

	json_object_object_foreach (all, name, value) {
		g_autoptr(json_object) some = json(vector->headers);

		(void) value;
		json_object_object_del(some, name);
		refused(vector, vector->param, some, vector->body, vector->time_s, NULL);
		json_put_string(some, name, "");
		refused(vector, vector->param, some, vector->body, vector->time_s, NULL);
	}
}

static void
test_vectors(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(vectors); i++) {
		g_autoptr(json_object) headers = json(vectors[i].headers);
		g_autoptr(GError) error = NULL;

		g_test_message("%s", vectors[i].name);
		verify(vectors[i].param, headers, vectors[i].body, vectors[i].time_s, &error);
		g_assert_no_error(error);
		refuses_changes(&vectors[i]);
		refuses_missing_headers(&vectors[i]);
		if (vectors[i].time_s != 0)
			refuses_other_times(&vectors[i]);
	}
}

/* clang-format off */
static const struct {
	const char *param, *says;
} bad_params[] = {
	{ "1", "must be an object" },
	{ "{}", "must be an object" },
	{ "{\"scheme\":\"rot13\",\"secret\":\"SECRET\"}", "github" },
	{ "{\"scheme\":\"github\"}", "either a secret or secrets" },
	{ "{\"scheme\":\"github\",\"secret\":\"SECRET\",\"secrets\":[\"SECRET\"]}", "either a secret or secrets" },
	{ "{\"scheme\":\"github\",\"secrets\":[]}", "1 to 10" },
	{ "{\"scheme\":\"github\",\"secrets\":1}", "1 to 10" },
	{ "{\"scheme\":\"github\",\"secrets\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\",\"11\"]}", "1 to 10" },
	{ "{\"scheme\":\"github\",\"secret\":\"\"}", "not empty" },
	{ "{\"scheme\":\"github\",\"secret\":\" \\t\"}", "not empty" },
	{ "{\"scheme\":\"github\",\"secret\":null}", "either a secret" },
	{ "{\"scheme\":\"github\",\"secret\":1}", "must be text" },
	{ "{\"scheme\":\"github\",\"secret\":\"SECRET\\u0000\"}", "must be text" },
	{ "{\"scheme\":\"github\",\"secrets\":[\"SECRET\",\"\"]}", "not empty" },
	{ "{\"scheme\":\"standard\",\"secret\":\"whsec_\"}", "base64" },
	{ "{\"scheme\":\"standard\",\"secret\":\"SECRET!\"}", "base64" },
	{ "{\"scheme\":\"github\",\"secret\":\"SECRET\",\"header\":\"x\"}", "only the scheme hmac" },
	{ "{\"scheme\":\"github\",\"secret\":\"SECRET\",\"tolerance\":1}", "no member \"tolerance\"" },
	{ "{\"scheme\":\"hmac\",\"secret\":\"SECRET\"}", "name the header" },
	{ "{\"scheme\":\"hmac\",\"secret\":\"SECRET\",\"header\":\"a b\"}", "name the header" },
	{ "{\"scheme\":\"hmac\",\"secret\":\"SECRET\",\"header\":\"x\",\"algorithm\":\"md5\"}", "sha256, sha1" },
};
/* clang-format on */

static void
test_bad_params(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(bad_params); i++) {
		g_autoptr(json_object) param = json(bad_params[i].param);
		g_autoptr(GError) error = NULL;

		g_assert_null(signature_settings(param, &error));
		g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST);
		if (strstr(error->message, bad_params[i].says) == NULL)
			g_error("%s: %s", bad_params[i].param, error->message);
		g_assert_null(strstr(error->message, "SECRET"));
	}
}

/* Even where nothing stopped them when the webhook was published. */
static void
test_empty_secrets_verify_nothing(void)
{
	/* HMAC-SHA256 of "Hello" with an empty key */
	const char *mac = "b4d6720e5dbca77f5108a6e2e9c4d0a77a732f64244bdfdf01a3ede8ff933e00";
	g_autoptr(json_object) settings = json("{\"scheme\":\"github\",\"secrets\":[\"\"]}");
	g_autoptr(json_object) none = json("{\"scheme\":\"github\",\"secrets\":[]}");
	g_autoptr(json_object) digests = json_object_new_array();
	AUTO_FD fd = memfd_create("body", MFD_CLOEXEC);
	g_autoptr(GError) error = NULL;

	json_object_array_add(digests, json_object_new_string(mac));
	g_assert_true(files_write_all(fd, "Hello", 5, NULL));
	g_assert_false(signature_verify(settings, "", digests, fd, 0, &error));
	g_assert_nonnull(error);
	g_clear_error(&error);
	g_assert_false(signature_verify(none, "", digests, fd, 0, &error));
	g_assert_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNAUTHORIZED);
}

static void
test_words(void)
{
	g_autoptr(json_object) param = json(
		"{\"scheme\":\"hmac\",\"secrets\":[\"SECRET\",\"SECRET2\"],\"header\":\"X-Sum\"}");
	g_autoptr(GError) error = NULL;
	g_autoptr(json_object) settings = signature_settings(param, &error);
	g_assert_no_error(error);
	g_autoptr(json_object) words = signature_words(settings);
	g_autofree char *text = json_print(words);

	g_assert_cmpstr(text, ==,
		"{\"scheme\":\"hmac\",\"header\":\"x-sum\",\"algorithm\":\"sha256\",\"secrets\":"
		"2}");
	g_assert_cmpstr(signature_header(words), ==, "x-sum");
}

static void
test_challenges(void)
{
	g_autoptr(json_object) slack = json("{\"scheme\":\"slack\"}");
	g_autoptr(json_object) github = json("{\"scheme\":\"github\"}");
	g_autoptr(json_object) question =
		json("{\"type\":\"url_verification\",\"challenge\":\"3eZb\",\"token\":\"x\"}");
	g_autoptr(json_object) event = json("{\"type\":\"event_callback\",\"challenge\":\"x\"}");

	g_assert_cmpstr(signature_challenge(slack, question), ==, "3eZb");
	g_assert_null(signature_challenge(slack, event));
	g_assert_null(signature_challenge(github, question));
	g_assert_null(signature_challenge(NULL, question));
	g_assert_null(signature_challenge(slack, NULL));
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/signature/vectors", test_vectors);
	g_test_add_func("/signature/bad-params", test_bad_params);
	g_test_add_func("/signature/empty-secrets", test_empty_secrets_verify_nothing);
	g_test_add_func("/signature/words", test_words);
	g_test_add_func("/signature/challenges", test_challenges);
	return g_test_run();
}
