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

static gboolean
is_text(const char *text, GError **error)
{
	if (g_utf8_validate(text, -1, NULL))
		return TRUE;
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
		"--param: a param is not valid UTF-8");
	return FALSE;
}

/* Puts a value, which is taken over. */
static gboolean
put(json_object *params, const char *name, json_object *value, GError **error)
{
	if (!json_object_object_get_ex(params, name, NULL)) {
		json_object_object_add(params, name, value);
		return TRUE;
	}
	json_object_put(value);
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
		"--param: \"%s\" is given twice", name);
	return FALSE;
}

static gboolean
add(json_object *params, const char *text, json_object *(*read)(const char *), GError **error)
{
	const char *equals = strchr(text, '=');

	if (!is_text(text, error))
		return FALSE;
	if (equals == NULL || equals == text) {
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			"--param \"%s\": it must be NAME=VALUE", text);
		return FALSE;
	}
	g_autofree char *name = g_strndup(text, (size_t) (equals - text));
	return put(params, name, read(equals + 1), error);
}

gboolean
params_add(json_object *params, const char *text, GError **error)
{
	return add(params, text, value_of, error);
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

/* clang-format off */
static const struct {
	const char *option;
	json_object *(*read)(const char *text);
} spellings[] = {
	{ "-p", value_of }, { "--param", value_of },
	{ "-r", json_object_new_string }, { "--raw", json_object_new_string },
};
/* clang-format on */

/* Takes one param that begins at argv[0]: gives how many words it has, 0 for none, -1 for an error. */
static int
take_one(json_object *params, int argc, char **argv, GError **error)
{
	for (size_t i = 0; i < G_N_ELEMENTS(spellings); i++) {
		const char *option = spellings[i].option;
		gboolean is_long = g_str_has_prefix(option, "--");

		if (strcmp(argv[0], option) != 0) {
			const char *rest = argv[0] + strlen(option);

			if (!g_str_has_prefix(argv[0], option) || (is_long && *rest != '='))
				continue;
			return add(params, rest + (is_long ? 1 : 0), spellings[i].read, error) ? 1
											       : -1;
		}
		if (argc > 1 && strchr(argv[1], '=') != NULL)
			return add(params, argv[1], spellings[i].read, error) ? 2 : -1;
		if (argc < 3) {
			g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
				"%s: it must be %s NAME VALUE", option, option);
			return -1;
		}
		if (!is_text(argv[1], error) || !is_text(argv[2], error))
			return -1;
		return put(params, argv[1], spellings[i].read(argv[2]), error) ? 3 : -1;
	}
	return 0;
}

gboolean
params_take(json_object *params, int *argc, char **argv, GError **error)
{
	int kept = 0, at = 0;

	while (at < *argc && strcmp(argv[at], "--") != 0) {
		int taken = take_one(params, *argc - at, argv + at, error);

		if (taken < 0)
			return FALSE;
		if (taken == 0)
			argv[kept++] = argv[at++];
		at += taken;
	}
	while (at < *argc)
		argv[kept++] = argv[at++];
	argv[kept] = NULL;
	*argc = kept;
	return TRUE;
}
