/* A lookup reads the kernel.json files anew: they are few, and a kernel that was just installed is found.
 * Sources: Jupyter client, "Kernel specs"; Jupyter core, "jupyter --paths". */
#include "jupyter/kernelspec.h"

#include <errno.h>
#include <glob.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

#define MAX_SPEC_SIZE (1024 * 1024)
#define MAX_DEPTH 32
/* The name that every notebook of an ipykernel has. */
#define NATIVE "python3"

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
	g_free(spec->broken);
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

static void
add_user(GPtrArray *folders)
{
	const char *data = g_getenv("JUPYTER_DATA_DIR");
	const char *home = g_getenv("HOME");

	if (data != NULL && *data != '\0')
		g_ptr_array_add(folders, g_build_filename(data, "kernels", NULL));
	else if (home != NULL && *home != '\0')
		g_ptr_array_add(
			folders, g_build_filename(home, ".local/share/jupyter/kernels", NULL));
}

/* The folders in which kernels are looked for, the first first. */
static GPtrArray *
search_folders(const Settings *settings)
{
	GPtrArray *folders = g_ptr_array_new_with_free_func(g_free);
	g_autofree char *prefix = python_prefix(settings);

	add_list(folders, settings->kernel_path);
	add_list(folders, g_getenv("JUPYTER_PATH"));
	add_user(folders);
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

/* As Jupyter has it. */
static gboolean
is_valid_name(const char *name)
{
	return name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-")] == '\0';
}

static void
fill_spec(Kernelspec *spec, json_object *document)
{
	const char *language = json_string_member(document, "language");
	const char *display_name = json_string_member(document, "display_name");
	json_object *env = json_object_member(document, "env");
	json_object *ours = json_object_member(json_object_member(document, "metadata"), "nbhook");

	if (display_name != NULL) {
		g_free(spec->display_name);
		spec->display_name = g_strdup(display_name);
	}
	spec->language = g_ascii_strdown(language != NULL ? language : "", -1);
	spec->argv = read_argv(document);
	spec->env = env != NULL ? json_object_get(env) : json_object_new_object();
	spec->interrupt_by_message =
		g_strcmp0(json_string_member(document, "interrupt_mode"), "message") == 0;
	spec->tcp = g_strcmp0(json_string_member(ours, "transport"), "tcp") == 0;
	if (spec->argv == NULL)
		spec->broken = g_strdup("argv in kernel.json is no list of words");
	else if (!is_valid_name(spec->name))
		spec->broken = g_strdup("its name has other characters than letters, digits, "
					"\".\", \"_\" and \"-\"");
}

/* The kernel of a folder with a kernel.json, which may be broken; NULL for any other folder. */
static Kernelspec *
read_spec(const char *folder, const char *name)
{
	g_autofree char *path = g_build_filename(folder, "kernel.json", NULL);
	g_autofree char *text = NULL;
	g_autoptr(GError) error = NULL;
	g_autoptr(json_object) document = NULL;
	size_t size;

	if (g_file_get_contents(path, &text, &size, &error))
		document = json_parse_object(text, MIN(size, MAX_SPEC_SIZE), MAX_DEPTH, &error);
	else if (g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT) ||
		 g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOTDIR))
		return NULL;
	Kernelspec *spec = g_new0(Kernelspec, 1);
	spec->name = g_ascii_strdown(name, -1);
	spec->display_name = g_strdup(name);
	spec->folder = g_strdup(folder);
	fill_spec(spec, document);
	if (error != NULL) {
		g_free(spec->broken);
		spec->broken = g_strdup_printf("kernel.json: %s", error->message);
	}
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

static int
compare_words(gconstpointer one, gconstpointer other)
{
	return strcmp(*(const char *const *) one, *(const char *const *) other);
}

/* In the order of their names: of two that differ by case the same one wins each time. */
static void
list_folder(GPtrArray *specs, const char *folder)
{
	g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	const char *name;

	while (dir != NULL && (name = g_dir_read_name(dir)) != NULL)
		g_ptr_array_add(names, g_strdup(name));
	g_ptr_array_sort(names, compare_words);
	for (guint i = 0; i < names->len; i++) {
		g_autofree char *path = g_build_filename(folder, names->pdata[i], NULL);
		Kernelspec *spec =
			has_name(specs, names->pdata[i]) ? NULL : read_spec(path, names->pdata[i]);

		if (spec != NULL)
			g_ptr_array_add(specs, spec);
	}
}

/* The folder of the ipykernel that the configured interpreter imports; NULL if it has none. */
static char *
find_ipykernel(const Settings *settings)
{
	static const char *const places[] = { "lib/python3.*/site-packages/ipykernel",
		"lib/python3.*/dist-packages/ipykernel", "lib/python3/dist-packages/ipykernel" };
	g_autofree char *prefix = python_prefix(settings);
	char *found = NULL;

	for (size_t i = 0; found == NULL && i < G_N_ELEMENTS(places); i++) {
		g_autofree char *pattern = g_build_filename(prefix, places[i], NULL);
		glob_t matches;

		if (glob(pattern, 0, NULL, &matches) == 0)
			found = g_strdup(matches.gl_pathv[0]);
		globfree(&matches);
	}
	return found;
}

Kernelspec *
kernelspec_native(const Settings *settings)
{
	static const char *const argv[] = { "python3", "-m", "ipykernel_launcher", "-f",
		"{connection_file}", NULL };
	g_autofree char *ipykernel = find_ipykernel(settings);

	if (ipykernel == NULL)
		return NULL;
	Kernelspec *spec = g_new0(Kernelspec, 1);
	spec->name = g_strdup(NATIVE);
	spec->display_name = g_strdup("Python 3 (ipykernel)");
	spec->language = g_strdup("python");
	spec->folder = g_build_filename(ipykernel, "resources", NULL);
	spec->argv = g_strdupv((char **) argv);
	spec->env = json_object_new_object();
	return spec;
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
	Kernelspec *native = has_name(specs, NATIVE) ? NULL : kernelspec_native(settings);
	if (native != NULL)
		g_ptr_array_add(specs, native);
	g_ptr_array_sort(specs, compare_names);
	return specs;
}

/* python, python3, python3.11: the words that mean "some Python". */
static gboolean
is_python(const char *word)
{
	if (!g_str_has_prefix(word, "python"))
		return FALSE;
	return strspn(word + strlen("python"), "0123456789.") == strlen(word) - strlen("python");
}

static char *
replace_words(const char *word, const char *const *pairs)
{
	g_autoptr(GString) text = g_string_new(word);

	for (; *pairs != NULL; pairs += 2)
		g_string_replace(text, pairs[0], pairs[1], 0);
	return g_string_free(g_steal_pointer(&text), FALSE);
}

/* The program with which a kernel is started. The caller frees. */
static char *
program_of(const Kernelspec *spec, const Settings *settings)
{
	g_autofree char *prefix = python_prefix(settings);
	const char *pairs[] = { "{resource_dir}", spec->folder, "{prefix}", prefix, NULL };
	g_autofree char *word = replace_words(spec->argv[0], pairs);

	return is_python(word) ? g_strdup(settings->python) : g_steal_pointer(&word);
}

/* A kernelspec that sets PATH itself is believed. */
char *
kernelspec_trouble(const Kernelspec *spec, const Settings *settings)
{
	if (spec->broken != NULL)
		return g_strdup(spec->broken);
	g_autofree char *program = program_of(spec, settings);
	if (strchr(program, '/') == NULL) {
		g_autofree char *found = g_find_program_in_path(program);

		return found != NULL || json_member(spec->env, "PATH") != NULL
			       ? NULL
			       : g_strdup_printf("its program %s is not in PATH", program);
	}
	if (g_file_test(program, G_FILE_TEST_IS_DIR))
		return g_strdup_printf("its program %s is a folder", program);
	return access(program, X_OK) == 0
		       ? NULL
		       : g_strdup_printf("its program %s: %s", program, g_strerror(errno));
}

/* How much a kernel is wanted for a language; -1: not at all. */
static int
rank(const Kernelspec *spec, const char *language, const Settings *settings)
{
	if (spec->broken != NULL || language == NULL ||
		g_ascii_strcasecmp(spec->language, language) != 0)
		return -1;
	g_autofree char *trouble = kernelspec_trouble(spec, settings);
	return (trouble == NULL ? 2 : 0) + (strcmp(spec->name, NATIVE) == 0 ? 1 : 0);
}

/* The index of the kernel that fits, or the length of the list. */
static guint
choose(GPtrArray *specs, const char *name, const char *language, const Settings *settings)
{
	guint best = specs->len;
	int best_rank = -1;

	for (guint i = 0; name != NULL && i < specs->len; i++)
		if (g_ascii_strcasecmp(((Kernelspec *) specs->pdata[i])->name, name) == 0)
			return i;
	for (guint i = 0; i < specs->len; i++) {
		int own = rank(specs->pdata[i], language, settings);

		if (own > best_rank) {
			best_rank = own;
			best = i;
		}
	}
	return best;
}

static char *
known_names(GPtrArray *specs)
{
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

	for (guint i = 0; i < specs->len; i++) {
		const Kernelspec *spec = specs->pdata[i];
		g_autofree char *entry = g_strdup_printf(
			"%s (%s)", spec->name, spec->broken != NULL ? "broken" : spec->language);

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
	guint index = choose(specs, wanted_name, wanted_language, settings);
	if (index < specs->len) {
		g_autoptr(Kernelspec) found = g_ptr_array_steal_index(specs, index);

		if (found->broken == NULL)
			return g_steal_pointer(&found);
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNPROCESSABLE,
			"the kernel \"%s\" in %s is broken: %s", found->name, found->folder,
			found->broken);
		return NULL;
	}
	g_autofree char *known = known_names(specs);
	g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNPROCESSABLE,
		"there is no kernel %s%s%sfor the language %s; installed: %s",
		wanted_name != NULL ? "\"" : "", wanted_name != NULL ? wanted_name : "",
		wanted_name != NULL ? "\" and none " : "",
		wanted_language != NULL ? wanted_language : "(not said)", known);
	return NULL;
}

static gboolean
is_ipykernel(char *const *argv)
{
	for (char *const *word = argv; *word != NULL; word++)
		if (strcmp(*word, "ipykernel_launcher") == 0 || strcmp(*word, "ipykernel") == 0)
			return TRUE;
	return FALSE;
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
