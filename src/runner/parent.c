/* Two fork servers at most: the one that serves, and the next. */
#include "runner/parent.h"

#include <string.h>

#include "base/error.h"
#include "runner/forkserver.h"
#include "runner/watch.h"

/* The seed of string hashes is the same in all forks of one server. */
#define RENEW_SECONDS 3600
#define FIRST_PAUSE_SECONDS 1
#define MAX_PAUSE_SECONDS 60
/* So many times it is better to wait for the next than to go without. */
#define HOPEFUL_FAILURES 3

static const char *const usual_modules[] = { "numpy", "pandas", "matplotlib", NULL };

struct Parent {
	ParentSpec spec;
	ForkServer *server;  /* NULL: there is none now */
	ForkServer *next;    /* which replaces it when it is ready */
	GPtrArray *left_out; /* char *, with a NULL at the end */
	Watch *watch;        /* of what server has loaded */
	guint restart, renew;
	int failures; /* in a row */
};

static void start(Parent *parent, ForkServer **place);

static gboolean
on_restart(gpointer data)
{
	Parent *parent = data;

	parent->restart = 0;
	start(parent, parent->server == NULL ? &parent->server : &parent->next);
	return G_SOURCE_REMOVE;
}

static void
restart_later(Parent *parent)
{
	guint pause = MIN(FIRST_PAUSE_SECONDS << MIN(parent->failures, 6), MAX_PAUSE_SECONDS);

	parent->failures++;
	if (parent->restart == 0)
		parent->restart = g_timeout_add_seconds(pause, on_restart, parent);
}

static void
renew(Parent *parent)
{
	if (parent->server != NULL && parent->restart == 0)
		start(parent, &parent->next);
}

static gboolean
on_renew(gpointer data)
{
	renew(data);
	return G_SOURCE_CONTINUE;
}

/* What the new one has loaded is as new as the change, so that its own watch begins when it is ready. */
static void
on_modules_changed(gpointer data)
{
	Parent *parent = data;

	g_message("kernel %s: modules have been changed; its fork server is renewed",
		parent->spec.kernelspec->name);
	renew(parent);
}

static void
watch(Parent *parent)
{
	g_autoptr(GError) error = NULL;

	g_clear_pointer(&parent->watch, watch_free);
	parent->watch =
		watch_new(fork_server_folders(parent->server), on_modules_changed, parent, &error);
	if (parent->watch == NULL)
		g_warning("kernel %s: changes of modules will not be noticed: %s",
			parent->spec.kernelspec->name, error->message);
}

static void
on_ready(Parent *parent, ForkServer *server)
{
	gboolean replaces = server == parent->next;

	parent->failures = 0;
	if (replaces) {
		fork_server_free(parent->server);
		parent->server = g_steal_pointer(&parent->next);
	}
	watch(parent);
	parent->spec.changed(replaces, parent->spec.data);
}

static void
on_ended(Parent *parent, ForkServer *server)
{
	const char *name = parent->spec.kernelspec->name;
	const char *module = fork_server_loading(server);
	ForkServer **place = server == parent->next ? &parent->next : &parent->server;

	if (module != NULL) {
		g_warning("kernel %s: the module %s is not preloaded: the fork server ended while "
			  "it imported it",
			name, module);
		g_ptr_array_insert(
			parent->left_out, (int) parent->left_out->len - 1, g_strdup(module));
	} else {
		g_warning(
			"kernel %s: fork server %d has ended; its kernels go on, and a new one is "
			"started",
			name, (int) fork_server_pid(server));
	}
	g_clear_pointer(place, fork_server_free);
	restart_later(parent);
	parent->spec.changed(FALSE, parent->spec.data);
}

static void
on_changed(ForkServer *server, gpointer data)
{
	if (fork_server_state(server) == FORK_SERVER_READY)
		on_ready(data, server);
	else
		on_ended(data, server);
}

static void
start(Parent *parent, ForkServer **place)
{
	const char *text = parent->spec.preload;
	gboolean usual = strcmp(text, "auto") == 0;
	g_auto(GStrv) words =
		usual ? g_strdupv((char **) usual_modules) : g_strsplit_set(text, " \t,", -1);
	g_autoptr(GError) error = NULL;
	ForkServerSpec spec = { .settings = parent->spec.settings,
		.kernelspec = parent->spec.kernelspec,
		.program = parent->spec.program,
		.library = parent->spec.library,
		.preload = words,
		.optional = usual,
		.left_out = (char *const *) parent->left_out->pdata,
		.keepers = parent->spec.keepers,
		.changed = on_changed,
		.data = parent };

	g_clear_pointer(place, fork_server_free);
	*place = fork_server_new(&spec, &error);
	if (*place != NULL)
		return;
	g_warning("kernel %s: its fork server could not be started: %s",
		parent->spec.kernelspec->name, error->message);
	restart_later(parent);
}

Parent *
parent_new(const ParentSpec *spec)
{
	Parent *parent = g_new0(Parent, 1);

	parent->spec = *spec;
	parent->left_out = g_ptr_array_new_with_free_func(g_free);
	g_ptr_array_add(parent->left_out, NULL);
	parent->renew = g_timeout_add_seconds(RENEW_SECONDS, on_renew, parent);
	start(parent, &parent->server);
	return parent;
}

void
parent_free(Parent *parent)
{
	if (parent == NULL)
		return;
	if (parent->restart != 0)
		g_source_remove(parent->restart);
	g_source_remove(parent->renew);
	watch_free(parent->watch);
	fork_server_free(parent->next);
	fork_server_free(parent->server);
	g_ptr_array_unref(parent->left_out);
	g_free(parent);
}

int
parent_order(Parent *parent)
{
	return parent->server != NULL ? fork_server_order(parent->server) : -1;
}

gboolean
parent_is_loading(const Parent *parent)
{
	if (parent->server == NULL)
		return parent->failures <= HOPEFUL_FAILURES;
	return fork_server_state(parent->server) == FORK_SERVER_LOADING;
}

void
parent_hear(Parent *parent)
{
	if (parent->next != NULL)
		fork_server_hear(parent->next);
	if (parent->server != NULL)
		fork_server_hear(parent->server);
}

gboolean
parent_has(const Parent *parent, pid_t pid)
{
	return (parent->server != NULL && fork_server_pid(parent->server) == pid) ||
	       (parent->next != NULL && fork_server_pid(parent->next) == pid);
}

void
parent_describe(const Parent *parent, json_object *entry)
{
	gboolean ready =
		parent->server != NULL && fork_server_state(parent->server) == FORK_SERVER_READY;
	char *const *modules = ready ? fork_server_modules(parent->server) : NULL;
	json_object *preloaded = json_object_new_array();

	for (; modules != NULL && *modules != NULL; modules++)
		json_object_array_add(preloaded, json_object_new_string(*modules));
	json_put_string(entry, "fork_server",
		ready                    ? "ready"
		: parent->server != NULL ? "starts"
					 : "restarts");
	json_object_object_add(entry, "preloaded", preloaded);
}
