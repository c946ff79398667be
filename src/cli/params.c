#include "cli/params.h"

#define MAX_DEPTH 100

/* The value of what stands behind "="; NULL is the JSON null. */
static json_object *
value_of(const char *text)
{
	json_object *value = NULL;

	if (json_parse(text, strlen(text), MAX_DEPTH, &value, NULL))
		return value;
	return json_object_new_string(text);
}

gboolean
params_add(json_object *params, const char *text, GError **error)
{
	const char *equals = strchr(text, '=');

	if (!g_utf8_validate(text, -1, NULL)) {
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			"--param: a param is not valid UTF-8");
		return FALSE;
	}
	if (equals == NULL || equals == text) {
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			"--param \"%s\": it must be NAME=VALUE", text);
		return FALSE;
	}
	g_autofree char *name = g_strndup(text, (size_t) (equals - text));
	if (json_object_object_get_ex(params, name, NULL)) {
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			"--param: \"%s\" is given twice", name);
		return FALSE;
	}
	json_object_object_add(params, name, value_of(equals + 1));
	return TRUE;
}

json_object *
params_read(char **texts, GError **error)
{
	g_autoptr(json_object) params = json_object_new_object();

	for (char **text = texts; text != NULL && *text != NULL; text++)
		if (!params_add(params, *text, error))
			return NULL;
	return g_steal_pointer(&params);
}
