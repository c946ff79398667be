#include "exec/environment.h"

#include <unistd.h>

#define HOME_PREFIX "nbhook-run-"

static const char *const allowed[] = { "PATH", "HOME", "LANG", "LANGUAGE", "TZ", "USER", "LOGNAME",
	NULL };

/* What would be written below HOME, which the account may not have, or be seen by the next run. Who writes there makes
 * the folder, as below HOME; only of some everybody expects that they are there. (A folder that has been made and
 * removed costs more than it seems: ext4 passes over the inodes of the last minutes, one by one. That is why the ten that
 * each start of IPython makes are where the kernel's sockets are.) */
static const struct {
	const char *name;
	const char *folder;
	gboolean made;
} private_folders[] = {
	{ "JUPYTER_CONFIG_DIR", "jupyter/config" },
	{ "JUPYTER_DATA_DIR", "jupyter/data" },
	{ "MPLCONFIGDIR", "matplotlib" },
	{ "TMPDIR", "tmp", TRUE },
	{ "XDG_CACHE_HOME", "cache", TRUE },
	{ "XDG_CONFIG_HOME", "config" },
	{ "XDG_DATA_HOME", "data" },
	{ "XDG_STATE_HOME", "state" },
};

char **
environment_inherit(const char *const *further)
{
	char **environment = g_new0(char *, 1);
	g_auto(GStrv) names = g_listenv();

	for (char **name = names; *name != NULL; name++)
		if (g_str_has_prefix(*name, "LC_") || g_strv_contains(allowed, *name) ||
			(further != NULL && g_strv_contains(further, *name)))
			environment = g_environ_setenv(environment, *name, g_getenv(*name), TRUE);
	return environment;
}

static const char *
folder_of_homes(void)
{
	const char *folder = g_getenv("TMPDIR");

	return folder != NULL && g_path_is_absolute(folder) ? folder : "/var/tmp";
}

Claim *
environment_home(GError **error)
{
	return claim_new(folder_of_homes(), HOME_PREFIX, error);
}

void
environment_sweep(void)
{
	claim_sweep(folder_of_homes(), HOME_PREFIX);
}

static char **
add_folders(char **environment, const char *home, const char *runtime)
{
	g_autofree char *ipython = g_build_filename(runtime, "ipython", NULL);
	const char *own = g_environ_getenv(environment, "HOME");

	for (size_t i = 0; i < G_N_ELEMENTS(private_folders); i++) {
		g_autofree char *path = g_build_filename(home, private_folders[i].folder, NULL);

		if (private_folders[i].made)
			g_mkdir_with_parents(path, 0700);
		environment = g_environ_setenv(environment, private_folders[i].name, path, TRUE);
	}
	environment = g_environ_setenv(environment, "IPYTHONDIR", ipython, TRUE);
	environment = g_environ_setenv(environment, "JUPYTER_RUNTIME_DIR", runtime, TRUE);
	if (own == NULL || access(own, X_OK) != 0)
		environment = g_environ_setenv(environment, "HOME", home, TRUE);
	return environment;
}

/* The length of the name at text (letters, digits, "_"). */
static size_t
name_length(const char *text)
{
	size_t length = 0;

	while (g_ascii_isalnum(text[length]) || text[length] == '_')
		length++;
	return length;
}

/* Appends the value of the variable at text, which begins with "$"; gives what has been used of it. */
static size_t
expand_one(GString *result, const char *text, char **environment)
{
	gboolean braced = text[1] == '{';
	const char *start = text + (braced ? 2 : 1);
	size_t length = name_length(start);

	if (length == 0 || (braced && start[length] != '}')) {
		g_string_append_c(result, '$');
		return text[1] == '$' ? 2 : 1;
	}
	g_autofree char *name = g_strndup(start, length);
	size_t used = (size_t) (start - text) + length + (braced ? 1 : 0);
	const char *value = g_environ_getenv(environment, name);
	if (value != NULL)
		g_string_append(result, value);
	else
		g_string_append_len(result, text, (gssize) used);
	return used;
}

/* As Python's Template.safe_substitute does for Jupyter: unknown names stay. */
static char *
expand(const char *text, char **environment)
{
	GString *result = g_string_new(NULL);

	while (*text != '\0') {
		if (*text == '$')
			text += expand_one(result, text, environment);
		else
			g_string_append_c(result, *text++);
	}
	return g_string_free(result, FALSE);
}

static char **
add_kernel(char **environment, const Kernelspec *kernel)
{
	json_object_object_foreach (kernel->env, name, value) {
		if (!json_object_is_type(value, json_type_string))
			continue;
		g_autofree char *text = expand(json_object_get_string(value), environment);
		environment = g_environ_setenv(environment, name, text, TRUE);
	}
	return environment;
}

/* The module naas is found, whatever interpreter the kernelspec has. */
static char **
add_python_path(char **environment)
{
	const char *before = g_environ_getenv(environment, "PYTHONPATH");
	g_autofree char *path = before != NULL && *before != '\0'
					? g_strdup_printf("%s:%s", before, NBHOOK_PYTHONDIR)
					: g_strdup(NBHOOK_PYTHONDIR);

	return g_environ_setenv(environment, "PYTHONPATH", path, TRUE);
}

char **
environment_new(const EnvironmentSpec *spec)
{
	char **environment = environment_inherit(NULL);

	environment = g_environ_setenv(environment, "PATH", "/usr/local/bin:/usr/bin:/bin", FALSE);
	if (g_environ_getenv(environment, "LC_ALL") == NULL)
		environment = g_environ_setenv(environment, "LANG", "C.UTF-8", FALSE);
	/* debugpy, which ipykernel imports, would begin every log with a warning. */
	environment = g_environ_setenv(environment, "PYDEVD_DISABLE_FILE_VALIDATION", "1", TRUE);
	environment = add_folders(environment, spec->home, spec->runtime);
	environment = add_kernel(environment, spec->kernel);
	environment = add_python_path(environment);
	environment = g_environ_setenv(environment, ENVIRONMENT_MARK, spec->run_dir, TRUE);
	if (spec->url != NULL)
		environment = g_environ_setenv(environment, "NAAS_URL", spec->url, TRUE);
	if (spec->key != NULL)
		environment = g_environ_setenv(environment, "NAAS_TOKEN", spec->key, TRUE);
	return environment;
}
