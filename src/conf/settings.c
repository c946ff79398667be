/* The table below is the one place that knows a setting. A setting is read from its text by its type;
 * the text of a default goes through the same reader, so that a default can never be out of range.
 *
 * One file because of its table. */
#include "conf/settings.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/error.h"

#define DEFAULT_PATH NBHOOK_SYSCONFDIR "/nbhook/nbhook.conf"

typedef enum {
	TYPE_PATH,    /* an absolute path */
	TYPE_FOLDERS, /* absolute paths, separated by colons; may be empty */
	TYPE_URL, /* an http or https URL without query and fragment; kept without a final slash */
	TYPE_STRING,  /* any text */
	TYPE_CHOICE,  /* one of the words in .choices */
	TYPE_COUNT,   /* a whole number */
	TYPE_AUTO,    /* a whole number, or "auto", which is SETTINGS_AUTO */
	TYPE_SIZE,    /* bytes; K, M or G behind the number */
	TYPE_SECONDS, /* seconds, decimals allowed; kept in milliseconds */
} SettingType;

typedef struct {
	const char *group;
	const char *name;
	SettingType type;
	size_t offset;
	const char *value; /* the default */
	gint64 min, max;   /* in the unit of the file; text types have none */
	const char *choices;
	const char *sentence;
} SettingRow;

#define AT(field) offsetof(Settings, field)
#define KERNEL_AT(field) offsetof(KernelSettings, field)
/* The group of settings that there are once for each kernel, and which the sample shows. */
#define KERNEL_GROUP "kernel"
#define KERNEL_PREFIX KERNEL_GROUP " "
#define SAMPLE_KERNEL "python3"
#define KIB G_GINT64_CONSTANT(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

/* clang-format off */
static const SettingRow rows[] = {
	{ "paths", "state_dir", TYPE_PATH, AT(state_dir), "/var/lib/nbhook", 0, 0, NULL,
	  "Where the store, published notebooks, their versions and the executions are." },
	{ "paths", "run_dir", TYPE_PATH, AT(run_dir), "/run/nbhook", 0, 0, NULL,
	  "Where the sockets are. Keep it short: a socket's path may have 107 bytes." },

	{ "accounts", "web_group", TYPE_STRING, AT(web_group), "www-data", 0, 0, NULL,
	  "The group of nginx, which may read the response files." },
	{ "accounts", "run_group", TYPE_STRING, AT(run_group), "nbhook-run", 0, 0, NULL,
	  "The group of the account that notebooks run as; production/ and files/ belong to it." },

	{ "http", "public_url", TYPE_URL, AT(public_url), "http://localhost", 0, 0, NULL,
	  "The address that callers use; webhook URLs start with it." },
	{ "http", "response_limit", TYPE_SECONDS, AT(response_limit_ms), "60", 0, 3600, NULL,
	  "How long a caller waits for an answer, from the request's arrival, before it gets a 500 "
	  "while the run goes on. nginx's fastcgi_read_timeout must be longer." },
	{ "http", "daemon_wait", TYPE_SECONDS, AT(daemon_wait_ms), "5", 0, 60, NULL,
	  "How long a call waits for a daemon whose socket is held but which does not answer." },
	{ "http", "max_body", TYPE_SIZE, AT(max_body), "512M", KIB, 1024 * GIB, NULL,
	  "The largest request body. nginx's client_max_body_size must be at least as large." },
	{ "http", "max_parsed_body", TYPE_SIZE, AT(max_parsed_body), "16M", KIB, GIB, NULL,
	  "The largest form, JSON or text body." },
	{ "http", "max_file", TYPE_SIZE, AT(max_file), "512M", KIB, 1024 * GIB, NULL,
	  "The largest file in a request; max_body bounds all of them together." },
	{ "http", "max_parts", TYPE_COUNT, AT(max_parts), "1000", 1, 100000, NULL,
	  "How many fields and files a form, or parts another multipart body, may have." },
	{ "http", "max_gzip_ratio", TYPE_COUNT, AT(max_gzip_ratio), "100", 1, 2000, NULL,
	  "How many times larger than what was sent a body with Content-Encoding: gzip may become, "
	  "beyond its first MiB." },
	{ "http", "max_json_depth", TYPE_COUNT, AT(max_json_depth), "100", 1, 500, NULL,
	  "How deep the arrays and objects of a JSON body may be nested." },
	{ "http", "max_values", TYPE_COUNT, AT(max_values), "1000000", 1, 100000000, NULL,
	  "How many values a JSON body may hold: numbers, texts and arrays together, and an object as five. "
	  "Each takes up to 200 bytes of memory." },
	{ "http", "max_uri", TYPE_SIZE, AT(max_uri), "8K", 256, MIB, NULL,
	  "The longest request URI." },
	{ "http", "max_headers", TYPE_SIZE, AT(max_headers), "64K", KIB, MIB, NULL,
	  "All request headers together." },
	{ "http", "wait_slots", TYPE_COUNT, AT(wait_slots), "240", 1, 4000, NULL,
	  "How many callers of one nbhook.fcgi process may wait at a time; further ones get a 503. "
	  "Each takes a thread and two descriptors." },
	{ "http", "max_response", TYPE_SIZE, AT(max_response), "256M", KIB, 1024 * GIB, NULL,
	  "The largest response of a notebook that is not a file." },
	{ "http", "max_response_file", TYPE_SIZE, AT(max_response_file), "4G", KIB, 1024 * GIB, NULL,
	  "The largest file that a notebook may respond with." },
	{ "http", "max_markdown", TYPE_SIZE, AT(max_markdown), "1M", KIB, 64 * MIB, NULL,
	  "The largest response in Markdown; it is made into a page." },
	{ "http", "response_folders", TYPE_FOLDERS, AT(response_folders), "", 0, 0, NULL,
	  "Folders that a notebook may respond with files of, beside its own and its job's, separated "
	  "by colons." },
	{ "http", "page_timeout", TYPE_SECONDS, AT(page_timeout_ms), "60", 1, 3600, NULL,
	  "How long nbconvert may take to make a page of an executed notebook." },
	{ "http", "page_memory", TYPE_SIZE, AT(page_memory), "1G", 64 * MIB, 1024 * GIB, NULL,
	  "How much address space it may have." },
	{ "http", "max_params", TYPE_SIZE, AT(max_params), "64K", KIB, 16 * MIB, NULL,
	  "The registered params of a webhook together, as JSON." },
	{ "http", "cors_origins", TYPE_STRING, AT(cors_origins), "", 0, 0, NULL,
	  "Origins whose pages may call webhooks and read the answers (CORS), separated by spaces, as in "
	  "\"https://app.example.com\"; * is every page." },
	{ "http", "signature_tolerance", TYPE_SECONDS, AT(signature_tolerance_ms), "300", 1, 86400, NULL,
	  "How far the time in a sender's signature may be from this host's. What is sent again later is refused." },

	{ "jobs", "concurrency", TYPE_COUNT, AT(concurrency), "16", 1, 4096, NULL,
	  "How many notebooks run at a time." },
	{ "jobs", "queue_limit", TYPE_COUNT, AT(queue_limit), "1000", 1, 1000000, NULL,
	  "How many accepted jobs may wait for their turn; further calls get a 503." },
	{ "jobs", "webhook_queue_limit", TYPE_COUNT, AT(webhook_queue_limit), "200", 1, 1000000, NULL,
	  "How many of them may be of one webhook; further calls get a 429." },
	{ "jobs", "disk_reserve", TYPE_SIZE, AT(disk_reserve), "256M", 0, 1024 * GIB, NULL,
	  "Free space that must remain on the disk of state_dir; below it calls get a 507." },
	{ "jobs", "run_timeout", TYPE_SECONDS, AT(run_timeout_ms), "86400", 1, 31536000, NULL,
	  "The longest run of a notebook; then it is ended and failed." },
	{ "jobs", "idempotency_ttl", TYPE_SECONDS, AT(idempotency_ttl_ms), "259200", 0, 31536000, NULL,
	  "How long a sender's name for a delivery (Idempotency-Key and the like) is remembered: a call "
	  "that repeats it joins the first one's run." },
	{ "jobs", "replay_failed", TYPE_CHOICE, AT(replay_failed), "no", 0, 0, "no yes",
	  "What a repeated delivery gets whose first run failed: a new run, or with yes the failure again." },

	{ "kernels", "python", TYPE_PATH, AT(python), "/usr/bin/python3", 0, 0, NULL,
	  "The interpreter of kernelspecs that name only \"python\" or \"python3\"." },
	{ "kernels", "kernel_path", TYPE_FOLDERS, AT(kernel_path), "", 0, 0, NULL,
	  "Folders that are searched for kernels/ before the system's, separated by colons." },
	{ "kernels", "namespaces", TYPE_CHOICE, AT(namespaces), "auto", 0, 0, "auto off",
	  "Whether each run gets a PID namespace of its own: auto where the host allows "
	  "unprivileged user namespaces." },
	{ "kernels", "max_processes", TYPE_COUNT, AT(max_processes), "512", 16, 1000000, NULL,
	  "How many processes and threads a run may have. Where runs have no namespaces of their own the "
	  "host counts those of all runs together, and concurrency times as many are allowed." },
	{ "kernels", "max_memory", TYPE_SIZE, AT(max_memory), "8G", 256 * MIB, 1024 * GIB, NULL,
	  "How much memory of its own each process of a run may have; further requests for memory fail." },
	{ "kernels", "nice", TYPE_COUNT, AT(nice), "5", 0, 19, NULL,
	  "The nice level of runs: nginx and nbhook's own programs go before them." },
	{ "kernels", "start_timeout", TYPE_SECONDS, AT(start_timeout_ms), "60", 1, 3600, NULL,
	  "How long a kernel may take to start." },
	{ "kernels", "cell_timeout", TYPE_SECONDS, AT(cell_timeout_ms), "86400", 1, 31536000, NULL,
	  "The longest run of one cell; then the run is ended and failed." },
	{ "kernels", "max_notebook", TYPE_SIZE, AT(max_notebook), "64M", KIB, GIB, NULL,
	  "The largest notebook file." },
	{ "kernels", "output_limit", TYPE_SIZE, AT(output_limit), "256M", KIB, 1024 * GIB, NULL,
	  "All outputs of a run together; a run that prints more is ended and failed." },
	{ "kernels", "max_outputs", TYPE_COUNT, AT(max_outputs), "100000", 1, 100000000, NULL,
	  "How many outputs the cells of a run may have together; text that is printed in one go is one." },
	{ "kernels", "message_limit", TYPE_SIZE, AT(message_limit), "256M", KIB, GIB, NULL,
	  "The largest message of a kernel; one that sends a larger one is ended and the run failed." },

	{ KERNEL_GROUP, "ready", TYPE_AUTO, KERNEL_AT(ready), "auto", 0, 1000, NULL,
	  "How many executors with this kernel are kept ready for their run: auto is as many as fit the "
	  "host's cores and memory for python3, and none for others." },
	{ KERNEL_GROUP, "max", TYPE_AUTO, KERNEL_AT(max), "auto", 1, 4096, NULL,
	  "How many notebooks with this kernel run at a time; auto is as many as concurrency allows." },
	{ KERNEL_GROUP, "preload", TYPE_STRING, KERNEL_AT(preload), "auto", 0, 0, NULL,
	  "Python modules that every kernel has loaded before it starts, separated by spaces; auto is "
	  "numpy, pandas and matplotlib, off starts every kernel as a program of its own." },

	{ "log", "log_level", TYPE_CHOICE, AT(log_level), "info", 0, 0, "error warning info debug",
	  "What is written to the log." },
};
/* clang-format on */

static const SettingRow *
find_row(const char *group, const char *name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		if (strcmp(rows[i].group, group) == 0 && strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

static gint64
size_factor(char suffix)
{
	switch (g_ascii_toupper(suffix)) {
	case 'K':
		return KIB;
	case 'M':
		return MIB;
	case 'G':
		return GIB;
	default:
		return 0;
	}
}

/* Reads a number in the unit of the file; false if the text is none. */
static gboolean
read_number(const SettingRow *row, const char *text, double *number)
{
	char *end = NULL;

	if (!g_ascii_isdigit(text[0]))
		return FALSE;
	*number = g_ascii_strtod(text, &end);
	if (row->type == TYPE_SIZE && size_factor(*end) != 0)
		*number *= (double) size_factor(*end++);
	if (*end != '\0' || !isfinite(*number))
		return FALSE;
	return row->type == TYPE_SECONDS || *number == floor(*number);
}

char *
settings_size_text(gint64 size)
{
	if (size >= GIB && size % GIB == 0)
		return g_strdup_printf("%" G_GINT64_FORMAT "G", size / GIB);
	if (size >= MIB && size % MIB == 0)
		return g_strdup_printf("%" G_GINT64_FORMAT "M", size / MIB);
	if (size >= KIB && size % KIB == 0)
		return g_strdup_printf("%" G_GINT64_FORMAT "K", size / KIB);
	return g_strdup_printf("%" G_GINT64_FORMAT, size);
}

/* What a setting may be, in words: for error messages, the sample file and the manual. */
static char *
range_text(const SettingRow *row)
{
	switch (row->type) {
	case TYPE_PATH:
		return g_strdup("an absolute path");
	case TYPE_FOLDERS:
		return g_strdup("absolute paths, separated by colons, or nothing");
	case TYPE_URL:
		return g_strdup("an http or https URL");
	case TYPE_STRING:
		return g_strdup("text");
	case TYPE_CHOICE:
		return g_strdup_printf("one of: %s", row->choices);
	case TYPE_SIZE: {
		g_autofree char *min = settings_size_text(row->min);
		g_autofree char *max = settings_size_text(row->max);
		return g_strdup_printf("bytes, %s to %s", min, max);
	}
	case TYPE_AUTO:
		return g_strdup_printf(
			"auto, or %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT, row->min, row->max);
	case TYPE_SECONDS:
	case TYPE_COUNT:
	default:
		return g_strdup_printf("%s%" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
			row->type == TYPE_SECONDS ? "seconds, " : "", row->min, row->max);
	}
}

static gboolean
is_choice(const char *text, const char *choices)
{
	g_auto(GStrv) words = g_strsplit(choices, " ", -1);

	return g_strv_contains((const char *const *) words, text);
}

static gboolean
is_folders(const char *text)
{
	g_auto(GStrv) folders = g_strsplit(text, ":", -1);

	for (char **folder = folders; *folder != NULL; folder++)
		if ((*folder)[0] != '/')
			return FALSE;
	return TRUE;
}

/* GUri takes many characters that no URL has (RFC 3986, appendix A); they would get into headers. */
static gboolean
is_web_url(const char *text)
{
	for (const char *c = text; *c != '\0'; c++)
		if (!g_ascii_isgraph(*c) || strchr("\"<>\\^`{|}", *c) != NULL)
			return FALSE;
	g_autoptr(GUri) uri = g_uri_parse(text, G_URI_FLAGS_HAS_PASSWORD, NULL);
	return uri != NULL && is_choice(g_uri_get_scheme(uri), "http https") &&
	       g_uri_get_host(uri) != NULL && g_uri_get_host(uri)[0] != '\0' &&
	       g_uri_get_userinfo(uri) == NULL && g_uri_get_query(uri) == NULL &&
	       g_uri_get_fragment(uri) == NULL;
}

static gboolean
is_text(const SettingRow *row, const char *text)
{
	switch (row->type) {
	case TYPE_PATH:
		return text[0] == '/';
	case TYPE_FOLDERS:
		return is_folders(text);
	case TYPE_URL:
		return is_web_url(text);
	case TYPE_CHOICE:
		return is_choice(text, row->choices);
	default:
		return TRUE;
	}
}

static gboolean
store_text(const SettingRow *row, const char *text, char **field)
{
	size_t length = strlen(text);

	if (!is_text(row, text))
		return FALSE;
	while (row->type == TYPE_URL && text[length - 1] == '/')
		length--;
	g_free(*field);
	*field = g_strndup(text, length);
	return TRUE;
}

static gboolean
store_number(const SettingRow *row, const char *text, gint64 *field)
{
	double number;

	if (row->type == TYPE_AUTO && strcmp(text, "auto") == 0) {
		*field = SETTINGS_AUTO;
		return TRUE;
	}
	if (!read_number(row, text, &number) || number < (double) row->min ||
		number > (double) row->max)
		return FALSE;
	*field = (gint64) (row->type == TYPE_SECONDS ? round(number * 1000) : number);
	return TRUE;
}

static gboolean
is_numeric(const SettingRow *row)
{
	return row->type == TYPE_COUNT || row->type == TYPE_SIZE || row->type == TYPE_SECONDS ||
	       row->type == TYPE_AUTO;
}

static gboolean
is_of_kernel(const SettingRow *row)
{
	return strcmp(row->group, KERNEL_GROUP) == 0;
}

/* target is what the row's group is kept in: a Settings or a KernelSettings. */
static gboolean
store(gpointer target, const SettingRow *row, const char *text)
{
	void *field = (char *) target + row->offset;

	return is_numeric(row) ? store_number(row, text, field) : store_text(row, text, field);
}

static void
store_defaults(gpointer target, gboolean of_kernel)
{
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		if (is_of_kernel(&rows[i]) == of_kernel && !store(target, &rows[i], rows[i].value))
			g_error("the default of %s is out of its own range", rows[i].name);
}

static void
free_texts(gpointer target, gboolean of_kernel)
{
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		if (is_of_kernel(&rows[i]) == of_kernel && !is_numeric(&rows[i]))
			g_free(*(char **) ((char *) target + rows[i].offset));
}

static KernelSettings *
kernel_settings_new(const char *name)
{
	KernelSettings *kernel = g_new0(KernelSettings, 1);

	kernel->name = name != NULL ? g_ascii_strdown(name, -1) : NULL;
	store_defaults(kernel, TRUE);
	return kernel;
}

static void
kernel_settings_free(gpointer data)
{
	KernelSettings *kernel = data;

	free_texts(kernel, TRUE);
	g_free(kernel->name);
	g_free(kernel);
}

Settings *
settings_new(void)
{
	Settings *settings = g_new0(Settings, 1);

	store_defaults(settings, FALSE);
	settings->kernels = g_ptr_array_new_with_free_func(kernel_settings_free);
	settings->other_kernels = kernel_settings_new(NULL);
	return settings;
}

void
settings_free(Settings *settings)
{
	if (settings == NULL)
		return;
	free_texts(settings, FALSE);
	g_ptr_array_unref(settings->kernels);
	kernel_settings_free(settings->other_kernels);
	g_free(settings);
}

const KernelSettings *
settings_kernel(const Settings *settings, const char *name)
{
	for (guint i = 0; i < settings->kernels->len; i++) {
		const KernelSettings *kernel = settings->kernels->pdata[i];

		if (g_ascii_strcasecmp(kernel->name, name) == 0)
			return kernel;
	}
	return settings->other_kernels;
}

/* Where the settings of a group are kept; *known gets the group's name in the table. */
static gpointer
target_of(Settings *settings, const char *group, const char **known)
{
	if (!g_str_has_prefix(group, KERNEL_PREFIX)) {
		*known = strcmp(group, KERNEL_GROUP) != 0 ? group : "";
		return settings;
	}
	const char *name = group + strlen(KERNEL_PREFIX);
	const KernelSettings *kernel = settings_kernel(settings, name);
	*known = KERNEL_GROUP;
	if (kernel == settings->other_kernels) {
		g_ptr_array_add(settings->kernels, kernel_settings_new(name));
		kernel = settings_kernel(settings, name);
	}
	return (gpointer) kernel;
}

static gboolean
load_one(Settings *settings, GKeyFile *file, const char *path, const char *group, const char *name,
	GError **error)
{
	const char *known;
	gpointer target = target_of(settings, group, &known);
	const SettingRow *row = find_row(known, name);

	if (row == NULL) {
		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNPROCESSABLE,
			"%s: there is no setting \"%s\" in [%s]; nbhook.conf(5) lists all", path,
			name, group);
		return FALSE;
	}
	g_autofree char *text = g_key_file_get_string(file, group, name, error);
	if (text == NULL)
		return FALSE;
	if (!store(target, row, g_strstrip(text))) {
		g_autofree char *range = range_text(row);

		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNPROCESSABLE,
			"%s: %s = \"%s\": it must be %s", path, name, text, range);
		return FALSE;
	}
	return TRUE;
}

static gboolean
load_group(Settings *settings, GKeyFile *file, const char *path, const char *group, GError **error)
{
	g_auto(GStrv) names = g_key_file_get_keys(file, group, NULL, error);

	if (names == NULL)
		return FALSE;
	for (char **name = names; *name != NULL; name++)
		if (!load_one(settings, file, path, group, *name, error))
			return FALSE;
	return TRUE;
}

Settings *
settings_load(const char *path, GError **error)
{
	g_autoptr(Settings) settings = settings_new();
	g_autoptr(GKeyFile) file = g_key_file_new();

	g_autoptr(GError) failure = NULL;

	if (!g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, &failure)) {
		gboolean missing = g_error_matches(failure, G_FILE_ERROR, G_FILE_ERROR_NOENT);

		g_set_error(error, NBHOOK_ERROR, NBHOOK_ERROR_UNPROCESSABLE, "%s: %s%s", path,
			failure->message,
			missing ? "; --config FILE or NBHOOK_CONF says where it is" : "");
		return NULL;
	}
	g_auto(GStrv) groups = g_key_file_get_groups(file, NULL);
	for (char **group = groups; *group != NULL; group++)
		if (!load_group(settings, file, path, *group, error))
			return NULL;
	return g_steal_pointer(&settings);
}

static void
append_wrapped(GString *sample, const char *sentence)
{
	g_auto(GStrv) words = g_strsplit(sentence, " ", -1);
	size_t column = 0;

	for (char **word = words; *word != NULL; word++) {
		size_t length = strlen(*word);

		if (column == 0 || column + 1 + length > 98) {
			g_string_append(sample, column == 0 ? "#" : "\n#");
			column = 1;
		}
		g_string_append_printf(sample, " %s", *word);
		column += 1 + length;
	}
	g_string_append_c(sample, '\n');
}

char *
settings_sample(void)
{
	GString *sample = g_string_new(
		"# nbhook.conf: every setting, with its default. See nbhook.conf(5).\n");
	const char *group = "";

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *range = range_text(&rows[i]);

		if (strcmp(group, rows[i].group) != 0) {
			group = rows[i].group;
			g_string_append_printf(sample, "\n[%s%s]\n", group,
				is_of_kernel(&rows[i]) ? " " SAMPLE_KERNEL : "");
		}
		g_string_append_c(sample, '\n');
		append_wrapped(sample, rows[i].sentence);
		g_string_append_printf(
			sample, "# (%s)\n#%s = %s\n", range, rows[i].name, rows[i].value);
	}
	return g_string_free(sample, FALSE);
}

const char *
settings_path(const char *argument)
{
	const char *environment = g_getenv("NBHOOK_CONF");

	if (argument != NULL)
		return argument;
	return environment != NULL && environment[0] != '\0' ? environment : DEFAULT_PATH;
}
