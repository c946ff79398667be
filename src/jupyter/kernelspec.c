/* A lookup reads the kernel.json files anew: they are few, and a kernel that was just installed is found.
 * Sources: Jupyter client, "Kernel specs"; Jupyter core, "jupyter --paths". */
#include "jupyter/kernelspec.h"

#include <string.h>

#include "base/error.h"

#define MAX_SPEC_SIZE (1024 * 1024)
#define MAX_DEPTH 32

/* The history is the run's own; process 1 as parent means that nobody is watched and no hint for people
 * at a terminal is printed. */
static const char *ipykernel_options[] = {
	"--HistoryManager.hist_file=:memory:", "--IPKernelApp.parent_handle=1", NULL
};

void
kernelspec_free(Kernelspec *spec)
{
	if (spec == NULL)
		return;
	g_free(spec->name);
	g_free(spec->display_name);
	g_free(spec->language);
	g_free(spec->folder);
	g_strfreev(spec->argv);
	json_object_put(spec->env);
	g_free(spec);
}

/* The prefix of the configured interpreter: /opt/venv for /opt/venv/bin/python. */
static char *
python_prefix(const Settings *settings)
{
	g_autofree char *folder = g_path_get_dirname(settings->python);

	return g_path_get_dirname(folder);
}

static void
add_list(GPtrArray *folders, const char *colon_list)
{
	g_auto(GStrv) parts = g_strsplit(colon_list != NULL ? colon_list : "", ":", -1);

	for (char **part = parts; *part != NULL; part++)
		if (**part != '\0')
			g_ptr_array_add(folders, g_build_filename(*part, "kernels", NULL));
}

/* The folders in which kernels are looked for, the first first. */
static GPtrArray *
search_folders(const Settings *settings)
{
	GPtrArray *folders = g_ptr_array_new_with_free_func(g_free);
	g_autofree char *prefix = python_prefix(settings);

	add_list(folders, settings->kernel_path);
	add_list(folders, g_getenv("JUPYTER_PATH"));
	g_ptr_array_add(folders, g_build_filename(prefix, "share/jupyter/kernels", NULL));
	g_ptr_array_add(folders, g_strdup("/usr/local/share/jupyter/kernels"));
	g_ptr_array_add(folders, g_strdup("/usr/share/jupyter/kernels"));
	return folders;
}

static char **
read_argv(json_object *document)
{
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
	json_object *argv = json_array_member(document, "argv");
	size_t n = argv != NULL ? json_object_array_length(argv) : 0;

	for (size_t i = 0; i < n; i++) {
		json_object *word = json_object_array_get_idx(argv, i);

		if (!json_object_is_type(word, json_type_string))
			return NULL;
		g_strv_builder_add(builder, json_object_get_string(word));
	}
	return n > 0 ? g_strv_builder_end(builder) : NULL;
}

/* One kernel.json; NULL with the reason when it cannot be used. */
static Kernelspec *
read_spec(const char *folder, const char *name, GError **error)
{
	g_autofree char *path = g_build_filename(folder, "kernel.json", NULL);
	g_autofree char *text = NULL;
	size_t size;

	if (!g_file_get_contents(path, &text, &size, error))
		return NULL;
	g_autoptr(json_object) document =
		json_parse_object(text, MIN(size, MAX_SPEC_SIZE), MAX_DEPTH, error);
	if (document == NULL)
		return NULL;
	g_auto(GStrv) argv = read_argv(document);
	if (argv == NULL) {
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNPROCESSABLE,
			"argv is no list of words");
		return NULL;
	}
	const char *language = json_string_member(document, "language");
	const char *display_name = json_string_member(document, "display_name");
	json_object *env = json_object_member(document, "env");
	Kernelspec *spec = g_new0(Kernelspec, 1);

	spec->name = g_ascii_strdown(name, -1);
	spec->display_name = g_strdup(display_name != NULL ? display_name : name);
	spec->language = g_ascii_strdown(language != NULL ? language : "", -1);
	spec->folder = g_strdup(folder);
	spec->argv = g_steal_pointer(&argv);
	spec->env = env != NULL ? json_object_get(env) : json_object_new_object();
	spec->interrupt_by_message =
		g_strcmp0(json_string_member(document, "interrupt_mode"), "message") == 0;
	return spec;
}

static gboolean
has_name(GPtrArray *specs, const char *name)
{
	for (guint i = 0; i < specs->len; i++)
		if (g_ascii_strcasecmp(((Kernelspec *) specs->pdata[i])->name, name) == 0)
			return TRUE;
	return FALSE;
}

static void
list_folder(GPtrArray *specs, const char *folder)
{
	g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
	const char *name;

	while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
		g_autofree char *path = g_build_filename(folder, name, NULL);
		g_autoptr(GError) error = NULL;

		if (has_name(specs, name) || !g_file_test(path, G_FILE_TEST_IS_DIR))
			continue;
		Kernelspec *spec = read_spec(path, name, &error);
		if (spec != NULL)
			g_ptr_array_add(specs, spec);
		else if (!g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT))
			g_warning("the kernel in %s is left out: %s", path, error->message);
	}
}

static int
compare_names(gconstpointer one, gconstpointer other)
{
	const Kernelspec *const *a = one;
	const Kernelspec *const *b = other;

	return strcmp((*a)->name, (*b)->name);
}

GPtrArray *
kernelspec_list(const Settings *settings)
{
	GPtrArray *specs = g_ptr_array_new_with_free_func((GDestroyNotify) kernelspec_free);
	g_autoptr(GPtrArray) folders = search_folders(settings);

	for (guint i = 0; i < folders->len; i++)
		list_folder(specs, folders->pdata[i]);
	g_ptr_array_sort(specs, compare_names);
	return specs;
}

/* The index of the kernel that fits, or the length of the list. */
static guint
choose(GPtrArray *specs, const char *name, const char *language)
{
	guint by_language = specs->len;

	for (guint i = specs->len; i-- > 0;) {
		const Kernelspec *spec = specs->pdata[i];

		if (name != NULL && g_ascii_strcasecmp(spec->name, name) == 0)
			return i;
		if (language != NULL && g_ascii_strcasecmp(spec->language, language) == 0)
			by_language = i;
	}
	return by_language;
}

static char *
known_names(GPtrArray *specs)
{
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

	for (guint i = 0; i < specs->len; i++) {
		const Kernelspec *spec = specs->pdata[i];
		g_autofree char *entry = g_strdup_printf("%s (%s)", spec->name, spec->language);

		g_strv_builder_add(builder, entry);
	}
	g_auto(GStrv) names = g_strv_builder_end(builder);
	return specs->len > 0 ? g_strjoinv(", ", names) : g_strdup("none");
}

Kernelspec *
kernelspec_find(const Settings *settings, const char *name, const char *language, GError **error)
{
	g_autoptr(GPtrArray) specs = kernelspec_list(settings);
	const char *wanted_name = name != NULL && *name != '\0' ? name : NULL;
	const char *wanted_language = language != NULL && *language != '\0' ? language : NULL;

	if (wanted_name == NULL && wanted_language == NULL)
		wanted_language = "python";
	guint index = choose(specs, wanted_name, wanted_language);
	if (index < specs->len)
		return g_ptr_array_steal_index(specs, index);
	g_autofree char *known = known_names(specs);
	g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNPROCESSABLE,
		"there is no kernel %s%s%s for the language %s; installed: %s",
		wanted_name != NULL ? "\"" : "", wanted_name != NULL ? wanted_name : "",
		wanted_name != NULL ? "\" and none" : "",
		wanted_language != NULL ? wanted_language : "(not said)", known);
	return NULL;
}

/* python, python3, python3.11: the words that mean "some Python". */
static gboolean
is_python(const char *word)
{
	if (!g_str_has_prefix(word, "python"))
		return FALSE;
	return strspn(word + strlen("python"), "0123456789.") == strlen(word) - strlen("python");
}

static gboolean
is_ipykernel(char *const *argv)
{
	for (char *const *word = argv; *word != NULL; word++)
		if (strcmp(*word, "ipykernel_launcher") == 0 || strcmp(*word, "ipykernel") == 0)
			return TRUE;
	return FALSE;
}

static char *
replace_words(const char *word, const char *const *pairs)
{
	g_autoptr(GString) text = g_string_new(word);

	for (; *pairs != NULL; pairs += 2)
		g_string_replace(text, pairs[0], pairs[1], 0);
	return g_string_free(g_steal_pointer(&text), FALSE);
}

char **
kernelspec_command(const Kernelspec *spec, const Settings *settings, const char *connection_file)
{
	g_autofree char *prefix = python_prefix(settings);
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
	const char *pairs[] = { "{connection_file}", connection_file, "{resource_dir}",
		spec->folder, "{prefix}", prefix, NULL };

	for (char **word = spec->argv; *word != NULL; word++) {
		g_autofree char *replaced = replace_words(*word, pairs);

		if (word == spec->argv && is_python(replaced))
			g_strv_builder_add(builder, settings->python);
		else
			g_strv_builder_add(builder, replaced);
	}
	if (is_ipykernel(spec->argv))
		g_strv_builder_addv(builder, ipykernel_options);
	return g_strv_builder_end(builder);
}
