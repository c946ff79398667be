/* A Jupyter kernel for tests: kernel.h says what it does, statements.c what can be said to it.
 *
 *     scripted-kernel CONNECTION_FILE
 *
 * One thread. SIGINT only sets a flag, which is looked at where a script waits or repeats; what is due later
 * is played where it waits, too. */
#include "kernel.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "script.h"

#define FLUSH_MS 5000

static const struct {
	const char *port;
	int type;
} sockets[N_SOCKETS] = {
	[SHELL] = { "shell_port", ZMQ_ROUTER },
	[IOPUB] = { "iopub_port", ZMQ_PUB },
	[STDIN] = { "stdin_port", ZMQ_ROUTER },
	[CONTROL] = { "control_port", ZMQ_ROUTER },
	[HEARTBEAT] = { "hb_port", ZMQ_REP },
};

static volatile sig_atomic_t got_interrupt;

static void
note_interrupt(int number)
{
	(void) number;
	got_interrupt = 1;
}

Turn *
turn_ref(Turn *turn)
{
	return g_rc_box_acquire(turn);
}

static void
clear_turn(gpointer data)
{
	Turn *turn = data;

	g_clear_pointer(&turn->request, request_unref);
}

void
turn_unref(Turn *turn)
{
	g_rc_box_release_full(turn, clear_turn);
}

static Turn *
turn_new(Kernel *kernel, Request *request)
{
	Turn *turn = g_rc_box_new0(Turn);

	turn->kernel = kernel;
	turn->request = request != NULL ? request_ref(request) : NULL;
	turn->owes_reply = turn->owes_idle = request != NULL;
	return turn;
}

void
kernel_publish(Turn *turn, const char *type, const char *content, unsigned flaws)
{
	Kernel *kernel = turn->kernel;

	if (kernel->sockets[IOPUB] != NULL)
		message_send(kernel->sockets[IOPUB], kernel->key, type, turn->request, content,
			flaws, FALSE);
}

void
kernel_status(Turn *turn, const char *state)
{
	g_autofree char *content = g_strdup_printf("{\"execution_state\": \"%s\"}", state);

	kernel_publish(turn, "status", content, 0);
}

static void
put_language(json_object *content)
{
	json_object *language = json_tokener_parse("{\"name\": \"scripted\", \"version\": \"1\", "
						   "\"mimetype\": \"text/plain\", "
						   "\"file_extension\": \".txt\"}");

	json_object_object_add(content, "language_info", language);
	json_object_object_add(content, "protocol_version", json_object_new_string("5.3"));
	json_object_object_add(content, "implementation", json_object_new_string("scripted"));
	json_object_object_add(content, "implementation_version", json_object_new_string("1"));
	json_object_object_add(content, "banner", json_object_new_string(""));
}

/* content is taken over. */
void
kernel_reply(Turn *turn, const char *status, json_object *content, unsigned flaws)
{
	Kernel *kernel = turn->kernel;
	g_autoptr(json_object) owned = content;
	const char *type = turn->request != NULL ? request_type(turn->request) : NULL;

	turn->owes_reply = FALSE;
	if (type == NULL || !g_str_has_suffix(type, "_request"))
		return;
	g_autofree char *stem = g_strndup(type, strlen(type) - strlen("request"));
	g_autofree char *reply = g_strconcat(stem, "reply", NULL);
	json_object_object_add(content, "status", json_object_new_string(status));
	if (strcmp(type, "kernel_info_request") == 0)
		put_language(content);
	if (strcmp(type, "execute_request") == 0)
		json_object_object_add(
			content, "execution_count", json_object_new_int(kernel->execution_count));
	message_send(kernel->sockets[turn->request->socket], kernel->key, reply, turn->request,
		json_object_to_json_string_ext(content, JSON_C_TO_STRING_PLAIN), flaws, TRUE);
}

void
kernel_end_turn(Turn *turn)
{
	if (turn->owes_reply)
		kernel_reply(turn, "ok", json_object_new_object(), 0);
	if (turn->owes_idle)
		kernel_status(turn, "idle");
	turn->owes_idle = FALSE;
}

/* The sockets linger until the client has what was sent. */
void
kernel_flush(Kernel *kernel)
{
	int linger = FLUSH_MS;

	for (int i = 0; i < N_SOCKETS; i++) {
		if (kernel->sockets[i] == NULL)
			continue;
		zmq_setsockopt(kernel->sockets[i], ZMQ_LINGER, &linger, sizeof linger);
		zmq_close(kernel->sockets[i]);
		kernel->sockets[i] = NULL;
	}
	zmq_ctx_term(kernel->context);
	kernel->context = zmq_ctx_new();
}

static void
later_free(gpointer data)
{
	Later *later = data;

	turn_unref(later->turn);
	g_strfreev(later->words);
	g_free(later);
}

void
kernel_later(Turn *turn, char *const *words, double seconds)
{
	Later *later = g_new0(Later, 1);

	later->turn = turn_ref(turn);
	later->words = g_strdupv((char **) words);
	later->when_us = g_get_monotonic_time() + (gint64) (seconds * G_USEC_PER_SEC);
	g_ptr_array_add(turn->kernel->later, later);
}

static void
play_due(Kernel *kernel)
{
	for (guint i = 0; i < kernel->later->len;) {
		Later *later = kernel->later->pdata[i];

		if (later->when_us > g_get_monotonic_time()) {
			i++;
			continue;
		}
		g_ptr_array_steal_index(kernel->later, i);
		statement_play(later->turn, later->words);
		later_free(later);
	}
}

/* How long to wait for messages at most, in milliseconds; -1 for ever. */
static long
patience_ms(const Kernel *kernel, gint64 until_us)
{
	gint64 first_us = until_us;

	for (guint i = 0; i < kernel->later->len; i++) {
		Later *later = kernel->later->pdata[i];

		first_us = first_us < 0 ? later->when_us : MIN(first_us, later->when_us);
	}
	return first_us < 0 ? -1 : (long) MAX(0, (first_us - g_get_monotonic_time() + 999) / 1000);
}

static void
echo_heartbeat(void *socket)
{
	char byte[16];
	int size = zmq_recv(socket, byte, sizeof byte, ZMQ_DONTWAIT);

	if (size >= 0)
		zmq_send(socket, byte, MIN((size_t) size, sizeof byte), 0);
}

static gboolean
play_statements(Turn *turn, GPtrArray *statements)
{
	for (guint i = 0; i < statements->len; i++)
		if (!statement_play(turn, statements->pdata[i]))
			return FALSE;
	return TRUE;
}

/* What a turn begins with. */
static void
begin_turn(Turn *turn, GPtrArray *statements)
{
	gboolean busy = turn->request != NULL, input = busy;

	for (guint i = 0; i < statements->len; i++) {
		char **words = statements->pdata[i];

		if (strcmp(words[0], "without") != 0)
			continue;
		busy = busy && !g_strv_contains((const char **) words, "busy");
		input = input && !g_strv_contains((const char **) words, "input");
		turn->owes_reply &= !g_strv_contains((const char **) words, "reply");
		turn->owes_idle &= !g_strv_contains((const char **) words, "idle");
	}
	if (busy)
		kernel_status(turn, "busy");
	if (input && strcmp(request_type(turn->request), "execute_request") == 0)
		kernel_publish(turn, "execute_input", "{\"code\": \"\"}", 0);
}

static void
fail_turn(Turn *turn)
{
	const char *name = turn->interrupted ? "KeyboardInterrupt" : "ScriptError";
	g_autofree char *error =
		g_strdup_printf("{\"ename\": \"%s\", \"evalue\": \"\", \"traceback\": []}", name);
	const char *type = turn->request != NULL ? request_type(turn->request) : "";

	if (turn->request == NULL)
		exit(2);
	if (strcmp(type, "execute_request") == 0)
		kernel_publish(turn, "error", error, 0);
	if (turn->owes_reply)
		kernel_reply(turn, "error", json_tokener_parse(error), 0);
}

void
script_play(Turn *turn, const char *text)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) statements = script_parse(text, &error);

	if (statements == NULL) {
		g_printerr("a script: %s\n", error->message);
		fail_turn(turn);
		kernel_end_turn(turn);
		return;
	}
	begin_turn(turn, statements);
	if (!play_statements(turn, statements))
		fail_turn(turn);
	kernel_end_turn(turn);
}

/* What nbhook injects is no script: its assignments of JSON values are remembered. */
static gboolean
take_injected(Kernel *kernel, const char *code)
{
	g_auto(GStrv) lines = NULL;

	if (g_str_has_prefix(code, "try:"))
		return TRUE;
	if (!g_str_has_prefix(code, "# Parameters"))
		return FALSE;
	lines = g_strsplit(code, "\n", -1);
	for (char **line = lines; *line != NULL; line++) {
		char *sign = strstr(*line, " = ");
		json_object *value = sign != NULL ? json_tokener_parse(sign + 3) : NULL;

		if (value != NULL)
			g_hash_table_replace(kernel->variables,
				g_strndup(*line, (gsize) (sign - *line)),
				g_strdup(json_object_get_string(value)));
		json_object_put(value);
	}
	return TRUE;
}

/* The script for a request. The caller frees. */
static char *
script_for(Kernel *kernel, Request *request)
{
	const char *type = request_type(request);
	GQueue *queue = g_hash_table_lookup(kernel->scripts, type);

	if (queue != NULL)
		return queue->length > 1 ? g_queue_pop_head(queue) : g_strdup(queue->head->data);
	if (strcmp(type, "execute_request") != 0)
		return g_strdup("");
	const char *code = json_object_get_string(json_object_object_get(request->content, "code"));
	return g_strdup(code == NULL || take_injected(kernel, code) ? "" : code);
}

static void
serve(Kernel *kernel, int index)
{
	g_autoptr(Request) request = request_receive(kernel->sockets[index], index, kernel->key);

	if (request == NULL)
		return;
	const char *type = request_type(request);
	g_autoptr(Turn) turn = turn_new(kernel, request);
	g_autofree char *script = script_for(kernel, request);
	if (index == SHELL)
		got_interrupt = 0; /* one that came before is lost, as with real kernels */
	kernel->execution_count += strcmp(type, "execute_request") == 0 ? 1 : 0;
	script_play(turn, script);
	if (strcmp(type, "interrupt_request") == 0)
		got_interrupt = 1;
	if (strcmp(type, "shutdown_request") == 0) {
		kernel_flush(kernel);
		exit(0);
	}
}

/* Waits for control and heartbeat, and for the others where all is set; plays what is due. */
static void
turn_loop(Kernel *kernel, gboolean all, gint64 until_us)
{
	zmq_pollitem_t items[N_SOCKETS];

	for (int i = 0; i < N_SOCKETS; i++)
		items[i] = (zmq_pollitem_t){ .socket = kernel->sockets[i],
			.events = i != IOPUB && (all || i > STDIN) ? ZMQ_POLLIN : 0,
			.fd = -1 };
	if (zmq_poll(items, kernel->bound ? N_SOCKETS : 0, patience_ms(kernel, until_us)) > 0) {
		if (items[HEARTBEAT].revents != 0)
			echo_heartbeat(kernel->sockets[HEARTBEAT]);
		if (items[CONTROL].revents != 0)
			serve(kernel, CONTROL);
		if (items[SHELL].revents != 0)
			serve(kernel, SHELL);
	}
	play_due(kernel);
}

gboolean
kernel_sleep(Kernel *kernel, double seconds)
{
	gint64 until_us =
		seconds < 0 ? -1 : g_get_monotonic_time() + (gint64) (seconds * G_USEC_PER_SEC);

	while (!got_interrupt && (until_us < 0 || g_get_monotonic_time() < until_us))
		turn_loop(kernel, FALSE, until_us);
	gboolean interrupted = got_interrupt != 0;
	got_interrupt = 0;
	return !interrupted;
}

gboolean
kernel_is_interrupted(void)
{
	return got_interrupt != 0;
}

static void
read_connection(Kernel *kernel, const char *path)
{
	json_object *document = json_object_from_file(path);

	if (document == NULL)
		g_error("%s: %s", path, json_util_get_last_err());
	const char *transport =
		json_object_get_string(json_object_object_get(document, "transport"));
	kernel->key = g_strdup(json_object_get_string(json_object_object_get(document, "key")));
	kernel->endpoint = g_strdup_printf("%s://%s%c", transport,
		json_object_get_string(json_object_object_get(document, "ip")),
		strcmp(transport, "ipc") == 0 ? '-' : ':');
	for (int i = 0; i < N_SOCKETS; i++)
		kernel->ports[i] =
			json_object_get_int(json_object_object_get(document, sockets[i].port));
	json_object_put(document);
}

static void
bind_sockets(Kernel *kernel)
{
	for (int i = 0; i < N_SOCKETS; i++) {
		g_autofree char *endpoint =
			g_strdup_printf("%s%d", kernel->endpoint, kernel->ports[i]);

		kernel->sockets[i] = zmq_socket(kernel->context, sockets[i].type);
		zmq_setsockopt(
			kernel->sockets[i], ZMQ_SNDHWM, &kernel->high_water_mark, sizeof(int));
		zmq_setsockopt(
			kernel->sockets[i], ZMQ_RCVHWM, &kernel->high_water_mark, sizeof(int));
		if (zmq_bind(kernel->sockets[i], endpoint) != 0)
			g_error("%s: %s", endpoint, zmq_strerror(zmq_errno()));
	}
	kernel->bound = TRUE;
}

static void
free_queue(gpointer data)
{
	g_queue_free_full(data, g_free);
}

static void
settle_signals(void)
{
	struct sigaction action = { .sa_handler = note_interrupt };

	sigaction(SIGINT, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

int
main(int argc, char **argv)
{
	Kernel kernel = { .context = zmq_ctx_new(),
		.variables = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free),
		.scripts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_queue),
		.later = g_ptr_array_new_with_free_func(later_free) };
	const char *script = g_getenv("SCRIPT");

	if (argc != 2) {
		g_printerr("usage: scripted-kernel CONNECTION_FILE\n");
		return 2;
	}
	settle_signals();
	read_connection(&kernel, argv[1]);
	Turn *start = turn_new(&kernel, NULL);
	script_play(start, script != NULL ? script : "");
	turn_unref(start);
	bind_sockets(&kernel);
	for (;;)
		turn_loop(&kernel, TRUE, -1);
}
