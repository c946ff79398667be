#include "daemon/hook_params.h"

#include <curl/curl.h>
#include <string.h>

#include "base/error.h"
#include "notebook/excerpt.h"
#include "notebook/request.h"
#include "notebook/translate.h"

#define MAX_URL 8000    /* RFC 9110, section 4.1: what everybody should take */
#define MAX_ADDRESS 254 /* RFC 5321, section 4.5.3.1.3, less the angle brackets */

typedef struct {
	const char *name;
	gboolean (*is_right)(json_object *value);
	const char *must_be;
} ParamRow;

static gboolean
is_address(json_object *value)
{
	if (!json_object_is_type(value, json_type_string))
		return FALSE;
	const char *text = json_object_get_string(value);
	const char *at = strrchr(text, '@');
	if (at == NULL || at == text || at[1] == '\0' || strlen(text) > MAX_ADDRESS ||
		strlen(text) != (size_t) json_object_get_string_len(value))
		return FALSE;
	for (const char *c = text; *c != '\0'; c++)
		if ((unsigned char) *c <= 0x20 || *c == 0x7f || strchr("<>,;:\"()[]\\", *c) != NULL)
			return FALSE;
	return strchr(text, '@') == at && at[1] != '.' && text[strlen(text) - 1] != '.';
}

static gboolean
is_address_or_list(json_object *value)
{
	if (!json_object_is_type(value, json_type_array))
		return is_address(value);
	for (size_t i = 0; i < json_object_array_length(value); i++)
		if (!is_address(json_object_array_get_idx(value, i)))
			return FALSE;
	return json_object_array_length(value) > 0;
}

/* Whether just two slashes stand before the host; curl takes one or three for them too. */
static gboolean
names_host(const char *url)
{
	const char *slashes = strstr(url, "://");

	return slashes != NULL && slashes[3] != '/';
}

static gboolean
is_web_url(json_object *value)
{
	CURLU *url = curl_url();
	char *scheme = NULL;
	gboolean right = FALSE;

	if (json_object_is_type(value, json_type_string) &&
		json_object_get_string_len(value) <= MAX_URL &&
		strlen(json_object_get_string(value)) ==
			(size_t) json_object_get_string_len(value) &&
		strpbrk(json_object_get_string(value), "\r\n \t\\\"<>") == NULL &&
		g_str_is_ascii(json_object_get_string(value)) &&
		curl_url_set(url, CURLUPART_URL, json_object_get_string(value), 0) == CURLUE_OK &&
		curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK)
		right = (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0) &&
			names_host(json_object_get_string(value));
	curl_free(scheme);
	curl_url_cleanup(url);
	return right;
}

static gboolean
is_boolean(json_object *value)
{
	return json_object_is_type(value, json_type_boolean);
}

static gboolean
is_method(json_object *value)
{
	return json_object_is_type(value, json_type_string) &&
	       (strcmp(json_object_get_string(value), "GET") == 0 ||
		       strcmp(json_object_get_string(value), "POST") == 0);
}

static gboolean
is_method_or_list(json_object *value)
{
	if (!json_object_is_type(value, json_type_array))
		return is_method(value);
	for (size_t i = 0; i < json_object_array_length(value); i++)
		if (!is_method(json_object_array_get_idx(value, i)))
			return FALSE;
	return json_object_array_length(value) > 0;
}

/* RFC 9110 section 5.6.2. */
static gboolean
is_header_name(json_object *value)
{
	if (!json_object_is_type(value, json_type_string))
		return FALSE;
	const char *name = json_object_get_string(value);
	size_t length = strspn(name,
		"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
	return length > 0 && length == (size_t) json_object_get_string_len(value);
}

static gboolean
is_list_of_header_names(json_object *value)
{
	if (!json_object_is_type(value, json_type_array))
		return FALSE;
	for (size_t i = 0; i < json_object_array_length(value); i++)
		if (!is_header_name(json_object_array_get_idx(value, i)))
			return FALSE;
	return TRUE;
}

/* clang-format off */
static const ParamRow rows[] = {
	{ "notif_down", is_address_or_list, "a mail address or a list of them" },
	{ "notif_up",   is_address_or_list, "a mail address or a list of them" },
	{ "next_url",   is_web_url,
	  "an absolute http or https URL of at most 8000 characters; what is not ASCII in it has to be "
	  "percent-encoded" },
	{ "inline",     is_boolean,         "true or false" },
	{ "methods",    is_method_or_list,  "\"GET\", \"POST\" or a list of them" },
	{ "respond_async", is_boolean,      "true or false" },
	{ "unredacted_headers", is_list_of_header_names, "a list of names of headers" },
};
/* clang-format on */

static gboolean
check_size(json_object *params, gint64 max_params, GError **error)
{
	g_autofree char *text = json_print(params);
	size_t size = strlen(text);

	if ((gint64) size <= max_params)
		return TRUE;
	g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_TOO_LARGE,
		"the params have %zu bytes, more than the setting max_params allows "
		"(%" G_GINT64_FORMAT ")",
		size, max_params);
	return FALSE;
}

static const ParamRow *
find_row(const char *name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

static gboolean
check_param(const char *name, json_object *value, const char *language, GError **error)
{
	const ParamRow *row = find_row(name);

	if (row == NULL ? inputs_accepts_name(name, language)
			: value == NULL || row->is_right(value))
		return TRUE;
	g_autofree char *quoted = excerpt(name);
	if (row != NULL)
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST,
			"the param %s must be %s", name, row->must_be);
	else
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_BAD_REQUEST,
			"the param \"%s\" can be no variable of the notebook: its name must be an "
			"identifier, and no keyword, builtin or name that each run has",
			quoted);
	return FALSE;
}

gboolean
hook_params_check(
	json_object *params, const char *language, const Settings *settings, GError **error)
{
	if (!check_size(params, settings->max_params, error))
		return FALSE;
	g_autoptr(json_object) variables = json_object_new_object();
	json_object_object_foreach (params, name, value) {
		if (!check_param(name, value, language, error))
			return FALSE;
		if (find_row(name) == NULL)
			json_put_shared(variables, name, value);
	}
	return translate_check(language, variables, error);
}
