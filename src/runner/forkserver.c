/* The description that forkserver.py gets is in its environment, everything else goes over one socket. The
 * server is killed, never asked to end: between two orders it holds nothing, and a keeper that it had not
 * announced yet ends by itself. */
#include "runner/forkserver.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/claim.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/files.h"
#include "base/frame.h"
#include "base/json.h"
#include "exec/environment.h"
#include "exec/placement.h"

#define LINK_FD 3
/* A host that is busy may need long for the modules; one that hangs needs for ever. */
#define LOAD_SECONDS 300
#define DESCRIPTION "NBHOOK_FORK_SERVER"
#define CONNECTION_FILE "{connection_file}"
#define LAUNCHER "ipykernel_launcher"

struct ForkServer {
	GHashTable *keepers;
	ForkServerChanged changed;
	gpointer data;
	char *name;
	Claim *home;
	pid_t pid;
	int link;
	guint watch;
	guint patience;
	FrameReader *reader;
	ForkServerState state;
	char *loading;
	char **modules, **folders;
};

/* The index of "-m ipykernel_launcher" in a command; -1 if it is another one. */
static int
launcher_index(char *const *command)
{
	for (int i = 1; command[0] != NULL && command[i] != NULL; i++)
		if (strcmp(command[i], "-m") == 0)
			return g_strcmp0(command[i + 1], LAUNCHER) == 0 ? i : -1;
	return -1;
}

gboolean
fork_server_can_have(const Kernelspec *kernelspec, const Settings *settings)
{
	if (kernelspec->broken != NULL)
		return FALSE;
	g_auto(GStrv) command = kernelspec_command(kernelspec, settings, CONNECTION_FILE);
	return launcher_index(command) > 0;
}

static json_object *
strings(char *const *list)
{
	json_object *array = json_object_new_array();

	for (; list != NULL && *list != NULL; list++)
		if (**list != '\0')
			json_object_array_add(array, json_object_new_string(*list));
	return array;
}

/* What stands behind the launcher, without the connection file, which each kernel has of its own. */
static json_object *
options_of(char *const *words)
{
	json_object *options = json_object_new_array();

	for (; *words != NULL; words++) {
		if (words[1] != NULL && strcmp(*words, "-f") == 0)
			words++;
		else if (strstr(*words, CONNECTION_FILE) == NULL)
			json_object_array_add(options, json_object_new_string(*words));
	}
	return options;
}

/* The interpreter and its options; NULL-terminated. The interpreter is a path: it executes itself again. */
static char **
interpreter_of(char *const *command, int launcher)
{
	char **words = g_new0(char *, (size_t) launcher + 1);

	for (int i = 0; i < launcher; i++)
		words[i] = g_strdup(command[i]);
	if (strchr(words[0], '/') == NULL) {
		char *found = g_find_program_in_path(words[0]);

		if (found != NULL) {
			g_free(words[0]);
			words[0] = found;
		}
	}
	return words;
}

static char *
description(const ForkServerSpec *spec, char *const *command, char *const *interpreter)
{
	g_autoptr(json_object) text = json_object_new_object();

	json_put_int(text, "socket", LINK_FD);
	json_put_string(text, "library", spec->library);
	json_put_string(text, "module", LAUNCHER);
	json_put_string(text, "placement", placement_python());
	json_object_object_add(text, "python", strings(interpreter));
	json_object_object_add(text, "options", options_of(command + launcher_index(command) + 2));
	json_object_object_add(text, "preload", strings(spec->preload));
	json_put_bool(text, "optional", spec->optional);
	json_object_object_add(text, "left_out", strings(spec->left_out));
	return json_print(text);
}

static gboolean
spawn(ForkServer *server, const ForkServerSpec *spec, int link, GError **error)
{
	EnvironmentSpec own = { .kernel = spec->kernelspec,
		.home = server->home->path,
		.runtime = server->home->path,
		.run_dir = spec->settings->run_dir };
	g_auto(GStrv) command =
		kernelspec_command(spec->kernelspec, spec->settings, CONNECTION_FILE);
	int launcher = launcher_index(command);
	g_auto(GStrv) interpreter = interpreter_of(command, launcher);
	g_autofree char *text = description(spec, command, interpreter);
	g_auto(GStrv) environment =
		g_environ_setenv(environment_new(&own), DESCRIPTION, text, TRUE);
	g_autoptr(GStrvBuilder) words = g_strv_builder_new();
	int target = LINK_FD;

	g_strv_builder_addv(words, (const char **) interpreter);
	g_strv_builder_add(words, spec->program);
	g_auto(GStrv) argv = g_strv_builder_end(words);
	return g_spawn_async_with_pipes_and_fds("/", (const char *const *) argv,
		(const char *const *) environment, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, -1, -1,
		-1, &link, &target, 1, &server->pid, NULL, NULL, NULL, error);
}

static void
change(ForkServer *server, ForkServerState state)
{
	if (server->state == state)
		return;
	server->state = state;
	server->changed(server, server->data);
}

static void
hang_up(ForkServer *server)
{
	guint *const sources[] = { &server->watch, &server->patience };

	for (size_t i = 0; i < G_N_ELEMENTS(sources); i++) {
		if (*sources[i] != 0)
			g_source_remove(*sources[i]);
		*sources[i] = 0;
	}
	files_close(&server->link);
}

static char **
strings_member(json_object *body, const char *name)
{
	json_object *array = json_array_member(body, name);
	size_t n = array != NULL ? json_object_array_length(array) : 0;
	char **list = g_new0(char *, n + 1);

	for (size_t i = 0; i < n; i++)
		list[i] = g_strdup(json_object_get_string(json_object_array_get_idx(array, i)));
	return list;
}

static void
on_preloading(ForkServer *server, json_object *body)
{
	g_free(server->loading);
	server->loading = g_strdup(json_string_member(body, "module"));
}

static void
on_left_out(ForkServer *server, json_object *body)
{
	g_clear_pointer(&server->loading, g_free);
	g_warning("kernel %s: the module %s is not preloaded: %s", server->name,
		json_string_member(body, "module"), json_string_member(body, "reason"));
}

static void
on_ready(ForkServer *server, json_object *body)
{
	g_clear_pointer(&server->loading, g_free);
	if (server->patience != 0)
		g_source_remove(server->patience);
	server->patience = 0;
	g_strfreev(server->modules);
	g_strfreev(server->folders);
	server->modules = strings_member(body, "modules");
	server->folders = strings_member(body, "folders");
	g_autofree char *modules = g_strjoinv(" ", server->modules);
	g_info("kernel %s: fork server %d is ready; preloaded: %s; each kernel begins with %d KiB "
	       "of its own",
		server->name, (int) server->pid, *modules != '\0' ? modules : "nothing",
		(int) (json_int_member(body, "copied", 0) >> 10));
}

static void
on_forked(ForkServer *server, json_object *body)
{
	g_hash_table_add(server->keepers, GINT_TO_POINTER((int) json_int_member(body, "pid", 0)));
}

static void
on_ended(ForkServer *server, json_object *body)
{
	g_hash_table_remove(
		server->keepers, GINT_TO_POINTER((int) json_int_member(body, "pid", 0)));
}

static const struct {
	const char *event;
	void (*take)(ForkServer *server, json_object *body);
} events[] = {
	{ "preloading", on_preloading },
	{ "left_out", on_left_out },
	{ "ready", on_ready },
	{ "forked", on_forked },
	{ "ended", on_ended },
};

/* Whether it says that it is ready. */
static gboolean
take(ForkServer *server, const Frame *frame)
{
	const char *event = json_string_member(frame->body, "event");

	for (size_t i = 0; i < G_N_ELEMENTS(events); i++)
		if (g_strcmp0(event, events[i].event) == 0)
			events[i].take(server, frame->body);
	return g_strcmp0(event, "ready") == 0;
}

/* Takes what has come; false at its end. */
static gboolean
drain(ForkServer *server, gboolean *ready)
{
	g_autoptr(GError) error = NULL;
	gboolean open = TRUE;
	guint taken = 1;
	Frame *frame;

	while (open && error == NULL && taken > 0) {
		open = frame_reader_fill(server->reader, server->link, &error);
		taken = 0;
		while (error == NULL &&
			(frame = frame_reader_next(server->reader, &error)) != NULL) {
			*ready = take(server, frame) || *ready;
			frame_free(frame);
			taken++;
		}
	}
	return open && error == NULL;
}

void
fork_server_hear(ForkServer *server)
{
	gboolean ready = FALSE;

	if (server->link < 0)
		return;
	if (!drain(server, &ready)) {
		hang_up(server);
		kill(server->pid, SIGKILL);
		change(server, FORK_SERVER_ENDED);
	} else if (ready) {
		change(server, FORK_SERVER_READY);
	}
}

static gboolean
on_readable(int fd, GIOCondition condition, gpointer data)
{
	fork_server_hear(data);
	return G_SOURCE_CONTINUE;
}

/* Its end is heard of as any other. */
static gboolean
on_patience_over(gpointer data)
{
	ForkServer *server = data;

	server->patience = 0;
	g_warning("kernel %s: fork server %d is not ready after %d seconds and is ended",
		server->name, (int) server->pid, LOAD_SECONDS);
	kill(server->pid, SIGKILL);
	return G_SOURCE_REMOVE;
}

ForkServer *
fork_server_new(const ForkServerSpec *spec, GError **error)
{
	g_autoptr(ForkServer) server = g_new0(ForkServer, 1);
	int ends[2];

	server->link = -1;
	server->keepers = spec->keepers;
	server->changed = spec->changed;
	server->data = spec->data;
	server->name = g_strdup(spec->kernelspec->name);
	server->reader = frame_reader_new(FRAME_MAX_SIZE);
	server->home = environment_home(error);
	if (server->home == NULL)
		return NULL;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
		nbhook_error_set_errno(error, errno, "making the socket of a fork server");
		return NULL;
	}
	AUTO_FD theirs = ends[1];
	server->link = ends[0];
	fcntl(server->link, F_SETFL, O_NONBLOCK);
	if (!spawn(server, spec, theirs, error))
		return NULL;
	server->watch = g_unix_fd_add(server->link, G_IO_IN, on_readable, server);
	server->patience = g_timeout_add_seconds(LOAD_SECONDS, on_patience_over, server);
	g_debug("kernel %s: fork server %d is started", server->name, (int) server->pid);
	return g_steal_pointer(&server);
}

void
fork_server_free(ForkServer *server)
{
	if (server == NULL)
		return;
	if (server->link >= 0 && server->pid > 0) {
		gboolean ready = FALSE;

		kill(server->pid, SIGKILL);
		drain(server, &ready);
	}
	hang_up(server);
	frame_reader_free(server->reader);
	if (server->pid > 0)
		claim_leave(server->home); /* it may still write there, and so may its rehearsal */
	else
		claim_free(server->home);
	g_strfreev(server->modules);
	g_strfreev(server->folders);
	g_free(server->loading);
	g_free(server->name);
	g_free(server);
}

ForkServerState
fork_server_state(const ForkServer *server)
{
	return server->state;
}

pid_t
fork_server_pid(const ForkServer *server)
{
	return server->pid;
}

const char *
fork_server_loading(const ForkServer *server)
{
	return server->loading;
}

char *const *
fork_server_modules(const ForkServer *server)
{
	return server->modules;
}

char *const *
fork_server_folders(const ForkServer *server)
{
	return server->folders;
}

int
fork_server_order(ForkServer *server)
{
	g_autoptr(json_object) body = json_object_new_object();
	g_autoptr(GError) error = NULL;
	int ends[2];

	if (server->state != FORK_SERVER_READY ||
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -1;
	AUTO_FD ours = ends[0];
	AUTO_FD theirs = ends[1];
	json_put_string(body, "op", "serve");
	if (!frame_send(server->link, body, &theirs, 1, clock_ms(), &error)) {
		g_warning("a fork server takes no orders: %s", error->message);
		return -1;
	}
	return files_steal_fd(&ours);
}
