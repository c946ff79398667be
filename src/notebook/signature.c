/* One file because the table, the reading of headers by it and the computing by it belong together. */
#include "notebook/signature.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

#include "base/base64.h"
#include "base/error.h"
#include "base/files.h"
#include "base/ids.h"
#include "notebook/excerpt.h"

#define MAX_SECRETS 10
#define MAX_SECRET_BYTES 1024
#define MAX_DIGESTS 20
#define MAX_DIGEST_BYTES 64 /* of SHA-512 */
#define KEY_PREFIX "whsec_"

typedef enum {
	FORM_HEX,
	FORM_BASE64,
	FORM_EITHER,
	FORM_SECRET, /* no signature: the secret itself */
} Form;

typedef struct {
	const char *name;
	const char *header;    /* of the signature; NULL: as the webhook says */
	const char *separator; /* between several signatures; NULL: there is one */
	const char *prefix;    /* of a signature; others in the header are not for us */
	Form form;
	const char *time_header; /* NULL: there is no time in it, or */
	const char *time_prefix; /* it stands among the signatures with this prefix */
	const char *id_header;   /* NULL: none */
	const char *before;      /* the body; %t is the time, %i the id */
	gboolean key_is_base64;  /* behind KEY_PREFIX, which may be missing */
	gboolean asks;           /* signature_challenge() */
} Scheme;

/* clang-format off */
static const Scheme schemes[] = {
	/* https://www.standardwebhooks.com, and its elder */
	{ .name = "standard", .header = "webhook-signature", .separator = " ", .prefix = "v1,", .form = FORM_BASE64,
	  .time_header = "webhook-timestamp", .id_header = "webhook-id", .before = "%i.%t.", .key_is_base64 = TRUE },
	{ .name = "svix", .header = "svix-signature", .separator = " ", .prefix = "v1,", .form = FORM_BASE64,
	  .time_header = "svix-timestamp", .id_header = "svix-id", .before = "%i.%t.", .key_is_base64 = TRUE },
	{ .name = "github", .header = "x-hub-signature-256", .prefix = "sha256=", .form = FORM_HEX, .before = "" },
	{ .name = "gitlab", .header = "x-gitlab-token", .prefix = "", .form = FORM_SECRET, .before = "" },
	{ .name = "stripe", .header = "stripe-signature", .separator = ",", .prefix = "v1=", .form = FORM_HEX,
	  .time_prefix = "t=", .before = "%t." },
	{ .name = "slack", .header = "x-slack-signature", .prefix = "v0=", .form = FORM_HEX,
	  .time_header = "x-slack-request-timestamp", .before = "v0:%t:", .asks = TRUE },
	{ .name = "shopify", .header = "x-shopify-hmac-sha256", .prefix = "", .form = FORM_BASE64, .before = "" },
	{ .name = "hmac", .prefix = "", .form = FORM_EITHER, .before = "" },
};
/* clang-format on */

static const char *const algorithms[] = { "sha256", "sha1", "sha384", "sha512", NULL };
static const char *const members[] = { "scheme", "secret", "secrets", "header", "algorithm", NULL };

static const Scheme *
find_scheme(json_object *settings)
{
	const char *name = json_string_member(settings, "scheme");

	for (size_t i = 0; i < G_N_ELEMENTS(schemes); i++)
		if (g_strcmp0(schemes[i].name, name) == 0)
			return &schemes[i];
	return NULL;
}

static gboolean G_GNUC_PRINTF(3, 4) refuse(int code, GError **error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	g_autofree char *message = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	g_set_error_literal(error, NBHOOK_ERROR, code, message);
	return FALSE;
}

static gboolean
refuse_scheme(GError **error)
{
	g_autoptr(GString) names = g_string_new(NULL);

	for (size_t i = 0; i < G_N_ELEMENTS(schemes); i++)
		g_string_append_printf(names, "%s%s", i > 0 ? ", " : "", schemes[i].name);
	return refuse(NBHOOK_ERROR_BAD_REQUEST, error,
		"the param signature must be an object {\"scheme\", \"secret\" or \"secrets\"}, "
		"whose scheme "
		"is one of: %s",
		names->str);
}

static gboolean
check_members(json_object *param, GError **error)
{
	json_object_object_foreach (param, name, value) {
		(void) value;
		if (g_strv_contains(members, name))
			continue;
		g_autofree char *quoted = excerpt(name);
		return refuse(NBHOOK_ERROR_BAD_REQUEST, error,
			"the param signature has no member \"%s\": it has scheme, secret or "
			"secrets, and for "
			"the scheme hmac header and algorithm",
			quoted);
	}
	return TRUE;
}

/* The key that a secret is or stands for; NULL if it is none. The caller frees. */
static guchar *
key_of(const Scheme *scheme, const char *secret, size_t *size)
{
	if (!scheme->key_is_base64) {
		*size = strlen(secret);
		return (guchar *) g_strdup(secret);
	}
	if (g_str_has_prefix(secret, KEY_PREFIX))
		secret += strlen(KEY_PREFIX);
	return base64_decode(secret, strlen(secret), size);
}

static gboolean
is_secret(const Scheme *scheme, json_object *value)
{
	const char *text =
		json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
	g_autofree char *stripped = g_strstrip(g_strdup(text));
	size_t size = 0;

	if (*stripped == '\0' || strlen(text) > MAX_SECRET_BYTES ||
		strlen(text) != (size_t) json_object_get_string_len(value))
		return FALSE;
	g_autofree guchar *key = key_of(scheme, text, &size);
	return key != NULL && size > 0;
}

static gboolean
put_secrets(json_object *settings, const Scheme *scheme, json_object *param, GError **error)
{
	json_object *one = json_member(param, "secret");
	json_object *given = json_array_member(param, "secrets");
	size_t n = given != NULL ? json_object_array_length(given) : 0;
	json_object *secrets = json_object_new_array();

	json_object_object_add(settings, "secrets", secrets);
	if ((one != NULL) == (json_member(param, "secrets") != NULL) ||
		(one == NULL && (n == 0 || n > MAX_SECRETS)))
		return refuse(NBHOOK_ERROR_BAD_REQUEST, error,
			"the param signature must have either a secret or secrets, a list of 1 to "
			"%d",
			MAX_SECRETS);
	for (size_t i = 0; i < MAX(n, 1); i++) {
		json_object *secret = one != NULL ? one : json_object_array_get_idx(given, i);

		if (!is_secret(scheme, secret))
			return refuse(NBHOOK_ERROR_BAD_REQUEST, error,
				"a secret in the param signature must be %s, not empty and at most "
				"%d "
				"bytes long",
				scheme->key_is_base64 ? "base64, behind \"" KEY_PREFIX "\" or alone"
						      : "text",
				MAX_SECRET_BYTES);
		json_object_array_add(
			secrets, json_object_new_string(json_object_get_string(secret)));
	}
	return TRUE;
}

static gboolean
is_header_name(const char *name)
{
	size_t size = strspn(name, "-0123456789abcdefghijklmnopqrstuvwxyz");

	return size > 0 && size <= 100 && name[size] == '\0';
}

/* header and algorithm of the scheme hmac; the others have theirs. */
static gboolean
put_own_words(json_object *settings, const Scheme *scheme, json_object *param, GError **error)
{
	const char *header = json_string_member(param, "header");
	const char *algorithm = json_string_member(param, "algorithm");
	g_autofree char *lower = header != NULL ? g_ascii_strdown(header, -1) : NULL;

	if (scheme->header != NULL)
		return (json_member(param, "header") == NULL &&
			       json_member(param, "algorithm") == NULL) ||
		       refuse(NBHOOK_ERROR_BAD_REQUEST, error,
			       "only the scheme hmac of the param signature has a header and an "
			       "algorithm");
	if (lower == NULL || !is_header_name(lower))
		return refuse(NBHOOK_ERROR_BAD_REQUEST, error,
			"the param signature must name the header in which the signature comes, of "
			"letters, "
			"digits and hyphens");
	if (json_member(param, "algorithm") != NULL &&
		(algorithm == NULL || !g_strv_contains(algorithms, algorithm)))
		return refuse(NBHOOK_ERROR_BAD_REQUEST, error,
			"the algorithm of the param signature must be sha256, sha1, sha384 or "
			"sha512");
	json_put_string(settings, "header", lower);
	json_put_string(settings, "algorithm", algorithm != NULL ? algorithm : algorithms[0]);
	return TRUE;
}

json_object *
signature_settings(json_object *param, GError **error)
{
	g_autoptr(json_object) settings = json_object_new_object();
	const Scheme *scheme = find_scheme(param);

	if (scheme == NULL) {
		refuse_scheme(error);
		return NULL;
	}
	json_put_string(settings, "scheme", scheme->name);
	if (!check_members(param, error) || !put_secrets(settings, scheme, param, error) ||
		!put_own_words(settings, scheme, param, error))
		return NULL;
	return g_steal_pointer(&settings);
}

json_object *
signature_words(json_object *settings)
{
	static const char *const shown[] = { "scheme", "header", "algorithm" };
	json_object *words = json_object_new_object();

	for (size_t i = 0; i < G_N_ELEMENTS(shown); i++)
		if (json_member(settings, shown[i]) != NULL)
			json_put_string(words, shown[i], json_string_member(settings, shown[i]));
	json_put_int(words, "secrets",
		(gint64) json_object_array_length(json_array_member(settings, "secrets")));
	return words;
}

const char *
signature_header(json_object *words)
{
	const Scheme *scheme = find_scheme(words);

	return scheme != NULL && scheme->header != NULL ? scheme->header
							: json_string_member(words, "header");
}

/* A claim that is being read. */
typedef struct Reading {
	const Scheme *scheme;
	json_object *words, *headers;
	char *time; /* as sent */
	json_object *digests;
} Reading;

static char *
hex_of(const guchar *bytes, size_t size)
{
	GString *hex = g_string_new(NULL);

	for (size_t i = 0; i < size; i++)
		g_string_append_printf(hex, "%02x", bytes[i]);
	return g_string_free(hex, FALSE);
}

static gboolean
is_hex(const char *text)
{
	size_t size = strspn(text, "0123456789abcdefABCDEF");

	return size > 0 && size % 2 == 0 && text[size] == '\0' && size <= 2 * MAX_DIGEST_BYTES;
}

/* A digest as hex in lower case; NULL for what is none. What could be both hex and base64
 * is hex: a digest is not made of so few letters by chance. The caller frees. */
static char *
read_digest(const Scheme *scheme, const char *text)
{
	size_t size = 0;

	if (scheme->form == FORM_SECRET)
		return ids_sha256(text);
	if (scheme->form != FORM_BASE64 && is_hex(text))
		return g_ascii_strdown(text, -1);
	if (scheme->form == FORM_HEX || strlen(text) > 2 * MAX_DIGEST_BYTES)
		return NULL;
	g_autofree guchar *bytes = base64_decode(text, strlen(text), &size);
	return bytes != NULL && size > 0 ? hex_of(bytes, size) : NULL;
}

/* "sha256=" before a plain HMAC says what we know already. */
static const char *
without_algorithm(const Reading *reading, const char *text)
{
	const char *algorithm = json_string_member(reading->words, "algorithm");
	size_t length = algorithm != NULL ? strlen(algorithm) : 0;

	return length > 0 && strncmp(text, algorithm, length) == 0 && text[length] == '='
		       ? text + length + 1
		       : text;
}

static void
read_item(Reading *reading, char *item)
{
	const Scheme *scheme = reading->scheme;
	const char *text = g_strstrip(item);

	if (scheme->time_prefix != NULL && g_str_has_prefix(text, scheme->time_prefix)) {
		if (reading->time == NULL)
			reading->time = g_strdup(text + strlen(scheme->time_prefix));
		return;
	}
	if (!g_str_has_prefix(text, scheme->prefix) ||
		json_object_array_length(reading->digests) >= MAX_DIGESTS)
		return;
	text = without_algorithm(reading, text + strlen(scheme->prefix));
	g_autofree char *digest = *text != '\0' ? read_digest(scheme, text) : NULL;
	if (digest != NULL)
		json_object_array_add(reading->digests, json_object_new_string(digest));
}

static gboolean
read_digests(Reading *reading, GError **error)
{
	const char *header = signature_header(reading->words);
	const char *text = json_string_member(reading->headers, header);

	if (text == NULL)
		return refuse(NBHOOK_ERROR_UNAUTHORIZED, error,
			"this webhook takes signed calls only, and the header %s is missing",
			header);
	g_auto(GStrv) items = reading->scheme->separator != NULL
				      ? g_strsplit(text, reading->scheme->separator, -1)
				      : g_strdupv((char *[]){ (char *) text, NULL });
	for (char **item = items; *item != NULL; item++)
		read_item(reading, *item);
	return json_object_array_length(reading->digests) > 0 ||
	       refuse(NBHOOK_ERROR_UNAUTHORIZED, error,
		       "the header %s holds no signature of the scheme %s", header,
		       reading->scheme->name);
}

static gboolean
check_time(Reading *reading, gint64 now_s, gint64 tolerance_s, GError **error)
{
	const Scheme *scheme = reading->scheme;
	guint64 time_s = 0;

	if (scheme->time_header != NULL)
		reading->time = g_strdup(json_string_member(reading->headers, scheme->time_header));
	else if (scheme->time_prefix == NULL)
		return TRUE;
	if (reading->time == NULL || !g_ascii_string_to_unsigned(reading->time, 10, 0,
					     G_MAXINT32 * G_GUINT64_CONSTANT(1000), &time_s, NULL))
		return refuse(
			NBHOOK_ERROR_UNAUTHORIZED, error, "the signature has no time in seconds");
	gint64 age_s = now_s - (gint64) time_s;
	if (age_s >= -tolerance_s && age_s <= tolerance_s)
		return TRUE;
	return refuse(NBHOOK_ERROR_UNAUTHORIZED, error,
		"the signature was made %" G_GINT64_FORMAT " s %s, more than the setting "
		"signature_tolerance allows (%" G_GINT64_FORMAT " s)",
		ABS(age_s), age_s > 0 ? "ago" : "in the future", tolerance_s);
}

static gboolean
print_before(const Reading *reading, GString *before, GError **error)
{
	const char *header = reading->scheme->id_header;
	const char *id = header != NULL ? json_string_member(reading->headers, header) : NULL;

	if (header != NULL && (id == NULL || *id == '\0'))
		return refuse(NBHOOK_ERROR_UNAUTHORIZED, error,
			"this webhook takes signed calls only, and the header %s is missing",
			header);
	for (const char *at = reading->scheme->before; *at != '\0'; at++) {
		if (*at != '%')
			g_string_append_c(before, *at);
		else
			g_string_append(before, *++at == 't' ? reading->time : id);
	}
	return TRUE;
}

SignatureClaim *
signature_claim_new(
	json_object *words, json_object *headers, gint64 now_s, gint64 tolerance_s, GError **error)
{
	g_autoptr(json_object) digests = json_object_new_array();
	g_autoptr(GString) before = g_string_new(NULL);
	Reading reading = { find_scheme(words), words, headers, NULL, digests };
	gboolean read = reading.scheme != NULL || refuse_scheme(error);

	read = read && read_digests(&reading, error) &&
	       check_time(&reading, now_s, tolerance_s, error) &&
	       print_before(&reading, before, error);
	g_free(reading.time);
	if (!read)
		return NULL;
	SignatureClaim *claim = g_new0(SignatureClaim, 1);
	claim->before = g_strdup(before->str);
	claim->digests = g_steal_pointer(&digests);
	return claim;
}

void
signature_claim_free(SignatureClaim *claim)
{
	if (claim == NULL)
		return;
	g_free(claim->before);
	json_object_put(claim->digests);
	g_free(claim);
}

const char *
signature_challenge(json_object *words, json_object *body)
{
	const Scheme *scheme = find_scheme(words);
	const char *type = json_string_member(body, "type");

	if (scheme == NULL || !scheme->asks || g_strcmp0(type, "url_verification") != 0)
		return NULL;
	return json_string_member(body, "challenge");
}

static gboolean
take(gpointer sink, const char *bytes, size_t size, GError **error)
{
	if (EVP_MAC_update(sink, (const guchar *) bytes, size) == 1)
		return TRUE;
	return refuse(NBHOOK_ERROR_INTERNAL, error, "computing a signature failed");
}

static EVP_MAC_CTX *
start_mac(const char *algorithm, const guchar *key, size_t size)
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *context = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *) algorithm, 0),
		OSSL_PARAM_construct_end(),
	};

	EVP_MAC_free(mac);
	if (context != NULL && EVP_MAC_init(context, key, size, params) != 1)
		g_clear_pointer(&context, EVP_MAC_CTX_free);
	return context;
}

/* The right digest for a secret, in hex. The caller frees; NULL on error. */
static char *
compute(json_object *settings, const char *secret, const char *before, int body, gint64 offset,
	GError **error)
{
	const Scheme *scheme = find_scheme(settings);
	const char *algorithm = json_string_member(settings, "algorithm");
	guchar digest[MAX_DIGEST_BYTES];
	size_t key_size = 0;
	size_t size = 0;

	if (scheme->form == FORM_SECRET)
		return ids_sha256(secret);
	g_autofree guchar *key = key_of(scheme, secret, &key_size);
	EVP_MAC_CTX *context =
		key != NULL && key_size > 0
			? start_mac(algorithm != NULL ? algorithm : algorithms[0], key, key_size)
			: NULL;
	gboolean done = context != NULL && take(context, before, strlen(before), error) &&
			files_read_pieces(body, offset, take, context, error) &&
			EVP_MAC_final(context, digest, &size, sizeof digest) == 1;
	EVP_MAC_CTX_free(context);
	if (key != NULL)
		OPENSSL_cleanse(key, key_size);
	if (!done && error != NULL && *error == NULL)
		refuse(NBHOOK_ERROR_INTERNAL, error, "computing a signature failed");
	return done ? hex_of(digest, size) : NULL;
}

/* Looks at all of them, whichever is right. */
static gboolean
is_among(json_object *digests, const char *right)
{
	size_t size = strlen(right);
	int found = 0;

	for (size_t i = 0; i < json_object_array_length(digests); i++) {
		const char *digest = json_object_get_string(json_object_array_get_idx(digests, i));

		if (digest != NULL && strlen(digest) == size)
			found |= CRYPTO_memcmp(digest, right, size) == 0;
	}
	return found != 0;
}

gboolean
signature_verify(json_object *settings, const char *before, json_object *digests, int body,
	gint64 offset, GError **error)
{
	json_object *secrets = json_array_member(settings, "secrets");
	gboolean found = FALSE;

	for (size_t i = 0; secrets != NULL && i < json_object_array_length(secrets); i++) {
		const char *secret = json_object_get_string(json_object_array_get_idx(secrets, i));
		g_autofree char *right = compute(settings, secret, before, body, offset, error);

		if (right == NULL)
			return FALSE;
		found = is_among(digests, right) || found;
	}
	return found ||
	       refuse(NBHOOK_ERROR_UNAUTHORIZED, error,
		       "the signature does not match: this webhook has another secret, or the body "
		       "is not the one that was signed");
}
