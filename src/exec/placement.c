/* The source of the request has its values as strings of JSON, which both languages read as what they are:
 * json-c escapes what both escape alike, and writes all else as it is. */
#include "exec/placement.h"

/* Runs in a namespace of its own. What IPython remembers of its start is put right, too, and settings of
 * matplotlib that lie beside the notebook are read as its import would have read them. */
static const char python_source[] =
	"import os, sys\n"
	"before = os.getcwd()\n"
	"os.chdir(folder)\n"
	"os.environ.update(variables)\n"
	"sys.path[:] = [folder if path == before else path for path in sys.path]\n"
	"shell = sys.modules.get('IPython') and sys.modules['IPython'].get_ipython()\n"
	"if hasattr(shell, 'starting_dir'):\n"
	"    shell.starting_dir = folder\n"
	"if hasattr(shell, 'history_manager') and hasattr(shell.history_manager, 'dir_hist'):\n"
	"    shell.history_manager.dir_hist[:] = [type(each)(folder) for each in "
	"shell.history_manager.dir_hist]\n"
	"if 'matplotlib' in sys.modules and os.path.isfile('matplotlibrc'):\n"
	"    sys.modules['matplotlib'].rc_file('matplotlibrc')\n";

/* What every cell that shows its value comes through. */
static const char python_warming[] = "exec(\"import sys\\nshell = sys.modules.get('IPython') and "
				     "sys.modules['IPython'].get_ipython()\\n\"\n"
				     "     \"if shell: shell.display_formatter.format(1)\", {})";

static char *
quoted(const char *text)
{
	g_autoptr(json_object) string = json_object_new_string(text);

	return json_print(string);
}

static json_object *
variables_of(const Place *place)
{
	json_object *variables = json_object_new_object();

	if (place->url != NULL)
		json_put_string(variables, "NAAS_URL", place->url);
	if (place->key != NULL)
		json_put_string(variables, "NAAS_TOKEN", place->key);
	return variables;
}

json_object *
placement_values(const Place *place)
{
	json_object *values = json_object_new_object();

	json_put_string(values, "folder", place->folder);
	json_object_object_add(values, "variables", variables_of(place));
	return values;
}

const char *
placement_python(void)
{
	return python_source;
}

static char *
python_code(const Place *place)
{
	g_autoptr(json_object) values = placement_values(place);
	g_autofree char *source = quoted(python_source);
	g_autofree char *dictionary = json_print(values);

	return g_strdup_printf("exec(%s, %s)", source, dictionary);
}

static char *
r_code(const Place *place)
{
	g_autoptr(json_object) variables = variables_of(place);
	g_autofree char *folder = quoted(place->folder);
	GString *code = g_string_new(NULL);

	g_string_append_printf(code, "base::invisible({base::setwd(%s)", folder);
	json_object_object_foreach (variables, name, value) {
		g_autofree char *text = quoted(json_object_get_string(value));

		g_string_append_printf(code, "; base::Sys.setenv(%s = %s)", name, text);
	}
	g_string_append(code, "})");
	return g_string_free(code, FALSE);
}

static const struct {
	const char *language;
	char *(*code)(const Place *place);
} languages[] = {
	{ "python", python_code },
	{ "r", r_code },
};

static char *
code_of(const char *language, const Place *place)
{
	for (size_t i = 0; i < G_N_ELEMENTS(languages); i++)
		if (g_ascii_strcasecmp(languages[i].language, language) == 0)
			return languages[i].code(place);
	return NULL;
}

gboolean
placement_is_known(const char *language)
{
	for (size_t i = 0; i < G_N_ELEMENTS(languages); i++)
		if (g_ascii_strcasecmp(languages[i].language, language) == 0)
			return TRUE;
	return FALSE;
}

static json_object *
silent_request(const char *code)
{
	json_object *content = json_object_new_object();

	json_put_string(content, "code", code);
	json_put_bool(content, "silent", TRUE);
	json_put_bool(content, "store_history", FALSE);
	json_object_object_add(content, "user_expressions", json_object_new_object());
	json_put_bool(content, "allow_stdin", FALSE);
	json_put_bool(content, "stop_on_error", FALSE);
	return content;
}

json_object *
placement_request(const char *language, const Place *place)
{
	g_autofree char *code = code_of(language, place);

	return code != NULL ? silent_request(code) : NULL;
}

json_object *
placement_warm_request(const char *language)
{
	return g_ascii_strcasecmp(language, "python") == 0 ? silent_request(python_warming) : NULL;
}
